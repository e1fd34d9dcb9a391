/**
 * The programs of other libraries, on the pages for their users.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { FULL } from "../_backends.ts";

const ROOT = new URL("../../", import.meta.url);
const python = Deno.env.get("BRAINTAPE_PYTHON") ?? "python3";

async function output(command: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", KERAS_BACKEND: "jax" },
  }).output().catch(() => ({
    success: false,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
  }));
  const [out, err] = [stdout, stderr].map((x) => new TextDecoder().decode(x));
  return { success, out: out!, err: err! };
}

/** The first program of a page, and the numbers that the page says it prints. */
async function program(page: string, language: string) {
  const text = await Deno.readTextFile(new URL(`docs/guide/${page}.md`, ROOT));
  const code = new RegExp(`^\`\`\`${language}[^\n]*\n([^]*?)^\`\`\`$`, "m")
    .exec(text)![1]!;
  const sentence = /^It prints ([^]*?)\. /m.exec(text)![1]!;
  return { code, numbers: sentence.match(/-?\d+\.\d+/g)! };
}

/** Whether each number, in its digits, is among those that were printed. */
function assertPrinted(numbers: readonly string[], printed: string) {
  const found = printed.match(/-?\d+\.\d+/g) ?? [];
  for (const number of numbers) {
    const digits = number.split(".")[1]!.length;
    const rounded = found.map((x) => Number(x).toFixed(digits));
    assert(rounded.includes(number), `${number} is not in\n${printed}`);
  }
}

const PAGES: Readonly<Record<string, readonly string[]>> = {
  from_pytorch: ["torch"],
  from_keras: ["keras", "jax"],
  from_optax: ["jax", "optax"],
};

for (const [page, packages] of Object.entries(PAGES)) {
  const load = packages.map((name) => `import ${name}`).join("; ");
  const isThere = FULL && (await output(python, "-c", load)).success;
  if (FULL && !isThere) {
    console.log(
      `The program of ${page}.md is skipped: ${python} has no ${
        packages.join(" and ")
      }; BRAINTAPE_PYTHON may name another`,
    );
  }
  Deno.test({
    name: `the Python of ${page}.md prints what the page says`,
    ignore: !isThere,
    fn: async () => {
      const { code, numbers } = await program(page, "python");
      const { success, out, err } = await output(python, "-c", code);
      assert(success, err);
      assertPrinted(numbers, out);
    },
  });
}

const TFJS = "npm:@tensorflow/tfjs@4.22.0";
const hasTfjs = FULL &&
  (await output("npm", "view", TFJS.slice("npm:".length), "version")).success;
if (FULL && !hasTfjs) {
  console.log("The program of from_tfjs.md is skipped: npm cannot get tfjs");
}

Deno.test({
  name: "the JavaScript of from_tfjs.md prints what the page says",
  ignore: !hasTfjs,
  fn: async () => {
    const { code, numbers } = await program("from_tfjs", "js");
    const file = await Deno.makeTempFile({ suffix: ".js" });
    try {
      const named = code.replace(`"@tensorflow/tfjs"`, `"${TFJS}"`);
      assertEquals(named.includes(TFJS), true);
      await Deno.writeTextFile(file, named);
      const { success, out, err } = await output(
        Deno.execPath(),
        "run",
        "-A",
        "--no-config",
        file,
      );
      assert(success, err);
      assertPrinted(numbers, out);
    } finally {
      await Deno.remove(file);
    }
  },
});
