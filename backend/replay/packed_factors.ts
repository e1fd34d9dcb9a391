/**
 * Products that share their right factor, as those of time steps share a weight, and
 * the threads of a product of many rows: it is copied once as their tiles read it. Else
 * each would copy it, or, with few rows, read it in all of its own rows.
 *
 * @module
 */
import {
  gemm,
  PACKED,
  PARAMETERS,
  ROWS,
  TRANSPOSE_B,
} from "../wasm/kernels/gemm.ts";
import { packFactor, sizeOfPacked } from "../wasm/kernels/packed.ts";
import type { Argument, Buffer, Call, Operation, Pointer } from "./recorded.ts";

/** So many products, or parts of them, must share a factor to be worth the copy. */
const LEAST = 4;
type Name =
  | (typeof PARAMETERS.addresses)[number]
  | (typeof PARAMETERS.numbers)[number];

const PLACES = new Map<Name, number>(
  [...PARAMETERS.addresses, ...PARAMETERS.numbers].map((name, i) => [name, i]),
);

/** The right factor of a product. */
interface Factor {
  readonly at: Pointer;
  /** Bytes from a row to the next, as it is stored. */
  readonly row: number;
  readonly N: number;
  readonly K: number;
  /** Whether it is stored as its transpose. */
  readonly across: boolean;
}

/** A product in an operation. */
interface Use {
  readonly operation: number;
  readonly call: number;
}

/** A factor with the products that share it, while nothing changes it. */
interface Shared {
  readonly factor: Factor;
  readonly uses: Use[];
  /** How many products, or parts of products, read all of it. */
  readers: number;
}

/** `operations` with factors packed that enough products share. */
export function packFactors(operations: readonly Operation[]): Operation[] {
  const { number } = gemm;
  const shared = sharedFactors(operations, number)
    .filter(({ readers }) => readers >= LEAST);
  const before = new Map<number, Operation[]>();
  const changed = [...operations];
  for (const { factor, uses } of shared) {
    const packed: Buffer = {
      id: -1, // of no recording
      bytes: sizeOfPacked(factor.K, factor.N),
      source: { kind: "temporary" },
    };
    const first = uses[0]!.operation;
    before.set(first, [...before.get(first) ?? [], packing(factor, packed)]);
    for (const { operation, call } of uses) {
      changed[operation] = withPacked(
        changed[operation]!,
        call,
        factor,
        packed,
      );
    }
  }
  return changed.flatMap((operation, i) => [
    ...before.get(i) ?? [],
    operation,
  ]);
}

function sharedFactors(
  operations: readonly Operation[],
  gemmNumber: number | undefined,
): Shared[] {
  const all: Shared[] = [];
  let open = new Map<string, Shared>();
  operations.forEach(({ body, writes }, operation) => {
    body.forEach((work, call) => {
      if (work.kind === "host" || work.fn !== gemmNumber) return;
      const factor = factorOf(work);
      if (!factor || writes.has(factor.at.buffer)) return;
      const { at: { buffer, offset }, ...sizes } = factor;
      const key = [buffer.id, offset, ...Object.values(sizes)].join();
      let group = open.get(key);
      if (!group) {
        open.set(key, group = { factor, uses: [], readers: 0 });
        all.push(group);
      }
      group.uses.push({ operation, call });
      group.readers += readersIn(work, factor);
    });
    open = new Map(
      [...open].filter(([, { factor }]) => !writes.has(factor.at.buffer)),
    );
  });
  return all;
}

/** An argument of one part of a call. */
function argument(part: readonly Argument[], name: Name): Argument {
  return part[PLACES.get(name)!]!;
}

/** The first column that a part multiplies. */
function columnOf(part: readonly Argument[], { at, row, across }: Factor) {
  const { offset } = argument(part, "b") as Pointer;
  return (offset - at.offset) / (across ? row : 4);
}

/** How many parts of a call read a factor from its first column on. */
function readersIn({ parts }: Call, factor: Factor): number {
  return parts.filter((part) => columnOf(part, factor) === 0).length;
}

/** The right factor of a call, if all of its parts are of one product. */
function factorOf({ parts }: Call): Factor | undefined {
  const [first] = parts as [readonly Argument[]];
  const at = argument(first, "b"), flags = argument(first, "flags") as number;
  if (typeof at !== "object" || flags & (PACKED | ROWS)) {
    return undefined;
  }
  const fits = parts.every((part) => {
    const b = argument(part, "b");
    return typeof b === "object" && b.buffer === at.buffer &&
      argument(part, "batch") === 1 && argument(part, "flags") === flags;
  });
  if (!fits) return undefined;
  const factor = {
    at,
    row: argument(first, "bRow") as number,
    K: argument(first, "K") as number,
    N: 0,
    across: (flags & TRANSPOSE_B) !== 0,
  };
  const ends = parts.map((part) =>
    columnOf(part, factor) + (argument(part, "N") as number)
  );
  return { ...factor, N: Math.max(...ends) };
}

/** The operation that packs a factor. */
function packing(factor: Factor, packed: Buffer): Operation {
  const { at, row, N, K, across } = factor;
  const to = { buffer: packed, offset: 0 };
  return {
    name: "pack factor",
    reads: new Set([at.buffer]),
    writes: new Set([packed]),
    body: [{
      kind: "call",
      fn: packFactor.index,
      parts: [[at, to, row, N, K, Number(across)]],
    }],
    isLive: false,
  };
}

/** An operation with one of its calls reading a packed factor. */
function withPacked(
  operation: Operation,
  number: number,
  factor: Factor,
  packed: Buffer,
): Operation {
  const body = operation.body.map((work, i) => {
    if (i !== number || work.kind === "host") return work;
    const parts = work.parts.map((part) => {
      const offset = 4 * columnOf(part, factor) * factor.K;
      const flags = argument(part, "flags") as number;
      const changed = [...part];
      changed[PLACES.get("b")!] = { buffer: packed, offset };
      changed[PLACES.get("flags")!] = flags & ~TRANSPOSE_B | PACKED;
      return changed;
    });
    return { ...work, parts };
  });
  const { buffer } = factor.at;
  const isRead = body.some((work) =>
    work.kind === "host" ||
    work.parts.flat().some((x) => typeof x === "object" && x.buffer === buffer)
  );
  const others = [...operation.reads].filter((x) => isRead || x !== buffer);
  return { ...operation, reads: new Set([...others, packed]), body };
}
