import * as tf from "@tensorflow/tfjs-core";
import { assert, assertEquals } from "@std/assert";
import { autodiff, environ, nn, ParamState, scope } from "../../mod.ts";
import type { BackendName } from "../../backend/mod.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

interface Plain {
  readonly shape: number[];
  readonly values: number[];
}

type Args = readonly unknown[];
type Options = Record<string, unknown>;

interface LayerCase {
  readonly layer: string;
  readonly args: Args;
  readonly options: Options;
  readonly fit?: boolean;
  readonly dtype?: "int32";
  readonly x: Plain;
  readonly params: Record<string, Plain>;
  readonly y: Plain;
  readonly dy: Plain;
  readonly dx?: Plain;
  readonly grads: Record<string, Plain>;
  readonly after?: Record<string, Plain>;
}

interface ActivationCase {
  readonly name: string;
  readonly args: Args;
  readonly kinks: readonly number[];
  readonly x: Plain;
  readonly y: Plain;
  readonly dy: Plain;
  readonly v: Plain;
  readonly d1: Plain;
  readonly d2: Plain;
}

interface LossCase {
  readonly name: string;
  readonly options: Options;
  readonly tensors: Record<string, Plain>;
  readonly dtype?: "int32";
  readonly predictions: Plain;
  readonly targets: Plain;
  readonly y: Plain;
  readonly dy: Plain;
  readonly dx: Plain;
}

