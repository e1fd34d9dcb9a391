/**
 * The weights of recurrent cells.
 *
 * @module
 */
import type { ParamState } from "../../state.ts";
import * as tf from "../../tf.ts";
import { type Initializer, Zero } from "../init/mod.ts";
import type { WeightOptions } from "./linear.ts";
import { Module } from "../module/module.ts";
import { param } from "../module/param.ts";

/** Options of recurrent cells. */
export type CellOptions = Omit<WeightOptions, "bias">;

/** `[x, h] W + b`, of a weight for both and as many outputs as asked for. */
export class Gates extends Module {
  /** `[in + hidden, out]` */
  readonly weight: ParamState<tf.Tensor2D>;
  /** `[out]` */
  readonly bias: ParamState<tf.Tensor1D>;
  readonly #inputs: number;

  /**
   * Make the parameters.
   *
   * @param name What errors call the cell.
   * @param sizes The number of features of `x`, of `h`, and of what comes out.
   * @param options See {@linkcode CellOptions}.
   */
  constructor(
    name: string,
    [inputs, hidden, outputs]: readonly [number, number, number],
    { weightInit, biasInit = new Zero(), random }: CellOptions & {
      readonly weightInit: Initializer;
    },
  ) {
    super();
    this.#inputs = inputs;
    const shape: [number, number] = [inputs + hidden, outputs];
    this.weight = param(`${name}.weight`, weightInit, shape, random);
    this.bias = param(`${name}.bias`, biasInit, [outputs], random);
  }

  /** The part of `x` with the bias, and the part of `h`, to be added up. */
  parts(): {
    ofInput(x: tf.Tensor): tf.Tensor;
    ofState(h: tf.Tensor2D): tf.Tensor2D;
  } {
    const inputs = this.#inputs;
    const [rows, outputs] = this.weight.shape as [number, number];
    const weight = this.weight.value;
    const bias = this.bias.value;
    const forInput = tf.slice(weight, [0, 0], [inputs, outputs]);
    const forState = tf.slice(weight, [inputs, 0], [rows - inputs, outputs]);
    return {
      ofInput: (x) => {
        const leading = x.shape.slice(0, -1);
        const flat = tf.reshape<tf.Rank.R2>(x, [
          tf.util.sizeFromShape(leading),
          inputs,
        ]);
        const product = tf.add(tf.matMul(flat, forInput), bias);
        return tf.reshape(product, [...leading, outputs]);
      },
      ofState: (h) => tf.matMul(h, forState),
    };
  }

  /** `[batch, in]` and `[batch, hidden]` to `[batch, out]`. */
  override update(x: tf.Tensor2D, h: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => {
      const { ofInput, ofState } = this.parts();
      return tf.add(ofInput(x), ofState(h)) as tf.Tensor2D;
    });
  }
}
