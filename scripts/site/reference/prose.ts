/**
 * Comments as Markdown.
 *
 * @module
 */

/**
 * A comment with its links as those of Markdown.
 *
 * @param doc The comment.
 * @param addressOf Where a symbol has a page, if it has one.
 */
export function toMarkdown(
  doc: string,
  addressOf: (symbol: string) => string | undefined,
): string {
  return doc
    .replace(
      /\{@link(?:code)?\s+(https?:[^\s|}]+)\s*(?:\|\s*([^}]+))?\}/g,
      (_, url, text) => `[${oneLine(text ?? url)}](${url})`,
    )
    .replace(/\{@link(?:code)?\s+([^\s|}]+)[^}]*\}/g, (_, symbol) => {
      const address = addressOf(symbol);
      return address ? `[\`${symbol}\`](${address})` : `\`${symbol}\``;
    })
    .trim();
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

/** A row of a table. */
export function row(...cells: string[]): string {
  return `| ${
    cells.map((cell) => oneLine(cell).replaceAll("|", "\\|")).join(" | ")
  } |`;
}
