/**
 * Images of another size.
 *
 * @module
 */
import {
  boolean,
  check,
  checkObject,
  checkOptions,
  either,
  instanceOf,
  listOf,
  type OptionRules,
  pair,
  refuse,
  type Rule,
} from "../../internal/check.ts";
import type { ImagePixels } from "./decode.ts";

/** Height and width, or one number for both. */
export type ImageSize = number | readonly [height: number, width: number];

/** Options of {@linkcode resizeImage}. */
export interface ResizeOptions {
  /**
   * Whether a smaller image averages over all pixels, and not only over the four
   * around each point, which leaves out most of a large one. @default {true}
   */
  readonly antialias?: boolean;
}

/** The rules of {@linkcode ResizeOptions}. */
export const RESIZE_RULES: OptionRules<ResizeOptions> = { antialias: boolean };

/** The rule of sizes. */
export const SIZE_RULE: Rule = either(
  "a positive integer",
  pair("a positive integer", "a positive integer"),
);

/**
 * An image brought to a size; its proportions are not kept.
 *
 * Each axis by itself, as PyTorch's `interpolate` with `mode: "bilinear"` and
 * `align_corners=False`:
 *
 * ```text
 * yᵢ = Σⱼ wᵢⱼ xⱼ / Σⱼ wᵢⱼ     wᵢⱼ = max(0, 1 - |j + ½ - (i + ½) r| / s)
 * ```
 *
 * where `r` is the ratio of the old to the new size, and `s` the larger of `r` and 1, or
 * 1 without `antialias`. Values are rounded to the nearest byte.
 *
 * @example Usage
 * ```ts
 * import { data } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * const image = { data: Uint8Array.of(0, 100, 200, 40), shape: [1, 4, 1] } as const;
 * const half = data.resizeImage(image, [1, 2], { antialias: false });
 * assertEquals(half, { data: Uint8Array.of(50, 120), shape: [1, 2, 1] });
 * ```
 *
 * @param image The image.
 * @param size Height and width, or one number for both.
 * @param options See {@linkcode ResizeOptions}.
 */
export function resizeImage(
  image: ImagePixels,
  size: ImageSize,
  options: ResizeOptions = {},
): ImagePixels {
  checkOptions("resize an image", options, RESIZE_RULES);
  check("resize an image", "size", size, SIZE_RULE);
  checkImage("resize an image", image);
  const { antialias = true } = options;
  const [height, width] = typeof size === "number" ? [size, size] : size;
  const [oldHeight, oldWidth, channels] = image.shape;
  if (height === oldHeight && width === oldWidth) return image;
  // Values of the rows, then of the columns: an axis is a list of strips.
  const narrow = resizeAxis(
    image.data,
    oldHeight,
    weightsOf(oldWidth, width, antialias),
    channels,
  );
  const all = resizeAxis(
    narrow,
    1,
    weightsOf(oldHeight, height, antialias),
    width * channels,
  );
  const data = new Uint8Array(all.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round(all[i]!);
  return { data, shape: [height, width, channels] };
}

function checkImage(action: string, image: ImagePixels): void {
  checkObject(action, image, "the image");
  const { data, shape } = image;
  check(action, "the image's data", data, instanceOf(Uint8Array, "bytes"));
  check(action, "the image's shape", shape, listOf("a positive integer"));
  const count = shape.reduce((a, b) => a * b, 1);
  if (shape.length === 3 && count === data.length) return;
  const is = `[height, width, channels] of ${data.length} bytes`;
  refuse(action, "the image's shape", is, shape);
}

/** For each new place, the first old one and the weights from there on. */
interface Weights {
  readonly oldSize: number;
  readonly places: readonly {
    readonly first: number;
    readonly weights: Float64Array;
  }[];
}

function weightsOf(
  oldSize: number,
  size: number,
  antialias: boolean,
): Weights {
  const ratio = oldSize / size;
  const reach = antialias ? Math.max(ratio, 1) : 1;
  const places = Array.from({ length: size }, (_, i) => {
    const center = (i + 0.5) * ratio;
    const first = Math.max(Math.floor(center - reach + 0.5), 0);
    const end = Math.min(Math.floor(center + reach + 0.5), oldSize);
    const weights = Float64Array.from(
      { length: end - first },
      (_, k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => w / sum) };
  });
  return { oldSize, places };
}

/**
 * Weighted sums along the middle axis of `[outer, old size, inner]`.
 */
function resizeAxis(
  data: ArrayLike<number>,
  outer: number,
  { oldSize, places }: Weights,
  inner: number,
): Float64Array {
  const out = new Float64Array(outer * places.length * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    for (const { first, weights } of places) {
      const start = (o * oldSize + first) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) {
          sum += weights[k]! * data[start + k * inner + i]!;
        }
        out[at++] = sum;
      }
    }
  }
  return out;
}
