/** Learning rates and weight decay by layer and path. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { compile } from "../../compile.ts";
import { scope } from "../../memory.ts";
import * as models from "../../models/mod.ts";
import * as optim from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import { mapNamed } from "../../tensors.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import golden from "../golden/transformations.json" with { type: "json" };

const LAYERS: Readonly<
  Record<string, { shape: number[]; scale: number; weightDecay: number }>
> = golden.layers;

Deno.test("layers of a vision transformer have the rates that timm gives them", () => {
  const scales = optim.layerScales(LAYERS, { decay: 0.75 });
  assertEquals(scales, mapNamed(LAYERS, ({ scale }) => scale));
  assertEquals(optim.layerScales(LAYERS), scales); // the default
});

Deno.test("matrices but those named decay, as in timm", () => {
  const masks = [
    optim.matricesExcept("cls_token", "pos_embed"),
    optim.matricesExcept(/^(cls_token|pos_embed)$/),
  ] as ((path: string, shape: readonly number[]) => boolean)[];
  for (const mask of masks) {
    for (const [path, { shape, weightDecay }] of Object.entries(LAYERS)) {
      assertEquals(mask(path, shape), weightDecay > 0, path);
    }
  }
  const mask = optim.matricesExcept() as typeof masks[0];
  assertEquals(mask!("cell.bias", [2, 4]), false); // biases of two axes too
  assertEquals(mask!("debias", [2, 4]), true);
});

Deno.test("layers are told by paths in their order, or by layerOf", () => {
  const of = (paths: readonly string[], options = {}) =>
    Object.values(
      optim.layerScales(
        Object.fromEntries(paths.map((path) => [path, 0])),
        { decay: 0.5, ...options },
      ),
    );
  // All numbered.
  assertEquals(of(["layers.0.weight", "layers.2.weight"]), [0.5, 1]);
  // Before, between and after numbers.
  assertEquals(
    of([
      ...["embed.weight", "encoder.0.weight", "encoder.1.inner.0.weight"],
      ...["encoder.1.inner.1.weight", "norm.weight", "decoder.0.weight"],
      ...["out.norm.weight", "out.weight"],
    ]),
    [1 / 16, 1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 2, 1, 1],
  );
  assertEquals(
    of(["b", "a", "c"], { layerOf: (path: string) => path === "a" ? 0 : 3 }),
    [1, 1 / 8, 1],
  );
});

onEachBackend(
  "a language model has the lowest rate at its embeddings",
  () => {
    const sizes = { vocabulary: 5, context: 4, width: 4, layers: 2, heads: 2 };
    const model = new models.Gpt2(sizes);
    const params = model.states(ParamState);
    const scales = optim.layerScales(params, { decay: 0.5 });
    const least = Math.min(...Object.values(scales));
    const [first] = Object.keys(params);
    assertEquals(scales[first!], least);
    assert(new Set(Object.values(scales)).size >= 3);
  },
  { only: ["cpu"] },
);

onEachBackend(
  "updates by layer are those of groups with their rates, under a schedule, compiled too",
  async (backend) => {
    const shapes = { "blocks.0.w": [2, 2], "blocks.1.w": [3], "head.b": [2] };
    const start = () =>
      scope(() =>
        mapNamed(shapes, (shape) => new ParamState(tf.fill(shape, 0.5)))
      );
    const grads = (k: number) =>
      scope(() =>
        mapNamed(
          shapes,
          (shape) => tf.mul(tf.ones(shape), Math.sin(k + shape[0]!)),
        )
      );
    const lr = () => new optim.CosineAnnealingLR({ baseLr: 0.1, tMax: 6 });
    const adamw = { weightDecay: 0.1, decayMask: optim.isMatrix };
    const run = async (how: "layers" | "groups" | "compiled") => {
      const params = start();
      let optimizer: optim.Optimizer;
      if (how === "groups") {
        const { "head.b": head, ...rest } = params;
        const own = new optim.AdamW({ lr: lr(), ...adamw })
          .registerTrainableWeights({ "head.b": head! });
        const scales = optim.layerScales(params, { decay: 0.5 });
        for (const [path, state] of Object.entries(rest)) {
          own.addParamGroup({ [path]: state }, { lr: 0.1 * scales[path]! });
        }
        optimizer = own as unknown as optim.Optimizer;
      } else {
        const tx = optim.chain(
          optim.adamw(adamw),
          optim.layerDecay(params, { decay: 0.5 }),
        );
        optimizer = new optim.Optimizer({ tx, lr: lr() })
          .registerTrainableWeights(params) as unknown as optim.Optimizer;
      }
      const step = (grads: Record<string, tf.Tensor>) => {
        optimizer.step(grads, { keep: true });
        return tf.scalar(0);
      };
      using compiled = compile(step, { onFallback: "throw" });
      for (let k = 0; k < 6; k++) {
        const own = grads(k);
        (how === "compiled" && backend !== "cpu" ? compiled : step)(own)
          .dispose();
        tf.dispose(own);
        optimizer.lrScheduler.step();
      }
      const values: number[] = [];
      for (const { value } of Object.values(params)) {
        values.push(...await numbers(value));
      }
      optimizer.dispose();
      for (const state of Object.values(params)) state.dispose();
      return values;
    };
    let layers: number[] = [], compiled: number[] = [], groups: number[] = [];
    await assertNoLeak(async () => void (layers = await run("layers")));
    await assertNoLeak(async () => void (compiled = await run("compiled")));
    await assertNoLeak(async () => void (groups = await run("groups")));
    assertEquals(compiled, layers);
    layers.forEach((x, i) => assert(Math.abs(x - groups[i]!) < 1e-6, `${x}`));
  },
);

Deno.test("what layers cannot be told of is refused", () => {
  const params = { "a.0.w": 0, "b.w": 0 };
  const calls: readonly [() => unknown, string][] = [
    [
      () => optim.layerDecay({ weight: 0, bias: 0 }),
      'Cannot create layerDecay: the paths of params must be with numbered layers, unless layerOf is given: current value is "weight, bias"',
    ],
    [
      () => optim.layerScales({}),
      "Cannot find layers: the paths of params must be",
    ],
    [
      () => optim.layerScales([] as never),
      "Cannot find layers: params must be a record",
    ],
    [
      () => optim.layerDecay(params, { decay: 1.5 }),
      "Cannot create layerDecay: decay must be in (0, 1]: current value is 1.5",
    ],
    [
      () => optim.layerDecay(params, { layerOf: () => -1 }),
      'Cannot create layerDecay: layerOf("a.0.w") must be a nonnegative integer: current value is -1',
    ],
    [
      () => optim.layerDecay(params, { layerDecay: 0.5 } as object),
      'Cannot create layerDecay: there is no option "layerDecay"',
    ],
    [
      () => optim.layerDecay(params).rule!("c.w", []),
      'Cannot scale by layer: the path of a parameter must be one of those that layerDecay was given: current value is "c.w"',
    ],
    [
      () => optim.matricesExcept(3 as never),
      "Cannot create matricesExcept: paths[0] must be a path or a regular expression: current value is 3",
    ],
  ];
  for (const [call, message] of calls) assertThrows(call, Error, message);
});
