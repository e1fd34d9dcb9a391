/**
 * How PyTorch lays out the weights of layers.
 *
 * @module
 */
import { joined, type Stored, stored, summed } from "../checkpoint.ts";
import {
  callable,
  check,
  checkOptions,
  instanceOf,
  type OptionRules,
} from "../internal/check.ts";
import * as nn from "../nn/mod.ts";
import type { Layout } from "./pretrained.ts";

/** Options of {@linkcode torchLayout}. */
export interface TorchLayoutOptions {
  /**
   * The name in the file of what the layers alone would name so. Default: the same.
   */
  readonly rename?: (name: string) => string;
}

const RULES: OptionRules<TorchLayoutOptions> = { rename: callable };

/** What PyTorch calls the properties of modules; "" where it has no name. */
const NAMES: readonly (readonly [
  Class: abstract new (...args: never[]) => nn.Module,
  names: Readonly<Record<string, string>>,
])[] = [
  [nn.Sequential, { layers: "" }],
  [nn.BatchNorm, { runningMean: "running_mean", runningVar: "running_var" }],
  [nn.MultiHeadAttention, { out: "out_proj" }],
  [nn.TransformerBlock, {
    attention: "self_attn",
    attentionNorm: "norm1",
    denseNorm: "norm2",
    expand: "linear1",
    contract: "linear2",
  }],
  [nn.RNN, { cell: "" }],
];

/**
 * The layout that PyTorch gives to the layers of a model, for `loadSafetensors` and
 * `saveSafetensors`: names, orders of axes, packed weights.
 *
 * | layer | in PyTorch |
 * | --- | --- |
 * | `Linear` | `[out, in]` |
 * | `Conv1d`, `Conv2d`, `Conv3d` | `[out, in, ...kernel]` |
 * | `ConvTranspose1d`, `ConvTranspose2d`, `ConvTranspose3d` | `[in, out, ...kernel]` |
 * | `BatchNorm` | `running_mean`, `running_var`; `num_batches_tracked` is ignored |
 * | `Sequential` | `0`, `1`, ... rather than `layers.0` |
 * | `MultiHeadAttention` | `in_proj_weight` has queries, keys and values |
 * | `TransformerBlock` | `TransformerEncoderLayer(norm_first=True)` |
 * | `LSTM`, or `RNN` of a `LSTMCell` | `LSTM`: gates in another order, two biases |
 * | `GRU`, or `RNN` of a `GRUCell`, with `resetAfter` | `GRU`: as there, and `1 - z` for `z` |
 *
 * Other states have their path as a name, and the same axes. A `GRUCell` without
 * `resetAfter` cannot be mapped: PyTorch's multiplies by the reset gate after the product.
 *
 * A dense layer after `Flatten` has its features in PyTorch's order, where the channels of
 * images come first: `new nn.Flatten({ order: "channelsFirst" })` flattens so.
 *
 * @example Weights of PyTorch in and out
 * ```ts
 * import { decodeSafetensors, encodeSafetensors, listSafetensors, nn, saveSafetensors, useBackend } from "@braintape/braintape";
 * import { torchLayout } from "@braintape/braintape/models";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(
 *   new nn.Conv2d(1, 8, 3),
 *   new nn.BatchNorm2d(8),
 *   nn.relu,
 *   new nn.Flatten({ order: "channelsFirst" }),
 *   new nn.Linear(8 * 28 * 28, 10),
 * );
 * const file = `${await Deno.makeTempDir()}/model.safetensors`;
 * await saveSafetensors(file, model, { map: torchLayout(model).map });
 * const [first] = await listSafetensors(file);
 * assertEquals(first, { name: "0.weight", dtype: "F32", shape: [8, 1, 3, 3] });
 * await decodeSafetensors(await Deno.readFile(file), model, torchLayout(model));
 * ```
 *
 * @param model The model.
 * @param options See {@linkcode TorchLayoutOptions}.
 */
export function torchLayout(
  model: nn.Module,
  options: TorchLayoutOptions = {},
): Layout {
  const action = "lay out a model as PyTorch does";
  check(action, "the model", model, instanceOf(nn.Module, "a module"));
  checkOptions(action, options, RULES);
  const { rename = (name: string) => name } = options;
  const modules = model.modules();
  return {
    map: (path, shape) => {
      const owner = ownerOf(path, modules);
      const name = (path: string) => rename(nameOf(path, modules));
      const own = path.slice(owner === "" ? 0 : owner.length + 1);
      return placeOf(modules, owner, own, shape, name);
    },
    ignore: [/(^|\.)num_batches_tracked$/],
  };
}

/** The path of the innermost module that has the state. */
function ownerOf(path: string, modules: Record<string, nn.Module>): string {
  let owner = path;
  do {
    owner = owner.slice(0, Math.max(owner.lastIndexOf("."), 0));
  } while (!Object.hasOwn(modules, owner));
  return owner;
}

