/**
 * The paths of optimizers on two surfaces, run by the optimizers themselves.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import * as optim from "../../../optim/mod.ts";
import { ParamState } from "../../../state.ts";

/** A point of the plane. */
export type Point = readonly [x: number, y: number];

/** A function of two numbers, and how it is drawn. */
export interface Surface {
  readonly title: string;
  readonly start: Point;
  readonly minimum: Point;
  /** What is drawn: the least and the greatest x and y. */
  readonly view: readonly [
    left: number,
    right: number,
    low: number,
    high: number,
  ];
  /** The levels that are drawn. */
  readonly levels: readonly number[];
  value(p: Point): number;
  gradient(p: Point): Point;
  /** The two heights y where the surface has a level, at x; NaN where it has not. */
  heights(x: number, level: number): Point;
}

/** A quadratic function, curved 25 times as much in one direction. */
const VALLEY: Surface = {
  title: "½ x² + 12.5 y²",
  start: [-4, 1.2],
  minimum: [0, 0],
  view: [-5, 2, -1.75, 1.75],
  levels: [0.2, 1, 3, 7, 13, 21, 31],
  value: ([x, y]) => 0.5 * x * x + 12.5 * y * y,
  gradient: ([x, y]) => [x, 25 * y],
  heights: (x, level) => {
    const y = Math.sqrt((level - 0.5 * x * x) / 12.5);
    return [y, -y];
  },
};

const ROSENBROCK: Surface = {
  title: "(1 - x)² + 100 (y - x²)²",
  start: [-1.2, 1],
  minimum: [1, 1],
  view: [-2, 2, -0.75, 2.25],
  levels: [0.3, 2, 8, 25, 80, 250, 700],
  value: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: (
    [x, y],
  ) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
  heights: (x, level) => {
    const half = Math.sqrt(level - (1 - x) ** 2) / 10;
    return [x * x + half, x * x - half];
  },
};

/** The surfaces. */
export const SURFACES: readonly Surface[] = [VALLEY, ROSENBROCK];

/** A path, and the rate that it was taken with. */
export interface Path {
  readonly lr: number;
  readonly points: readonly Point[];
}

/** 1e-4 to 1, four in each power of ten. */
const RATES = Array.from({ length: 17 }, (_, i) => 10 ** (-4 + i / 4));

/** An optimizer with a rate. */
export type Make = (lr: number) => optim.Optimizer<optim.OptimizerOptions>;

/**
 * The path that ends lowest, of those with the rates from 1e-4 to 1 that stay in
 * view.
 */
export async function bestPath(
  make: Make,
  surface: Surface,
  steps: number,
): Promise<Path> {
  let best: Path | undefined, least = Infinity;
  for (const lr of RATES) {
    const points = await pathOf(make(lr), surface, steps);
    const end = surface.value(points.at(-1)!);
    if (end < least && points.every((point) => isInView(surface, point))) {
      [best, least] = [{ lr, points }, end];
    }
  }
  if (!best) {
    throw new Error("Cannot draw a path: with every rate it leaves the view");
  }
  return best;
}

function isInView({ view }: Surface, [x, y]: Point): boolean {
  const [left, right, low, high] = view;
  return x >= left && x <= right && y >= low && y <= high;
}

/** The product of the Hessian with a vector, by central differences. */
function curvature(surface: Surface, [x, y]: Point, [v, w]: Point): number[] {
  const h = 1e-4;
  const ahead = surface.gradient([x + h * v, y + h * w]);
  const behind = surface.gradient([x - h * v, y - h * w]);
  return ahead.map((g, i) => (g - behind[i]!) / (2 * h));
}

async function pathOf(
  optimizer: ReturnType<Make>,
  surface: Surface,
  steps: number,
): Promise<Point[]> {
  const start = tf.tensor1d([...surface.start]);
  const x = new ParamState(start);
  start.dispose();
  optimizer.registerTrainableWeights({ x });
  const here = () => {
    const [a, b] = x.value.dataSync();
    return [a!, b!] as const;
  };
  const closure = () => ({
    value: tf.scalar(surface.value(here())),
    grads: { x: tf.tensor1d([...surface.gradient(here())]) },
  });
  const points: Point[] = [surface.start];
  try {
    for (let step = 0; step < steps; step++) {
      const given: unknown = optimizer;
      if (given instanceof optim.LBFGS) await given.step(closure);
      else if (given instanceof optim.Sam) given.step(closure).dispose();
      else {
        if (given instanceof optim.Sophia && given.isHessianDue) {
          given.updateHessian((vector) => {
            const [v, w] = vector["x"]!.dataSync();
            return { x: tf.tensor1d(curvature(surface, here(), [v!, w!])) };
          });
        }
        optimizer.step({ x: tf.tensor1d([...surface.gradient(here())]) });
      }
      points.push(here());
    }
    return points;
  } finally {
    optimizer.dispose();
    x.dispose();
  }
}
