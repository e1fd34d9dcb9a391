/** A step of AdamW over many tensors. */
import * as tf from "@tensorflow/tfjs-core";
import { optim, ParamState } from "../../mod.ts";
import type { Section, Target } from "../driver/context.ts";
import { digits, table } from "../driver/table.ts";
import { timeOf } from "./_time.ts";

function time(count: number, size: number, isClipped: boolean): number {
  const params = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `p${i}`,
      new ParamState(tf.randomNormal([size])),
    ]),
  );
  const optimizer = new optim.AdamW({
    lr: 1e-3,
    ...isClipped && { gradClipNorm: 1 },
  }).registerTrainableWeights(params);
  const gradients = Object.keys(params)
    .map((key) => [key, tf.randomNormal([size])] as const);
  // A step frees its gradients.
  const step = () =>
    optimizer.step(
      Object.fromEntries(gradients.map(([key, x]) => [key, tf.clone(x)])),
    );
  const ms = timeOf(step, 200);
  optimizer.dispose();
  tf.dispose(gradients.map(([, x]) => x));
  for (const param of Object.values(params)) param.dispose();
  return ms;
}

/** Milliseconds of a step. */
export function optimizerSteps(isSmall: boolean): Section {
  const [count, size] = isSmall ? [20, 100] : [1000, 10000];
  const plain = time(count, size, false), clipped = time(count, size, true);
  const what = `milliseconds of AdamW over ${count} tensors of ${size}`;
  const targets: Target[] = [
    { what, asked: { most: 5 }, got: plain },
    { what: `${what}, clipped`, asked: { most: 5 }, got: clipped },
  ];
  return {
    title: "AdamW over many tensors, milliseconds",
    blocks: [
      table(["tensors", "plain", "clipped"], [
        [`${count} of ${size}`, digits(plain), digits(clipped)],
      ]),
    ],
    targets,
    data: { plain, clipped },
  };
}
