/**
 * Kernels that reduce or go along axes.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  axesOfAll,
  axisOfAll,
  only,
  type Rule,
  type Rules,
  same,
} from "./call.ts";

/** A kernel that reduces the axes that a setting names: all, if it names none. */
function reduction(setting = "axis"): Rule {
  return (call) => {
    const given = call.attrs[setting] as number | number[] | null | undefined;
    const axes = axesOfAll(given, only(call).shape.length);
    // Of a scalar there is nothing to reduce, and no axes would mean all.
    if (axes.length === 0) return scalarOf(call);
    return same(({ attrs }) => ({ ...attrs, [setting]: axes }))(call);
  };
}

/** The reduction of scalars: themselves, along an axis of size 1. */
const scalarOf: Rule = (call) => {
  const { x } = only(call);
  const column = { x: tf.reshape(x, [...x.shape, 1]), isBatched: true };
  const setting = call.name === tf.Max ? "reductionIndices" : "axis";
  return same(({ attrs }) => ({
    ...attrs,
    [setting]: [x.rank],
    keepDims: false,
  }))(
    { ...call, inputs: { x: { ...column, shape: [] } } },
  );
};

/** A kernel that goes along one axis. */
function along(setting: string): Rule {
  return same((call) => ({
    ...call.attrs,
    [setting]: axisOfAll(
      call.attrs[setting] as number,
      only(call).shape.length,
    ),
  }));
}

/** The rules. */
export const reductions = (): Rules => ({
  All: reduction(),
  Any: reduction(),
  Max: reduction("reductionIndices"),
  Mean: reduction(),
  Min: reduction(),
  Prod: reduction(),
  Sum: reduction(),
  ArgMax: along("axis"),
  ArgMin: along("axis"),
  Cumprod: along("axis"),
  Cumsum: along("axis"),
  Softmax: along("dim"),
  // Of the last axis.
  TopK: same(),
});
