import { assert, assertEquals } from "@std/assert";
import { FULL } from "../_backends.ts";
import { isAsShown } from "./_blocks.ts";

const ROOT = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/gallery.md", ROOT));

/** Examples that take longer than a few seconds. */
const LONG = ["delayed_match", "diffusion"];

/** Commands of the page, each with the output that follows. */
const SHOWN = [...page.matchAll(
  /^```sh\ndeno run -A examples\/(\w+)\.ts\n```\n\n```text\n([^]*?)^```$/gm,
)];

Deno.test("the gallery shows what six examples print", () => {
  assertEquals(SHOWN.map(([, example]) => example), [
    "lbfgs_fit",
    "uncertainty",
    "spiking",
    "delayed_match",
    "pendulum",
    "diffusion",
  ]);
});

for (const [, example, output] of SHOWN) {
  Deno.test({
    name: `${example}.ts prints what the gallery shows`,
    ignore: LONG.includes(example!) && !FULL,
    fn: async () => {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", `examples/${example}.ts`],
        cwd: ROOT,
        env: { NO_COLOR: "1" },
      }).output();
      const decoder = new TextDecoder();
      const printed = decoder.decode(stdout);
      assert(
        isAsShown(printed, output!),
        `${printed}${decoder.decode(stderr)}`,
      );
    },
  });
}

Deno.test("the pictures of the gallery are small", async () => {
  const pictures = [...page.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)];
  assert(pictures.length >= 8);
  for (const [, path] of pictures) {
    const { size } = await Deno.stat(new URL(`docs/${path}`, ROOT));
    assert(size < 60_000, `${path} has ${size} bytes`);
  }
});
