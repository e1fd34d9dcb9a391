/**
 * The Markdown of the project.
 *
 * @module
 */

/** Folders with what others wrote, or what was built. */
const OTHERS = /^(\.git|node_modules|site|npm|runs)$/;

/** The paths of all Markdown files below `root`, from there. */
export function* markdownFiles(root: URL, folder = ""): Generator<string> {
  const here = new URL(`./${folder}`, root);
  for (const { name, isDirectory } of Deno.readDirSync(here)) {
    if (isDirectory && !OTHERS.test(name)) {
      yield* markdownFiles(root, `${folder}${name}/`);
    } else if (name.endsWith(".md")) yield folder + name;
  }
}
