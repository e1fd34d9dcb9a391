import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { navigation, sitePath, titleOf } from "../../scripts/site/pages.ts";
import { stage } from "../../scripts/site/stage.ts";

const FILES = new Map([
  [
    "README.md",
    "# Home\n[guide](docs/guide/a.md#part), [code](examples), [out](https://a.org)",
  ],
  [
    "docs/guide/a.md",
    "# A\n## Part\n![b](../b.svg) [home](../../README.md) [here](#part)\n`[code](x.md)`",
  ],
]);

/** What is not Markdown: a folder with one file. */
function read(path: string): string | string[] {
  if (path === "examples") return ["run.ts"];
  if (path === "examples/run.ts") return "console.log(1);\n";
  throw new Error(`${path} is not there`);
}

Deno.test("links of pages lead to where their files are on the site", () => {
  const { pages, pictures } = stage(FILES, read);
  assertEquals(
    pages.get("index.md"),
    "# Home\n[guide](/guide/a.md#part), [code](/source/examples.md), [out](https://a.org)",
  );
  assertEquals(
    pages.get("guide/a.md"),
    "# A\n## Part\n![b](/b.svg) [home](/index.md) [here](#part)\n`[code](x.md)`",
  );
  assertEquals([...pictures], ["docs/b.svg"]);
});

Deno.test("a folder that is linked becomes a list of its files, and these pages of code", () => {
  const { pages } = stage(FILES, read);
  assertStringIncludes(
    pages.get("source/examples.md")!,
    "- [run.ts](/source/examples/run_ts.md)",
  );
  assertStringIncludes(
    pages.get("source/examples/run_ts.md")!,
    "`````ts\nconsole.log(1);\n`````",
  );
});

Deno.test("a link to a file that is not there throws", () => {
  const files = new Map([["README.md", "# Home\n[no](none.ts)"]]);
  assertThrows(() => stage(files, read), Error, "none.ts is not there");
});

Deno.test("the navigation has all pages of docs/, the guide in its order", () => {
  const groups = navigation([
    "docs/guide/zebra.md",
    "docs/guide/memory.md",
    "docs/guide/first_model.md",
    "docs/guide/from_keras.md",
    "docs/speed.md",
    "ARCHITECTURE.md",
  ]);
  assertEquals(groups[0]!.files, [
    "docs/guide/first_model.md",
    "docs/guide/memory.md",
    "docs/guide/zebra.md",
  ]);
  assertEquals(groups.find(({ title }) => title === "Faster")!.files, [
    "docs/compiled_steps.md",
    "docs/speed.md",
    "docs/profiling.md",
    "docs/mixed_precision.md",
  ]);
});

Deno.test("paths on the site: docs/ is its root, other Markdown is of the project", () => {
  for (
    const [file, path] of [
      ["README.md", "index.md"],
      ["docs/guide/a.md", "guide/a.md"],
      ["docs/b.svg", "b.svg"],
      ["bench/results.md", "project/bench/results.md"],
      ["bench/curve.png", "pictures/bench/curve.png"],
      ["examples/_cli.ts", "source/examples/_cli_ts.md"],
    ] as const
  ) assertEquals(sitePath(file), path);
});

Deno.test("the title of a page is its first heading; a page needs one", () => {
  assertEquals(
    titleOf("text\n# `fit`, and more\n## Part", "a.md"),
    "fit, and more",
  );
  assertThrows(() => titleOf("text", "a.md"), Error, "it has no heading");
});
