/**
 * The modules of a model: their outputs and parameters.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { callable, check } from "../../internal/check.ts";
import { grouped } from "../../internal/shown.ts";
import { mapTensors } from "../../memory.ts";
import { type Module, namedParameters } from "../../nn/mod.ts";
import { checkModule } from "../../nn/module/module_rule.ts";
import { escapeXml } from "./palette.ts";

/** A module of a model. */
export interface ModuleRow {
  /** Its path in the model; empty for the model itself. */
  readonly path: string;
  /** The name of its class. */
  readonly kind: string;
  /** The shapes of the tensors that it returned; undefined if it was not called. */
  readonly outputs: readonly (readonly number[])[] | undefined;
  /** The number of elements of its own parameters, without those of modules inside. */
  readonly parameters: number;
}

/** Notes the shapes of what the modules of a model return, until it is stopped. */
export class OutputShapes {
  readonly #model: Module;
  readonly #shapes = new Map<string, readonly (readonly number[])[]>();
  #restore: (() => void)[] = [];

  /** Watch all modules of `model`. */
  constructor(model: Module) {
    this.#model = model;
    for (const [path, module] of Object.entries(model.modules())) {
      if (!Object.isExtensible(module)) continue;
      const own = Object.getOwnPropertyDescriptor(module, "update");
      if (own && !own.configurable) continue;
      const { update } = module;
      const note = (result: unknown) => {
        if (!this.#shapes.has(path)) this.#shapes.set(path, shapesIn(result));
        return result;
      };
      Object.defineProperty(module, "update", {
        configurable: true,
        writable: true,
        enumerable: false,
        value: (...args: never[]) => note(update.apply(module, args)),
      });
      this.#restore.push(() => {
        if (own) Object.defineProperty(module, "update", own);
        else Reflect.deleteProperty(module, "update");
      });
    }
  }

  /** Watch no longer. */
  stop(): void {
    for (const restore of this.#restore) restore();
    this.#restore = [];
  }

  /** The modules, with what was seen. */
  rows(): readonly ModuleRow[] {
    const modules = Object.entries(this.#model.modules());
    const sizes = new Map(modules.map(([path]) => [path, 0]));
    for (const [path, { size }] of namedParameters(this.#model)) {
      const isInside = (owner: string) =>
        owner === "" || path.startsWith(`${owner}.`);
      // A module comes before those inside it, so the last match is the innermost.
      const owner = modules.map(([path]) => path).findLast(isInside) ?? "";
      sizes.set(owner, sizes.get(owner)! + size);
    }
    return modules.map(([path, module]) => ({
      path,
      kind: module.constructor.name,
      outputs: this.#shapes.get(path),
      parameters: sizes.get(path)!,
    }));
  }
}

/**
 * The modules of a model, for the option `modules` of {@linkcode renderReport}.
 *
 * @example Usage
 * ```ts
 * import { nn, tf, train, useBackend } from "@braintape/braintape";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("cpu");
 * const model = new nn.Sequential(new nn.Linear(2, 3), nn.relu);
 * const rows = train.modulesOf(model, () => model.predict(tf.ones([8, 2])));
 * assertEquals(rows[1], {
 *   path: "layers.0",
 *   kind: "Linear",
 *   outputs: [[8, 3]],
 *   parameters: 9,
 * });
 * ```
 *
 * @param model The model.
 * @param call A function that calls the model, to see the shapes of its outputs; the
 *   tensors it makes are freed. Default: none.
 * @returns The modules, each before those inside it.
 */
export function modulesOf(
  model: Module,
  call?: () => unknown,
): readonly ModuleRow[] {
  checkModule("list modules", model);
  if (call !== undefined) check("list modules", "call", call, callable);
  const shapes = new OutputShapes(model);
  try {
    if (call) tf.tidy(() => void call());
    return shapes.rows();
  } finally {
    shapes.stop();
  }
}

function shapesIn(result: unknown): readonly (readonly number[])[] {
  const shapes: number[][] = [];
  mapTensors(result, (x) => {
    shapes.push([...x.shape]);
    return x;
  });
  return shapes;
}

/** A section with a table of modules. */
export function modulesSection(rows: readonly ModuleRow[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(({ path, kind, outputs = [], parameters }) =>
    `<tr><th>${escapeXml(path || "model")}</th><td>${escapeXml(kind)}</td><td>${
      outputs.map((shape) => `[${shape.join(", ")}]`).join(" ")
    }</td><td class="number">${parameters ? grouped(parameters) : ""}</td></tr>`
  );
  const total = rows.reduce((sum, { parameters }) => sum + parameters, 0);
  return `<h2>Model</h2>
<div class="table"><table>
<thead><tr><th>module</th><th>class</th><th>output</th><th>parameters</th></tr></thead>
<tbody>${lines.join("\n")}
<tr class="best"><th>all</th><td></td><td></td><td class="number">${
    grouped(total)
  }</td></tr></tbody>
</table></div>`;
}
