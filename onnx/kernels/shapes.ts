/**
 * Kernels that move elements.
 *
 * @module
 */
import { TYPES } from "../format.ts";
import { isFixed } from "../sizes.ts";
import {
  type Call,
  type Exporter,
  type Exporters,
  input,
  namesOf,
  unsupported,
} from "./kernel.ts";

/** As far as a slice can reach. */
const END = 2n ** 63n - 1n;

/** The value in the shape of the output. */
const reshape: Exporter = (call) => {
  const { graph, outputs: [{ dims }] } = call as Call & {
    readonly outputs: readonly [Call["outputs"][number]];
  };
  const growing = dims.filter((dim) => !isFixed(dim)).length;
  const hasNone = dims.some((dim) => dim === 0);
  const sizes = growing === 1 && !hasNone
    ? graph.integers(dims.map((dim) => isFixed(dim) ? dim : -1))
    : graph.sizes(dims);
  // A size of 0 is meant as it stands.
  return graph.add("Reshape", [namesOf(call)[0]!, sizes], { allowzero: 1 });
};

/** The integers of a setting; those that grow with the batch are refused. */
function fixed(call: Call, attr: string): number[] {
  return call.sizes(attr).map((dim) =>
    isFixed(dim) ? dim : unsupported(`${attr} grows with the batch`)
  );
}

/** The axis of a setting, counted from 0. */
function axisOf(call: Call, rank: number, attr = "axis"): number {
  const axis = (call.attrs[attr] ?? 0) as number;
  return axis < 0 ? axis + rank : axis;
}

function slice(call: Call): string {
  const { graph } = call, x = input(call, "x"), [out] = call.outputs;
  const begins = fixed(call, "begin");
  const ends = out!.dims.map((dim, axis) => {
    if (isFixed(dim)) return begins[axis]! + dim;
    const whole = x.dims[axis]!;
    const isWhole = !isFixed(whole) && whole.perExample === dim.perExample;
    return isWhole && begins[axis] === 0
      ? END
      : unsupported("a slice grows with the batch without being all of it");
  });
  return graph.add("Slice", [
    x.name,
    graph.integers(begins),
    graph.integers(ends),
  ]);
}

function pad(call: Call): string {
  const { graph, attrs } = call;
  const x = input(call, "x");
  if (x.dtype !== "float32") unsupported(`padding of ${x.dtype}`);
  const paddings = attrs["paddings"] as [number, number][];
  return graph.add("Pad", [
    x.name,
    graph.integers([0, 1].flatMap((side) => paddings.map((p) => p[side]!))),
    graph.scalar(attrs["constantValue"] as number),
  ]);
}

function split(call: Call): string[] {
  const { graph, outputs } = call, x = input(call, "x");
  const axis = axisOf(call, x.dims.length);
  const sizes = outputs.map(({ dims }) => {
    const size = dims[axis]!;
    return isFixed(size) ? size : unsupported("a split along the batch");
  });
  return graph.addAll("Split", [x.name, graph.integers(sizes)], sizes.length, {
    axis,
  });
}

function unpack(call: Call): string[] {
  const { graph, outputs } = call, x = input(call, "value");
  const axis = axisOf(call, x.dims.length);
  if (!isFixed(x.dims[axis]!)) unsupported("unstacking along the batch");
  const sizes = graph.integers(outputs.map(() => 1));
  const parts = outputs.length === 1
    ? [x.name]
    : graph.addAll("Split", [x.name, sizes], outputs.length, { axis });
  return parts.map((part) =>
    graph.add("Squeeze", [part, graph.integers([axis])])
  );
}

function pack(call: Call): string {
  const { graph, outputs } = call;
  const axis = axisOf(call, outputs[0]!.dims.length);
  const parts = namesOf(call).map((name) =>
    graph.add("Unsqueeze", [name, graph.integers([axis])])
  );
  return graph.add("Concat", parts, { axis });
}

function gather(call: Call): string {
  const x = input(call, "x");
  if (((call.attrs["batchDims"] ?? 0) as number) !== 0) {
    unsupported("gather with batchDims");
  }
  const axis = axisOf(call, x.dims.length);
  return call.graph.add("Gather", [x.name, input(call, "indices").name], {
    axis,
  });
}

function oneHot(call: Call): string {
  const { graph, attrs } = call;
  const { depth, onValue = 1, offValue = 0 } = attrs as Record<string, number>;
  const hot = graph.add("OneHot", [
    // Runtimes have it for few combinations of types.
    graph.add("Cast", [input(call, "indices").name], { to: TYPES.int64 }),
    graph.integers([depth!]),
    graph.constant(Float32Array.of(offValue, onValue), [2]),
  ]);
  const { dtype } = call.outputs[0]!;
  const to = TYPES[dtype as keyof typeof TYPES];
  return dtype === "float32" ? hot : graph.add("Cast", [hot], { to });
}

function reverse(call: Call): string {
  const { graph } = call, x = input(call, "x");
  const axes = [call.attrs["dims"] as number | number[]].flat()
    .map((axis) => axis < 0 ? axis + x.dims.length : axis);
  return graph.add("Slice", [
    x.name,
    graph.integers(axes.map(() => -1)),
    graph.integers(axes.map(() => -END)),
    graph.integers(axes),
    graph.integers(axes.map(() => -1)),
  ]);
}

/** Kernels that move elements. */
export const SHAPES: Exporters = {
  BroadcastTo: (call) =>
    call.graph.add("Expand", [
      ...namesOf(call),
      call.graph.sizes(call.outputs[0]!.dims),
    ]),
  Concat: (call) =>
    call.graph.add("Concat", namesOf(call), {
      axis: axisOf(call, call.outputs[0]!.dims.length),
    }),
  ExpandDims: reshape,
  GatherV2: gather,
  OneHot: oneHot,
  Pack: pack,
  PadV2: pad,
  Reshape: reshape,
  Reverse: reverse,
  Slice: slice,
  SplitV: split,
  Tile: (call) =>
    call.graph.add("Tile", [
      input(call, "x").name,
      call.graph.sizes(call.sizes("reps")),
    ]),
  Transpose: (call) =>
    call.graph.add("Transpose", namesOf(call), { perm: fixed(call, "perm") }),
  Unpack: unpack,
};
