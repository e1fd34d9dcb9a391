/**
 * Vision transformers.
 *
 * @module
 */
import {
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import * as nn from "../../nn/mod.ts";
import type { RandomState } from "../../random.ts";
import { stream } from "../../random/state.ts";
import type { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import type { Layout, Pretrained } from "../pretrained.ts";
import { torchLayout } from "../torch_layout.ts";
import { checkHeads, dense } from "../transformer/attention.ts";
import { Block } from "../transformer/block.ts";

/** The sizes of {@linkcode VisionTransformer}, and its dropout. */
export interface VisionTransformerOptions {
  /** Height and width of images. Default: 224. */
  readonly imageSize?: number;
  /** Height and width of patches, a divisor of `imageSize`. Default: 16. */
  readonly patchSize?: number;
  /** The number of features. Default: 192. */
  readonly width?: number;
  /** The number of blocks. Default: 12. */
  readonly layers?: number;
  /** The number of heads, which must divide the width. Default: 3. */
  readonly heads?: number;
  /** The number of classes. Default: 1000. */
  readonly classes?: number;
  /** The number of channels of images. Default: 3. */
  readonly channels?: number;
  /** The probability of dropping in training. Default: 0. */
  readonly rate?: number;
  /** The stream of initializers and dropout. Default: the default stream. */
  readonly random?: RandomState;
}

const RULES: OptionRules<VisionTransformerOptions> = {
  imageSize: "a positive integer",
  patchSize: "a positive integer",
  width: "a positive integer",
  layers: "a positive integer",
  heads: "a positive integer",
  classes: "a positive integer",
  channels: "a positive integer",
  rate: "in [0, 1)",
  random: stream,
};

/** The sizes of the published models. */
export const VIT_SIZES: Readonly<
  Record<
    "tiny" | "small" | "base",
    Required<Pick<VisionTransformerOptions, "width" | "layers" | "heads">>
  >
> = {
  tiny: { width: 192, layers: 12, heads: 3 },
  small: { width: 384, layers: 12, heads: 6 },
  base: { width: 768, layers: 12, heads: 12 },
};

/** What timm calls the parts. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^patches/, "patch_embed.proj"],
  [/^classToken/, "cls_token"],
  [/^positions/, "pos_embed"],
  [/attention\.packed/, "attn.qkv"],
  [/attention\.out/, "attn.proj"],
  [/expand/, "mlp.fc1"],
  [/contract/, "mlp.fc2"],
];

/**
 * A vision transformer: `[batch, height, width, channels]` to `[batch, classes]`
 * (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words").
 *
 * The defaults are ViT-Tiny, of 5,717,416 parameters; {@linkcode VIT_SIZES} has others.
 * {@linkcode loadPretrained} loads the weights of timm, such as
 * `vit_tiny_patch16_224`, which are for images from -1 to 1. Dropout reads
 * `environ.fit`.
 *
 * @example Usage
 * ```ts
 * import { tf, useBackend } from "@braintape/braintape";
 * import { VisionTransformer } from "@braintape/braintape/models";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("wasm");
 * const model = new VisionTransformer({
 *   imageSize: 32,
 *   patchSize: 8,
 *   width: 24,
 *   layers: 2,
 *   classes: 10,
 * });
 * assertEquals(model.predict(tf.ones([2, 32, 32, 3])).shape, [2, 10]);
 * ```
 */
export class VisionTransformer extends nn.Module implements Pretrained {
  /** From patches of the image to features. */
  readonly patches: nn.Conv2d;
  /** `[1, 1, width]`: what the classes are read from. */
  readonly classToken: ParamState<tf.Tensor3D>;
  /** `[1, 1 + patches, width]` */
  readonly positions: ParamState<tf.Tensor3D>;
  /** The dropout before the blocks. */
  readonly dropout: nn.Dropout<tf.Tensor3D>;
  /** The blocks. */
  readonly blocks: readonly Block[];
  /** The normalization after the blocks. */
  readonly norm: nn.LayerNorm<tf.Tensor2D>;
  /** From features to classes. */
  readonly head: nn.Linear;
  /** Height and width of images. */
  readonly imageSize: number;

  /**
   * Create the parameters.
   *
   * @param options See {@linkcode VisionTransformerOptions}.
   */
  constructor(options: VisionTransformerOptions = {}) {
    super();
    checkOptions("create VisionTransformer", options, RULES);
    const { imageSize = 224, patchSize = 16, classes = 1000 } = options;
    const { channels = 3, rate = 0, random } = options;
    const { tiny } = VIT_SIZES;
    const { width = tiny.width, layers = tiny.layers, heads = tiny.heads } =
      options;
    if (imageSize % patchSize !== 0) {
      const is = `a divisor of imageSize, ${imageSize}`;
      refuse("create VisionTransformer", "patchSize", is, patchSize);
    }
    checkHeads("create VisionTransformer", width, heads);
    const weightInit = new nn.init.TruncatedNormal({ std: 0.02 });
    const given = random && { random };
    const count = (imageSize / patchSize) ** 2;
    this.imageSize = imageSize;
    this.patches = new nn.Conv2d(channels, width, patchSize, {
      stride: patchSize,
      padding: "valid",
      ...given,
    });
    const param = (name: string, shape: [number, number, number]) =>
      nn.param<tf.Tensor3D>(
        `VisionTransformer.${name}`,
        weightInit,
        shape,
        random,
      );
    this.classToken = param("classToken", [1, 1, width]);
    this.positions = param("positions", [1, 1 + count, width]);
    this.dropout = new nn.Dropout({ rate, ...given });
    const settings = {
      width,
      layers,
      heads,
      rate,
      random,
      eps: 1e-6,
      causal: false,
      approximateGelu: false,
    };
    this.blocks = Array.from({ length: layers }, () => new Block(settings));
    this.norm = new nn.LayerNorm(width, { eps: settings.eps });
    this.head = dense(width, classes, settings);
  }

  /** `[batch, height, width, channels]` to `[batch, classes]`. */
  override update(x: tf.Tensor4D): tf.Tensor2D {
    const { imageSize } = this;
    const channels = this.patches.inSize.at(-1)!;
    nn.checkInput("VisionTransformer", x, [imageSize, imageSize, channels], 4);
    const [batch] = x.shape, [, places, width] = this.positions.shape;
    return tf.tidy(() => {
      const patches = tf.reshape<tf.Rank.R3>(this.patches.call(x), [
        batch,
        places! - 1,
        width!,
      ]);
      const first = tf.tile(this.classToken.value, [batch, 1, 1]);
      const embedded = this.dropout.call(
        tf.add<tf.Tensor3D>(
          tf.concat([first, patches], 1),
          this.positions.value,
        ),
      );
      const rows = this.blocks.reduce(
        (y, block) => block.call(y, places!),
        tf.reshape<tf.Rank.R2>(embedded, [batch * places!, width!]),
      );
      const all = tf.reshape<tf.Rank.R3>(rows, [batch, places!, width!]);
      const read = tf.reshape<tf.Rank.R2>(
        tf.slice(all, [0, 0, 0], [batch, 1, width!]),
        [batch, width!],
      );
      return this.head.call(this.norm.call(read));
    });
  }

  /** As timm names the weights. */
  layout(): Layout {
    return torchLayout(this, {
      rename: (name) =>
        NAMES.reduce(
          (text, [part, theirs]) => text.replace(part, theirs),
          name,
        ),
    });
  }
}
