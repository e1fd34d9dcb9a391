import { assertEquals } from "@std/assert";
import { unnamedFigures, wrongLinks } from "../../scripts/check_links.ts";
import { anchorsOf, linksOf } from "../../scripts/site/links.ts";

Deno.test("the anchors of headings are GitHub's", () => {
  const markdown = `# \`compile(step)\`, or not?
## Coming from *optax*
## Übung 1.2: a_b - c
## [A link](x.md)
\`\`\`sh
# no heading
\`\`\`
## A link
`;
  assertEquals([...anchorsOf(markdown)], [
    "compilestep-or-not",
    "coming-from-optax",
    "übung-12-a_b---c",
    "a-link",
    "a-link-1",
  ]);
});

Deno.test("links are found in prose, not in code and not to other sites", () => {
  const markdown = `[a](a.md), [b](b.md#part) and [here](#there)
\`[no](no.md)\` [site](https://example.com)
~~~ts
[no](no.md)
~~~
![picture](c.svg) <img src="d.png">`;
  assertEquals(linksOf(markdown), [
    { path: "a.md", anchor: "", line: 1 },
    { path: "b.md", anchor: "part", line: 1 },
    { path: "", anchor: "there", line: 1 },
    { path: "c.svg", anchor: "", line: 6 },
    { path: "d.png", anchor: "", line: 6 },
  ]);
});

Deno.test("a link to no file and one to no heading are told with their lines", () => {
  const files: Record<string, string> = { "docs/b.md": "# B\n## Part" };
  const page = "# A\n[x](b.md#part)\n[y](c.md) [z](b.md#none)\n[w](#a) [v](#b)";
  assertEquals(wrongLinks("docs/a.md", page, (path) => files[path]), [
    [3, "there is no docs/c.md"],
    [3, "docs/b.md has no heading #none"],
    [4, "docs/a.md has no heading #b"],
  ]);
});

Deno.test("figures need a command in their section or at the beginning", () => {
  const told: [number, string][] = [[4, "no command is named for this figure"]];
  for (
    const figure of [
      "It takes 3.5 ms.",
      "It is 2.4 times as fast.",
      "![curve](curve.svg)",
      "| Adam | 1 | 2.5 | 3 |",
    ]
  ) {
    assertEquals(unnamedFigures(`# A\n\n## B\n${figure}`), told, figure);
    const named = `${figure} \`deno task bench\``;
    assertEquals(unnamedFigures(`# A\n\n## B\n${named}`), [], named);
    const above = `# A\n\`deno run -A a.ts\`\n## B\n${figure}`;
    assertEquals(unnamedFigures(above), [], above);
  }
  assertEquals(unnamedFigures("# A\n| Adam | yes | 2.5 | 3 |"), []);
});
