/**
 * Measures WebGPU on a graphics card, and compares with what was asked.
 *
 * ```sh
 * deno run -A bench/device/run.ts [--only products,steps] [--small] [--out FOLDER]
 * ```
 *
 * - `--only`: sections by name, of `conformance`, `products`, `steps`, `optimizer`, `mixed`
 *   and `grid`. Default: all, in this order.
 * - `--small`: little of everything, to see whether it runs, in software too. What is
 *   asked is asked of a large card.
 * - `--out`: a folder for `device.md` and `device.json`, which are written again after
 *   each section. Default: none; the report is printed.
 *
 * On Linux the card's Vulkan driver and the Vulkan loader must be installed. A section
 * that throws is reported, and the others run.
 */
import { parseArgs } from "node:util";
import { backendInfo, useBackend } from "../../mod.ts";
import type { Section } from "../driver/context.ts";
import { asked } from "../driver/report.ts";
import { table } from "../driver/table.ts";
import { conformance } from "./conformance.ts";
import { mixed } from "./mixed.ts";
import { optimizerSteps } from "./optimizer.ts";
import { grid, products } from "./products.ts";
import { steps } from "./steps.ts";

const SECTIONS: Readonly<
  Record<string, (isSmall: boolean) => Section | Promise<Section>>
> = { conformance, products, steps, optimizer: optimizerSteps, mixed, grid };

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    small: { type: "boolean", default: false },
    out: { type: "string" },
  },
});
const names = options.only?.split(",") ?? Object.keys(SECTIONS);
for (const name of names) {
  if (name in SECTIONS) continue;
  console.error(
    `Cannot measure ${name}: sections are ${Object.keys(SECTIONS).join(", ")}`,
  );
  Deno.exit(2);
}

await useBackend("webgpu");
const { adapter, features, limits, versions } = backendInfo();
const about = table(["", ""], [
  ["adapter", adapter],
  ["features", features.join(", ")],
  ...Object.entries(limits).map(([name, limit]) => [name, `${limit}`]),
  ["versions", `tfjs ${versions.tfjs}, Deno ${versions.deno}`],
]);

const sections: Section[] = [];

function page(): string {
  const targets = sections.flatMap(({ targets }) => targets);
  return [
    "# WebGPU on this device",
    about,
    ...targets.length > 0 ? ["## Asked and got", asked(targets)] : [],
    ...sections.flatMap(({ title, blocks }) => [`## ${title}`, ...blocks]),
  ].join("\n\n") + "\n";
}

for (const name of names) {
  console.error(`${name} ...`);
  try {
    sections.push(await SECTIONS[name]!(options.small));
  } catch (error) {
    const blocks = [`It failed: ${error}`];
    sections.push({ title: name, blocks, targets: [], data: null });
  }
  if (options.out !== undefined) {
    Deno.mkdirSync(options.out, { recursive: true });
    Deno.writeTextFileSync(`${options.out}/device.md`, page());
    const data = { adapter, features, limits, versions, sections };
    Deno.writeTextFileSync(
      `${options.out}/device.json`,
      JSON.stringify(data, null, 1),
    );
  }
}
console.log(page());
Deno.exit();
