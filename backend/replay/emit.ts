/**
 * One WebAssembly function that makes many calls with constant arguments: a call from
 * JavaScript costs more than many kernels of a small model.
 *
 * @module
 */
import type { WasmCallable } from "./recorded.ts";

/** A call with its arguments. */
export interface KnownCall {
  /** The function. */
  readonly fn: WasmCallable;
  /** Its arguments. */
  readonly args: readonly number[];
}

/** A call, or work in JavaScript, of which `false` ends the run. */
export type Step = KnownCall | (() => boolean | void);

/** The function that does `steps`, in order; returns whether it did all. */
export function emit(steps: readonly Step[]): () => boolean {
  const code = new CallModule(steps);
  const module = new WebAssembly.Module(code.encode());
  const { exports } = new WebAssembly.Instance(module, { k: code.imports });
  const run = exports["run"] as () => number;
  return () => run() !== 0;
}

/** Calls in one function: the compiler takes long for longer ones. */
const MOST_CALLS = 200;

const I32 = 0x7f;
const [IF, END, RETURN, CALL, CONST, EQZ, NO_TYPE] = [
  0x04,
  0x0b,
  0x0f,
  0x10,
  0x41,
  0x45,
  0x40,
];
/** End the function with `0` if the value on the stack is 0. */
const RETURN_IF_ZERO = [EQZ, IF, NO_TYPE, CONST, 0, RETURN, END];

class CallModule {
  /** Functions by the name they are imported under. */
  readonly imports: Record<string, WasmCallable> = {};
  readonly #steps: readonly Step[];
  readonly #indices = new Map<WasmCallable, number>();
  readonly #types: number[][] = [];
  readonly #imported: number[][] = [];

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
    const work: (() => boolean | void)[] = [];
    const host = (i: number) => work[i]!() === false ? 0 : 1;
    this.#import(host, 1, 1);
    this.#code = steps.map((step) => {
      if (typeof step === "function") {
        const number = work.push(step) - 1;
        return [CONST, ...signed(number), CALL, 0, ...RETURN_IF_ZERO];
      }
      const { fn, args } = step;
      const index = this.#indices.get(fn) ?? this.#import(fn, args.length, 0);
      return [
        ...args.flatMap((arg) => [CONST, ...signed(arg)]),
        CALL,
        ...unsigned(index),
      ];
    });
  }

  readonly #code: readonly (readonly number[])[];

  /** Import a function; returns its number. */
  #import(fn: WasmCallable, parameters: number, results: number): number {
    const index = this.#imported.length;
    this.#indices.set(fn, index);
    this.imports[`${index}`] = fn;
    const type = this.#type(parameters, results);
    this.#imported.push([...text("k"), ...text(`${index}`), 0, type]);
    return index;
  }

  /** The number of a type of functions of integers. */
  #type(parameters: number, results: number): number {
    const type = [
      0x60,
      ...vector(Array(parameters).fill([I32])),
      ...vector(Array(results).fill([I32])),
    ];
    const known = this.#types.findIndex((other) => `${other}` === `${type}`);
    return known < 0 ? this.#types.push(type) - 1 : known;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const bodies: number[][] = [];
    for (let first = 0; first < this.#steps.length; first += MOST_CALLS) {
      const code = this.#code.slice(first, first + MOST_CALLS).flat();
      bodies.push([0, ...code, CONST, 1, END]);
    }
    const first = this.#imported.length;
    const run = bodies.flatMap((_, i) => [
      CALL,
      ...unsigned(first + i),
      ...RETURN_IF_ZERO,
    ]);
    bodies.push([0, ...run, CONST, 1, END]);
    const type = this.#type(0, 1);
    const last = unsigned(first + bodies.length - 1);
    return Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, this.#types),
      ...section(2, this.#imported),
      ...section(3, bodies.map(() => [type])),
      ...section(7, [[...text("run"), 0, ...last]]),
      ...section(10, bodies.map((body) => [...unsigned(body.length), ...body])),
    ]);
  }
}

function unsigned(n: number): number[] {
  const bytes: number[] = [];
  for (; n >= 0x80; n >>>= 7) bytes.push(n & 0x7f | 0x80);
  return [...bytes, n];
}

function signed(n: number): number[] {
  const bytes: number[] = [];
  for (n |= 0;; n >>= 7) {
    const low = n & 0x7f;
    const isLast = n >> 6 === 0 || n >> 6 === -1;
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = vector(items);
  return [id, ...unsigned(body.length), ...body];
}

function text(letters: string): number[] {
  return vector([...letters].map((letter) => [letter.charCodeAt(0)]));
}
