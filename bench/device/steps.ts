/** Training steps, as they are and compiled, and where their time goes. */
import * as tf from "@tensorflow/tfjs-core";
import { compile, profile, random, train } from "../../mod.ts";
import type { Section, Target } from "../driver/context.ts";
import { digits, table } from "../driver/table.ts";
import { type Workload, workloads } from "../replay/models.ts";
import { timeOf } from "./_time.ts";

/** A model, the most milliseconds asked of a step, and the model in small. */
export interface Entry {
  readonly name: string;
  readonly most: number;
  readonly make: () => Workload;
  readonly small: () => Workload;
}

/** The models whose steps are measured. */
export const ENTRIES: readonly Entry[] = [
  {
    name: "MLP 784-256-128-10, batch 128",
    most: 1.5,
    make: () => workloads.mlp(128),
    small: () => workloads.mlp(8),
  },
  {
    name: "CNN, batch 256",
    most: 6,
    make: () => workloads.cnn(256),
    small: () => workloads.cnn(2),
  },
  {
    name: "char-GPT, 4 blocks of 128",
    most: 8,
    make: () => workloads.gpt(),
    small: () => workloads.gpt({ batch: 2, context: 16, layers: 2, width: 32 }),
  },
  {
    name: "GPT, 6 blocks of 384, context 256, batch 64",
    most: 70,
    make: () =>
      workloads.gpt({
        batch: 64,
        context: 256,
        layers: 6,
        width: 384,
        heads: 6,
      }),
    small: () => workloads.gpt({ batch: 2, context: 16, layers: 2, width: 48 }),
  },
];

function time(
  make: () => Workload,
  isCompiled: boolean,
  slice: number,
): number {
  random.seed(1);
  const { loss, optimizer, batch } = make();
  const plain = train.step(loss, optimizer);
  using compiled = compile(plain);
  const step = isCompiled ? compiled : plain, tensors = batch(0);
  for (let i = 0; i < 4; i++) step(...tensors).dispose();
  const ms = timeOf(() => step(...tensors).dispose(), slice);
  tf.dispose(tensors);
  return ms;
}

/** Milliseconds of steps; nothing is read while they are measured. */
export async function steps(isSmall: boolean): Promise<Section> {
  const rows: string[][] = [], targets: Target[] = [], blocks: string[] = [];
  for (const { name: full, most, make, small } of ENTRIES) {
    const name = isSmall ? `${full}, in small` : full;
    const model = isSmall ? small : make, slice = isSmall ? 50 : 500;
    const plain = time(model, false, slice), fast = time(model, true, slice);
    rows.push([name, digits(plain), digits(fast)]);
    const [asked, got] = [{ most }, Math.min(plain, fast)];
    targets.push({ what: `milliseconds of a step: ${name}`, asked, got });
    random.seed(1);
    const { loss, optimizer, batch } = model();
    const step = train.step(loss, optimizer), tensors = batch(0);
    const found = await profile(() => step(...tensors), { steps: 3 });
    blocks.push(`### ${name}`, `\`\`\`text\n${found}\n\`\`\``);
    tf.dispose(tensors);
  }
  return {
    title: "Steps, milliseconds",
    blocks: [table(["", "as it is", "compiled"], rows), ...blocks],
    targets,
    data: rows,
  };
}
