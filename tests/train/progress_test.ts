import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import type { FitOptions } from "../../train/mod.ts";
import * as train from "../../train/mod.ts";
import { onEachBackend } from "../_backends.ts";
import { line, numbers, type X } from "./_setup.ts";

const only = { only: ["cpu"] } as const;

/** What the bar writes of a run. */
async function written(
  rest: Partial<FitOptions<X>>,
  { isTerminal = true, columns = 80, interval = 0, color = false } = {},
): Promise<string> {
  let text = "";
  const output = {
    isTerminal,
    columns,
    color,
    write: (part: string) => void (text += part),
  };
  await train.fit({
    ...line(),
    callbacks: [train.progressBar({ output, interval, plainInterval: 1e6 })],
    ...rest,
  });
  return text;
}

/** The lines that stay on a terminal. */
function history(text: string): string[] {
  return text.split("\n").slice(0, -1)
    .map((line) => line.split("\r").at(-1)!.replaceAll("\x1b[K", ""));
}

onEachBackend("the last steps are logged, however few", async () => {
  for (
    const [steps, logEvery, expected] of [
      [5, undefined, [5]],
      [25, undefined, [10, 20, 25]],
      [20, undefined, [10, 20]],
      [1, undefined, [1]],
      [7, 3, [3, 6, 7]],
    ] as const
  ) {
    const losses: number[] = [];
    const { log, values } = await train.fit({
      ...line(),
      steps,
      ...(logEvery ? { logEvery } : {}),
      callbacks: [{ onLog: (_, { loss }) => void losses.push(loss) }],
    });
    assertEquals(log.steps.map(({ step }) => step), [...expected]);
    assertEquals(losses, log.steps.map(({ loss }) => loss));
    assert(log.steps.every(({ gradNorm }) => gradNorm! > 0));
    // Without validation data the loss is that of training.
    assertEquals(values, {
      loss: losses.at(-1)!,
      trainingLoss: losses.at(-1)!,
    });
  }
}, only);

onEachBackend(
  "the last record has the mean loss of the remaining steps",
  async () => {
    const each = await train.fit({ ...line(), steps: 8, logEvery: 1 });
    const few = await train.fit({ ...line(), steps: 8, logEvery: 5 });
    const losses = each.log.steps.map(({ loss }) => loss);
    const mean = (xs: number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
    assertEquals(few.log.steps.map(({ loss }) => loss), [
      mean(losses.slice(0, 5)),
      mean(losses.slice(5)),
    ]);
  },
  only,
);

onEachBackend("with validation data the values have both losses", async () => {
  const { log, values } = await train.fit({
    ...line(),
    validation: numbers(),
    epochs: 2,
  });
  assertEquals(values, {
    ...log.evaluations.at(-1)!.values,
    trainingLoss: log.steps.at(-1)!.loss,
  });
}, only);

onEachBackend(
  "every epoch leaves a line on a terminal, with both losses at any width",
  async () => {
    for (const columns of [40, 60, 80, 120, 200]) {
      const text = await written({
        validation: numbers(),
        metrics: { accuracy: () => tf.scalar(0.5) },
        epochs: 3,
      }, { columns });
      const lines = history(text);
      assertEquals(lines.length, 3);
      for (const [i, line] of lines.entries()) {
        assert(/(^| {2})loss \S+ {2}.*val loss \S+/.test(line), line);
        assert(line.length < columns, `${line.length} ${line}`);
        if (columns >= 60) assert(line.startsWith(`epoch ${i + 1}/3`), line);
        if (columns >= 80) assert(line.includes("accuracy 0.5"), line);
      }
      assert(
        text.split(/[\r\n]/).every((part) =>
          part.replaceAll("\x1b[K", "").length < columns
        ),
      );
      assert(text.endsWith("\n"));
    }
  },
  only,
);

onEachBackend(
  "epochs without validation, and runs without epochs, leave lines too",
  async () => {
    assertEquals(history(await written({ epochs: 4 })).length, 4);
    assertEquals(history(await written({ steps: 3 })).length, 1);
    const lines = history(
      await written({
        steps: 12,
        validation: numbers(),
        evaluateEvery: 3,
      }),
    );
    // After each evaluation and each epoch (4, 8, 12), but no step twice.
    assertEquals(
      lines.map((line) => /(\d+)\/12/.exec(line)![1]),
      ["3", "4", "6", "8", "9", "12"],
    );
  },
  only,
);

onEachBackend("a pipe gets plain lines, also for a short run", async () => {
  const plain = { isTerminal: false };
  for (
    const [rest, count] of [
      [{ steps: 3 }, 1],
      [{ epochs: 1 }, 1],
      [{ epochs: 3 }, 3],
      [{ epochs: 3, validation: numbers() }, 3],
    ] as const
  ) {
    const text = await written(rest, plain);
    const lines = text.split("\n");
    assertEquals(lines.pop(), "");
    assertEquals(lines.length, count, text);
    assert(!text.includes("\r") && !text.includes("\x1b"));
    assert(lines.every((line) => /(^| {2})loss \S+/.test(line)), text);
  }
}, only);
