/**
 * Functions that compute several formulas in one pass over memory.
 *
 * They read where tensors are from a table: the operands, then the results.
 *
 * @module
 */
import {
  type Args,
  Assembler,
  type Body,
  hasRelaxedSimd,
  I32,
  I32x4,
  load,
  loadSplat,
} from "../wasm/assembler/assembler.ts";
import { eachVector, type Lanes } from "../wasm/assembler/lanes.ts";
import {
  type Formula,
  loadLanes,
  type Storage,
  storeLanes,
  type Vector,
} from "../wasm/kernels/elementwise.ts";
import { isShared, wasmMemory } from "../wasm/machine/backend.ts";
import { machine } from "../wasm/machine/functions.ts";
import type { Threads } from "../wasm/machine/threads.ts";
import type { Access } from "./elementwise.ts";

/** A value: of an operand by its number, or of an earlier step. */
export type Ref =
  | { readonly operand: number }
  | { readonly step: number };

/** What to compute of each element. */
export interface Recipe {
  /** What is read. */
  readonly operands: readonly {
    readonly storage: Storage;
    readonly access: Access;
  }[];
  /** What is computed, in order. */
  readonly steps: readonly {
    readonly formula: Formula;
    readonly args: readonly Ref[];
    readonly numbers: readonly number[];
  }[];
  /** The steps whose values are written. */
  readonly results: readonly number[];
}

/**
 * The parameters: the table; for the operands that go by elements the first element,
 * for those that go by rows the first row; then how many rows of how many bytes of
 * words.
 */
const PARAMETERS = {
  scratch: I32,
  table: I32,
  element: I32,
  row: I32,
  rows: I32,
  bytes: I32,
} as const;

/** How many functions are compiled at most for one memory: those of programs that are disposed remain. */
const MOST_FUNCTIONS = 1000;

const compiled = new WeakMap<Threads, Map<string, number>>();

/** The numbers of the functions of `recipes`; undefined where there would be too many. */
export function fusedFunctions(
  recipes: readonly Recipe[],
): (number | undefined)[] {
  const threads = machine();
  const known = compiled.get(threads) ?? new Map<string, number>();
  compiled.set(threads, known);
  const keys = recipes.map(keyOf);
  const added = new Map<string, Recipe>();
  keys.forEach((key, i) => {
    const isNew = !known.has(key) && known.size + added.size < MOST_FUNCTIONS;
    if (isNew) added.set(key, recipes[i]!);
  });
  if (added.size > 0) {
    const shared = isShared(wasmMemory());
    const m = new Assembler({ shared, relaxed: hasRelaxedSimd() });
    [...added.values()].forEach((recipe, i) => {
      m.export(
        `elements${i}`,
        PARAMETERS,
        (f, p) => new FusedCode(f, recipe, p).write(),
      );
    });
    const module = new WebAssembly.Module(m.encode());
    const first = threads.add(() => ({ module, names: m.names }));
    [...added.keys()].forEach((key, i) => known.set(key, first + i));
  }
  return keys.map((key) => known.get(key));
}

/** Recipes of the same key have the same code. */
function keyOf({ operands, steps, results }: Recipe): string {
  return JSON.stringify([
    operands.map(({ storage, access }) => [storage, access]),
    steps.map(({ formula, args, numbers }) => [formula.id, args, numbers]),
    results,
  ]);
}

/** Writes a function. */
class FusedCode {
  readonly #f: Body;
  readonly #recipe: Recipe;
  readonly #p: Args<typeof PARAMETERS>;
  /** Where the rows of operands and of results begin. */
  readonly #operands: readonly I32[];
  readonly #results: readonly I32[];

  constructor(f: Body, recipe: Recipe, p: Args<typeof PARAMETERS>) {
    this.#f = f;
    this.#recipe = recipe;
    this.#p = p;
    const { operands, steps, results } = recipe;
    this.#operands = operands.map(({ access, storage }, i) =>
      this.#pointer(i, access, storage)
    );
    this.#results = results.map((step, i) =>
      this.#pointer(operands.length + i, "each", steps[step]!.formula.result)
    );
  }

  #pointer(place: number, access: Access, storage: Storage): I32 {
    const { table, element, row } = this.#p;
    const begin = load(I32, table, 4 * place);
    const skipped = access === "each"
      ? storage === "words" ? element.shl(2) : element
      : row.shl(2);
    const isWhole = access === "one" || access === "column";
    return this.#f.let(isWhole ? begin : begin.add(skipped));
  }

  write(): void {
    const f = this.#f, { scratch, rows, bytes } = this.#p;
    const { operands } = this.#recipe;
    const fixed = new Map<number, Vector>();
    const fix = (access: Access) =>
      operands.forEach((operand, i) => {
        if (operand.access !== access) return;
        fixed.set(i, f.let(loadSplat(this.#operands[i]!)));
      });
    fix("one");
    const row = () => {
      fix("row");
      eachVector(f, scratch, bytes, (lanes) => this.#compute(lanes, fixed));
    };
    const hasRows = operands.some(({ access }) =>
      access === "row" || access === "column"
    );
    if (!hasRows) return row();
    f.for(rows, 1, () => {
      row();
      this.#nextRow();
    });
  }

  #nextRow(): void {
    const f = this.#f, { bytes } = this.#p;
    const { operands, steps, results } = this.#recipe;
    const width = (storage: Storage) =>
      storage === "words" ? bytes : bytes.shr(2);
    operands.forEach(({ access, storage }, i) => {
      const at = this.#operands[i]!;
      if (access === "each") f.set(at, at.add(width(storage)));
      if (access === "row") f.set(at, at.add(4));
    });
    results.forEach((step, i) => {
      const at = this.#results[i]!;
      f.set(at, at.add(width(steps[step]!.formula.result)));
    });
  }

  /** Compute four elements. */
  #compute(lanes: Lanes, fixed: ReadonlyMap<number, Vector>): void {
    const f = this.#f, { operands, steps, results } = this.#recipe;
    const read = new Map(fixed), values: Vector[] = [];
    const valueOf = (ref: Ref): Vector => {
      if ("step" in ref) return values[ref.step]!;
      const i = ref.operand;
      const known = read.get(i) ??
        loadLanes(lanes, operands[i]!.storage, this.#operands[i]!);
      read.set(i, known);
      return known;
    };
    steps.forEach(({ formula, args, numbers }, step) => {
      const value = f.let<Vector>(formula.value(
        f,
        args.map(valueOf),
        numbers.map((bits) => I32x4.of(bits).floats()),
      ));
      values.push(value);
      const i = results.indexOf(step);
      if (i >= 0) storeLanes(lanes, formula.result, this.#results[i]!, value);
    });
  }
}
