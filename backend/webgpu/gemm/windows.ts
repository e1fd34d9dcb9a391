/**
 * The factors of convolutions, as products of matrices that nobody stores:
 *
 * ```text
 * y  = patches(x) w             [batch output, window channels] [window channels, filters]
 * dx = spread(dy) flipped(w)    [batch input, window filters]   [window filters, channels]
 * dw = patches(x)ᵀ dy           [window channels, batch output] [batch output, filters]
 * ```
 *
 * "output", "input" and "window" stand for the cells of all axes.
 *
 * @module
 */
import { type Operand, orZero, type Side, typeOf } from "./operand.ts";

/** Code for each axis, from the first or from the last on. */
function forward(axes: number, code: (i: number) => string): string {
  return Array.from({ length: axes }, (_, i) => code(i)).join("\n");
}

function backward(axes: number, code: (i: number) => string): string {
  return Array.from({ length: axes }, (_, i) => code(axes - 1 - i)).join("\n");
}

/**
 * Division of numbers that are not negative. Floats are several times faster, and off by
 * one at most where the quotient is below 2^21.
 */
const QUOTIENT = `
fn quotient(a : i32, b : i32) -> i32 {
  let near = i32(f32(a) / f32(b));
  let rest = a - near * b;
  return near + select(0, 1, rest >= b) - select(0, 1, rest < 0);
}`;

/** From how many terms on integers are divided. */
const MANY = 2 ** 21;

/** The coordinates of a cell, from its number `rest`, which becomes the batch. */
function coordinates(
  axes: number,
  name: string,
  sizes: "input" | "output" | "window",
  quotient = (a: string, b: string) => `${a} / ${b}`,
): string {
  return backward(axes, (i) => {
    const size = `uniforms.${sizes}${i}`;
    return `let next${i} = ${quotient("rest", size)};
    let ${name}${i} = rest - next${i} * ${size};
    rest = next${i};`;
  });
}

function quick(a: string, b: string): string {
  return `quotient(${a}, ${b})`;
}

/** Code that counts cells: `at` is the batch before, the cell afterwards. */
function count(axes: number, sizes: "input" | "output", name: string): string {
  return forward(axes, (i) => `at = at * uniforms.${sizes}${i} + ${name}${i};`);
}

function parameters(axes: number, name: string): string {
  return Array.from({ length: axes }, (_, i) => `${name}${i} : i32`).join(", ");
}

function names(axes: number, name: string): string {
  return Array.from({ length: axes }, (_, i) => `${name}${i}`).join(", ");
}

/** The value of an array at the element `at`, if `isInside`. */
function element(side: Side, isVector: boolean, at = "at"): string {
  const index = `select(0, ${at}, isInside)${isVector ? " >> 2u" : ""}`;
  return orZero(`${side}[${index}]`, "isInside", isVector);
}

/** `x` seen as [batch output, window channels]. `isVector` if 4 divides the channels. */
export function patches(axes: number, isVector: boolean): Operand {
  return {
    name: `patches${isVector ? 4 : 1}`,
    along: "terms",
    isVector,
    functions: `${QUOTIENT}
fn inPatches(batch : i32, ${
      parameters(axes, "first")
    }, k : i32, end : i32) -> ${typeOf(isVector)} {
  let place = quotient(k, uniforms.channels);
  var rest = place;
  ${coordinates(axes, "cell", "window", quick)}
  var isInside = k < end;
  ${
      forward(axes, (i) =>
        `let x${i} = first${i} + cell${i} * uniforms.dilation${i};
  isInside = isInside && x${i} >= 0 && x${i} < uniforms.input${i};`)
    }
  var at = batch;
  ${count(axes, "input", "x")}
  at = (at - place) * uniforms.channels + k;
  return ${element("A", isVector)};
}`,
    line: (id, line) =>
      `var batch${id} = 0;
    ${forward(axes, (i) => `var first${id}_${i} = 0;`)}
    {
      var rest = i32(min(${line}, uniforms.m - 1u));
      ${coordinates(axes, "y", "output")}
      batch${id} = rest;
      ${
        forward(
          axes,
          (i) =>
            `first${id}_${i} = y${i} * uniforms.stride${i} - uniforms.before${i};`,
        )
      }
    }`,
    load: (id, k) =>
      `inPatches(batch${id}, ${
        names(axes, `first${id}_`)
      }, i32(${k}), i32(end))`,
  };
}

