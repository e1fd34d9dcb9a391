/**
 * Writes a kernel as a WebAssembly module: one function per pass, which goes
 * over a table with one row per tensor.
 *
 * A row holds, in this order: the number of elements, a pointer for each buffer
 * (32-bit integers), then the host's values and the sums (64-bit floats).
 *
 * @module
 */
import {
  Assembler,
  type Body,
  F32,
  type F32x4,
  F64,
  F64x2,
  hasRelaxedSimd,
  I32,
  load,
  type Value,
} from "../wasm/assembler/assembler.ts";
import type { Expr } from "./expr.ts";
import {
  buffersOf,
  type Kernel,
  nodesOf,
  type Output,
  type Plan,
} from "./kernel.ts";
import {
  compute,
  DOUBLE,
  FLOAT,
  type FloatLane,
  FLOATS,
  type Lane,
} from "./wasm_lanes.ts";

/** Where things are in a row of the table, in bytes. */
export interface Layout {
  /** Tensors, in the order of their pointers, which begin at 4. */
  readonly buffers: readonly string[];
  /** Host values and sums. */
  readonly cells: ReadonlyMap<Expr, number>;
  /** The length of a row. */
  readonly rowBytes: number;
}

/** The layout of the table for `kernel`. */
export function layoutOf(kernel: Kernel, { host, sums }: Plan): Layout {
  const buffers = Object.keys(buffersOf(kernel));
  const start = 8 * Math.ceil((4 + 4 * buffers.length) / 8);
  const cells = [...host, ...sums.flat()];
  return {
    buffers,
    cells: new Map(cells.map((e, i) => [e, start + 8 * i])),
    rowBytes: start + 8 * cells.length,
  };
}

/** The module of `kernel`, with functions `pass0`, `pass1`, ... */
export function assemble(
  kernel: Kernel,
  plan: Plan,
  shared: boolean,
): Assembler {
  const layout = layoutOf(kernel, plan);
  const m = new Assembler({ shared, relaxed: hasRelaxedSimd() });
  for (let pass = 0; pass <= plan.sums.length; pass++) {
    m.export(`pass${pass}`, PARAMETERS, (f, { table, end, ...part }) => {
      f.for(end, layout.rowBytes, (row) => {
        new WasmPass(f, row, kernel, plan, layout).write(pass, part);
      }, table);
    });
  }
  return m;
}

/** Scratch memory, the rows of the table, and which part of how many of each row. */
const PARAMETERS = {
  scratch: I32,
  table: I32,
  end: I32,
  part: I32,
  parts: I32,
} as const;

interface Part {
  readonly part: I32;
  readonly parts: I32;
}

/** Where a part of `size` elements begins and ends: a multiple of 16, or the end of all. */
function rangeOf(f: Body, size: I32, { part, parts }: Part): [I32, I32] {
  const blocks = f.let(size.shr(4));
  const first = f.let(blocks.mul(part).div(parts).shl(4));
  const last = f.let(size), next = part.add(1);
  f.if(next.lt(parts), () => {
    f.set(last, blocks.mul(next).div(parts).shl(4));
  });
  return [first, last];
}

/**
 * For each sum that has one: the product in it which nothing else needs, so that
 * one instruction can do both. Of two it is the second: in averages that of the new
 * value, whose square may be nearer to 0 than processors compute with quickly.
 */
function productsToAdd(
  nodes: readonly Expr[],
  roots: readonly Expr[],
): Map<Expr, Expr> {
  const uses = new Map<Expr, number>();
  for (const x of [...nodes.flatMap((e) => e.args), ...roots]) {
    uses.set(x, (uses.get(x) ?? 0) + 1);
  }
  const products = new Map<Expr, Expr>();
  for (const e of nodes) {
    if (e.head.kind !== "op" || e.head.op !== "add") continue;
    const product = e.args.findLast((x) =>
      x.varies && x.head.kind === "op" && x.head.op === "mul" &&
      uses.get(x) === 1
    );
    if (product) products.set(e, product);
  }
  return products;
}

/** Writes what happens in one row. */
class WasmPass {
  readonly #f: Body;
  readonly #row: I32;
  readonly #plan: Plan;
  readonly #layout: Layout;
  readonly #extents: ReturnType<typeof buffersOf>;
  readonly #pointers = new Map<string, I32>();
  readonly #doubles = new Map<Expr, F64>();

  constructor(f: Body, row: I32, kernel: Kernel, plan: Plan, layout: Layout) {
    this.#f = f;
    this.#row = row;
    this.#plan = plan;
    this.#layout = layout;
    this.#extents = buffersOf(kernel);
  }

