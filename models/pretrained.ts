/**
 * Published weights, in and out.
 *
 * @module
 */
import {
  listSafetensors,
  type LoadOptions,
  loadSafetensors,
  type SafetensorsReport,
  saveSafetensors,
  type StoredMap,
} from "../checkpoint.ts";
import {
  anything,
  check,
  checkOptions,
  either,
  instanceOf,
  listOf,
  type OptionRules,
  refuse,
  rule,
  string,
} from "../internal/check.ts";
import { LoRA, Module } from "../nn/mod.ts";

/** How the weights of a model are laid out in published files. */
export interface Layout {
  /** Where the value of each state is. */
  readonly map: StoredMap;
  /** Names that files have and the model does not need. Default: none. */
  readonly ignore?: readonly (string | RegExp)[];
}

/** A model whose weights are published. */
export interface Pretrained extends Module {
  /**
   * How its weights are laid out.
   *
   * @param names The names in a file, where files differ. Default: as they are saved.
   */
  layout(names?: readonly string[]): Layout;
}

/** Options of {@linkcode loadPretrained}. */
export interface LoadPretrainedOptions extends LoadOptions {
  /** Names in the file that may stay unused, besides those of the layout. Default: none. */
  readonly ignore?: readonly (string | RegExp)[];
}

const RULES: OptionRules<LoadPretrainedOptions> = {
  // As in loadSafetensors, which checks them.
  mismatch: anything,
  strict: anything,
  ignore: listOf(either(string, instanceOf(RegExp, "a string or a RegExp"))),
};

const pretrained = rule(
  "a model with layout()",
  (x) => x instanceof Module && "layout" in x && typeof x.layout === "function",
);

/**
 * Load published weights: those that torchvision, timm or Hugging Face's
 * `transformers` have for this architecture, as safetensors.
 *
 * Every tensor in the file that is not used, and every state that is not given, is named
 * in one error. To fine-tune for other classes, load with `mismatch: "ignore"`: what
 * does not fit stays as it is, and the report names it.
 *
 * @example Weights out and in again
 * ```ts
 * import { useBackend } from "@braintape/braintape";
 * import { Gpt2, loadPretrained, savePretrained } from "@braintape/braintape/models";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const file = `${await Deno.makeTempDir()}/model.safetensors`;
 * const sizes = { vocabulary: 10, context: 8, width: 4, layers: 1, heads: 1 };
 * await savePretrained(file, new Gpt2(sizes));
 *
 * const model = new Gpt2(sizes);
 * const report = await loadPretrained(file, model);
 * assertEquals(report.unexpected, []);
 * ```
 *
 * @param file The path of the file, or of the index of its shards.
 * @param model The model.
 * @param options See {@linkcode LoadPretrainedOptions}.
 * @returns The differences, and which tensors were 16-bit.
 * @throws {CheckpointError} If the file is damaged or not a safetensors file.
 * @throws {RangeError} If file and model differ and the options do not allow it.
 */
export async function loadPretrained(
  file: string | URL,
  model: Pretrained,
  options: LoadPretrainedOptions = {},
): Promise<SafetensorsReport> {
  const action = "load pretrained weights";
  check(action, "the model", model, pretrained);
  checkOptions(action, options, RULES);
  const names = (await listSafetensors(file)).map(({ name }) => name);
  const { map, ignore = [] } = model.layout(names);
  return await loadSafetensors(file, model, {
    ...options,
    map,
    ignore: [...ignore, ...options.ignore ?? []],
  });
}

/**
 * Save the weights of a model as PyTorch has them, so that torchvision, timm or
 * `transformers` can load the file.
 *
 * @param file The path of the file; missing folders are created.
 * @param model The model.
 * @throws {RangeError} If the model has adaptations that are not merged.
 */
export async function savePretrained(
  file: string | URL,
  model: Pretrained,
): Promise<void> {
  const action = "save pretrained weights";
  check(action, "the model", model, pretrained);
  if (Object.values(model.modules()).some((part) => part instanceof LoRA)) {
    // Published files have no place for adaptations.
    const is = "without LoRA, which nn.mergeLoRA adds to the weights";
    refuse(action, "the model", is, model);
  }
  const { map } = model.layout();
  // What transformers demands of a file.
  await saveSafetensors(file, model, { map, metadata: { format: "pt" } });
}
