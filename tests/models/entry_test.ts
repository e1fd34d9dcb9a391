import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** The files that a module loads, below the root. */
async function filesOf(entry: string): Promise<string[]> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  assert(success);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  return modules.map(({ specifier }: { specifier: string }) => specifier)
    .filter((specifier: string) => specifier.startsWith(ROOT.href))
    .map((specifier: string) => specifier.slice(ROOT.href.length));
}

Deno.test("the main entry loads neither models nor the export to ONNX", async () => {
  const files = await filesOf("mod.ts");
  assert(files.includes("nn/mod.ts"));
  const others = files.filter((file) => /^(models|onnx)\//.test(file));
  assertEquals(others, []);
  assert((await filesOf("models/mod.ts")).includes("models/gpt2.ts"));
  assert(
    (await filesOf("onnx/mod.ts")).every((file) => !file.startsWith("models/")),
  );
});
