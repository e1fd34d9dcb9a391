import { assert, assertEquals, assertMatch } from "@std/assert";
import { latestCheckpoint } from "../../checkpoint.ts";
import { inFolder } from "../_folder.ts";

const PROGRAM = new URL("./_endless.ts", import.meta.url).pathname;
const INTERRUPTED = new URL("./_interrupted_step.ts", import.meta.url).pathname;

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
    await inFolder(async (folder) => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--quiet", INTERRUPTED, folder],
      }).output();
      assertEquals(new TextDecoder().decode(stderr), "");
      const { whole, first, second } = JSON.parse(
        new TextDecoder().decode(stdout),
      );
      assertEquals([first.step, first.reason], [2, "interrupted"]);
      assertEquals(second.weights, whole.weights);
      assertEquals(second.step, whole.step);
    });
  },
});
