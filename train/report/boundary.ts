/**
 * The decision boundary of a classifier of two inputs, as SVG.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { environ } from "../../environ.ts";
import { callable, check, instanceOf, refuse } from "../../internal/check.ts";
import { round } from "./points.ts";
import { fillOf } from "./palette.ts";

/** The predicted classes of a grid of points, and examples to draw over it. */
export interface Boundary {
  /** The smallest coordinates of the grid. */
  readonly min: readonly [x: number, y: number];
  /** The largest coordinates of the grid. */
  readonly max: readonly [x: number, y: number];
  /** Points along each side of the grid. */
  readonly size: number;
  /** The class at each point, row by row, from `min` upwards. */
  readonly classes: ArrayLike<number>;
  /** The examples, two coordinates each. */
  readonly points: ArrayLike<number>;
  /** The class of each example. */
  readonly labels: ArrayLike<number>;
}

/** The most examples drawn; more would hide the picture. */
const MAX_EXAMPLES = 600;
const PIXELS = 420;
const WIDTH = 560;

/**
 * Classify a grid of points around the examples.
 *
 * @param model The function from points `[count, 2]` to scores `[count, classes]`;
 *   called with `fit` false.
 * @param points The examples, two coordinates each.
 * @param labels Their classes.
 * @param size Points along each side of the grid.
 * @returns The grid, for {@linkcode boundaryChart} and {@linkcode renderReport}.
 * @throws {RangeError} If there are not two coordinates for each label.
 */
export async function decisionBoundary(
  model: (points: tf.Tensor2D) => tf.Tensor,
  points: Float32Array,
  labels: ArrayLike<number>,
  size = 120,
): Promise<Boundary> {
  const action = "compute a decision boundary";
  check(action, "model", model, callable);
  check(action, "points", points, instanceOf(Float32Array, "a Float32Array"));
  check(action, "size", size, "a positive integer");
  if (points.length !== 2 * labels.length) {
    const is = `${2 * labels.length}, two for each label`;
    refuse(action, "the number of coordinates", is, points.length);
  }
  const range = (axis: 0 | 1) => {
    const values = points.filter((_, i) => i % 2 === axis);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const room = (high - low || 1) * 0.08;
    return [low - room, high + room] as const;
  };
  const [[x0, x1], [y0, y1]] = [range(0), range(1)];
  const grid = new Float32Array(2 * size * size);
  for (let row = 0; row < size; row++) {
    for (let i = 0; i < size; i++) {
      const at = 2 * (row * size + i);
      grid[at] = x0 + (x1 - x0) * (i + 0.5) / size;
      grid[at + 1] = y0 + (y1 - y0) * (row + 0.5) / size;
    }
  }
  const answer = tf.tidy(() =>
    environ.context(
      { fit: false },
      () => tf.argMax(model(tf.tensor2d(grid, [size * size, 2])), -1),
    )
  );
  const classes = await answer.data();
  answer.dispose();
  return { min: [x0, y0], max: [x1, y1], size, classes, points, labels };
}

/**
 * Draw a decision boundary.
 *
 * @param boundary The result of {@linkcode decisionBoundary}.
 * @returns An `<svg>` element.
 */
export function boundaryChart(boundary: Boundary): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${
    PIXELS + 34
  }" role="img" aria-label="Decision boundary" font-family="system-ui, sans-serif" fill="currentColor">
<text x="${
    (WIDTH - PIXELS) / 2
  }" y="18" font-size="14" font-weight="600">Decision boundary</text>
<g transform="translate(${(WIDTH - PIXELS) / 2} 30)">${pictureOf(boundary)}</g>
</svg>`;
}

/** A `<figure>` with a decision boundary. */
export function boundaryFigure(boundary: Boundary): string {
  return `<figure>
<h3>Decision boundary</h3>
<svg viewBox="${
    (PIXELS - WIDTH) / 2
  } 0 ${WIDTH} ${PIXELS}" role="img" aria-label="Decision boundary">${
    pictureOf(boundary)
  }</svg>
</figure>`;
}

/** The areas of the classes, and the examples over them. */
function pictureOf(boundary: Boundary): string {
  const { min, max, size, classes, points, labels } = boundary;
  const cell = PIXELS / size;
  const areas: string[] = [];
  for (let row = 0; row < size; row++) {
    // Neighbors of one class are one rectangle. It is a little too high, so that
    // no gaps show between the rows.
    for (let start = 0; start < size;) {
      const kind = classes[row * size + start]!;
      let end = start + 1;
      while (end < size && classes[row * size + end] === kind) end++;
      areas.push(
        `<rect x="${round(start * cell)}" y="${
          round(PIXELS - (row + 1) * cell)
        }" width="${round((end - start) * cell)}" height="${
          round(cell + 0.4)
        }" ${fillOf(kind)}/>`,
      );
      start = end;
    }
  }
  const every = Math.ceil(labels.length / MAX_EXAMPLES);
  const examples: string[] = [];
  for (let i = 0; i < labels.length; i += every) {
    const x = (points[2 * i]! - min[0]) / (max[0] - min[0]) * PIXELS;
    const y = PIXELS -
      (points[2 * i + 1]! - min[1]) / (max[1] - min[1]) * PIXELS;
    examples.push(
      `<circle cx="${round(x)}" cy="${round(y)}" r="3" ${fillOf(labels[i]!)}/>`,
    );
  }
  return `<g opacity="0.3">${areas.join("")}</g>
<g stroke="#fff" stroke-width="0.6">${examples.join("")}</g>`;
}