/** A path in PyTorch's words. */
function nameOf(path: string, modules: Record<string, nn.Module>): string {
  let [prefix, name] = ["", ""];
  for (const segment of path.split(".")) {
    const owner = Object.hasOwn(modules, prefix) ? modules[prefix] : undefined;
    const names = NAMES.find(([Class]) => owner instanceof Class)?.[1] ?? {};
    const own = Object.hasOwn(names, segment) ? names[segment]! : segment;
    if (own !== "") name = join(name, own);
    prefix = join(prefix, segment);
  }
  return name;
}

function join(path: string, end: string): string {
  return path === "" ? end : `${path}.${end}`;
}

/**
 * Where a state is.
 *
 * @param owner The path of the module that has it.
 * @param own Its path in the module.
 * @param name The name in the file of a path.
 */
function placeOf(
  modules: Record<string, nn.Module>,
  owner: string,
  own: string,
  shape: readonly number[],
  name: (path: string) => string,
): Stored {
  const module = modules[owner]!;
  const around = ownerOf(owner, modules), outer = modules[around];
  if (module instanceof nn.LSTMCell) {
    return lstm(module, own, ofCell(modules, owner, name));
  }
  if (module instanceof nn.GRUCell && module.stateBias) {
    return gru(module, own, ofCell(modules, owner, name));
  }
  const third = ["query", "key", "value"].indexOf(owner.split(".").at(-1)!);
  if (outer instanceof nn.MultiHeadAttention && third >= 0) {
    return attention(
      outer,
      third,
      own,
      (end) => name(join(around, end)),
    );
  }
  const plain = stored(name(join(owner, own)));
  if (own !== "weight" && own !== "weightMask") return plain;
  const kernel = shape.map((_, i) => i).slice(2);
  if (module instanceof nn.Linear) return plain.transposed();
  if (module instanceof nn.Conv) return plain.transposed([...kernel, 1, 0]);
  return module instanceof nn.ConvTranspose
    ? plain.transposed([...kernel, 0, 1])
    : plain;
}

/** PyTorch packs the projections to queries, keys and values, if they are alike. */
function attention(
  { query, key }: nn.MultiHeadAttention,
  third: number,
  own: string,
  name: (end: string) => string,
): Stored {
  if (own === "bias") return stored(name("in_proj_bias")).part(third, 3);
  const isPacked = query.inSize[0] === key.inSize[0];
  return isPacked
    ? stored(name("in_proj_weight")).part(third, 3).transposed()
    : stored(name(`${"qkv"[third]}_proj_weight`)).transposed();
}

/** What PyTorch calls the weights of a cell: `weight_ih_l1_reverse` and so on. */
function ofCell(
  modules: Record<string, nn.Module>,
  owner: string,
  name: (path: string) => string,
): (end: string) => string {
  const around = ownerOf(owner, modules), outer = ownerOf(around, modules);
  if (!(modules[around] instanceof nn.RNN)) {
    return (end) => name(join(owner, end));
  }
  const stack = modules[outer];
  if (!(stack instanceof nn.LSTM || stack instanceof nn.GRU)) {
    return (end) => name(join(around, `${end}_l0`));
  }
  const [direction, layer] = around.slice(outer === "" ? 0 : outer.length + 1)
    .split(".");
  const place = `_l${layer}${direction === "backward" ? "_reverse" : ""}`;
  return (end) => name(join(outer, end + place));
}

/** The order of the gates here: input, candidate, forget, output. */
const GATES = [0, 2, 1, 3];
const FORGET = 1;

/** PyTorch has the gates in another order, and two biases; ours adds 1 to forget. */
function lstm(
  cell: nn.LSTMCell,
  own: string,
  name: (end: string) => string,
): Stored {
  if (own === "gates.weight") {
    const weights = ["weight_ih", "weight_hh"].map((end) =>
      stored(name(end)).reordered(GATES).transposed()
    );
    return joined(weights, { sizes: [cell.inSize[0], cell.hiddenSize] });
  }
  const bias = summed([name("bias_ih"), name("bias_hh")]);
  return joined(GATES.map((gate) => {
    const part = bias.part(gate, GATES.length);
    return gate === FORGET ? part.plus(-1) : part;
  }));
}

/** PyTorch has all gates and the candidate in one, and two biases; our z is 1 - z. */
function gru(
  cell: nn.GRUCell,
  own: string,
  name: (end: string) => string,
): Stored {
  const sizes = [cell.inSize[0], cell.hiddenSize];
  const gates = (all: Stored) =>
    joined([all.part(0, 3), all.part(1, 3).negated()]);
  const weights = ["weight_ih", "weight_hh"].map((end) => stored(name(end)));
  const biases = ["bias_ih", "bias_hh"].map((end) => stored(name(end)));
  switch (own) {
    case "gates.weight":
      return joined(weights.map((all) => gates(all).transposed()), { sizes });
    case "candidate.weight":
      return joined(
        weights.map((all) => all.part(2, 3).transposed()),
        { sizes },
      );
    case "gates.bias":
      return gates(summed(biases));
    case "candidate.bias":
      return biases[0]!.part(2, 3);
    default: // the bias of the state
      return biases[1]!.part(2, 3);
  }
}
