/**
 * What every contestant trains: the models of `replay/models.ts`, by name, and their
 * weights and batches as files that others read.
 *
 * @module
 */
import { ParamState, random, type tf } from "../mod.ts";
import { type Workload, workloads } from "./replay/models.ts";

/** What a workload's name ends with: a batch, or a number of time steps. */
const MAKE: Readonly<Record<string, (size?: number) => Workload>> = {
  tiny: () => workloads.tiny(),
  awkward: () => workloads.awkward(),
  mlp: workloads.mlp,
  cnn: workloads.cnn,
  gpt: () => workloads.gpt(),
  lstm: workloads.lstm,
  snn: workloads.snn,
};

/**
 * A new model with its optimizer, such as `mlp128` or `cnn`. Its weights are drawn
 * from the default stream.
 */
export function workloadOf(name: string): Workload {
  const [, model, size] = /^([a-z]+)(\d*)$/.exec(name) ?? [];
  const make = MAKE[model ?? ""];
  if (!make) throw new RangeError(`Cannot find the workload ${name}`);
  return make(size ? Number(size) : undefined);
}

/** The most bytes of batches. */
const BATCHES = 2 ** 25;

/**
 * The batches that are used in turn: so many that no model learns them by heart,
 * since gradients that are nearly zero are slow.
 */
export function batchesOf({ batch }: Workload): tf.Tensor[][] {
  const first = batch(0);
  const bytes = first.reduce((sum, { size }) => sum + 4 * size, 0);
  const count = Math.max(4, Math.min(64, Math.floor(BATCHES / bytes)));
  const others = Array.from({ length: count - 1 }, (_, i) => batch(i + 1));
  return [first, ...others];
}

/** Where an array is, in elements of four bytes from the start of its file. */
interface Place {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly at: number;
}

/**
 * Write the weights and batches of a workload to `FOLDER/NAME.bin`, and where each is
 * to `NAME.json`: weights by their path, then `x` and `y`, with the batches as their
 * first dimension.
 */
export async function writeWorkload(
  name: string,
  folder: string,
): Promise<void> {
  random.seed(1);
  const workload = workloadOf(name), { model, optimizer } = workload;
  const places: Record<string, Place> = {};
  const parts: Uint8Array[] = [];
  let at = 0;
  const add = async (path: string, tensors: readonly tf.Tensor[]) => {
    const [{ shape, dtype }] = tensors as [tf.Tensor];
    places[path] = {
      dtype,
      shape: tensors.length > 1 ? [tensors.length, ...shape] : shape,
      at,
    };
    for (const tensor of tensors) {
      const values = (await tensor.data()).slice();
      parts.push(new Uint8Array(values.buffer));
      at += values.length;
    }
  };
  const params = model.states(ParamState);
  for (const [path, state] of Object.entries(params)) {
    await add(path, [state.value as tf.Tensor]);
  }
  const batches = batchesOf(workload);
  await add("x", batches.map(([x]) => x!));
  await add("y", batches.map(([, y]) => y!));
  for (const tensor of batches.flat()) tensor.dispose();
  optimizer.dispose();
  for (const state of Object.values(params)) state.dispose();
  const file = `${folder}/${name}`;
  await Deno.writeFile(
    `${file}.bin`,
    new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()),
  );
  await Deno.writeTextFile(`${file}.json`, JSON.stringify(places));
}
