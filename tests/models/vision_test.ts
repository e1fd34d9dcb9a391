import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as autodiff from "../../autodiff/mod.ts";
import { encodeSafetensors, listSafetensors } from "../../checkpoint.ts";
import { environ } from "../../environ.ts";
import { scope } from "../../memory.ts";
import {
  loadPretrained,
  MobileNetV2,
  type MobileNetV2Options,
  type Pretrained,
  ResNet,
  type ResNetOptions,
  savePretrained,
  VisionTransformer,
  type VisionTransformerOptions,
} from "../../models/mod.ts";
import * as nn from "../../nn/mod.ts";
import { RandomState } from "../../random.ts";
import { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import golden from "../golden/models/vision.json" with { type: "json" };
import { assertNoLeak, FULL, onEachBackend } from "../_backends.ts";
import { assertClose, FILES, images } from "./_models.ts";

interface Model extends Pretrained {
  update(x: tf.Tensor4D): tf.Tensor2D;
}

function resnet(options: ResNetOptions = {}): ResNet {
  return scope(() =>
    new ResNet({
      widths: [4, 6, 8, 10],
      blocks: [2, 1, 1, 1],
      classes: 5,
      random: new RandomState(1),
      ...options,
    })
  );
}

function mobilenet(options: MobileNetV2Options = {}): MobileNetV2 {
  return scope(() =>
    new MobileNetV2({
      width: 0.25,
      stages: [
        { expand: 1, width: 32, blocks: 1, stride: 1 },
        { expand: 3, width: 64, blocks: 2, stride: 2 },
      ],
      classes: 2,
      random: new RandomState(1),
      ...options,
    })
  );
}

function vit(options: VisionTransformerOptions = {}): VisionTransformer {
  return scope(() =>
    new VisionTransformer({
      imageSize: 16,
      patchSize: 4,
      width: 12,
      layers: 2,
      classes: 5,
      random: new RandomState(1),
      ...options,
    })
  );
}

/** Small models, the name of their golden file, and the sizes of its images. */
const MODELS: [keyof typeof golden, () => Model, images: [number, number]][] = [
  ["resnet", resnet, [3, 40]],
  ["mobilenet", mobilenet, [2, 32]],
  ["vit", vit, [2, 16]],
];

async function loaded<M extends Model>(name: string, model: M): Promise<M> {
  await loadPretrained(`${FILES}${name}.safetensors`, model);
  return model;
}

for (const [name, make, sizes] of MODELS) {
  onEachBackend(`${name} gives the outputs of PyTorch`, async () => {
    const model = await loaded(name, make());
    const x = images(...sizes);
    await assertNoLeak(async () => {
      const y = model.predict(x);
      await assertClose(y, golden[name].y, 1e-5);
      y.dispose();
    });
  });

  onEachBackend(
    `${name} has a finite gradient for each parameter`,
    async () => {
      const model = make();
      const x = images(...sizes);
      await assertNoLeak(async () => {
        const grads = environ.context({ fit: true }, () =>
          autodiff.grad(
            () => tf.mean<tf.Scalar>(tf.square(model.call(x))),
            { states: model.states(ParamState) },
          )());
        for (const [path, gradient] of Object.entries(grads)) {
          const values = await gradient.data();
          assert(values.every(Number.isFinite), path);
          assert(values.some((value) => value !== 0), path);
          gradient.dispose();
        }
      });
    },
    { only: ["cpu", "wasm"] },
  );

  onEachBackend(`${name} is saved under the names of PyTorch`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    const model = await loaded(name, make());
    await savePretrained(file, model);
    const shapes = async (path: string) =>
      (await listSafetensors(path))
        .filter((entry) => !entry.name.endsWith("num_batches_tracked"))
        .map((entry) => `${entry.name} ${entry.shape}`).toSorted();
    assertEquals(
      await shapes(file),
      await shapes(`${FILES}${name}.safetensors`),
    );
    const again = make();
    await loadPretrained(file, again);
    assertEquals(
      await encodeSafetensors(again),
      await encodeSafetensors(model),
    );
    await Deno.remove(file);
  }, { only: ["cpu"] });
}

onEachBackend(
  "ResNet in training normalizes with the batch, as torchvision's does",
  async () => {
    const model = await loaded("resnet", resnet());
    const x = images(3, 40);
    const y = environ.context({ fit: true }, () => model.call(x));
    await assertClose(y, golden.resnet.trained, 5e-5);
    const { runningMean, runningVar } = model.bn1;
    await assertClose(
      runningMean!.value,
      golden.resnet["bn1.running_mean"],
      1e-5,
    );
    // torch divides by n - 1 there: here the share that a step takes is smaller by 1/n.
    await assertClose(
      runningVar!.value,
      golden.resnet["bn1.running_var"],
      1e-3,
    );
  },
);

onEachBackend(
  "a head for other classes is left out, the rest is loaded",
  async () => {
    const model = resnet({ classes: 7 });
    const file = `${FILES}resnet.safetensors`;
    await assertRejects(
      () => loadPretrained(file, model),
      RangeError,
      "fc.weight: F32 [5,10] in the file, F32 [7,10] here\n  fc.bias: F32 [5] in the file, F32 [7] here",
    );
    const head = await model.fc.weight.value.data();
    const { mismatched } = await loadPretrained(file, model, {
      mismatch: "ignore",
    });
    assertEquals(mismatched.map(({ path }) => path), ["fc.weight", "fc.bias"]);
    assertEquals(await model.fc.weight.value.data(), head);
  },
  { only: ["cpu"] },
);

