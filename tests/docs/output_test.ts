import { assert, assertEquals } from "@std/assert";
import { hasLines, isAsShown, outputsOf, shownOutputs } from "./_blocks.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("a block's output is the text after it, or after its command", () => {
  const markdown = `# A
\`\`\`ts
one
\`\`\`
\`\`\`sh
deno run a.ts
\`\`\`
\`\`\`text
1
2
\`\`\`
\`\`\`ts
silent
\`\`\`
\`\`\`js
other
\`\`\`
\`\`\`text
of the other
\`\`\`
`;
  assertEquals(shownOutputs(markdown), [{
    line: 2,
    code: "one\n",
    output: "1\n2",
  }]);
});

Deno.test("three dots stand for any text of a line, or any lines", () => {
  const output = "a 1.5 b\nc\nd\n12.5 it/s  ETA 00:01\n";
  for (
    const shown of [
      output,
      "a ... b\nc\nd\n3 it/s  ETA 10:00",
      "...\nd\n3 it/s  ETA 00:00",
      "a 1.5 b\n...",
      "a 1.5 b\n...\n12.5 it/s  ETA 00:01",
    ]
  ) assert(isAsShown(output, shown), shown);
  for (const shown of ["a 1.5 b", "a ... c\n...", "...\nc", "a 2.5 b\n..."]) {
    assert(!isAsShown(output, shown), shown);
  }
});

Deno.test("lines of the progress bar may come in any order", () => {
  assert(hasLines("b 2 it/s\na\nc\n", "a\n...\nb 1 it/s"));
  assert(!hasLines("b\na\n", "a\nc"));
});

/** The README and the pages of the guide. */
function pages(): string[] {
  const guide = Array.from(
    Deno.readDirSync(new URL("docs/guide/", ROOT)),
    ({ name }) => `docs/guide/${name}`,
  );
  return ["README.md", ...guide.filter((name) => name.endsWith(".md")).sort()];
}

Deno.test("the programs of the README and of the guide run, and print what is shown", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--doc", ...pages()],
    cwd: ROOT,
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: "/tmp" },
  }).output();
  const log = new TextDecoder().decode(stdout);
  assert(success, log + new TextDecoder().decode(stderr));
  const outputs = outputsOf(log);
  const wrong: string[] = [];
  for (const page of pages()) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const { line, code, output } of shownOutputs(text)) {
      const printed = outputs.get(`${page}:${line}`) ?? "";
      const isRight = code.includes("progressBar") ? hasLines : isAsShown;
      if (isRight(printed, output)) continue;
      wrong.push(`${page}:${line} shows\n${output}\nand prints\n${printed}`);
    }
  }
  assert(wrong.length === 0, wrong.join("\n"));
  assert(outputs.size > 0, log);
});
