/** The defaults that comments name are those of the code. */
import { assert, assertEquals } from "@std/assert";
import * as optim from "../../optim/mod.ts";
import { useBackend } from "../../backend/mod.ts";
import { seed } from "../../random.ts";
import type { ParamState } from "../../state.ts";
import { OPTIMIZERS } from "./_optimizers.ts";
import { disposeAll, gradients, quadratic, start } from "./_problem.ts";

const ROOT = new URL("../../optim/", import.meta.url);

/** The source of each folder's files. */
async function sources(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
    if (!name.endsWith(".ts")) continue;
    found.push(await Deno.readTextFile(new URL(folder + name, ROOT)));
  }
  return found;
}

/** The default that the comment on each option names. */
function ofOptions(source: string): Map<string, string> {
  const found = new Map<string, string>();
  const members = /\/\*\*((?:(?!\*\/)[^])*?)\*\/\s*readonly (\w+)\?:/g;
  for (const [, comment, name] of source.matchAll(members)) {
    const text = comment!.replace(/\s*\n\s*\* ?/g, " ");
    const value = /Default: (.*?)\.(?=\s|$)/.exec(text)?.[1];
    if (value) found.set(name!, value);
  }
  return found;
}

/** Defaults in sentences such as "`lr` is 1e-3 by default, `eps` 1e-8". */
function ofSentences(source: string): Map<string, string>[] {
  const text = source.replace(/\s*\n\s*\* ?/g, " ");
  const sentences = text.matchAll(
    /`(\w+)` (?:is|are) (\[[^\]]*\]|[\w.-]+?)(?: by default|,)([^;]*?)(?=\.(?:\s|$)|;)/g,
  );
  return Array.from(sentences, ([, name, value, rest]) => {
    const more = rest!.matchAll(/`(\w+)` (?:is )?(-?[\d.]*\d(?:e-?\d+)?)/g);
    return new Map([
      [name!, value!],
      ...Array.from(more, ([, name, value]) => [name!, value!] as const),
    ]);
  });
}

/** The value of what a comment names, unless it is described in words. */
function valueOf(shown: string): { readonly value: unknown } | undefined {
  const text = shown.replace(/, if .*$/, "")
    .replace(/^\{@linkcode (\w+)\}$/, "$1").replaceAll("`", "");
  if (Object.hasOwn(optim, text)) {
    return { value: optim[text as keyof typeof optim] };
  }
  try {
    return {
      value: text === "Infinity" ? Infinity : JSON.parse(text) as unknown,
    };
  } catch {
    return undefined;
  }
}

const NAMES = ["scalar", "vector", "matrix", "zero"];

/** Where six steps lead. */
async function train(name: string, options: object): Promise<number[]> {
  seed(1); // of Sophia's estimates
  const params = start(NAMES), optimizer = OPTIMIZERS[name]!.make(options);
  optimizer.registerTrainableWeights(params);
  const isFunction = ["LBFGS", "Prodigy", "DAdaptAdamW"].includes(name);
  for (let k = 1; k <= 6; k++) {
    optimizer.step(isFunction ? quadratic(params) : gradients(NAMES, k));
  }
  const all = Object.values<ParamState>(params).map(({ value }) =>
    value.data()
  );
  const values = (await Promise.all(all)).flatMap((x) => [...x]);
  optimizer.dispose();
  disposeAll(params);
  return values;
}

/** The options that classes take over, by the name of their interface. */
const SHARED = await Promise.all(
  Object.entries({
    MomentsOptions: "options",
    OrthogonalizeOptions: "orthogonalize",
    ProjectLowRankOptions: "project_low_rank",
    ScheduleFreeOptions: "schedule_free",
  }).map(async ([name, file]) =>
    [
      name,
      ofOptions(
        await Deno.readTextFile(new URL(`transforms/${file}.ts`, ROOT)),
      ),
    ] as const
  ),
);
const CLASSES = await sources("named/");

for (const [name, { scenes }] of Object.entries(OPTIMIZERS)) {
  const source = CLASSES.find((text) =>
    text.includes(`export class ${name} `) ||
    text.includes(`export class ${name}\n`)
  );
  if (!source) continue;
  Deno.test(`${name} has the defaults that its comments name`, async () => {
    await useBackend("cpu");
    const own = ofOptions(source), sentences = ofSentences(source);
    let count = 0;
    for (const [option, scene] of Object.entries(scenes)) {
      const { [option]: _, ...others } = { ...scene.with } as Record<
        string,
        unknown
      >;
      const said = [
        ...sentences.map((each) => each.get(option)),
        own.get(option) ??
          (sentences.some((each) => each.has(option))
            ? undefined
            : SHARED.filter(([name]) => source.includes(`tx.${name}`))
              .map(([, each]) => each.get(option)).find((x) => x)),
      ];
      for (const shown of said) {
        const found = shown === undefined ? undefined : valueOf(shown);
        if (!found || found.value === null && option === "lr") continue;
        count++;
        assertEquals(
          await train(name, { ...others, [option]: found.value }),
          await train(name, others),
          `${option} is not ${shown} by default`,
        );
      }
    }
    assert(count > 0, "no default was found");
  });
}
