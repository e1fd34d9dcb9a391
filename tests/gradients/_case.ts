import type * as tf from "@tensorflow/tfjs-core";

/** How an input is drawn. Kinks need values that keep away from them. */
export type Draw =
  | "any" // [-2, 2]
  | "nonzero" // 0.2 to 2 in size
  | "positive" // [0.3, 2]
  | "unit" // [-0.8, 0.8]
  | "above one" // [1.2, 3]
  | "spaced" // distinct, 0.05 apart and more
  | "offset"; // as spaced, and half a space off it

/** An input: its shape, and how it is drawn. */
export interface Input {
  readonly shape: readonly number[];
  readonly draw: Draw;
}

/** One row of the conformance table. */
export interface Case {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly run: (...xs: tf.Tensor[]) => tf.Tensor;
}

/** A case; inputs are shapes, drawn alike. */
export function row(
  name: string,
  shapes: readonly (readonly number[])[],
  // deno-lint-ignore no-explicit-any -- ops of tfjs are typed by rank
  run: (...xs: any[]) => tf.Tensor,
  draw: Draw | readonly Draw[] = "any",
): Case {
  return {
    name: `${name} ${shapes.map((shape) => `[${shape}]`).join(" ")}`,
    inputs: shapes.map((shape, i) => ({
      shape,
      draw: typeof draw === "string" ? draw : draw[i]!,
    })),
    run,
  };
}

/** Reproducible numbers in [0, 1): mulberry32 of a name. */
export function randomOf(name: string): () => number {
  let state = 2166136261;
  for (const c of name) state = Math.imul(state ^ c.charCodeAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The values of an input. */
export function draw(input: Input, random: () => number): Float32Array {
  const size = input.shape.reduce((m, n) => m * n, 1);
  const values = new Float32Array(size);
  if (input.draw === "spaced" || input.draw === "offset") {
    const order = Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    const shift = input.draw === "offset" ? 0.05 : 0.025;
    return values.map((_, i) =>
      (order[i]! - Math.floor(size / 2)) * 0.1 + shift
    );
  }
  return values.map(() => {
    const u = random();
    const sign = random() < 0.5 ? -1 : 1;
    switch (input.draw) {
      case "nonzero":
        return sign * (0.2 + 1.8 * u);
      case "positive":
        return 0.3 + 1.7 * u;
      case "unit":
        return 1.6 * u - 0.8;
      case "above one":
        return 1.2 + 1.8 * u;
      default:
        return 4 * u - 2;
    }
  });
}
