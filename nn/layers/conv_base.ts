/**
 * What convolutions and transposed convolutions share: settings and parameters.
 *
 * @module
 */
import {
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import type { ParamState } from "../../state.ts";
import type * as tf from "../../tf.ts";
import { XavierNormal, Zero } from "../init/mod.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";
import { lastAxis, type Size } from "../module/size.ts";
import {
  checkWeightMask,
  MASKED_RULES,
  type MaskedWeightOptions,
  type WeightMask,
  weightMaskOf,
} from "./weight_mask.ts";
import {
  axesOf,
  CELLS,
  type Padding,
  type PaddingPairs,
  paddingPairs,
  paddingRule,
  type PerAxis,
  perAxis,
  perAxisRule,
} from "./window.ts";

/** The options that both kinds share. */
export interface ConvSettingsOptions extends MaskedWeightOptions {
  /** The stride. */
  readonly stride?: PerAxis;
  /** The padding. */
  readonly padding?: Padding;
  /** The distance of the window's cells. */
  readonly dilation?: PerAxis;
  /** The number of groups. */
  readonly groups?: number;
}

const RULES: OptionRules<ConvSettingsOptions> = {
  ...MASKED_RULES,
  stride: perAxisRule(),
  padding: paddingRule,
  dilation: perAxisRule(),
  groups: "a positive integer",
};

/** With the option that transposed convolutions have. */
interface AllOptions extends ConvSettingsOptions {
  readonly outputPadding?: PerAxis;
}

const TRANSPOSED_RULES: OptionRules<AllOptions> = {
  ...RULES,
  outputPadding: perAxisRule(CELLS),
};

/** What convolutions and transposed convolutions differ in. */
export interface ConvKind {
  /** Whether cells may be added to the output, by the option `outputPadding`. */
  readonly addsCells: boolean;
  /** Checks the settings, and returns the shape of the weight. */
  readonly weightShape: (settings: ConvSettings) => number[];
}

/** Checked settings, with a value for each axis. */
export interface ConvSettings {
  /** The name of the class. */
  readonly name: string;
  /** The number of axes between batch and channels. */
  readonly axes: number;
  /** The number of input channels. */
  readonly inputs: number;
  /** The number of output channels. */
  readonly outputs: number;
  /** The size of the window. */
  readonly kernel: readonly number[];
  /** The stride. */
  readonly stride: readonly number[];
  /** The padding. */
  readonly padding: PaddingPairs;
  /** The distance of the window's cells. */
  readonly dilation: readonly number[];
  /** The number of groups. */
  readonly groups: number;
  /** The cells added at the end of the output. */
  readonly outputPadding: readonly number[];
}

/** Checks the arguments of a convolution's constructor. */
function convSettings(
  Class: { readonly name: string; readonly kind: ConvKind },
  inSize: number | Size,
  outChannels: number,
  kernelSize: PerAxis,
  options: ConvSettingsOptions,
): ConvSettings {
  const { name, kind } = Class;
  const axes = axesOf(Class);
  checkOptions<AllOptions>(
    `create ${name}`,
    options,
    (kind.addsCells ? TRANSPOSED_RULES : RULES) as OptionRules<AllOptions>,
  );
  const { stride = 1, padding = "same", dilation = 1, groups = 1 } = options;
  const { outputPadding = 0 } = options as AllOptions;
  const settings: ConvSettings = {
    name,
    axes,
    inputs: lastAxis(name, "inSize", inSize),
    outputs: lastAxis(name, "outChannels", outChannels),
    kernel: perAxis(name, "kernelSize", kernelSize, axes),
    stride: perAxis(name, "stride", stride, axes),
    padding: paddingPairs(name, padding, axes),
    dilation: perAxis(name, "dilation", dilation, axes),
    groups,
    outputPadding: perAxis(name, "outputPadding", outputPadding, axes, CELLS),
  };
  const { inputs, outputs } = settings;
  if (inputs % groups !== 0 || outputs % groups !== 0) {
    const is = `a divisor of the channels, ${inputs} and ${outputs}`;
    refuse(`create ${name}`, "groups", is, groups);
  }
  return settings;
}

/**
 * The base of convolutions and transposed convolutions: their parameters.
 *
 * @typeParam T The rank of input and output.
 * @typeParam O The options.
 */
export abstract class ConvBase<
  T extends tf.Tensor,
  O extends ConvSettingsOptions,
> extends Module {
  /** The number of axes between batch and channels. */
  static readonly axes: number;
  /** What convolutions and transposed convolutions differ in. */
  static readonly kind: ConvKind;
  /** The kernel, by default {@linkcode XavierNormal}; see the class for its shape. */
  readonly weight: ParamState;
  /** `[out]` */
  readonly bias: ParamState<tf.Tensor1D> | null;
  /** The stride along each axis. */
  readonly stride: readonly number[];
  /** The padding: a pair for each axis, unless it is a name. */
  readonly padding: Padding;
  /** The number of groups that the channels are split into. */
  readonly groups: number;
  /** The distance of the window's cells, along each axis. */
  readonly dilation: readonly number[];
  /** What the weight is multiplied by, if anything. */
  readonly weightMask: WeightMask;
  /** The cells added at the end of the output, along each axis. */
  protected readonly added: readonly number[];

  /**
   * Create the parameters.
   *
   * @param inSize The number of channels, or a size that ends in it.
   * @param outChannels The number of channels of the output.
   * @param kernelSize The size of the window: one for all axes, or one for each.
   * @param options Stride, padding, dilation, groups, initializers, and what the class adds.
   */
  constructor(
    inSize: number | Size,
    outChannels: number,
    kernelSize: PerAxis,
    options: O = {} as O,
  ) {
    super();
    const { kind } = new.target;
    const settings = convSettings(
      new.target,
      inSize,
      outChannels,
      kernelSize,
      options,
    );
    const shape = kind.weightShape(settings);
    this.stride = settings.stride;
    this.padding = settings.padding;
    this.groups = settings.groups;
    this.dilation = settings.dilation;
    this.added = settings.outputPadding;
    const { name, outputs } = settings;
    const { bias = true, random, weightMask } = options;
    checkWeightMask(name, weightMask, shape);
    const { weightInit = new XavierNormal(), biasInit = new Zero() } = options;
    this.weight = param(`${name}.weight`, weightInit, shape, random);
    this.bias = bias
      ? param(`${name}.bias`, biasInit, [outputs], random)
      : null;
    this.weightMask = weightMaskOf(name, weightMask);
  }

  /** `[batch, ...spatial, in]` to `[batch, ...spatial, out]`. */
  abstract override update(x: T): T;
}