async function read<T>(name: string): Promise<T[]> {
  const url = new URL(`../golden/nn_${name}.json`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

const layers = [
  ...await read<LayerCase>("layers"),
  ...await read<LayerCase>("rnn"),
];
const activations = await read<ActivationCase>("activations");
const losses = await read<LossCase>("losses");

const FORWARD = 1e-5;
const BACKWARD = 1e-4;
/** Of gradients of recurrent networks. */
const RECURRENT = 1e-5;

function tensor({ shape, values }: Plain, dtype: tf.DataType = "float32") {
  return tf.tensor(values, shape, dtype);
}

/** The layer of a case; recurrent cells are named "RNN" and the cell. */
function build({ layer, args, options }: LayerCase): nn.Module {
  const make = nn as unknown as Record<
    string,
    new (...args: unknown[]) => nn.Module
  >;
  const { reverse, keyMask: _, mask: __, ...rest } = options;
  if (typeof rest["stateInit"] === "number") {
    rest["stateInit"] = new nn.init.Constant(rest["stateInit"]);
  }
  if (rest["weightMask"]) {
    rest["weightMask"] = tf.tensor(rest["weightMask"] as tf.TensorLike);
  }
  if (layer.startsWith("RNN ")) {
    const cell = new make[layer.slice(4)]!(...args, rest) as nn.RNNCell;
    return new nn.RNN(cell, { reverse: reverse === true });
  }
  if (layer === "LoRA") {
    const [inSize, outSize, rank] = args as number[];
    return new nn.LoRA(new nn.Linear(inSize!, outSize!), rank!, rest);
  }
  return new make[layer]!(...args, rest);
}

/** Fit statistics start at 0 and 1; others are those that stay as they are. */
function load(layer: nn.Module, { params, options, fit, after }: LayerCase) {
  const values: Record<string, tf.Tensor> = {};
  for (const [path, value] of Object.entries(params)) {
    values[path] = tensor(value);
  }
  if (fit === false && after) {
    for (const [path, value] of Object.entries(after)) {
      values[path] = tensor(value);
    }
  }
  const strict = fit !== true && !options["weightMask"];
  nn.loadStateDict(layer, values, { strict });
}

function run(layer: nn.Module, c: LayerCase, x: tf.Tensor): tf.Tensor {
  const call = () => {
    const keyMask = c.options["keyMask"] as number[][] | undefined;
    const mask = c.options["mask"] as number[][] | undefined;
    const args = mask
      ? [x, tf.cast(tf.tensor2d(mask), "bool")]
      : keyMask
      ? [x, x, { keyMask: tf.cast(tf.tensor2d(keyMask), "bool") }]
      : [x];
    return layer.call(...args as never[]) as tf.Tensor;
  };
  return c.fit === undefined ? call() : environ.context({ fit: c.fit }, call);
}

function title(c: { args?: Args; options?: Options }, name: string): string {
  const text = (x: unknown) => JSON.stringify(x).slice(1, -1);
  return `${name}(${
    [text(c.args ?? []), text(c.options ?? {})].filter((t) => t).join(", ")
  })`;
}

/** WebGPU is slow in software: it takes the first case of each name. */
function wanted<C>(
  cases: readonly C[],
  name: (c: C) => string,
  on: BackendName,
) {
  if (FULL || on !== "webgpu") return cases;
  return cases.filter((c, i) =>
    cases.findIndex((d) => name(d) === name(c)) === i
  );
}

onEachBackend(
  "layers equal their reference, as do their gradients",
  async (on) => {
    for (const c of wanted(layers, (c) => c.layer, on)) {
      const what = title(c, c.layer);
      const isRecurrent = ["LSTM", "GRU"].includes(c.layer);
      const backward = isRecurrent ? RECURRENT : BACKWARD;
      const layer = build(c);
      scope(() => load(layer, c));
      const params = layer.states(ParamState);
      assertEquals(
        Object.keys(params).toSorted(),
        Object.keys(c.params).toSorted(),
      );
      const x = tensor(c.x, c.dtype);
      const [y, dy] = [tensor(c.y), tensor(c.dy)];
      // Before the first call in fit mode, which moves running statistics.
      if (c.fit !== true) await assertClose(run(layer, c, x), y, FORWARD, what);
      const loss = (x: tf.Tensor) => {
        const out = run(layer, c, x);
        return [tf.sum<tf.Scalar>(tf.mul(out, dy)), out] as const;
      };
      const hasParams = Object.keys(params).length > 0;
      if (hasParams) {
        const before = c.fit ? nn.stateDict(layer) : null;
        const [grads, out] = autodiff.grad(loss, {
          states: params,
          hasAux: true,
        })(x);
        await assertClose(out as tf.Tensor, y, FORWARD, what);
        for (const [path, want] of Object.entries(c.grads)) {
          await assertClose(
            grads[path]!,
            tensor(want),
            backward,
            `${what} ${path}`,
          );
        }
        for (const [path, want] of Object.entries(c.after ?? {})) {
          await assertClose(
            layer.states()[path]!.value as tf.Tensor,
            tensor(want),
            FORWARD,
            `${what} ${path}`,
          );
        }
        if (before) scope(() => nn.loadStateDict(layer, before));
      }
      if (c.dx) {
        const [dx, out] = autodiff.grad(loss, { argnums: 0, hasAux: true })(x);
        await assertClose(out as tf.Tensor, y, FORWARD, what);
        await assertClose(
          dx as tf.Tensor,
          tensor(c.dx),
          backward,
          `${what} dx`,
        );
      }
      layer.dispose();
    }
  },
);

onEachBackend(
  "activations equal their reference, once and twice differentiated",
  async (on) => {
    for (const c of wanted(activations, (c) => c.name, on)) {
      const what = title(c, c.name);
      const f =
        (nn as unknown as Record<string, (...args: unknown[]) => tf.Tensor>)[
          c.name
        ]!;
      const [x, dy, v] = [tensor(c.x), tensor(c.dy), tensor(c.v)];
      const value = (x: tf.Tensor) =>
        tf.sum<tf.Scalar>(tf.mul(f(x, ...c.args), dy));
      const first = autodiff.grad(value, { argnums: 0 });
      const second = autodiff.grad(
        (x: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(first(x), v)),
        { argnums: 0 },
      );
      await assertClose(f(x, ...c.args), tensor(c.y), FORWARD, what);
      await assertClose(
        first(x),
        tensor(c.d1),
        BACKWARD,
        `${what} first derivative`,
      );
      const smooth = c.x.values.map((x) => c.kinks.includes(x) ? 0 : 1);
      const mask = tf.tensor(smooth, c.x.shape);
      await assertClose(
        tf.mul(second(x), mask),
        tf.mul(tensor(c.d2), mask),
        BACKWARD,
        `${what} second derivative`,
      );
    }
  },
);

onEachBackend(
  "losses equal their reference, as do their gradients",
  async (on) => {
    for (const c of wanted(losses, (c) => c.name, on)) {
      const what = title(c, c.name);
      const f =
        (nn as unknown as Record<string, (...args: unknown[]) => tf.Tensor>)[
          c.name
        ]!;
      const options: Options = { ...c.options };
      for (const [key, value] of Object.entries(c.tensors)) {
        options[key] = tensor(value);
      }
      const [x, targets, dy] = [
        tensor(c.predictions),
        tensor(c.targets, c.dtype),
        tensor(c.dy),
      ];
      const y = f(x, targets, options);
      await assertClose(y, tensor(c.y), FORWARD, what);
      const dx = autodiff.grad(
        (x: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(f(x, targets, options), dy)),
        { argnums: 0 },
      )(x);
      await assertClose(dx, tensor(c.dx), BACKWARD, `${what} dx`);
    }
  },
);

Deno.test("every layer, activation and loss has a reference with two settings", () => {
  const counts = (names: readonly string[]) => {
    const result = new Map<string, number>();
    for (const name of names) result.set(name, (result.get(name) ?? 0) + 1);
    return result;
  };
  const layerCounts = counts(layers.map((c) => c.layer));
  for (const [name, count] of layerCounts) {
    assert(count >= 2 || name === "LoRA", `${name} has ${count} settings`);
  }
  const seen = new Set([
    ...layers.map((c) => c.layer.replace("RNN ", "")),
    ...activations.map((c) => c.name),
    ...losses.map((c) => c.name),
  ]);
  // What has tests of its own, and what is no layer, activation or loss.
  const elsewhere =
    /Metric$|Dropout|^(LeakyIntegrator|LIFCell|ALIFCell|IzhikevichCell)$|^RReLU$|^ConfusionMatrix$|^(Conv|ConvTranspose|Pool|AdaptivePool|BatchNorm|RNNCell|Module|Sequential|Identity|RNN|Elementwise|MaxPool|AvgPool|AdaptiveAvgPool|AdaptiveMaxPool|(Copied|Constant|Reflection|Replication|Circular)?Pad)$/;
  const classes = Object.entries(nn)
    .filter(([name, x]) => /^[A-Z]/.test(name) && typeof x === "function");
  for (const [name, constructor] of classes) {
    if (elsewhere.test(name) || seen.has(name)) continue;
    // An activation as a module is the function under another name.
    const functions = Object.keys(nn).filter((f) => /^[a-z]/.test(f)).map((f) =>
      f.toLowerCase()
    );
    assert(
      functions.includes(name.toLowerCase()),
      `${name} has no reference (${constructor})`,
    );
  }
});
