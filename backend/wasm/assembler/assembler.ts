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
import { type Args, Body, Call, type Params } from "./body.ts";
import { Bytes } from "./bytes.ts";
import { type Code, type Hoisted, u32 } from "./code.ts";
import { F32x4, I32, type Kind, load, type Value } from "./values.ts";

export { type Args, Body, Call, type Params } from "./body.ts";
export { type Code, floatBits, simd } from "./code.ts";
export * from "./values.ts";

interface Func {
  readonly name: string;
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly locals: readonly number[];
  readonly code: Code;
  readonly hoisted: Hoisted;
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
  /** The scratch memory of the only thread that will run the code, if it is for one. */
  readonly scratch?: Scratch | undefined;
}

/** Scratch memory of a thread. */
export interface Scratch {
  /** Its address. */
  readonly at: number;
  /** Its size. */
  readonly bytes: number;
}

/** A module: functions over the memory that it imports as `env.memory`. */
export class Assembler {
  readonly #functions: Func[] = [];
  readonly #exports: [name: string, index: number][] = [];
  readonly #shared: boolean;
  /** Whether `madd` is one instruction. */
  readonly relaxed: boolean;
  readonly #scratch: Scratch | undefined;

  /** An empty module. */
  constructor(options: AssemblerOptions = {}) {
    const { shared = false, relaxed = false, scratch } = options;
    this.#shared = shared;
    this.relaxed = relaxed;
    this.#scratch = scratch;
  }

  /**
   * The address of the scratch memory of the thread that the code is for: engines that
   * check the bounds of accesses leave out those at constant addresses.
   *
   * @throws {Error} If the code is for all threads.
   */
  get scratch(): number {
    if (this.#scratch) return this.#scratch.at;
    throw new Error(
      "Cannot tell where scratch memory is: this code is for all threads",
    );
  }

  /** The names of the functions exported so far. */
  get names(): string[] {
    return this.#exports.map(([name]) => name);
  }

  /**
   * A function for others of the module to call. What `write` returns is its
   * result; a function with no result is called as a statement, by `run`. Profilers
   * and stack traces show its name.
   */
  func<const P extends Params, R extends Value | void>(
    name: string,
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
      name,
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
    const func = this.func(name, params, write);
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
    // Memory is known to be as large as it must be at least.
    const { at, bytes: size } = this.#scratch ?? { at: 0, bytes: 1 };
    const least = u32(Math.ceil((at + size) / 65536));
    // Shared memory must say its most pages: all 65,536.
    const memory = this.#shared ? [3, least, u32(65536)] : [0, least];
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
    const names = funcs.map(({ name }, i) => [u32(i), text(name)]);
    bytes.write([0]);
    bytes.sized((section) => {
      section.write(text("name"));
      section.section(1, names, (bytes, name) => bytes.write(name));
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
