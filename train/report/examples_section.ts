/**
 * The examples that a model gets most wrong, in a report.
 *
 * @module
 */
import { formatNumber } from "../format.ts";
import { bitmapAddress, imageShapeOf } from "./bitmap.ts";
import type { WrongExample } from "./most_wrong.ts";
import { escapeXml } from "./palette.ts";

/** The most numbers of an example, and of what is predicted for it. */
const MOST_VALUES = 16;
const MOST_OUTPUTS = 4;

/** A section with examples: images are drawn, others are text or numbers. */
export function examplesSection(
  examples: readonly WrongExample[],
  classes: readonly string[] = [],
): string {
  if (examples.length === 0) return "";
  const items = examples.map((example) =>
    `<div>${pictureOf(example)}${captionOf(example, classes)}</div>`
  );
  const hasText = examples.some(({ text, shape }) =>
    text !== undefined || !imageShapeOf(shape)
  );
  return `<h2>Most wrong</h2>
<div class="examples${hasText ? " wide" : ""}">
${items.join("\n")}
</div>`;
}

function pictureOf({ values, shape, text }: WrongExample): string {
  if (text !== undefined) return `<div class="text">${escapeXml(text)}</div>`;
  const image = imageShapeOf(shape);
  return image
    ? `<img alt="example" src="${bitmapAddress(values, image)}">`
    : `<div class="text">${listed(values, MOST_VALUES)}</div>`;
}

function captionOf(
  { loss, target, prediction }: WrongExample,
  classes: readonly string[],
): string {
  const name = (i: number) => escapeXml(classes[i] ?? String(i));
  // One target and several predictions are a label and the scores of classes.
  const isLabel = target.length === 1 && prediction.length > 1;
  const highest = prediction.reduce((a, b) => Math.max(a, b), -Infinity);
  const isKnown = !Number.isNaN(highest); // of scores with NaN none is the highest
  const [wanted, found] = isLabel
    ? [
      name(target[0]!),
      isKnown ? name(prediction.indexOf(highest)) : "NaN",
    ]
    : [listed(target, MOST_OUTPUTS), listed(prediction, MOST_OUTPUTS)];
  return `${
    isLabel ? "label" : "target"
  } ${wanted}<br>predicted ${found}<br>loss ${formatNumber(loss)}`;
}

function listed(values: readonly number[], most: number): string {
  const shown = values.slice(0, most).map(formatNumber).join(", ");
  return values.length > most ? `${shown}, …` : shown;
}
