/**
 * Elementwise rules: the math of one element of a parameter.
 *
 * @module
 */
import type { Expr } from "../../backend/fusion/mod.ts";
import type { Named } from "../../tensors.ts";

/** What the scalars of a rule may depend on. */
export interface StepInfo {
  /** Which step of this parameter it is; 1 at the first. */
  readonly t: number;
  /** The rate of the optimizer, if there is one. */
  readonly lr: number | undefined;
  /** The rate that the schedule of the optimizer started from. */
  readonly baseLr: number | undefined;
  /** The path of the parameter. */
  readonly path: string;
  /** The shape of the parameter. */
  readonly shape: readonly number[];
}

/**
 * What a tensor kept between steps holds at first: a number at each element,
 * the parameter's values, or a single number for the whole parameter.
 */
export type SlotStart = number | "param" | { readonly one: number };

/**
 * The math of an elementwise transformation.
 *
 * @typeParam Slot Names of the tensors kept between steps.
 * @typeParam Scalar Names of the numbers that change with the step.
 */
export interface ElementwiseRule<
  Slot extends string = string,
  Scalar extends string = string,
> {
  /** The tensors kept between steps, by name, and their first values. */
  readonly slots?: Readonly<Record<Slot, SlotStart>> | undefined;
  /** Numbers of a step and parameter, computed on the host in float64. */
  readonly scalars?:
    | Readonly<Record<Scalar, (info: StepInfo) => number>>
    | undefined;
  /** The new update and slots, at one element. */
  update(
    x: { readonly update: Expr; readonly param: Expr } & Record<Slot, Expr>,
    s: Readonly<Record<Scalar, Expr>>,
  ): { readonly update: Expr } & Readonly<Record<NoInfer<Slot>, Expr>>;
}

/** An {@linkcode ElementwiseRule} with nothing left out. */
export interface CompleteRule extends ElementwiseRule {
  /** The tensors kept between steps, by name, and their first values. */
  readonly slots: Named<SlotStart>;
  /** Numbers of a step and parameter, computed on the host in float64. */
  readonly scalars: Named<(info: StepInfo) => number>;
}
