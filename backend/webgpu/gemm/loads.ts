/**
 * How the values of both factors come from buffers into the workgroup's memory.
 *
 * There they lie in vectors of four lines, one vector for each term. Each is written as
 * a whole: WGSL lets whoever writes a component write the others too.
 *
 * @module
 */
import type { Operand, Side } from "./operand.ts";
import { threadsOf, type Tile } from "./tile.ts";

/** Code of a part of what an invocation loads. */
export interface Load {
  /** What is known before all rounds. */
  readonly before: string;
  /** From the buffer, for the terms from `k0` on. */
  readonly load: string;
  /** Into the workgroup's memory. */
  readonly store: string;
}

const FOUR = [0, 1, 2, 3];
const XYZW = "xyzw";

/** What an invocation loads of both factors. */
export function loadsOf(a: Operand, b: Operand, tile: Tile): Load[] {
  const threads = threadsOf(tile);
  const [unitsA, unitsB] = [unitsOf(a, tile.m, tile), unitsOf(b, tile.n, tile)];
  // Different invocations, if there are enough.
  const first = unitsA + unitsB <= threads ? unitsA : 0;
  return [
    ...loads("A", a, tile.m, tile, 0),
    ...loads("B", b, tile.n, tile, first),
  ];
}

/** Whether vectors of terms must be turned into vectors of lines: four by four. */
function isTurned({ along, isVector }: Operand): boolean {
  return isVector && along === "terms";
}

/** How many vectors, or blocks of four vectors, there are to load. */
function unitsOf(operand: Operand, lines: number, { k }: Tile): number {
  return lines / 4 * (isTurned(operand) ? k / 4 : k);
}

/** The loads of a factor, of which the invocation `first` does the first. */
function loads(
  side: Side,
  operand: Operand,
  lines: number,
  tile: Tile,
  first: number,
): Load[] {
  const threads = threadsOf(tile), units = unitsOf(operand, lines, tile);
  return Array.from({ length: Math.ceil(units / threads) }, (_, i) => {
    const id = `${side}${i}`;
    const isGuarded = first > 0 || (i + 1) * threads > units;
    const guard = isGuarded ? `if (i${id} < ${units}u) ` : "";
    const { where, load, store } = unit(side, operand, lines, tile, id);
    return {
      before: `let i${id} = local + ${i * threads}u - ${first}u;
        ${where}`,
      load: `${guard}{ ${load} }`,
      store: `${guard}{ ${store} }`,
    };
  });
}

/** A vector of four lines, or a block of four by four. */
function unit(
  side: Side,
  operand: Operand,
  lines: number,
  { k }: Tile,
  id: string,
): { where: string; load: string; store: string } {
  const origin = side === "A" ? "m0" : "n0";
  const isBlock = isTurned(operand), perLine = isBlock ? k / 4 : k;
  // Neighbours load what follows each other in the buffer.
  const place = operand.along === "terms"
    ? `let k${id} = (i${id} % ${perLine}u)${isBlock ? " * 4u" : ""};
       let q${id} = i${id} / ${perLine}u;`
    : `let k${id} = i${id} / ${lines / 4}u;
       let q${id} = i${id} % ${lines / 4}u;`;
  const line = (j: number) => `(${origin} + q${id} * 4u + ${j}u)`;
  const term = `(k0 + k${id})`;
  const whole = operand.isVector && !isBlock;
  const own = (j: number) => `${id}${j}`;
  const where = whole
    ? operand.line(id, line(0))
    : FOUR.map((j) => operand.line(own(j), line(j))).join("\n");
  const values = FOUR.map((j) => operand.load(own(j), term));
  if (isBlock) {
    return {
      where: `${place}
        ${where}
        ${FOUR.map((j) => `var v${id}_${j} : vec4<T>;`).join(" ")}`,
      load: values.map((value, j) => `v${id}_${j} = ${value};`).join("\n"),
      store: FOUR.map((t) =>
        `tile${side}[k${id} + ${t}u][q${id}] = stored(vec4<T>(${
          FOUR.map((j) => `v${id}_${j}.${XYZW[t]}`).join(", ")
        }));`
      ).join("\n"),
    };
  }
  return {
    where: `${place}
      ${where}
      var v${id} : vec4<T>;`,
    load: `v${id} = ${
      whole ? operand.load(id, term) : `vec4<T>(${values.join(", ")})`
    };`,
    store: `tile${side}[k${id}][q${id}] = stored(v${id});`,
  };
}
