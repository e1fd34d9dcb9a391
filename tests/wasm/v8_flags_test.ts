/** Flags of V8 that docs/speed.md names: what they change, and what they must not. */
import { assertEquals } from "@std/assert";
import { FULL } from "../_backends.ts";

const FLAGS = "--experimental-wasm-revectorize,--no-wasm-bounds-checks";
const WORKLOADS = FULL ? ["tiny", "mlp32", "cnn", "lstm", "gpt"] : ["mlp32"];

/** The bits of the losses of training, in a process with or without the flags. */
async function losses(workload: string, isFlagged: boolean): Promise<string> {
  const url = (path: string) => JSON.stringify(import.meta.resolve(path));
  const code = `
    import { random, train, useBackend } from ${url("../../mod.ts")};
    import { workloadOf } from ${url("../../bench/workloads.ts")};
    await useBackend("wasm", { threads: 1 });
    random.seed(1);
    const { loss, optimizer, batch } = workloadOf("${workload}");
    const step = train.step(loss, optimizer), words = [];
    for (let i = 0; i < 20; i++) {
      const value = await step(...batch(i)).data();
      words.push(new Int32Array(value.slice().buffer)[0]);
    }
    console.log(words.join());`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, code);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const flags = isFlagged ? [`--v8-flags=${FLAGS}`] : [];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, ...flags, path],
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(path);
  // V8 prints a word about a flag that it does not know.
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

for (const workload of WORKLOADS) {
  Deno.test(`V8's flags for operations of 256 bits change no bit of training: ${workload}`, async () => {
    const plain = await losses(workload, false);
    assertEquals(plain.split(",").length, 20);
    assertEquals(await losses(workload, true), plain);
  });
}
