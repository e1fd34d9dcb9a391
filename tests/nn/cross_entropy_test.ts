/** The cross-entropy of class labels: against float64, and how much it holds. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { autodiff, nn, tf } from "../../mod.ts";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import { numbers, onEachBackend } from "../_backends.ts";

interface Options {
  readonly labelSmoothing?: number;
  readonly ignoreIndex?: number;
  readonly classWeights?: readonly number[];
}

/** Losses, and gradients of their sum weighted by `dy`, in float64. */
function reference(
  x: readonly (readonly number[])[],
  labels: readonly number[],
  dy: readonly number[],
  { labelSmoothing: s = 0, ignoreIndex, classWeights }: Options,
) {
  const losses: number[] = [], grads: number[] = [];
  x.forEach((row, i) => {
    const most = Math.max(...row);
    const sum = row.reduce((t, v) => t + Math.exp(v - most), 0);
    const lse = most + Math.log(sum);
    const target = row.map((_, c) =>
      labels[i] === ignoreIndex ? 0 : (classWeights?.[c] ?? 1) *
        ((c === labels[i] ? 1 - s : 0) + s / row.length)
    );
    const total = target.reduce((a, b) => a + b, 0);
    losses.push(
      row.reduce((t, v, c) => t + (target[c] ? target[c]! * (lse - v) : 0), 0),
    );
    row.forEach((v, c) =>
      grads.push(
        total === 0 ? 0 : dy[i]! * (total * Math.exp(v - lse) - target[c]!),
      )
    );
  });
  return { losses, grads };
}

const OPTIONS: readonly Options[] = [
  {},
  { ignoreIndex: 2 },
  { ignoreIndex: -100 },
  { labelSmoothing: 0.1 },
  { classWeights: [1, 0, 3, 0.5, 2] },
  { labelSmoothing: 0.2, ignoreIndex: 0 },
  { labelSmoothing: 0.2, ignoreIndex: 0, classWeights: [2, 1, 0, 0.5, 1] },
];

for (const [name, scale] of [["small", 1], ["large", 60]] as const) {
  onEachBackend(
    `cross-entropy of ${name} logits and its gradient follow float64, with every option`,
    async () => {
      const rows = 7, classes = 5;
      const logits = Array.from({ length: rows }, (_, i) =>
        Array.from(
          { length: classes },
          (_, c) => Math.fround(scale * Math.sin(3 * i + 7 * c)),
        ));
      const labels = [0, 1, 2, 3, 4, 2, 0];
      const dy = [1, -2, 0.5, 1, 3, 1, -1];
      for (const options of OPTIONS) {
        const before = tf.memory().numTensors;
        const classWeights = options.classWeights &&
          tf.tensor1d([...options.classWeights]);
        const given = {
          ...options,
          ...(classWeights && { classWeights }),
        } as nn.CrossEntropyOptions<"none">;
        const x = tf.tensor2d(logits), y = tf.tensor1d(labels, "int32");
        const want = reference(logits, labels, dy, options);
        const losses = nn.softmaxCrossEntropy(x, y, given);
        (await numbers(losses)).forEach((v, i) =>
          assertAlmostEquals(v, want.losses[i]!, 2e-6 * scale)
        );
        const weights = tf.tensor1d(dy);
        const gradient = autodiff.grad((x: tf.Tensor2D) =>
          tf.sum<tf.Scalar>(
            tf.mul(nn.softmaxCrossEntropy(x, y, given), weights),
          )
        )(x);
        (await numbers(gradient)).forEach((v, i) =>
          assertAlmostEquals(v, want.grads[i]!, 3e-6 * Math.sqrt(scale))
        );
        tf.dispose([x, y, losses, weights, gradient]);
        classWeights?.dispose();
        assertEquals(tf.memory().numTensors, before);
      }
    },
  );
}

onEachBackend(
  "cross-entropy of class labels has second derivatives",
  async () => {
    // The Hessian of log(e^a + e^b) - a at a = b is [[1, -1], [-1, 1]] / 4.
    const y = tf.tensor1d([0], "int32");
    const first = autodiff.grad((x: tf.Tensor2D) =>
      tf.sum<tf.Scalar>(nn.softmaxCrossEntropy(x, y))
    );
    const second = autodiff.grad((x: tf.Tensor2D) =>
      tf.sum<tf.Scalar>(tf.mul(first(x), tf.tensor2d([[1, 0]])))
    );
    const [a, b] = await numbers(second(tf.tensor2d([[2, 2]])));
    assertAlmostEquals(a!, 0.25, 1e-6);
    assertAlmostEquals(b!, -0.25, 1e-6);
  },
);

/** Where a backend of tfjs keeps what it knows of data. */
interface DataStorage {
  set(
    dataId: object,
    data: { values?: ArrayLike<number>; shape?: number[] },
  ): void;
  delete(dataId: object): boolean;
}

/** The most bytes of data that there are at a time while `fn` runs. */
function peak(backend: string, fn: () => void): number {
  const sizes = new Map<unknown, number>();
  let live = 0, most = 0;
  const add = (key: unknown, bytes: number) => {
    live += bytes - (sizes.get(key) ?? 0);
    sizes.set(key, bytes);
    most = Math.max(most, live);
  };
  const remove = (key: unknown) => {
    live -= sizes.get(key) ?? 0;
    sizes.delete(key);
  };
  if (backend === "wasm") {
    const { wasm } = wasmBackend();
    const { _malloc: malloc, _free: free } = wasm;
    wasm._malloc = (bytes) => {
      const at = malloc(bytes);
      add(at, bytes);
      return at;
    };
    wasm._free = (at) => {
      remove(at);
      free(at);
    };
    fn();
    [wasm._malloc, wasm._free] = [malloc, free];
    return most;
  }
  const { data, tensorMap } = tf.backend() as unknown as {
    data: DataStorage;
    tensorMap: DataStorage;
  };
  const storage = data ?? tensorMap;
  const set = storage.set.bind(storage), erase = storage.delete.bind(storage);
  storage.set = (id, data) => {
    set(id, data);
    const shape = data.shape ?? [data.values?.length ?? 0];
    add(id, 4 * shape.reduce((n, m) => n * m, 1));
  };
  storage.delete = (id) => {
    remove(id);
    return erase(id);
  };
  fn();
  Object.assign(storage, { set, delete: erase });
  return most;
}

onEachBackend(
  "cross-entropy and its gradient hold at most 3.2 times the logits",
  (backend) => {
    const rows = 256, classes = 5000;
    const labels = tf.tensor1d(
      Array.from({ length: rows }, (_, i) => (i * 37) % classes),
      "int32",
    );
    const options = [
      {},
      { ignoreIndex: 37 },
      { labelSmoothing: 0.1 },
      { classWeights: tf.ones([classes]) as tf.Tensor1D },
    ];
    for (const option of options) {
      const run = () => {
        // The logits count.
        const x = tf.tensor2d(new Float32Array(rows * classes), [
          rows,
          classes,
        ]);
        const gradient = autodiff.grad((x: tf.Tensor2D) =>
          nn.softmaxCrossEntropy(x, labels, { ...option, reduction: "mean" })
        )(x);
        tf.dispose([x, gradient]);
      };
      const bytes = 4 * rows * classes, most = peak(backend, run);
      assert(most <= 3.2 * bytes, `${most / bytes} times`);
    }
  },
);