  write(pass: number, part: Part): void {
    const f = this.#f, plan = this.#plan;
    const sums = plan.sums[pass] ?? [];
    const isLast = pass === plan.sums.length;
    const outputs = isLast ? Object.entries(plan.outputs) : [];
    const roots = isLast
      ? outputs.map(([, { value }]) => value)
      : sums.map((e) => e.args[0]!);

    // What is the same for all elements comes before the loops.
    const nodes = nodesOf(plan, roots), loop = nodes.filter((e) => e.varies);
    const uniform = new Set([...loop.flatMap((e) => e.args), ...roots]
      .filter((e) => !e.varies));
    for (const name of this.#namesOf(loop, outputs)) this.#pointer(name);
    const floats = new Map<Expr, F32>(), vectors = new Map<Expr, F32x4>();
    for (const e of uniform) {
      const x = f.let(this.#double(e).toF32());
      floats.set(e, x);
      vectors.set(e, f.let(x.splat()));
    }
    const totals = sums.map(() => {
      const [low, high] = [f.local(F64x2), f.local(F64x2)];
      for (const x of [low, high]) f.set(x, F64.of(0).splat());
      const rest = f.let(F64.of(0));
      return { low, high, rest };
    });

    const products = productsToAdd(loop, roots);
    const [first, last] = rangeOf(f, load(I32, this.#row), part);
    const end = f.let(last.and(-4).shl(2));
    f.for(end, 16, (offset) => {
      const at = this.#loop(FLOATS, loop, vectors, offset, products);
      sums.forEach(({ args: [x] }, i) => {
        const value = at(x!), { low, high } = totals[i]!;
        f.set(low, low.add(value.toF64()));
        f.set(high, high.add(value.shuffle(value, [2, 3, 2, 3]).toF64()));
      });
      this.#store(FLOATS, outputs, offset, at);
    }, first.shl(2));
    f.for(last.shl(2), 4, (offset) => {
      const at = this.#loop(FLOAT, loop, floats, offset);
      sums.forEach(({ args: [x] }, i) => {
        const { rest } = totals[i]!;
        f.set(rest, rest.add(at(x!).toF64()));
      });
      this.#store(FLOAT, outputs, offset, at);
    }, end);

    sums.forEach((e, i) => {
      const { low, high, rest } = totals[i]!;
      const pair = f.let(low.add(high));
      const total = pair.lane(0).add(pair.lane(1)).add(rest);
      f.store(this.#row, total, this.#layout.cells.get(e)!);
    });
    for (const [name, { value, extent }] of outputs) {
      if (extent !== "one") continue;
      f.store(this.#pointer(name), floats.get(value)!);
    }
  }

  /** Compute `nodes` at `offset`, and say where each value is. */
  #loop<T extends Value>(
    lane: Lane<T>,
    nodes: readonly Expr[],
    uniform: ReadonlyMap<Expr, T>,
    offset: I32,
    products: ReadonlyMap<Expr, Expr> = new Map(),
  ): (e: Expr) => T {
    const values = new Map(uniform);
    const skipped = new Set(products.values());
    for (const e of nodes) {
      if (skipped.has(e)) continue;
      const { head, args } = e, product = products.get(e);
      if (product) {
        const [x, y] = product.args.map((x) => values.get(x)!);
        const sum = values.get(args.find((x) => x !== product)!)!;
        values.set(e, this.#f.let(lane.madd!(this.#f, x!, y!, sum)));
        continue;
      }
      const value = head.kind === "input"
        ? load(lane.kind, this.#pointer(head.name).add(offset))
        : head.kind === "op"
        ? compute(lane, head.op, args.map((x) => values.get(x)!))
        : undefined;
      values.set(e, this.#f.let(value!));
    }
    return (e) => values.get(e)!;
  }

  #store<T extends F32 | F32x4>(
    lane: FloatLane<T>,
    outputs: readonly [string, Output][],
    offset: I32,
    at: (e: Expr) => T,
  ) {
    for (const [name, { value, extent, isSlot }] of outputs) {
      if (extent === "one") continue;
      const x = at(value), kept = isSlot ? lane.flush(x) : x;
      this.#f.store(this.#pointer(name).add(offset), kept);
    }
  }

  /** What the loops read or write. */
  #namesOf(
    loop: readonly Expr[],
    outputs: readonly [string, unknown][],
  ): Set<string> {
    const names = new Set(outputs.map(([name]) => name));
    for (const { head } of loop) {
      if (head.kind === "input") names.add(head.name);
    }
    return names;
  }

  /** The local variable that holds the pointer of a tensor. */
  #pointer(name: string): I32 {
    let at = this.#pointers.get(name);
    if (!at) {
      const offset = 4 + 4 * this.#layout.buffers.indexOf(name);
      this.#pointers.set(
        name,
        at = this.#f.let(load(I32, this.#row, offset)),
      );
    }
    return at;
  }

  /** A value that is the same for all elements, in a local variable. */
  #double(e: Expr): F64 {
    const done = this.#doubles.get(e);
    if (done) return done;
    const value = this.#f.let(this.#doubleCode(e));
    this.#doubles.set(e, value);
    return value;
  }

  #doubleCode(e: Expr): F64 {
    const { head, args } = e, cell = this.#layout.cells.get(e);
    if (cell !== undefined) return load(F64, this.#row, cell);
    if (head.kind === "constant") return F64.of(head.value);
    if (head.kind === "op") {
      return compute(DOUBLE, head.op, args.map((x) => this.#double(x)));
    }
    if (head.kind === "input" && this.#extents[head.name] === "one") {
      return load(F32, this.#pointer(head.name)).toF64();
    }
    throw new Error(`Cannot compute ${e} before the loop`);
  }
}
