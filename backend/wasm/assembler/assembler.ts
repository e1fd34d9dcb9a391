/**
 * A small typed WebAssembly assembler: TypeScript that writes functions, loops
 * and SIMD arithmetic, and comes out as the bytes of a module.
 *
 * A value is an expression: using it twice computes it twice, `let` computes it
 * once. Numbers stand for constants of the kind they meet. Comparisons of
 * integers and their division are unsigned, as addresses past 2 GB require; the
 * signed ones say so.
 *
 * ```ts ignore
 * const m = new Assembler({ shared: false });
 * // y[i] = a x[i] + y[i], for a multiple of four floats
 * m.export("axpy", { x: I32, y: I32, bytes: I32, a: F32 }, (f, { x, y, bytes, a }) => {
 *   f.for(bytes, 16, (i) => {
 *     const at = f.let(y.add(i));
 *     f.store(at, load(F32x4, x.add(i)).mul(a.splat()).add(load(F32x4, at)));
 *   });
 * });
 * const { axpy } = m.instantiate(memory);
 * ```
 *
 * @module
 */
import {
  type Code,
  Constant,
  F32x4,
  I32,
  type I32x4,
  type Kind,
  load,
  place,
  simd,
  u32,
  type Value,
} from "./values.ts";

export * from "./values.ts";

/** The second byte of block types: no result. */
const EMPTY = 0x40;

/** Names of parameters and their kinds, in order. */
export type Params = Readonly<Record<string, Kind<Value>>>;

/** Values for those parameters. */
export type Args<P extends Params> = {
  readonly [K in keyof P]: P[K] extends Kind<infer T> ? T : never;
};

/** A call of a function that returns nothing: a statement for `run`. */
export class Call {
  /** Its instructions. */
  readonly code: Code;
  /** A call of these instructions. */
  constructor(code: Code) {
    this.code = code;
  }
}

/** A list of `N` values. */
type Tuple<T, N extends number, List extends T[] = []> = List["length"] extends
  N ? List
  : Tuple<T, N, [...List, T]>;

/** Where the statements of a function go. */
export class Body {
  readonly #locals: number[];
  readonly #firstLocal: number;
  readonly #relaxed: boolean;
  readonly #hoisted = new Map<Constant, Value>();
  readonly #constants: Code[] = [];
  readonly #searched = new Set<Code>();
  #code: Code[] = [];

  /** An empty body of a function with so many parameters. */
  constructor(firstLocal: number, relaxed: boolean, locals: number[] = []) {
    this.#firstLocal = firstLocal;
    this.#relaxed = relaxed;
    this.#locals = locals;
  }

