import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeSafetensors, encodeSafetensors } from "../../checkpoint.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";
import * as optim from "../../optim/mod.ts";
import { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import * as train from "../../train/mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

/** A model that keeps dense layers in every kind of place, one of them twice. */
class Model extends nn.Module {
  readonly own: nn.Linear | nn.LoRA;
  readonly again: nn.Linear | nn.LoRA;
  readonly list: nn.Sequential<tf.Tensor2D, tf.Tensor2D>;
  readonly table: Map<string, nn.Linear | nn.LoRA>;
  readonly norm = new nn.LayerNorm<tf.Tensor2D>(3);

  constructor() {
    super();
    const random = new RandomState(1);
    const layer = () => new nn.Linear(3, 3, { random });
    this.own = this.again = layer();
    this.list = new nn.Sequential(layer(), nn.tanh, layer());
    this.table = new Map([["a", layer()]]);
  }

  override update(x: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => {
      const y = this.again.call(this.own.call(x));
      return this.norm.call(this.table.get("a")!.call(this.list.call(y)));
    });
  }
}

function input(): tf.Tensor2D {
  return tf.tensor2d([[1, 2, -1], [0.5, -1, 2]]);
}

onEachBackend(
  "addLoRA() adapts layers wherever they are, and trains nothing else",
  async () => {
    const model = scope(() => new Model());
    const x = input(), before = model.call(x);
    const params = model.states(ParamState);
    const added = nn.addLoRA(model, { rank: 2, random: new RandomState(2) });
    assertEquals(Object.keys(added), [
      "own",
      "list.layers.0",
      "list.layers.2",
      "table.a",
    ]);
    assert(model.own === model.again);
    assertEquals(
      Object.keys(nn.trainable(model)),
      Object.keys(added).flatMap((path) => [`${path}.down`, `${path}.up`]),
    );
    await assertClose(model.call(x), before, 0, "at first");

    const old = await Promise.all(
      Object.values(params).map((s) => s.value.data()),
    );
    const optimizer = new optim.SGD({ lr: 0.1 })
      .registerTrainableWeights(nn.trainable(model));
    const step = train.step(
      (x: tf.Tensor2D) =>
        tf.mean<tf.Scalar>(tf.square(tf.sub(model.call(x), 1))),
      optimizer,
    );
    for (let i = 0; i < 3; i++) step(x).dispose();
    for (const [i, state] of Object.values(params).entries()) {
      assertEquals(await state.value.data(), old[i]!);
    }
    const adapted = await numbers(model.call(x));
    assert(`${adapted}` !== `${await numbers(before)}`);
  },
);

onEachBackend("an adaptation is saved alone, loaded, and merged", async () => {
  const x = input();
  const model = scope(() => new Model());
  nn.addLoRA(model, { rank: 2, alpha: 3, random: new RandomState(2) });
  for (const state of Object.values(nn.trainable(model))) {
    scope(() => state.value = tf.fill(state.shape, 0.1));
  }
  const file = await encodeSafetensors(nn.trainable(model));
  const adapted = model.call(x);

  const other = scope(() => new Model());
  const paths = Object.keys(other.states());
  await assertNoLeak(async () => {
    nn.addLoRA(other, { rank: 2, alpha: 3 });
    await decodeSafetensors(file, nn.trainable(other));
    const y = other.call(x);
    await assertClose(y, adapted, 0, "loaded");
    nn.mergeLoRA(other);
    y.dispose();
  });
  assertEquals(Object.keys(other.states()), paths);
  assert(other.own instanceof nn.Linear && other.own === other.again);
  await assertClose(other.call(x), adapted, 1e-5, "merged");
  assertEquals(Object.keys(nn.trainable(other)), []);
});

onEachBackend(
  "layers are chosen by path, and later ones leave earlier ones in training",
  () => {
    const model = scope(() => new Model());
    nn.addLoRA(model, { where: (path) => path.startsWith("list"), rank: 1 });
    const first = Object.keys(nn.trainable(model));
    assertEquals(first.length, 4);
    nn.addLoRA(model, { where: (path) => path === "own" });
    assertEquals(nn.trainable(model)["own.down"]!.shape, [3, 8]);
    assertEquals(Object.keys(nn.trainable(model)).length, 6);
    assertThrows(
      () => nn.addLoRA(model, { where: (path) => path.startsWith("list") }),
      RangeError,
      "Cannot add LoRA: Model must have a Linear inside that `where` selects and that has none yet",
    );
    assertThrows(
      () => nn.addLoRA(new nn.Linear(2, 2)),
      RangeError,
      "Linear must have a Linear inside",
    );
    assertThrows(
      () => nn.addLoRA(model, { rank: 0 }),
      RangeError,
      "rank must be a positive integer",
    );
    assertThrows(
      () => nn.mergeLoRA(new nn.Flatten()),
      RangeError,
      "Flatten must have a LoRA inside",
    );
    environ.context({ fit: false }, () => model.call(input()));
  },
  { only: ["cpu"] },
);
