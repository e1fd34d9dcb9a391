import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Assembler,
  F32,
  F32x4,
  F64,
  I32,
  I32x4,
  load,
  loadByte,
  loadBytes,
  loadSplat,
} from "../../backend/wasm/assembler/assembler.ts";

const memory = new WebAssembly.Memory({ initial: 2 });
const floats = new Float32Array(memory.buffer);
const integers = new Int32Array(memory.buffer);
const bytes = new Uint8Array(memory.buffer);

/** What four lanes come to: reads `x` at 0 and `y` at 16, writes at 32. */
function lanes(
  x: readonly number[],
  y: readonly number[],
  compute: (x: F32x4, y: F32x4) => F32x4 | I32x4,
): number[] {
  floats.set(x, 0);
  floats.set(y, 4);
  const m = new Assembler();
  m.export("run", {}, (f) => {
    const at = I32.of(0);
    f.store(at, compute(load(F32x4, at), load(F32x4, at, 16)), 32);
  });
  m.instantiate(memory)["run"]!();
  const isMask = compute(F32x4.of(0), F32x4.of(0)) instanceof I32x4;
  return [...(isMask ? integers : floats).slice(8, 12)];
}

/** The result of a function of no memory. */
function value(
  result: (a: I32, x: F32) => I32 | F32 | F64,
  a = 0,
  x = 0,
): number {
  const m = new Assembler();
  m.export("run", { a: I32, x: F32 }, (_, { a, x }) => result(a, x));
  return m.instantiate(memory)["run"]!(a, x);
}

Deno.test("constants of all sizes and signs survive encoding", () => {
  const edges = [63, 64, 127, 128, 8191, 8192, 1e6, 2 ** 31 - 1];
  for (const n of [0, ...edges, ...edges.map((n) => -n), -(2 ** 31)]) {
    assertEquals(value(() => I32.of(n)), n);
  }
  assertEquals(value(() => I32.of(2 ** 32 - 1)), -1);
  for (const x of [0.5, -1e30, Infinity]) {
    assertEquals(value(() => F32.of(x)), Math.fround(x));
    assertEquals(value(() => F64.of(x)), x);
  }
});

Deno.test("integer arithmetic compares and divides addresses unsigned", () => {
  const table: [(a: I32) => I32, number, number][] = [
    [(a) => a.add(3).mul(2).sub(1), 4, 13],
    [(a) => a.div(2), -2, 2 ** 31 - 1],
    [(a) => a.rem(7), 23, 2],
    [(a) => a.lt(5), -1, 0],
    [(a) => a.ltSigned(5), -1, 1],
    [(a) => a.gtSigned(5), 6, 1],
    [(a) => a.ge(5), -1, 1],
    [(a) => a.eq(5).or(a.ne(6)).and(1).xor(1), 6, 1],
    [(a) => a.shl(4).shr(2), 3, 12],
    [(a) => a.not(), 0, 1],
    [(a) => a.min(9), 12, 9],
    [(a) => a.lt(3).select(I32.of(10), I32.of(20)), 5, 20],
  ];
  for (const [f, a, expected] of table) assertEquals(value(f, a), expected);
});

Deno.test("floats convert, compare and propagate NaN", () => {
  assertEquals(value((_, x) => x.max(1), 0, NaN), NaN);
  assertEquals(value((_, x) => x.min(1), 0, NaN), NaN);
  assertEquals(value((_, x) => x.mul(2).add(1).sub(3).div(4).sqrt(), 0, 9), 2);
  assertEquals(
    value((_, x) => x.toF64().add(2 ** -40).sub(1).toF32(), 0, 1),
    2 ** -40,
  );
  assertEquals(value((a) => a.toF64().mul(0.5).div(0.25).sqrt(), 8), 4);
  assertEquals(value((a) => a.toF32(), -3), -3);
  assertEquals(value((a) => a.floats(), 0x3f800000), 1);
  assertEquals(value((_, x) => x.gt(1).add(x.lt(3)).add(x.eq(2)), 0, 2), 3);
});