  /** The instructions so far. */
  get code(): Code {
    return [this.#constants, this.#code];
  }

  /** Variables of the constants of loops: engines make a constant anew in each turn. */
  get hoisted(): ReadonlyMap<Constant, Value> {
    return this.#hoisted;
  }

  #hoist(code: Code): void {
    if (this.#searched.has(code)) return; // by an inner loop
    this.#searched.add(code);
    for (const part of code) {
      if (part instanceof Constant) {
        if (this.#hoisted.has(part)) continue;
        const local = this.local(F32x4);
        this.#hoisted.set(part, local);
        this.#constants.push([part.bytes, 0x21, u32(local.index!)]);
      } else if (typeof part !== "number") this.#hoist(part);
    }
  }

  /** A local variable, 0 at first (and not again in a loop). */
  local<T extends Value>(kind: Kind<T>): T {
    const index = this.#firstLocal + this.#locals.push(kind.type) - 1;
    return new kind([0x20, u32(index)], index);
  }

  /** So many local variables of one kind. */
  locals<T extends Value, const N extends number>(
    kind: Kind<T>,
    count: N,
  ): Tuple<T, N> {
    return Array.from({ length: count }, () => this.local(kind)) as Tuple<T, N>;
  }

  /** A local variable with the value of `value`, computed here. */
  let<T extends Value>(value: T): T {
    const local = this.local(value.constructor as Kind<T>);
    this.set(local, value);
    return local;
  }

  /** Assign to a local variable or parameter. */
  set<T extends Value>(local: T, value: T): void {
    if (local.index === undefined) {
      throw new TypeError(
        "Cannot set: only a local variable can be assigned to",
      );
    }
    this.#code.push([value.code, 0x21, u32(local.index)]);
  }

  /** Write `value` at `address + offset`. */
  store(address: I32, value: Value, offset = 0): void {
    const { stores } = value.constructor as Kind<Value>;
    this.#code.push([address.code, value.code, stores, place(offset)]);
  }

  /** Write the lowest byte of `value` at `address`. */
  storeByte(address: I32, value: I32): void {
    this.#code.push([address.code, value.code, 0x3a, 0, 0]);
  }

  /** Write the lowest byte of each lane at `address`, which lanes of 0 to 255 survive. */
  storeBytes(address: I32, value: I32x4): void {
    // 32 to 16 to 8 bits, then one word.
    const words = [value.code, value.code, simd(0x86)];
    const bytes = [words, words, simd(0x66)];
    this.#code.push([address.code, bytes, simd(0x5a), 0, 0, 0]);
  }

  /** `memory.copy`: ranges may overlap. */
  copy(to: I32, from: I32, bytes: I32): void {
    this.#code.push([to.code, from.code, bytes.code, 0xfc, 10, 0, 0]);
  }

  /** `memory.fill` with zeros. */
  clear(at: I32, bytes: I32): void {
    this.#code.push([at.code, I32.of(0).code, bytes.code, 0xfc, 11, 0]);
  }

  /** `x * y + sum`, rounded once where relaxed SIMD is on and the processor can. */
  madd(x: F32x4, y: F32x4, sum: F32x4): F32x4 {
    if (!this.#relaxed) return sum.add(x.mul(y));
    return new F32x4([x.code, y.code, sum.code, simd(0x105)]);
  }

  /** Call a function that returns nothing. */
  run(call: Call): void {
    this.#code.push(call.code);
  }

  #block(write: () => void): Code {
    const outer = this.#code;
    this.#code = [];
    write();
    const inner = this.#code;
    this.#code = outer;
    return inner;
  }

  /** `then` where `condition` is not 0, `otherwise` where it is. */
  if(condition: I32, then: () => void, otherwise?: () => void): void {
    const yes = this.#block(then);
    const no = otherwise ? [0x05, this.#block(otherwise)] : [];
    this.#code.push([condition.code, 0x04, EMPTY, yes, no, 0x0b]);
  }

  /** `body` as long as `condition` is not 0. */
  while(condition: I32, body: () => void): void {
    const inner = this.#block(body);
    const test = [condition.code, 0x45, 0x0d, 1];
    this.#hoist(inner);
    this.#code.push([
      0x02,
      EMPTY,
      0x03,
      EMPTY,
      test,
      inner,
      0x0c,
      0,
      0x0b,
      0x0b,
    ]);
  }

  /** `body` with `i` = `from`, `from + step`, ... as long as `i < end`, unsigned. */
  for(
    end: I32 | number,
    step: I32 | number,
    body: (i: I32) => void,
    from: I32 | number = 0,
  ): void {
    const i = this.let(I32.of(from));
    this.while(i.lt(end), () => {
      body(i);
      this.set(i, i.add(step));
    });
  }
}

interface Func {
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly locals: readonly number[];
  readonly code: Code;
  readonly hoisted: Hoisted;
}

/** Where functions keep the constants of their loops. */
type Hoisted = ReadonlyMap<Constant, Value>;

/** Bytes that grow. */
class Bytes {
  #data = new Uint8Array(1024);
  #length = 0;

