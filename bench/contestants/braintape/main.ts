/** Braintape as a contestant: `main.ts THREADS`. */
import { random, useBackend } from "../../../mod.ts";
import { type MakeTask, serve } from "../serve.ts";
import { checkpointTask } from "./checkpoint.ts";
import { optimizerTask } from "./optimizer.ts";
import { productTask } from "./products.ts";
import { trainingTask } from "./training.ts";

const [threads] = Deno.args;
await useBackend("wasm", { threads: Number(threads) });
random.seed(1);

const TASKS: Readonly<Record<string, MakeTask>> = {
  train: trainingTask,
  checkpoint: checkpointTask,
  optimizer: optimizerTask,
  stream: optimizerTask,
  matMul: productTask,
  convolution: productTask,
  peak: productTask,
};

await serve(`braintape, threads: ${threads}`, (name) => {
  const make = TASKS[name.split(" ")[0]!];
  if (!make) throw new Error(`Cannot find the task ${name}`);
  return make(name);
});
Deno.exit();
