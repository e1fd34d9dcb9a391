/**
 * Residual networks.
 *
 * @module
 */
import {
  checkOptions,
  listOf,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as nn from "../../nn/mod.ts";
import { scope } from "../../memory.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import * as tf from "../../tf.ts";
import type { Layout, Pretrained } from "../pretrained.ts";
import { torchLayout } from "../torch_layout.ts";
import { CONV_INIT, MOMENTUM } from "./settings.ts";

/** The sizes of {@linkcode ResNet}. */
export interface ResNetOptions {
  /** The number of blocks in each stage. Default: `[2, 2, 2, 2]`, ResNet-18. */
  readonly blocks?: readonly number[];
  /** The number of channels in each stage. Default: `[64, 128, 256, 512]`. */
  readonly widths?: readonly number[];
  /** The number of classes. Default: 1000. */
  readonly classes?: number;
  /** The number of channels of images. Default: 3. */
  readonly channels?: number;
  /** The stream of the initializers. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<ResNetOptions> = {
  blocks: listOf("a positive integer"),
  widths: listOf("a positive integer"),
  classes: "a positive integer",
  channels: "a positive integer",
  random: stream,
};

/** A convolution without bias, as normalization follows. */
function convolution(
  inputs: number,
  outputs: number,
  kernel: number,
  stride: number,
  random: RandomState | undefined,
): nn.Conv2d {
  return new nn.Conv2d(inputs, outputs, kernel, {
    stride,
    padding: Math.floor(kernel / 2),
    bias: false,
    weightInit: CONV_INIT,
    ...random && { random },
  });
}

/** Two convolutions, and a way around them. */
class BasicBlock extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample: nn.Sequential<tf.Tensor4D, tf.Tensor4D> | null;

  constructor(
    inputs: number,
    outputs: number,
    stride: number,
    random: RandomState | undefined,
  ) {
    super();
    const momentum = MOMENTUM;
    this.conv1 = convolution(inputs, outputs, 3, stride, random);
    this.bn1 = new nn.BatchNorm2d(outputs, { momentum });
    this.conv2 = convolution(outputs, outputs, 3, 1, random);
    this.bn2 = new nn.BatchNorm2d(outputs, { momentum });
    this.downsample = stride === 1 && inputs === outputs
      ? null
      : new nn.Sequential(
        convolution(inputs, outputs, 1, stride, random),
        new nn.BatchNorm2d(outputs, { momentum }),
      );
  }

  override update(x: tf.Tensor4D): tf.Tensor4D {
    return scope(() => {
      const y = nn.relu(this.bn1.call(this.conv1.call(x)));
      const changed = this.bn2.call(this.conv2.call(y));
      const around = this.downsample ? this.downsample.call(x) : x;
      return nn.relu(tf.add<tf.Tensor4D>(changed, around));
    });
  }
}

/**
 * A residual network of basic blocks: `[batch, height, width, channels]` to
 * `[batch, classes]` (He et al. 2016, "Deep Residual Learning for Image Recognition").
 *
 * The defaults are ResNet-18, of 11,689,512 parameters; `blocks: [3, 4, 6, 3]` is
 * ResNet-34. {@linkcode loadPretrained} loads the weights of torchvision, which are for
 * images with the mean `[0.485, 0.456, 0.406]` and the deviation `[0.229, 0.224, 0.225]`
 * of each channel taken out. BatchNorm reads `environ.fit`.
 *
 * @example Usage
 * ```ts
 * import { tf, useBackend } from "@braintape/braintape";
 * import { ResNet } from "@braintape/braintape/models";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("wasm");
 * const model = new ResNet({ blocks: [1, 1], widths: [8, 16], classes: 10 });
 * assertEquals(model.predict(tf.ones([2, 32, 32, 3])).shape, [2, 10]);
 * ```
 */
export class ResNet extends nn.Module implements Pretrained {
  /** The first convolution, 7 by 7 with stride 2. */
  readonly conv1: nn.Conv2d;
  /** Its normalization. */
  readonly bn1: nn.BatchNorm2d;
  /** Halves height and width. */
  readonly pool: nn.MaxPool2d = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
  /** The blocks; each stage but the first halves height and width. */
  readonly stages: readonly nn.Sequential<tf.Tensor4D, tf.Tensor4D>[];
  /** From the average of each channel to the classes. */
  readonly fc: nn.Linear;

  /**
   * Create the parameters.
   *
   * @param options See {@linkcode ResNetOptions}.
   */
  constructor(options: ResNetOptions = {}) {
    super();
    checkOptions("create ResNet", options, RULES);
    const {
      blocks = [2, 2, 2, 2],
      widths = [64, 128, 256, 512],
      classes = 1000,
      channels = 3,
      random,
    } = options;
    if (blocks.length === 0 || blocks.length !== widths.length) {
      const is = `one number for each of the stages, ${widths.length}`;
      refuse("create ResNet", "blocks", is, blocks);
    }
    this.conv1 = convolution(channels, widths[0]!, 7, 2, random);
    this.bn1 = new nn.BatchNorm2d(widths[0]!, { momentum: MOMENTUM });
    this.stages = widths.map((width, stage) =>
      new nn.Sequential(
        ...Array.from({ length: blocks[stage]! }, (_, i) => {
          const isFirst = i === 0;
          const inputs = isFirst ? widths[Math.max(stage - 1, 0)]! : width;
          const stride = isFirst && stage > 0 ? 2 : 1;
          return new BasicBlock(inputs, width, stride, random);
        }),
      )
    );
    this.fc = new nn.Linear(widths.at(-1)!, classes, random && { random });
  }

  /** `[batch, height, width, channels]` to `[batch, classes]`. */
  override update(x: tf.Tensor4D): tf.Tensor2D {
    return scope(() => {
      const first = nn.relu(this.bn1.call(this.conv1.call(x)));
      const features = this.stages.reduce(
        (y, stage) => stage.call(y),
        this.pool.call(first),
      );
      return this.fc.call(tf.mean(features, [1, 2]));
    });
  }

  /** As torchvision names the weights. */
  layout(): Layout {
    return torchLayout(this, {
      rename: (name) =>
        name.replace(/^stages\.(\d+)/, (_, i) => `layer${Number(i) + 1}`),
    });
  }
}
