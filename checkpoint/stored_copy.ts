/**
 * Copies boxes of elements between states and tensors in a file.
 *
 * @module
 */
import type { Elements } from "./header.ts";
import type { StoredBox } from "./stored_box.ts";

/**
 * Copy a box from a tensor of a file into a state, whose elements are 0 before.
 *
 * @param box The box.
 * @param from The elements of the file's tensor.
 * @param to The elements of the state.
 * @param shape The shape of the state.
 */
export function loadBox(
  box: StoredBox,
  from: Elements,
  to: Elements,
  shape: readonly number[],
): void {
  const { sign, plus, term } = box;
  if (term === "only" && sign === 1 && plus === 0) {
    eachRun(box, shape, (file, state, length, step) => {
      if (step === 1) to.set(from.subarray(file, file + length), state);
      else {
        for (let i = 0; i < length; i++) to[state + i * step] = from[file + i]!;
      }
    });
    return;
  }
  eachRun(box, shape, (file, state, length, step) => {
    for (let i = 0; i < length; i++) {
      to[state + i * step]! += sign * from[file + i]! + plus;
    }
  });
}

/**
 * Copy a box from a state into a tensor of a file; the reverse of
 * {@linkcode loadBox}.
 */
export function saveBox(
  box: StoredBox,
  from: Elements,
  to: Elements,
  shape: readonly number[],
): void {
  const { sign, plus, term } = box;
  // The first term has the sum; others hold what adds nothing when it is loaded.
  const isOther = term === "other";
  if (isOther && plus === 0) return; // zero, as new arrays are
  eachRun(box, shape, (file, state, length, step) => {
    if (isOther) to.fill(-sign * plus, file, file + length);
    else if (step === 1 && sign === 1 && plus === 0) {
      to.set(from.subarray(state, state + length), file);
    } else {
      for (let i = 0; i < length; i++) {
        to[file + i] = sign * (from[state + i * step]! - plus);
      }
    }
  });
}

/** How many elements a box has. */
export function elementsOf({ size }: Pick<StoredBox, "size">): number {
  return size.reduce((product, length) => product * length, 1);
}

/**
 * Calls `visit` for each run of elements that lie next to each other in the file: its
 * begin there and in the state, its length, and the distance of its elements in the
 * state.
 */
function eachRun(
  box: StoredBox,
  shape: readonly number[],
  visit: (file: number, state: number, length: number, step: number) => void,
) {
  const { axes, from, at, size } = box;
  if (elementsOf(box) === 0) return;
  const steps = stridesOf(shape), fileSteps = stridesOf(box.shape);
  const isWhole = axes.every((axis, i) =>
    axis === i && size[i] === shape[i] && size[i] === box.shape[i]
  );
  if (isWhole || axes.length === 0) return visit(0, 0, elementsOf(box), 1);
  // In the order of the file's axes.
  const lengths = axes.map((axis) => size[axis]!);
  const inState = axes.map((axis) => steps[axis]!);
  const last = axes.length - 1;
  const index = axes.map(() => 0);
  let file = from.reduce((sum, x, i) => sum + x * fileSteps[i]!, 0);
  let state = at.reduce((sum, x, i) => sum + x * steps[i]!, 0);
  for (;;) {
    visit(file, state, lengths[last]!, inState[last]!);
    let axis = last - 1;
    for (; axis >= 0; axis--) {
      file += fileSteps[axis]!;
      state += inState[axis]!;
      if (++index[axis]! < lengths[axis]!) break;
      file -= fileSteps[axis]! * lengths[axis]!;
      state -= inState[axis]! * lengths[axis]!;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) {
    strides[i] = strides[i + 1]! * shape[i + 1]!;
  }
  return strides;
}
