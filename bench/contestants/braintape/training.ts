import { compile, random, type tf, train } from "../../../mod.ts";
import { batchesOf, workloadOf } from "../../workloads.ts";
import type { Task } from "../serve.ts";

/** `train WORKLOAD eager|compiled`: a step of training. */
export function trainingTask(name: string): Task {
  const [, workload, how] = name.split(" ");
  random.seed(1);
  const made = workloadOf(workload!), { loss, optimizer } = made;
  const plain = train.step(loss, optimizer);
  const step = how === "compiled"
    ? compile(plain, { onFallback: "throw" })
    : plain;
  const batches = batchesOf(made);
  let taken = 0;
  const next = () => step(...batches[taken++ % batches.length]!);
  return {
    async numbers() {
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) {
        const value = next();
        losses.push((await value.data())[0]!);
        value.dispose();
      }
      return losses;
    },
    async run(count) {
      for (let i = 1; i < count; i++) next().dispose();
      const last: tf.Scalar = next();
      await last.data();
      last.dispose();
    },
  };
}