onEachBackend("16-bit weights of MobileNetV2 are reported", async () => {
  const { converted } = await loadPretrained(
    `${FILES}mobilenet.safetensors`,
    mobilenet(),
  );
  assertEquals(converted["features.0.0.weight"], "F16");
}, { only: ["cpu"] });

onEachBackend("every size of the models changes their shapes", () => {
  const count = (model: nn.Module) => nn.parameterCount(model);
  const conv = { stages: [{ expand: 2, width: 8, blocks: 1, stride: 1 }] };
  const cases: [nn.Module, nn.Module][] = [
    [resnet(), resnet({ blocks: [1, 1, 1, 1] })],
    [resnet(), resnet({ widths: [4, 6, 8, 12] })],
    [resnet(), resnet({ channels: 1 })],
    [mobilenet(), mobilenet({ width: 0.5 })],
    [mobilenet(), mobilenet(conv)],
    [mobilenet(), mobilenet({ classes: 3 })],
    [vit(), vit({ imageSize: 20 })],
    [vit(), vit({ patchSize: 8 })],
    [vit(), vit({ width: 15 })],
    [vit(), vit({ layers: 1 })],
    [vit(), vit({ classes: 4 })],
    [vit(), vit({ channels: 1 })],
  ];
  for (const [one, other] of cases) assert(count(one) !== count(other));
}, { only: ["cpu"] });

onEachBackend("an option that is undefined is left out", () => {
  const none = { width: undefined, layers: undefined, heads: undefined };
  const model = vit({ ...none, layers: 1 } as never);
  assertEquals(model.positions.shape, [1, 17, 192]);
}, { only: ["cpu"] });

onEachBackend(
  "heads, dropout and streams of models change their outputs",
  async () => {
    const outputs = async (model: Model, fit = false) => [
      ...await environ.context({ fit }, () => model.call(images(2, 16))).data(),
    ];
    const heads = await loaded("vit", vit({ heads: 2 }));
    assert(
      `${await outputs(heads)}` !==
        `${await outputs(await loaded("vit", vit()))}`,
    );
    const dropping: [Model, Model][] = [
      [vit(), vit({ rate: 0.5 })],
      [mobilenet({ rate: 0 }), mobilenet({ rate: 0.9 })],
    ];
    for (const [all, some] of dropping) {
      assertEquals(await outputs(all), await outputs(some));
      assert(`${await outputs(all, true)}` !== `${await outputs(some, true)}`);
    }
    const random = new RandomState(2);
    for (const [, make] of MODELS) {
      const other = (make as (o: ResNetOptions) => Model)({ random });
      assert(`${await outputs2(make())}` !== `${await outputs2(other)}`);
    }
    async function outputs2(model: Model) {
      const [state] = Object.values(model.states(ParamState));
      return await state!.value.data();
    }
  },
  { only: ["cpu"] },
);

onEachBackend("sizes and inputs that do not fit are refused", () => {
  const cases: [() => unknown, typeof TypeError | typeof RangeError, string][] =
    [
      [
        () => resnet({ blocks: [1] }),
        RangeError,
        "blocks must be one number for each of the stages, 4",
      ],
      [() => resnet({ widths: [], blocks: [] }), RangeError, "blocks must be"],
      [
        () => resnet({ classes: 0 }),
        RangeError,
        "classes must be a positive integer",
      ],
      [
        () => resnet({ depth: 18 } as never),
        TypeError,
        'there is no option "depth"',
      ],
      [
        () => mobilenet({ width: 0 }),
        RangeError,
        "width must be a positive finite number",
      ],
      [
        () => mobilenet({ stages: [{ expand: 1 } as never] }),
        TypeError,
        "stages[0].width",
      ],
      [() => mobilenet({ rate: 1 }), RangeError, "rate must be in [0, 1)"],
      [
        () => vit({ patchSize: 5 }),
        RangeError,
        "patchSize must be a divisor of imageSize, 16",
      ],
      [
        () => vit({ heads: 5 }),
        RangeError,
        "heads must be a divisor of the width, 12",
      ],
      [() => vit({ rate: 2 }), RangeError, "rate must be in [0, 1)"],
      [
        () => vit().call(images(1, 20)),
        RangeError,
        "the input must have shape [any, 16, 16, 3]",
      ],
    ];
  for (const [fn, ErrorClass, message] of cases) {
    assertThrows(fn, ErrorClass, message);
  }
}, { only: ["cpu"] });

Deno.test({
  name:
    "the published sizes have as many parameters as torchvision and timm say",
  ignore: !FULL,
  fn: async () => {
    const { useBackend } = await import("../../backend/mod.ts");
    await useBackend("cpu");
    const cases: [() => nn.Module, number][] = [
      [() => new ResNet(), 11_689_512],
      [() => new ResNet({ blocks: [3, 4, 6, 3] }), 21_797_672],
      [() => new MobileNetV2(), 3_504_872],
      [() => new VisionTransformer(), 5_717_416],
    ];
    for (const [make, count] of cases) {
      const model = make();
      assertEquals(nn.parameterCount(model), count);
      model.dispose();
    }
  },
});