  /** The bytes so far. */
  get value(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#data.length) return;
    const data = new Uint8Array(2 * (this.#length + more));
    data.set(this.#data);
    this.#data = data;
  }

  /** Append code; hoisted constants are read from their variables. */
  write(code: Code, hoisted?: Hoisted): void {
    for (const part of code) {
      if (typeof part === "number") {
        this.#room(1);
        this.#data[this.#length++] = part;
      } else if (part instanceof Constant) {
        this.write(hoisted?.get(part)?.code ?? part.bytes);
      } else this.write(part, hoisted);
    }
  }

  /** Append what `write` writes, and its length before it. */
  sized(write: (bytes: Bytes) => void): void {
    const inner = new Bytes();
    write(inner);
    this.write(u32(inner.#length));
    this.#room(inner.#length);
    this.#data.set(inner.#data.subarray(0, inner.#length), this.#length);
    this.#length += inner.#length;
  }

  /** Append a section: its number, its size, how many items, the items. */
  section<T>(
    id: number,
    items: readonly T[],
    write: (bytes: Bytes, item: T, index: number) => void,
  ): void {
    this.write([id]);
    this.sized((bytes) => {
      bytes.write(u32(items.length));
      items.forEach((item, i) => write(bytes, item, i));
    });
  }
}

function text(s: string): number[] {
  const bytes = new TextEncoder().encode(s);
  return [...u32(bytes.length), ...bytes];
}

/** What an instance exports: integers and floats are numbers. */
export type Exports = Readonly<Record<string, (...args: number[]) => number>>;

/** What kind of memory a module imports, and whether it may use relaxed SIMD. */
export interface AssemblerOptions {
  /** Whether the memory is shared among threads; the default is no. */
  readonly shared?: boolean;
  /** Whether `madd` is one instruction; the default is no. */
  readonly relaxed?: boolean;
}

/** A module: functions over the memory that it imports as `env.memory`. */
export class Assembler {
  readonly #functions: Func[] = [];
  readonly #exports: [name: string, index: number][] = [];
  readonly #shared: boolean;
  /** Whether `madd` is one instruction. */
  readonly relaxed: boolean;

  /** An empty module. */
  constructor({ shared = false, relaxed = false }: AssemblerOptions = {}) {
    this.#shared = shared;
    this.relaxed = relaxed;
  }

  /** The names of the functions exported so far. */
  get names(): string[] {
    return this.#exports.map(([name]) => name);
  }

  /**
   * A function for others of the module to call. What `write` returns is its
   * result; a function with no result is called as a statement, by `run`.
   */
  func<const P extends Params, R extends Value | void>(
    params: P,
    write: (f: Body, args: Args<P>) => R,
  ): (args: Args<P>) => R extends Value ? R : Call {
    const names = Object.keys(params);
    const locals: number[] = [];
    const body = new Body(names.length, this.relaxed, locals);
    const args = Object.fromEntries(
      names.map((name, i) => [name, new params[name]!([0x20, u32(i)], i)]),
    ) as Args<P>;
    const result = write(body, args);
    const index = this.#functions.push({
      params: names.map((name) => params[name]!.type),
      results: result ? [(result.constructor as Kind<Value>).type] : [],
      locals,
      code: result ? [body.code, result.code] : body.code,
      hoisted: body.hoisted,
    }) - 1;
    type Result = R extends Value ? R : Call;
    const kind = (result ? result.constructor : Call) as new (
      c: Code,
    ) => Result;
    return (given) => {
      const values: Readonly<Record<string, Value>> = given;
      return new kind([names.map((n) => values[n]!.code), 0x10, u32(index)]);
    };
  }

  /** A function that the instance exports under `name`. */
  export<const P extends Params, R extends Value | void>(
    name: string,
    params: P,
    write: (f: Body, args: Args<P>) => R,
  ): (args: Args<P>) => R extends Value ? R : Call {
    const func = this.func(params, write);
    this.#exports.push([name, this.#functions.length - 1]);
    return func;
  }

  /** The module's bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const funcs = this.#functions, bytes = new Bytes();
    bytes.write([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    bytes.section(1, funcs, (bytes, { params, results }) => {
      bytes.write([0x60, u32(params.length), params]);
      bytes.write([results.length, results]);
    });
    // Shared memory must say its most pages: all 65,536.
    const memory = this.#shared ? [3, 1, u32(65536)] : [0, 1];
    bytes.section(2, [memory], (bytes, memory) => {
      bytes.write([text("env"), text("memory"), 2, memory]);
    });
    bytes.section(3, funcs, (bytes, _, i) => bytes.write(u32(i)));
    bytes.section(7, this.#exports, (bytes, [name, i]) => {
      bytes.write([text(name), 0, u32(i)]);
    });
    bytes.section(10, funcs, (bytes, { locals, code, hoisted }) => {
      bytes.sized((body) => {
        const types = locals.map((type) => [1, type]);
        body.write([u32(locals.length), types, code, 0x0b], hoisted);
      });
    });
    return bytes.value;
  }

  /** Compile the module for `memory` and start it. */
  instantiate(memory: WebAssembly.Memory): Exports {
    const module = new WebAssembly.Module(this.encode());
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    return exports as Exports;
  }
}

let relaxedSimd: boolean | undefined;

/** Whether the engine has relaxed SIMD, and so a multiplication fused with an addition. */
export function hasRelaxedSimd(): boolean {
  if (relaxedSimd === undefined) {
    const m = new Assembler({ relaxed: true });
    m.export("madd", { at: I32 }, (f, { at }) => {
      const x = f.let(load(F32x4, at));
      f.store(at, f.madd(x, x, x));
    });
    relaxedSimd = WebAssembly.validate(m.encode());
  }
  return relaxedSimd;
}
