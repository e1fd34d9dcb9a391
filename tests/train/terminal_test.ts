/** The progress bar on real terminals and in real pipes. */
import { assert, assertEquals } from "@std/assert";

const PROGRAM = new URL("_bar.ts", import.meta.url).pathname;

/** What the program writes on a terminal, which the command `script` makes. */
async function onTerminal(
  env: Record<string, string>,
): Promise<string> {
  const command =
    `stty cols 130; ${Deno.execPath()} run -A --no-check ${PROGRAM}`;
  const { stdout } = await new Deno.Command("script", {
    args: ["-qec", command, "/dev/null"],
    // Those of the test itself must not matter.
    env: { CI: "", NO_COLOR: "", TERM: "xterm", ...env },
    clearEnv: false,
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
}

function hasScript(): boolean {
  try {
    const { success } = new Deno.Command("script", {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success;
  } catch {
    return false;
  }
}

const ignore = !hasScript();
if (ignore) {
  console.log(
    "Tests on a terminal are skipped: the command script of util-linux is missing",
  );
}

/** The plain lines of the three epochs, without what depends on the clock. */
function assertPlain(text: string): void {
  const lines = text.split("\n");
  assertEquals(lines.pop(), "");
  assertEquals(
    lines.map((line) => /^epoch (\d)\/3 {2}(\d+)\/12 {2}loss /.exec(line)?.[2]),
    ["4", "8", "12"],
    text,
  );
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f\x7f]/.test(text), "no control characters");
}

Deno.test({
  name: "on a terminal the bar is redrawn, and epochs leave lines",
  ignore,
  async fn() {
    const text = await onTerminal({});
    assert(text.includes("\r") && text.includes("\x1b[K"), text);
    assert(text.includes("━"));
    assertEquals(text.match(/epoch \d\/3 {2}\d+\/12 {2}loss /g)?.length, 3);
  },
});

Deno.test({
  name: "with NO_COLOR the bar has no colors",
  ignore,
  async fn() {
    const text = await onTerminal({ NO_COLOR: "1" });
    assert(text.includes("━"));
    assert(!text.includes("\x1b[3"), text);
  },
});

for (
  const [name, env] of [["CI", { CI: "true" }], ["a TERM that is dumb", {
    TERM: "dumb",
  }]] as const
) {
  Deno.test({
    name: `with ${name} a terminal gets plain lines`,
    ignore,
    fn: async () => assertPlain(await onTerminal(env)),
  });
}

Deno.test("a pipe gets plain lines", async () => {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PROGRAM],
  }).output();
  assertPlain(new TextDecoder().decode(stderr));
});
