/**
 * Trains in a folder: a whole run, and one that is interrupted between the batches of a
 * step and continued. Prints how they ended.
 *
 * A process of its own, since a signal goes to all of a process.
 *
 * @module
 */
import { useBackend } from "../../backend/mod.ts";
import * as train from "../../train/mod.ts";
import { line, weights } from "./_setup.ts";

async function run(folder: string, isInterrupted: boolean) {
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
  const { step, reason } = await train.fit({
    ...all,
    data: source,
    accumulate: 2,
    epochs: 2,
    checkpoint: { folder },
    resume: true,
  });
  return { step, reason, weights: await weights(all.model) };
}

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

await useBackend("cpu");
const [folder] = Deno.args;
console.log(JSON.stringify({
  whole: await run(`${folder}/whole`, false),
  first: await run(`${folder}/two`, true),
  second: await run(`${folder}/two`, false),
}));
