/** An array of a workload's file. */
export interface Stored {
  readonly dtype: string;
  readonly shape: number[];
  readonly data: Float32Array | Int32Array;
}

/** The weights and batches that `writeWorkload` wrote, by path. */
export function readWorkload(
  folder: string,
  name: string,
): Record<string, Stored> {
  const file = `${folder}/${name}`;
  const { buffer } = Deno.readFileSync(`${file}.bin`);
  const places = JSON.parse(Deno.readTextFileSync(`${file}.json`));
  const stored: Record<string, Stored> = {};
  for (const [path, { dtype, shape, at }] of Object.entries<Place>(places)) {
    const Values = dtype === "int32" ? Int32Array : Float32Array;
    const size = shape.reduce((product, n) => product * n, 1);
    stored[path] = { dtype, shape, data: new Values(buffer, 4 * at, size) };
  }
  return stored;
}

interface Place {
  readonly dtype: string;
  readonly shape: number[];
  readonly at: number;
}

/** The batches of an array, whose first dimension they are. */
export function batchesOf({ dtype, shape, data }: Stored): Stored[] {
  const [count, ...rest] = shape as [number, ...number[]];
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    dtype,
    shape: rest,
    data: data.subarray(i * size, (i + 1) * size),
  }));
}
