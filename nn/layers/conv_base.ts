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
import { WEIGHT_RULES, type WeightOptions } from "./linear.ts";
import {
  axesOf,
  type Padding,
  type PaddingPairs,
  paddingPairs,
  paddingRule,
  type PerAxis,
  perAxis,
  perAxisRule,
} from "./window.ts";

/** The options that both kinds share. */
export interface ConvSettingsOptions extends WeightOptions {
  /** The stride. */
  readonly stride?: PerAxis;
  /** The padding. */
  readonly padding?: Padding;
  /** The number of groups. */
  readonly groups?: number;
}

/** The rules of {@linkcode ConvSettingsOptions}. */
export const CONV_RULES: OptionRules<ConvSettingsOptions> = {
  ...WEIGHT_RULES,
  stride: perAxisRule(),
  padding: paddingRule,
  groups: "a positive integer",
};

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
  /** The number of groups. */
  readonly groups: number;
}

/** Checks the arguments of a convolution's constructor. */
function convSettings<O extends ConvSettingsOptions>(
  Class: { readonly name: string },
  [inSize, outChannels, kernelSize]: readonly [number | Size, number, PerAxis],
  options: O,
  rules: OptionRules<O>,
): ConvSettings {
  const { name } = Class;
  const axes = axesOf(Class);
  checkOptions(`create ${name}`, options, rules);
  const { stride = 1, padding = "same", groups = 1 } = options;
  const settings: ConvSettings = {
    name,
    axes,
    inputs: lastAxis(name, "inSize", inSize),
    outputs: lastAxis(name, "outChannels", outChannels),
    kernel: perAxis(name, "kernelSize", kernelSize, axes),
    stride: perAxis(name, "stride", stride, axes),
    padding: paddingPairs(name, padding, axes),
    groups,
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
 */
export abstract class ConvBase<T extends tf.Tensor> extends Module {
  /** The number of axes between batch and channels. */
  static readonly axes: number;
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

  /**
   * Create the parameters.
   *
   * @param args Input and output channels, and the size of the window.
   * @param options Stride, padding, groups and initializers.
   * @param rules The rules of all options of the class.
   * @param shapeOf Checks options of the class, and returns the shape of the weight.
   */
  constructor(
    args: readonly [
      inSize: number | Size,
      outChannels: number,
      kernelSize: PerAxis,
    ],
    options: ConvSettingsOptions,
    rules: Readonly<Record<string, unknown>>,
    shapeOf: (settings: ConvSettings) => number[],
  ) {
    super();
    const settings = convSettings(
      new.target,
      args,
      options,
      rules as OptionRules<ConvSettingsOptions>,
    );
    const { name, outputs } = settings;
    this.stride = settings.stride;
    this.padding = settings.padding;
    this.groups = settings.groups;
    const { bias = true, random } = options;
    const { weightInit = new XavierNormal(), biasInit = new Zero() } = options;
    const shape = shapeOf(settings);
    this.weight = param(`${name}.weight`, weightInit, shape, random);
    this.bias = bias
      ? param(`${name}.bias`, biasInit, [outputs], random)
      : null;
  }

  /** `[batch, ...spatial, in]` to `[batch, ...spatial, out]`. */
  abstract override update(x: T): T;
}
