import { assert, assertEquals, assertMatch } from "@std/assert";
import { latestCheckpoint } from "../../checkpoint.ts";
import { useBackend } from "../../backend/mod.ts";
import * as train from "../../train/mod.ts";
import { inFolder } from "../_folder.ts";
import { line, weights } from "./_setup.ts";

const PROGRAM = new URL("./_endless.ts", import.meta.url).pathname;

async function start(folder: string): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", PROGRAM, folder],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read(); // "ready"
  reader.releaseLock();
  return child;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} ends training with a checkpoint`, async () => {
    await inFolder(async (folder) => {
      const child = await start(folder);
      child.kill(signal);
      const { code, stdout, stderr } = await child.output();
      assertEquals(new TextDecoder().decode(stderr), "");
      const text = new TextDecoder().decode(stdout);
      assertMatch(text, /^\d+ interrupted cpu\n$/);
      assertEquals(code, 0);
      const latest = await latestCheckpoint(folder);
      assert(latest?.includes(text.split(" ")[0]!), `${latest} after ${text}`);
    });
  });
}

Deno.test({
  name:
    "an interrupt between the batches of a step ends training after the step",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await useBackend("cpu");
    const run = async (folder: string, isInterrupted: boolean) => {
      const { data, ...all } = line();
      const source = {
        stateDict: () => data.stateDict(),
        loadStateDict: (place: ReturnType<typeof data.stateDict>) =>
          data.loadStateDict(place),
        async *[Symbol.asyncIterator]() {
          let i = 0;
          for await (const batch of data) {
            if (i++ === 2 && isInterrupted) await interrupt();
            yield batch;
          }
        },
      };
      const result = await train.fit({
        ...all,
        data: source,
        accumulate: 2,
        epochs: 2,
        checkpoint: { folder },
        resume: true,
      });
      return { ...result, weights: await weights(all.model) };
    };
    await inFolder(async (folder) => {
      const whole = await run(`${folder}/whole`, false);
      const first = await run(`${folder}/two`, true);
      assertEquals([first.step, first.reason], [2, "interrupted"]);
      const second = await run(`${folder}/two`, false);
      assertEquals(second.weights, whole.weights);
      assertEquals(second.step, whole.step);
    });
  },
});

/** Interrupt this process, and wait until that has been noticed. */
async function interrupt(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGHUP", resolve);
  Deno.kill(Deno.pid, "SIGHUP");
  const timer = setInterval(() => {}, 10); // listeners alone do not keep a process alive
  await promise;
  clearInterval(timer);
  Deno.removeSignalListener("SIGHUP", resolve);
}
