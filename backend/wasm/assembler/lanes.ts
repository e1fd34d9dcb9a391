/**
 * Loops over floats, four at a time, whatever their number.
 *
 * @module
 */
import {
  type Body,
  F32,
  F32x4,
  I32,
  I32x4,
  load,
  loadByte,
  loadBytes,
} from "./assembler.ts";

/** How a loop's body reads and writes: at the addresses where rows begin. */
export interface Lanes {
  /** The next four floats of the row at `address`. */
  load(address: I32): F32x4;
  /** Write four floats to the row at `address`. */
  store(address: I32, value: F32x4): void;
  /** `value` in lanes that a float is in, `otherwise` in those that none is in. */
  only(value: F32x4, otherwise: number): F32x4;
  /** The next four bytes of the row of bytes at `address`. */
  loadBytes(address: I32): I32x4;
  /** Write four bytes to the row of bytes at `address`. */
  storeBytes(address: I32, value: I32x4): void;
}

/**
 * Run `body` until `bytes` bytes of floats are done, `unroll` times in each turn of
 * the loop. The last one to three floats go through `scratch`; the lanes that no
 * float is in hold anything.
 */
export function eachVector(
  f: Body,
  scratch: I32,
  bytes: I32,
  body: (lanes: Lanes) => void,
  unroll = 1,
): void {
  const done = f.let(I32.of(0)), whole = f.let(bytes.and(-16));
  const turns = (times: number) => {
    const step = 16 * times;
    f.while(done.add(step - 1).lt(whole), () => {
      for (let k = 0; k < times; k++) body(next(f, done, k));
      f.set(done, done.add(step));
    });
  };
  if (unroll > 1) turns(unroll);
  turns(1);
  const rest = f.let(bytes.sub(whole)), quarter = whole.shr(2);
  f.if(rest, () => {
    body({
      load(address) {
        const from = f.let(address.add(whole));
        f.for(rest, 4, (j) => f.store(scratch.add(j), load(F32, from.add(j))));
        return f.let(load(F32x4, scratch));
      },
      store(address, value) {
        const to = f.let(address.add(whole));
        f.store(scratch, value);
        f.for(rest, 4, (j) => f.store(to.add(j), load(F32, scratch.add(j))));
      },
      only(value, otherwise) {
        [0, 4, 8, 12].forEach((j) => f.store(scratch, I32.of(j), 16 + j));
        const isThere = load(I32x4, scratch, 16).lt(rest.splat());
        return f.let(isThere.select(value, F32x4.of(otherwise)));
      },
      loadBytes(address) {
        const from = f.let(address.add(quarter));
        f.for(
          rest.shr(2),
          1,
          (j) => f.storeByte(scratch.add(j), loadByte(from.add(j))),
        );
        return f.let(loadBytes(scratch));
      },
      storeBytes(address, value) {
        const to = f.let(address.add(quarter));
        f.storeBytes(scratch, value);
        f.for(
          rest.shr(2),
          1,
          (j) => f.storeByte(to.add(j), loadByte(scratch.add(j))),
        );
      },
    });
  });
}

/** The `k`th four floats from `i` on. */
function next(f: Body, i: I32, k: number): Lanes {
  const quarter = i.shr(2).add(4 * k);
  return {
    load: (address) => f.let(load(F32x4, address.add(i), 16 * k)),
    store: (address, value) => f.store(address.add(i), value, 16 * k),
    only: (value) => value,
    loadBytes: (address) => f.let(loadBytes(address.add(quarter))),
    storeBytes: (address, value) => f.storeBytes(address.add(quarter), value),
  };
}

/** The sum of four floats. */
export function sumLanes(x: F32x4): F32 {
  return x.lane(0).add(x.lane(1)).add(x.lane(2).add(x.lane(3)));
}

/** The largest of four floats; NaN if one is. */
export function maxLanes(x: F32x4): F32 {
  return x.lane(0).max(x.lane(1)).max(x.lane(2).max(x.lane(3)));
}
