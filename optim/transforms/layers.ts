/**
 * Learning rates by layer.
 *
 * @module
 */
import {
  anything,
  callable,
  check,
  checkOptions,
  type OptionRules,
  recordOf,
  refuse,
} from "../../internal/check.ts";
import type { Named } from "../../tensors.ts";
import { scaleBy } from "./scale_by.ts";
import type { GradientTransformation } from "./transformation.ts";

/** Options of {@linkcode layerDecay}. */
export interface LayerDecayOptions {
  /** The rate of a layer, in rates of the one above it. Default: 0.75. */
  readonly decay?: number | undefined;
  /** The layer of a parameter, 0 for the lowest. Default: see {@linkcode layerScales}. */
  readonly layerOf?: ((path: string) => number) | undefined;
}

const RULES: OptionRules<LayerDecayOptions> = {
  decay: "in (0, 1]",
  layerOf: callable,
};

/**
 * The factor of the learning rate of each parameter: less for lower layers, which need to
 * change less where a trained model is tuned.
 *
 * ```text
 * decay^(L - l)      of layer l, where L is the highest
 * ```
 *
 * Without `layerOf`, layers are told by paths, in the order of `params`. Paths with the
 * same beginning up to their first number, as `blocks.3`, are a layer. What comes before
 * the first of these, as embeddings, is the lowest. What comes last without a number, as
 * `head`, is the highest, with all of the same first name. Anything else without a number
 * belongs to the layer before it.
 *
 * As timm's `param_groups_layer_decay` does with vision transformers.
 *
 * @param params The states of a model by path, in the order of their layers.
 * @param options See {@linkcode LayerDecayOptions}.
 * @returns The factors, by path.
 * @throws {RangeError} If layers cannot be told by the paths.
 */
export function layerScales(
  params: Named<unknown>,
  options: LayerDecayOptions = {},
): Record<string, number> {
  return scalesOf("find layers", params, options);
}

function scalesOf(
  action: string,
  params: Named<unknown>,
  options: LayerDecayOptions,
): Record<string, number> {
  check(action, "params", params, recordOf(anything));
  checkOptions(action, options, RULES);
  const { decay = 0.75, layerOf } = options, paths = Object.keys(params);
  const layers = layerOf
    ? paths.map((path) => {
      const layer = layerOf(path);
      check(action, `layerOf("${path}")`, layer, "a nonnegative integer");
      return layer;
    })
    : layersByPath(action, paths);
  const highest = Math.max(...layers);
  const entries = paths.map((
    path,
    i,
  ) => [path, decay ** (highest - layers[i]!)]);
  return Object.fromEntries(entries);
}

/** The layers of paths, by their numbers. */
function layersByPath(action: string, paths: readonly string[]): number[] {
  const blocks = new Map<string, number>();
  const last = paths.at(-1) ?? "";
  const head = blockOf(last) === undefined ? firstName(last) : undefined;
  let current = 0;
  const layers = paths.map((path) => {
    const block = blockOf(path);
    if (block !== undefined) {
      current = blocks.get(block) ?? blocks.size + 1;
      blocks.set(block, current);
    } else if (firstName(path) === head && blocks.size > 0) return Infinity;
    return current;
  });
  if (blocks.size === 0) {
    const rule = "with numbered layers, unless layerOf is given";
    refuse(action, "the paths of params", rule, paths.join(", "));
  }
  return layers.map((layer) => Math.min(layer, blocks.size + 1));
}

/** The beginning of a path up to its first number, if it has one. */
function blockOf(path: string): string | undefined {
  const names = path.split(".");
  const end = names.findIndex((name) => /^[0-9]+$/.test(name));
  return end < 0 ? undefined : names.slice(0, end + 1).join(".");
}

function firstName(path: string): string {
  return path.split(".")[0]!;
}

/**
 * Scale the updates of each parameter by the factor of its layer: layer-wise decay of the
 * learning rate, at the end of a chain, under any schedule.
 *
 * ```text
 * u ← decay^(L - l) u      of layer l, where L is the highest
 * ```
 *
 * {@linkcode layerScales} says which layers there are. Decoupled weight decay is scaled
 * with the rate, as in timm. For an optimizer that is a class only, make groups with
 * rates of `layerScales`.
 *
 * {@link https://arxiv.org/abs/2003.10555 | Clark et al., 2020}.
 *
 * @example Tuning a trained model
 * ```ts
 * import { nn, optim, ParamState, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
 * const params = model.states(ParamState);
 * const tx = optim.chain(
 *   optim.adamw({ decayMask: optim.matricesExcept(/embedding/) }),
 *   optim.layerDecay(params, { decay: 0.5 }),
 * );
 * new optim.Optimizer({ tx, lr: 1e-3 }).registerTrainableWeights(params);
 * assertEquals(optim.layerScales(params, { decay: 0.5 }), {
 *   "layers.0.weight": 0.5,
 *   "layers.0.bias": 0.5,
 *   "layers.1.weight": 1,
 *   "layers.1.bias": 1,
 * });
 * ```
 *
 * @param params The states of a model by path, in the order of their layers.
 * @param options See {@linkcode LayerDecayOptions}.
 * @returns The transformation. Its functions throw for a parameter that `params` lacks.
 * @throws {RangeError} If layers cannot be told by the paths.
 */
export function layerDecay(
  params: Named<unknown>,
  options: LayerDecayOptions = {},
): GradientTransformation {
  const scales = scalesOf("create layerDecay", params, options);
  return scaleBy((path) => {
    if (!Object.hasOwn(scales, path)) {
      const known = "one of those that layerDecay was given";
      refuse("scale by layer", "the path of a parameter", known, path);
    }
    return scales[path]!;
  });
}
