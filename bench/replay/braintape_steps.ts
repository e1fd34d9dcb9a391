/** Our training step: `braintape_steps.ts WORKLOAD eager|compiled THREADS`. */
import { compile, random, train, useBackend } from "../../mod.ts";
import { serve } from "./_serve.ts";
import { workloads } from "./models.ts";

/** So many that no model learns them by heart: denormal gradients are slow. */
const BATCHES = 128;

const [workload, how, threads] = Deno.args;

await serve(async () => {
  await useBackend("wasm", { threads: Number(threads) });
  random.seed(1);
  const make = workloads[workload as keyof typeof workloads];
  const { loss, optimizer, batch } = make();
  const plain = train.step(loss, optimizer);
  const step = how === "compiled"
    ? compile(plain, { onFallback: "throw" })
    : plain;
  const batches = Array.from({ length: BATCHES }, (_, i) => batch(i));
  let taken = 0;
  return {
    name: `braintape ${how}`,
    take(count) {
      for (let i = 0; i < count; i++) {
        step(...batches[taken++ % BATCHES]!).dispose();
      }
      return Promise.resolve();
    },
  };
});
