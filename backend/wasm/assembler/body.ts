/**
 * The statements of a function.
 *
 * @module
 */
import { type Code, Constant, simd, u32 } from "./code.ts";
import {
  F32x4,
  I32,
  type I32x4,
  type Kind,
  place,
  type Value,
} from "./values.ts";

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

  /** `parts` in order, from the one of number `first` on, or the last if there are fewer. */
  from(first: I32, parts: readonly (() => void)[]): void {
    const open = parts.map(() => [0x02, EMPTY]);
    const labels = parts.map((_, i) => u32(i));
    const table = [0x0e, u32(parts.length - 1), labels];
    const closed = parts.map((write) => [0x0b, this.#block(write)]);
    this.#code.push([open, first.code, table, closed]);
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
