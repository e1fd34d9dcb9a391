/**
 * Writes small models as `pretrained_check.py` reads them with PyTorch.
 *
 * Run from the root of the repository:
 * `deno run -A scripts/golden/pretrained_write.ts FOLDER`
 *
 * @module
 */
import { useBackend } from "../../backend/mod.ts";
import {
  Gpt2,
  MobileNetV2,
  type Pretrained,
  ResNet,
  savePretrained,
  VisionTransformer,
} from "../../models/mod.ts";
import { images } from "../../tests/models/_models.ts";
import * as tf from "../../tf.ts";

const [folder] = Deno.args;
await useBackend("cpu");

async function write(name: string, model: Pretrained, output: tf.Tensor) {
  await savePretrained(`${folder}/${name}/model.safetensors`, model);
  const values = JSON.stringify([...await output.data()]);
  await Deno.writeTextFile(`${folder}/${name}/output.json`, values);
}

const gpt2 = new Gpt2({
  vocabulary: 23,
  context: 20,
  width: 8,
  layers: 2,
  heads: 2,
});
const tokens = tf.tensor2d([[1, 5, 7, 22]], undefined, "int32");
await write("gpt2", gpt2, gpt2.predict(tokens));

const resnet = new ResNet();
await write("resnet18", resnet, resnet.predict(images(1, 64)));

const mobilenet = new MobileNetV2();
await write("mobilenet_v2", mobilenet, mobilenet.predict(images(1, 64)));

const vit = new VisionTransformer();
await write("vit_tiny", vit, vit.predict(images(1, 224)));