/** `dy` seen as [batch input, window filters]. `isVector` if 4 divides the filters. */
export function spread(axes: number, isVector: boolean): Operand {
  return {
    name: `spread${isVector ? 4 : 1}`,
    along: "terms",
    isVector,
    functions: `${QUOTIENT}
fn inSpread(batch : i32, ${parameters(axes, "last")}, k : i32, end : i32) -> ${
      typeOf(isVector)
    } {
  let place = quotient(k, uniforms.filters);
  var rest = place;
  ${coordinates(axes, "cell", "window", quick)}
  var isInside = k < end;
  ${
      forward(axes, (i) =>
        `let from${i} = last${i} - cell${i} * uniforms.dilation${i};
  let y${i} = from${i} / uniforms.stride${i};
  isInside = isInside && from${i} >= 0 && y${i} < uniforms.output${i} &&
    y${i} * uniforms.stride${i} == from${i};`)
    }
  var at = batch;
  ${count(axes, "output", "y")}
  at = (at - place) * uniforms.filters + k;
  return ${element("A", isVector)};
}`,
    line: (id, line) =>
      `var batch${id} = 0;
    ${forward(axes, (i) => `var last${id}_${i} = 0;`)}
    {
      var rest = i32(min(${line}, uniforms.m - 1u));
      ${coordinates(axes, "x", "input")}
      batch${id} = rest;
      ${forward(axes, (i) => `last${id}_${i} = x${i} + uniforms.before${i};`)}
    }`,
    load: (id, k) =>
      `inSpread(batch${id}, ${names(axes, `last${id}_`)}, i32(${k}), i32(end))`,
  };
}

/** `w` seen as [window filters, channels]. `isVector` if 4 divides the filters. */
export function flipped(isVector: boolean): Operand {
  return {
    name: `flipped${isVector ? 4 : 1}`,
    along: "terms",
    isVector,
    functions: `
fn inFlipped(channel : i32, k : i32, end : i32) -> ${typeOf(isVector)} {
  let place = quotient(k, uniforms.filters);
  let at = (place * (uniforms.channels - 1) + channel) * uniforms.filters + k;
  let isInside = k < end;
  return ${element("B", isVector)};
}`,
    line: (id, line) =>
      `let channel${id} = i32(min(${line}, uniforms.n - 1u));`,
    load: (id, k) => `inFlipped(channel${id}, i32(${k}), i32(end))`,
  };
}

/**
 * `x` seen as [window channels, batch output].
 *
 * @param isVector Whether 4 divides the channels.
 * @param terms The number of batch output.
 */
export function patchesAcross(
  axes: number,
  isVector: boolean,
  terms: number,
): Operand {
  const isMany = terms >= MANY;
  return {
    name: `across${isVector ? 4 : 1}${isMany ? " many" : ""}`,
    along: "lines",
    isVector,
    functions: `${QUOTIENT}
fn acrossPatches(k : i32, ${
      parameters(axes, "offset")
    }, channel : i32, end : i32) -> ${typeOf(isVector)} {
  var rest = k;
  ${coordinates(axes, "y", "output", isMany ? undefined : quick)}
  var isInside = k < end;
  ${
      forward(axes, (i) =>
        `let x${i} = y${i} * uniforms.stride${i} + offset${i};
  isInside = isInside && x${i} >= 0 && x${i} < uniforms.input${i};`)
    }
  var at = rest;
  ${count(axes, "input", "x")}
  at = at * uniforms.channels + channel;
  return ${element("A", isVector)};
}`,
    line: (id, line) =>
      `var channel${id} = 0;
    ${forward(axes, (i) => `var offset${id}_${i} = 0;`)}
    {
      var rest = i32(min(${line}, uniforms.m - ${isVector ? 4 : 1}u));
      channel${id} = rest % uniforms.channels;
      rest /= uniforms.channels;
      ${coordinates(axes, "cell", "window")}
      ${
        forward(
          axes,
          (i) =>
            `offset${id}_${i} = cell${i} * uniforms.dilation${i} - uniforms.before${i};`,
        )
      }
    }`,
    load: (id, k) =>
      `acrossPatches(i32(${k}), ${
        names(axes, `offset${id}_`)
      }, channel${id}, i32(end))`,
  };
}
