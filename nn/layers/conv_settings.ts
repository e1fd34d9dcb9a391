/**
 * The settings that convolutions and transposed convolutions share.
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
  stride: perAxisRule,
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
export function convSettings<O extends ConvSettingsOptions>(
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

/** The weight of a convolution, by default {@linkcode XavierNormal}. */
export function convWeight(
  { name }: ConvSettings,
  shape: number[],
  { weightInit = new XavierNormal(), random }: WeightOptions,
): ParamState {
  return param(`${name}.weight`, weightInit, shape, random);
}

/** The bias of a convolution, by default {@linkcode Zero}. */
export function convBias(
  { name, outputs }: ConvSettings,
  { bias = true, biasInit = new Zero(), random }: WeightOptions,
): ParamState<tf.Tensor1D> | null {
  return bias ? param(`${name}.bias`, biasInit, [outputs], random) : null;
}
