/**
 * Low-rank adaptation of whole models.
 *
 * @module
 */
import {
  callable,
  checkOptions,
  type OptionRules,
  refuse,
} from "../../internal/check.ts";
import { freeze } from "../module/freeze.ts";
import type { Module } from "../module/module.ts";
import { checkModule } from "../module/module_rule.ts";
import { replaceModules } from "../module/replace.ts";
import { Linear } from "./linear.ts";
import { LoRA, LORA_RULES, type LoRAOptions } from "./lora.ts";

/** Options of {@linkcode addLoRA}. */
export interface AddLoRAOptions extends LoRAOptions {
  /** The rank of the adaptations. Default: 8. */
  readonly rank?: number;
  /** Whether to adapt the dense layer at a path. Default: all. */
  readonly where?: (path: string) => boolean;
}

const RULES: OptionRules<AddLoRAOptions> = {
  ...LORA_RULES,
  rank: "a positive integer",
  where: callable,
};

/**
 * Puts a {@linkcode LoRA} in the place of each dense layer of a model, and freezes all
 * other parameters: {@linkcode trainable} has the adaptations only, which can be saved
 * alone.
 *
 * Properties that had a `Linear` hold a `LoRA` from then on, until
 * {@linkcode mergeLoRA}.
 *
 * @example A model with an adaptation that is saved alone
 * ```ts
 * import { encodeSafetensors, nn, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(64, 64), nn.relu, new nn.Linear(64, 4));
 * nn.addLoRA(model, { rank: 2, where: (path) => path === "layers.0" });
 * assertEquals(Object.keys(nn.trainable(model)), ["layers.0.down", "layers.0.up"]);
 * const adapter = await encodeSafetensors(nn.trainable(model));
 * assertEquals(adapter.length < 1300, true);
 * ```
 *
 * @param model The model.
 * @param options See {@linkcode AddLoRAOptions}.
 * @returns The adaptations, by path.
 * @throws {RangeError} If there is no dense layer to adapt.
 */
export function addLoRA(
  model: Module,
  options: AddLoRAOptions = {},
): Record<string, LoRA> {
  const action = "add LoRA";
  checkModule(action, model);
  checkOptions(action, options, RULES);
  const { rank = 8, where = () => true, ...rest } = options;
  const modules = Object.entries(model.modules());
  const earlier = modules.flatMap(([, x]) => x instanceof LoRA ? [x] : []);
  const adapted = new Set<unknown>(earlier.map(({ base }) => base));
  const chosen = modules.filter(([path, layer]) =>
    path !== "" && layer instanceof Linear && !adapted.has(layer) && where(path)
  ) as [string, Linear][];
  if (chosen.length === 0) {
    throw new RangeError(
      `Cannot ${action}: ${model.constructor.name} must have a Linear inside that \`where\` selects and that has none yet`,
    );
  }
  const masked = chosen.find(([, layer]) => layer.weightMask);
  if (masked) {
    const is = "without weightMask, or not selected by `where`";
    refuse(action, masked[0], is, masked[1]);
  }
  const trained = new Set<unknown>(earlier.flatMap((x) => [x.down, x.up]));
  freeze(model, (_, state) => !trained.has(state));
  const added = chosen.map(([path, layer]): [string, LoRA] => [
    path,
    new LoRA(layer, rank, rest),
  ]);
  const places = new Map(added.map(([, lora]) => [lora.base, lora]));
  replaceModules(model, places);
  return Object.fromEntries(added);
}

/**
 * Adds the adaptations of a model to the weights of its layers, and puts these in their
 * place again: the model computes the same, as fast as it did before
 * {@linkcode addLoRA}. Parameters stay frozen; {@linkcode unfreeze} undoes that.
 *
 * @param model The model.
 * @throws {RangeError} If it has no adaptation inside.
 */
export function mergeLoRA(model: Module): void {
  const action = "merge LoRA";
  checkModule(action, model);
  const adaptations = Object.entries(model.modules())
    .flatMap(([path, x]) => x instanceof LoRA && path !== "" ? [x] : []);
  if (adaptations.length === 0) {
    throw new RangeError(
      `Cannot ${action}: ${model.constructor.name} must have a LoRA inside`,
    );
  }
  const places = new Map(adaptations.map((x) => [x, x.merge()]));
  replaceModules(model, places);
  for (const { down, up } of adaptations) {
    down.dispose();
    up.dispose();
  }
}
