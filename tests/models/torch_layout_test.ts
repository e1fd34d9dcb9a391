import { assertEquals, assertThrows } from "@std/assert";
import { decodeSafetensors, encodeSafetensors } from "../../checkpoint.ts";
import { scope } from "../../memory.ts";
import { torchLayout } from "../../models/mod.ts";
import * as nn from "../../nn/mod.ts";
import * as tf from "../../tf.ts";
import recurrent from "../golden/models/recurrent.json" with { type: "json" };
import golden from "../golden/models/vision.json" with { type: "json" };
import { onEachBackend } from "../_backends.ts";
import { assertClose, FILES } from "./_models.ts";

class Cells extends nn.Module {
  readonly lstm = new nn.RNN(new nn.LSTMCell(3, 4));
  readonly deconv = new nn.ConvTranspose2d(4, 2, [2, 3], {
    stride: 2,
    padding: "valid",
  });
  override update(): undefined {}
}

onEachBackend("torch's encoder layer is a transformer block", async () => {
  const block = scope(() => new nn.TransformerBlock(8, 2, { hiddenSize: 12 }));
  const file = await Deno.readFile(`${FILES}encoder.safetensors`);
  await decodeSafetensors(file, block, torchLayout(block));
  const { x, y } = golden.encoder;
  await assertClose(block.call(tf.tensor3d(x)), y, 1e-5);
});

onEachBackend(
  "torch's LSTM and transposed convolution are mapped",
  async () => {
    const cells = scope(() => new Cells());
    const file = await Deno.readFile(`${FILES}cells.safetensors`);
    const layout = torchLayout(cells);
    await decodeSafetensors(file, cells, layout);
    const { x, y, image, deconv } = golden.cells;
    await assertClose(cells.lstm.call(tf.tensor3d(x)), y, 2e-6);
    await assertClose(cells.deconv.call(tf.tensor4d(image)), deconv, 2e-6);
    const again = scope(() => new Cells());
    const { map } = layout;
    await decodeSafetensors(await encodeSafetensors(cells, { map }), again, {
      map,
    });
    await assertClose(again.lstm.call(tf.tensor3d(x)), y, 2e-6);
  },
);

class Recurrent extends nn.Module {
  readonly lstm = new nn.LSTM(3, 4, { layers: 2, bidirectional: true });
  readonly gru = new nn.GRU(3, 4, {
    layers: 2,
    bidirectional: true,
    resetAfter: true,
  });
  readonly plain = new nn.RNN(new nn.GRUCell(3, 2, { resetAfter: true }));
  override update(): undefined {}
}

onEachBackend(
  "torch's LSTM and GRU of several layers are mapped, and saved again",
  async () => {
    const model = scope(() => new Recurrent());
    const file = await Deno.readFile(`${FILES}recurrent.safetensors`);
    const layout = torchLayout(model);
    await decodeSafetensors(file, model, layout);
    const { x, lstm, gru, plain } = recurrent;
    const check = async (model: Recurrent) => {
      await assertClose(model.lstm.call(tf.tensor3d(x)), lstm, 2e-6);
      await assertClose(model.gru.call(tf.tensor3d(x)), gru, 2e-6);
      await assertClose(model.plain.call(tf.tensor3d(x)), plain, 2e-6);
    };
    await check(model);
    const again = scope(() => new Recurrent());
    const { map } = layout;
    const saved = await encodeSafetensors(model, { map });
    await decodeSafetensors(saved, again, { map });
    await check(again);
  },
);

Deno.test("names of layers are PyTorch's, and rename changes them", async () => {
  const { useBackend } = await import("../../backend/mod.ts");
  await useBackend("cpu");
  const model = new nn.Sequential(
    new nn.Embedding(5, 4),
    new nn.RNN(new nn.LSTMCell(4, 4)),
    new nn.MultiHeadAttention(4, 2, { keySize: 3 }),
    new nn.Sequential(new nn.Linear(4, 2), nn.relu, new nn.LayerNorm(2)),
    new nn.BatchNorm1d(2),
  );
  const names = (rename?: (name: string) => string) => {
    const { map } = torchLayout(model, { ...rename && { rename } });
    const find = map as (path: string, shape: readonly number[]) => {
      boxes(shape: readonly number[]): { name: string }[];
    };
    return Object.entries(model.states()).flatMap(([path, state]) =>
      find(path, state.shape).boxes(state.shape).map(({ name }) => name)
    );
  };
  assertEquals([...new Set(names())].toSorted(), [
    "0.weight",
    "1.bias_hh_l0",
    "1.bias_ih_l0",
    "1.weight_hh_l0",
    "1.weight_ih_l0",
    "2.in_proj_bias",
    "2.k_proj_weight",
    "2.out_proj.bias",
    "2.out_proj.weight",
    "2.q_proj_weight",
    "2.v_proj_weight",
    "3.0.bias",
    "3.0.weight",
    "3.2.bias",
    "3.2.weight",
    "4.bias",
    "4.running_mean",
    "4.running_var",
    "4.weight",
  ]);
  assertEquals(names((name) => `net.${name}`)[0], "net.0.weight");
});

Deno.test("what cannot be laid out is refused", () => {
  assertThrows(
    () => torchLayout({} as never),
    TypeError,
    "the model must be a module",
  );
  const model = new nn.Flatten();
  assertThrows(
    () => torchLayout(model, { prefix: "a" } as never),
    TypeError,
    'there is no option "prefix"',
  );
});
