/**
 * Short stretches of floats in memory: copied, cleared, added.
 *
 * @module
 */
import {
  type Body,
  F32,
  F32x4,
  type I32,
  load,
} from "../assembler/assembler.ts";

/** Call `body` with every offset into `bytes`: four floats at a time, then one. */
export function eachFloat(
  f: Body,
  bytes: I32,
  body: (at: I32, kind: typeof F32x4 | typeof F32) => void,
): void {
  const whole = f.let(bytes.and(-16));
  f.for(whole, 16, (i) => body(i, F32x4));
  f.for(bytes, 4, (i) => body(i, F32), whole);
}

/** Copy, without a call for a few bytes. */
export function copyFloats(f: Body, to: I32, from: I32, bytes: I32) {
  f.if(bytes.ge(512), () => f.copy(to, from, bytes), () => {
    eachFloat(
      f,
      bytes,
      (i, kind) => f.store(to.add(i), load<F32 | F32x4>(kind, from.add(i))),
    );
  });
}

/** Zero, without a call for a few bytes. */
export function clearFloats(f: Body, to: I32, bytes: I32) {
  f.if(bytes.ge(512), () => f.clear(to, bytes), () => {
    eachFloat(
      f,
      bytes,
      (i, kind) => f.store(to.add(i), kind === F32 ? F32.of(0) : F32x4.of(0)),
    );
  });
}

/** `to += from`. */
export function addFloats(f: Body, to: I32, from: I32, bytes: I32) {
  eachFloat(f, bytes, (i, kind) => {
    const at = f.let(to.add(i));
    if (kind === F32) f.store(at, load(F32, at).add(load(F32, from.add(i))));
    else f.store(at, load(F32x4, at).add(load(F32x4, from.add(i))));
  });
}
