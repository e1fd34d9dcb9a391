/**
 * MobileNetV2.
 *
 * @module
 */
import {
  check,
  checkOptions,
  listOf,
  type OptionRules,
  recordOf,
} from "../../internal/check.ts";
import { scope } from "../../memory.ts";
import * as nn from "../../nn/mod.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import type { Layout, Pretrained } from "../pretrained.ts";
import { torchLayout } from "../torch_layout.ts";
import { CONV_INIT, MOMENTUM } from "./settings.ts";

/** A stage of {@linkcode MobileNetV2}: blocks of the same kind. */
export interface MobileNetStage {
  /** How many times as many channels are between the convolutions of a block. */
  readonly expand: number;
  /** The number of channels. */
  readonly width: number;
  /** The number of blocks. */
  readonly blocks: number;
  /** The stride of the first block. */
  readonly stride: number;
}

/** The sizes of {@linkcode MobileNetV2}, and its dropout. */
export interface MobileNetV2Options {
  /** What all numbers of channels are multiplied by. Default: 1. */
  readonly width?: number;
  /** The stages. Default: the seven of the paper. */
  readonly stages?: readonly MobileNetStage[];
  /** The number of classes. Default: 1000. */
  readonly classes?: number;
  /** The probability of dropping a feature before the classes. Default: 0.2. */
  readonly rate?: number;
  /** The stream of initializers and dropout. Default: the default stream. */
  readonly random?: RandomState;
}

const STAGE_RULES: OptionRules<MobileNetStage> = {
  expand: "a positive integer",
  width: "a positive integer",
  blocks: "a positive integer",
  stride: "a positive integer",
};

const RULES: OptionRules<MobileNetV2Options> = {
  width: "a positive finite number",
  stages: listOf(recordOf("a positive integer")),
  classes: "a positive integer",
  rate: "in [0, 1)",
  random: stream,
};

/** Table 2 of the paper. */
const STAGES: readonly MobileNetStage[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
].map(([expand, width, blocks, stride]) => ({
  expand: expand!,
  width: width!,
  blocks: blocks!,
  stride: stride!,
}));

/** Throws unless a stage has all its numbers. */
function checkStage(stage: MobileNetStage, i: number) {
  const action = "create MobileNetV2";
  checkOptions(action, stage, STAGE_RULES, `stages[${i}].`);
  for (const [name, rule] of Object.entries(STAGE_RULES)) {
    const value: unknown = stage[name as keyof MobileNetStage];
    check(action, `stages[${i}].${name}`, value, rule);
  }
}

type Images = nn.Sequential<tf.Tensor4D, tf.Tensor4D>;

/** The multiple of 8 that is nearest to `channels`, but no more than a tenth below. */
function divisible(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

interface ConvolutionSettings {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly random: RandomState | undefined;
}

/** A convolution and its normalization. */
function convolution(
  inputs: number,
  outputs: number,
  { kernel = 1, stride = 1, groups = 1, random }: ConvolutionSettings,
): [nn.Conv2d, nn.BatchNorm2d] {
  const conv = new nn.Conv2d(inputs, outputs, kernel, {
    stride,
    groups,
    padding: (kernel - 1) / 2,
    bias: false,
    weightInit: CONV_INIT,
    ...random && { random },
  });
  return [conv, new nn.BatchNorm2d(outputs, { momentum: MOMENTUM })];
}

/** A convolution with normalization and ReLU6. */
function activated(
  inputs: number,
  outputs: number,
  settings: ConvolutionSettings,
): Images {
  return new nn.Sequential(
    ...convolution(inputs, outputs, settings),
    nn.relu6,
  );
}

/** More channels, a depthwise convolution, and fewer channels again. */
class InvertedResidual extends nn.Module {
  readonly conv: Images;
  readonly #isResidual: boolean;

  constructor(
    inputs: number,
    outputs: number,
    { expand, stride }: Pick<MobileNetStage, "expand" | "stride">,
    random: RandomState | undefined,
  ) {
    super();
    const hidden = inputs * expand;
    this.#isResidual = stride === 1 && inputs === outputs;
    const depthwise = { kernel: 3, stride, groups: hidden, random };
    this.conv = new nn.Sequential(
      ...expand === 1 ? [] : [activated(inputs, hidden, { random })],
      activated(hidden, hidden, depthwise),
      ...convolution(hidden, outputs, { random }),
    );
  }

  override update(x: tf.Tensor4D): tf.Tensor4D {
    return scope(() => {
      const y = this.conv.call(x);
      return this.#isResidual ? tf.add<tf.Tensor4D>(x, y) : y;
    });
  }
}

/**
 * MobileNetV2: `[batch, height, width, 3]` to `[batch, classes]` (Sandler et al. 2018,
 * "MobileNetV2: Inverted Residuals and Linear Bottlenecks").
 *
 * The defaults are the published model, of 3,504,872 parameters.
 * {@linkcode loadPretrained} loads the weights of torchvision's `mobilenet_v2`, which are
 * for images with the mean `[0.485, 0.456, 0.406]` and the deviation
 * `[0.229, 0.224, 0.225]` of each channel taken out. BatchNorm and Dropout read
 * `environ.fit`.
 *
 * @example Usage
 * ```ts
 * import { tf, useBackend } from "@braintape/braintape";
 * import { MobileNetV2 } from "@braintape/braintape/models";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("wasm");
 * const model = new MobileNetV2({
 *   stages: [{ expand: 6, width: 16, blocks: 2, stride: 2 }],
 *   width: 0.25,
 *   classes: 10,
 * });
 * assertEquals(model.predict(tf.ones([2, 32, 32, 3])).shape, [2, 10]);
 * ```
 */
export class MobileNetV2 extends nn.Module implements Pretrained {
  /** The convolutions. */
  readonly features: nn.Sequential<tf.Tensor4D, tf.Tensor4D>;
  /** Dropout, and from the average of each channel to the classes. */
  readonly classifier: nn.Sequential<tf.Tensor2D, tf.Tensor2D>;

  /**
   * Create the parameters.
   *
   * @param options See {@linkcode MobileNetV2Options}.
   */
  constructor(options: MobileNetV2Options = {}) {
    super();
    checkOptions("create MobileNetV2", options, RULES);
    const { width = 1, stages = STAGES, classes = 1000, rate = 0.2, random } =
      options;
    for (const [i, stage] of stages.entries()) checkStage(stage, i);
    let channels = divisible(32 * width);
    const layers: nn.Module[] = [
      activated(3, channels, { kernel: 3, stride: 2, random }),
    ];
    for (const stage of stages) {
      const outputs = divisible(stage.width * width);
      for (let i = 0; i < stage.blocks; i++) {
        const { expand } = stage, stride = i === 0 ? stage.stride : 1;
        layers.push(
          new InvertedResidual(channels, outputs, { expand, stride }, random),
        );
        channels = outputs;
      }
    }
    const last = divisible(1280 * Math.max(1, width));
    this.features = new nn.Sequential(
      ...layers,
      activated(channels, last, { random }),
    );
    this.classifier = new nn.Sequential(
      new nn.Dropout({ rate, ...random && { random } }),
      new nn.Linear(last, classes, {
        weightInit: new nn.init.Normal({ std: 0.01 }),
        ...random && { random },
      }),
    );
  }

  /** `[batch, height, width, 3]` to `[batch, classes]`. */
  override update(x: tf.Tensor4D): tf.Tensor2D {
    return scope(() =>
      this.classifier.call(tf.mean(this.features.call(x), [1, 2]))
    );
  }

  /** As torchvision names the weights. */
  layout(): Layout {
    return torchLayout(this);
  }
}