Deno.test("four lanes at a time", () => {
  const x = [1.5, -2.5, NaN, 4], y = [1, 2, 3, -4];
  const table: [(x: F32x4, y: F32x4) => F32x4 | I32x4, number[]][] = [
    [(x, y) => x.add(y).sub(1).mul(2), [3, -3, NaN, -2]],
    [(x, y) => x.div(y).neg().abs(), [1.5, 1.25, NaN, 1]],
    [(x, y) => x.max(y), [1.5, 2, NaN, 4]],
    [(x, y) => x.min(y), [1, -2.5, NaN, -4]],
    [(x, y) => y.pmax(x), [1.5, 2, 3, 4]],
    [(x, y) => y.pmin(x), [1, -2.5, 3, -4]],
    [(x) => x.floor(), [1, -3, NaN, 4]],
    [(x) => x.ceil(), [2, -2, NaN, 4]],
    [(x) => x.trunc(), [1, -2, NaN, 4]],
    [(x) => x.nearest(), [2, -2, NaN, 4]],
    [(_, y) => y.mul(y).sqrt(), [1, 2, 3, 4]],
    [(x, y) => x.gt(y), [-1, 0, 0, -1]],
    [(x, y) => x.lt(y), [0, -1, 0, 0]],
    [(x, y) => x.ge(y).or(x.le(y)).not(), [0, 0, -1, 0]],
    [(x) => x.eq(x).xor(x.ne(x)), [-1, -1, -1, -1]],
    [(x, y) => x.gt(y).select(x, y), [1.5, 2, 3, 4]],
    [(x, y) => x.shuffle(y, [3, 4, 0, 5]), [4, 1, 1.5, 2]],
    [(x) => x.toI32(), [1, -2, 0, 4]],
    [(x) => x.toI32().add(1).mul(3).sub(2), [4, -5, 1, 13]],
    [(x) => x.toI32().shl(2).shrSigned(1), [2, -4, 0, 8]],
    [(x) => x.toI32().shr(31), [0, 1, 0, 0]],
    [(_, y) => y.toI32().toF32(), y],
    [(_, y) => y.toI32().max(0).min(2), [1, 2, 2, 0]],
    [(_, y) => y.toI32().gt(1).and(y.toI32().lt(3)), [0, -1, 0, 0]],
    [(_, y) => y.toI32().eq(3).or(y.toI32().ne(3)), [-1, -1, -1, -1]],
    [(x) => x.bits().and(0x7fffffff).floats(), [1.5, 2.5, NaN, 4]],
    [(_, y) => y.toF64().mul(y.toF64()).sub(y.toF64()).toF32(), [0, 2, 0, 0]],
    [(x, y) => x.lane(3).splat().add(y.lane(0).splat()), [5, 5, 5, 5]],
    [(x) => x.toI32().lane(1).splat(), [-2, -2, -2, -2]],
    [(_, y) => y.toF64().lane(1).splat().toF32(), [2, 2, 0, 0]],
  ];
  for (const [f, expected] of table) assertEquals(lanes(x, y, f), expected);
});

Deno.test("madd is the same with and without relaxed SIMD where nothing is rounded", () => {
  for (const relaxed of [false, true]) {
    const m = new Assembler({ relaxed });
    m.export("run", {}, (f) => {
      f.store(I32.of(0), f.madd(F32x4.of(3), F32x4.of(5), F32x4.of(2)));
    });
    m.instantiate(memory)["run"]!();
    assertEquals([...floats.slice(0, 4)], [17, 17, 17, 17]);
  }
});

Deno.test("parts of code begin at the number asked for, and at the last for larger ones", () => {
  const m = new Assembler();
  m.export("run", { first: I32 }, (f, { first }) => {
    const done = f.local(I32);
    const part = (digit: number) => () => f.set(done, done.mul(10).add(digit));
    f.from(first, [part(1), part(2), part(3)]);
    return done;
  });
  const { run } = m.instantiate(memory);
  assertEquals([0, 1, 2, 3, 9].map((first) => run!(first)), [
    123,
    23,
    3,
    3,
    3,
  ]);
});

Deno.test("loops, branches, locals, bytes and calls", () => {
  const m = new Assembler();
  const square = m.func("f", { n: I32 }, (_, { n }) => n.mul(n));
  const put = m.func(
    "f",
    { at: I32, n: I32 },
    (f, { at, n }) => f.storeByte(at, n),
  );
  m.export("squares", { at: I32, n: I32 }, (f, { at, n }) => {
    f.clear(at, I32.of(32));
    f.for(n, 1, (i) => {
      f.if(
        i.rem(2),
        () => f.run(put({ at: at.add(i), n: square({ n: i }) })),
        () => f.run(put({ at: at.add(i), n: I32.of(255) })),
      );
    });
    f.copy(at.add(16), at, n);
    const total = f.local(I32);
    f.while(n, () => {
      f.set(n, n.sub(1));
      f.set(total, total.add(loadByte(at.add(n))));
    });
    return total;
  });
  assertEquals(m.instantiate(memory)["squares"]!(64, 5), 255 * 3 + 1 + 9);
  assertEquals([...bytes.slice(80, 86)], [255, 1, 255, 9, 255, 0]);
});

Deno.test("loads of four bytes, and of one float four times", () => {
  bytes.set([1, 0, 255, 7], 64);
  floats[20] = 2.5;
  const m = new Assembler();
  m.export("run", {}, (f) => {
    f.store(I32.of(0), loadBytes(I32.of(64)));
    f.store(I32.of(16), loadSplat(I32.of(64), 16));
    return loadBytes(I32.of(64)).eq(255).any();
  });
  assertEquals(m.instantiate(memory)["run"]!(), 1);
  assertEquals([...integers.slice(0, 4)], [1, 0, 255, 7]);
  assertEquals([...floats.slice(4, 8)], [2.5, 2.5, 2.5, 2.5]);
});

Deno.test("profilers see the names of functions", () => {
  const m = new Assembler();
  const inner = m.func("inner", { x: I32 }, (_, { x }) => x.add(1));
  m.export("outer", { x: I32 }, (_, { x }) => inner({ x }));
  const module = new WebAssembly.Module(m.encode());
  const [section] = WebAssembly.Module.customSections(module, "name");
  const text = new TextDecoder().decode(section);
  assert(/inner.*outer/s.test(text), text);
});

Deno.test("a module for shared memory imports it", () => {
  const shared = new WebAssembly.Memory({
    initial: 1,
    maximum: 65536,
    shared: true,
  });
  const m = new Assembler({ shared: true });
  m.export("run", { n: I32 }, (_, { n }) => n.add(1));
  assertEquals(m.instantiate(shared)["run"]!(41), 42);
});

Deno.test("only a local variable can be assigned to", () => {
  const m = new Assembler();
  assertThrows(
    () => m.func("f", { n: I32 }, (f, { n }) => f.set(n.add(1), n)),
    TypeError,
    "only a local variable",
  );
});
