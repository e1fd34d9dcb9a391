/** The library compiles in projects with other settings of the compiler. */
import { assert } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Settings of ours that a user's project may not have. */
const OWN = [
  "exactOptionalPropertyTypes",
  "noUncheckedIndexedAccess",
  "noImplicitOverride",
  "noImplicitReturns",
  "noFallthroughCasesInSwitch",
];

Deno.test("the library compiles with the default settings of Deno", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  for (const name of OWN) delete config.compilerOptions[name];
  const { imports, links, compilerOptions } = config;
  const folder = await Deno.makeTempDir({ dir: ROOT.pathname });
  try {
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({
        imports,
        compilerOptions,
        links: links.map((path: string) => `../${path}`),
      }),
    );
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-lock", "-c", "deno.json", `${ROOT.pathname}mod.ts`],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert(code === 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the tests leave out what builds write, also where a build was left behind", async () => {
  const text = await Deno.readTextFile(new URL("deno.json", ROOT));
  const { exclude, tasks } = JSON.parse(text);
  // An --ignore of the command line takes the place of "exclude".
  const [, ignored = ""] = /--ignore=(\S+)/.exec(tasks.test) ?? [];
  for (const folder of exclude) {
    assert(ignored.split(",").includes(folder.replace(/\/$/, "")), folder);
  }
});
