import { assert, assertEquals, assertMatch } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import type { FitOptions } from "../../train/mod.ts";
import { formatNumber } from "../../train/format.ts";
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
function lastingLines(text: string): string[] {
  return text.split("\n").slice(0, -1)
    .map((line) => line.split("\r").at(-1)!.replaceAll("\x1b[K", ""));
}

/** The same, each with those that continue it. */
function history(text: string): string[] {
  const joined: string[] = [];
  for (const line of lastingLines(text)) {
    if (line.startsWith("  ")) joined.push(joined.pop() + line);
    else joined.push(line);
  }
  return joined;
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
  "every epoch leaves a line on a terminal, with all fields at any width",
  async () => {
    for (const columns of [40, 60, 80, 120, 200]) {
      const text = await written({
        validation: numbers(),
        trainingSample: numbers(),
        metrics: { accuracy: () => tf.scalar(0.5) },
        epochs: 3,
        logEvery: 2,
      }, { columns });
      const lines = history(text);
      assertEquals(lines.length, 3);
      for (const [i, line] of lines.entries()) {
        assert(
          line.startsWith(`epoch ${i + 1}/3  ${4 * (i + 1)}/12  loss `),
          line,
        );
        for (
          const field of [
            / {2}loss \S/,
            / {2}val loss \S/,
            / {2}val accuracy 0.5/,
            / {2}train loss \S/,
            / {2}train accuracy 0.5/,
            / {2}lr 0.001/,
            / {2}\S+ it.s/,
          ]
        ) assertMatch(line, field);
      }
      for (const line of lastingLines(text)) {
        assert(line.length < columns, `${line.length} ${line}`);
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

const mean = (xs: readonly number[]) =>
  xs.reduce((a, b) => a + b, 0) / xs.length;

onEachBackend(
  "the loss of an epoch is the mean over its steps, however often they are logged",
  async () => {
    const losses: number[] = [];
    await train.fit({
      ...line(),
      epochs: 3,
      logEvery: 1,
      callbacks: [{ onLog: (_, { loss }) => void losses.push(loss) }],
    });
    const expected = [0, 4, 8].map((at) => mean(losses.slice(at, at + 4)));
    for (const logEvery of [1, 3, 4, 5, 20]) {
      for (const validation of [undefined, numbers()]) {
        const seen: (number | undefined)[] = [];
        const text = await written({
          epochs: 3,
          logEvery,
          ...(validation ? { validation } : {}),
        });
        await train.fit({
          ...line(),
          epochs: 3,
          logEvery,
          callbacks: [{
            onEpoch: ({ epochLoss }) => void seen.push(epochLoss),
          }],
        });
        assertEquals(seen, expected);
        assertEquals(
          history(text).map((line) => / {2}loss (\S+)/.exec(line)![1]),
          expected.map(formatNumber),
          `logEvery ${logEvery}`,
        );
      }
    }
  },
  { only: ["cpu", "wasm"] },
);

onEachBackend(
  "the loss of an epoch is the same if the run was ended within it and resumed",
  async () => {
    const expected: (number | undefined)[] = [];
    const note = (seen: (number | undefined)[]) => ({
      onEpoch: ({ epochLoss }: train.Run) => void seen.push(epochLoss),
    });
    const whole = { ...line(), epochs: 3, callbacks: [note(expected)] };
    await train.fit(whole);
    for (const logEvery of [1, 2, 3, 10]) {
      for (const at of [1, 2, 3, 5, 6]) {
        const folder = await Deno.makeTempDir();
        const checkpoint = { folder, every: 1 };
        const seen: (number | undefined)[] = [];
        const stop = new AbortController();
        const abort: train.Callback = {
          onStep: ({ step }) => void (step === at && stop.abort()),
        };
        await train.fit({
          ...line(),
          epochs: 3,
          logEvery,
          checkpoint,
          signal: stop.signal,
          callbacks: [note(seen), abort],
        });
        await train.fit({
          ...line(),
          epochs: 3,
          logEvery,
          checkpoint,
          resume: true,
          callbacks: [note(seen)],
        });
        assertEquals(seen, expected, `${logEvery} ${at}`);
        await Deno.remove(folder, { recursive: true });
      }
    }
  },
  only,
);

onEachBackend(
  "what does not fit a terminal wraps, the bar goes first",
  async () => {
    const live = async (columns: number) => {
      const text = await written(
        { steps: 2000, logEvery: 500, data: numbers() },
        { columns },
      );
      // The lines that were redrawn.
      return text.split("\r").slice(1).filter((part) => !part.includes("\n"))
        .map((part) => part.replaceAll("\x1b[K", ""));
    };
    for (const text of await live(130)) assertMatch(text, /━+|─+/);
    for (const text of await live(45)) {
      assert(!/━|─/.test(text), text);
      assertMatch(text, / {2}loss \S+/);
    }
  },
  only,
);

onEachBackend("the bar has colors only if its output has", async () => {
  const run = { steps: 2000, logEvery: 500, data: numbers() };
  const inColors = await written(run, { columns: 130, color: true });
  // deno-lint-ignore no-control-regex
  assertMatch(inColors, /\x1b\[32m━+\x1b\[0m\x1b\[90m─+\x1b\[0m/);
  // deno-lint-ignore no-control-regex
  const plain = inColors.replaceAll(/\x1b\[\d+m/g, "");
  const bars = (text: string) => text.match(/━*─*/g)!.filter(Boolean);
  const without = await written(run, { columns: 130 });
  // deno-lint-ignore no-control-regex
  assert(!/\x1b\[\d+m/.test(without), without);
  assertEquals(bars(plain), bars(without));
}, only);
