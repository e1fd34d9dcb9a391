import {
  loadCheckpoint,
  ParamState,
  saveCheckpoint,
  scope,
  tf,
} from "../../../mod.ts";
import type { Task } from "../serve.ts";

/** How many tensors the parameters are. */
const TENSORS = 25;

/**
 * `checkpoint WHAT SIZE FOLDER`: so many parameters saved and loaded, or as many
 * bytes written and read by Deno itself.
 */
export async function checkpointTask(name: string): Promise<Task> {
  const [, what, size, folder] = name.split(" ");
  const parameters = Number(size), path = `${folder}/bench.ckpt`;
  const plain = `${folder}/bench.bin`;
  const model = Object.fromEntries(
    Array.from({ length: TENSORS }, (_, i) => [
      `layers.${i}.weight`,
      scope(() => new ParamState(tf.fill([parameters / TENSORS], i + 0.5))),
    ]),
  );
  const bytes = new Uint8Array(4 * parameters).fill(63);
  const once: Record<string, () => Promise<unknown>> = {
    save: () => saveCheckpoint(path, { model }),
    load: () => loadCheckpoint(path, { model }),
    write: () => Deno.writeFile(plain, bytes),
    async sync() {
      await Deno.writeFile(plain, bytes);
      using file = await Deno.open(plain, { write: true });
      await file.sync();
    },
    read: () => Deno.readFile(plain),
  };
  if (what === "load") await once.save!();
  if (what === "read") await once.write!();
  return {
    async run(count) {
      for (let i = 0; i < count; i++) await once[what!]!();
    },
  };
}
