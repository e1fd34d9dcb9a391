import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runFolder } from "../../train/run_folder.ts";

async function inTempDir(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a run takes a new or an empty folder, and later runs a folder inside it", () =>
  inTempDir(async (top) => {
    await Deno.mkdir(`${top}/empty`);
    for (const folder of [`${top}/new/deep`, `${top}/empty`]) {
      assertEquals(await runFolder(folder), folder);
      await Deno.writeTextFile(`${folder}/report.html`, "first");
      assertEquals(await runFolder(folder), `${folder}/2`);
      assertEquals(await runFolder(folder), `${folder}/3`);
      assertEquals(await Deno.readTextFile(`${folder}/report.html`), "first");
    }
  }));

Deno.test("resuming goes on in the folder of the latest run", () =>
  inTempDir(async (top) => {
    const folder = `${top}/run`;
    assertEquals(await runFolder(folder, { resume: true }), folder);
    assertEquals(await runFolder(folder, { resume: true }), folder);
    for (let i = 2; i <= 11; i++) await runFolder(folder);
    assertEquals(await runFolder(folder, { resume: true }), `${folder}/11`);
    await Deno.mkdir(`${folder}/2024`); // somebody's own folder, not a run
    assertEquals(await runFolder(folder, { resume: true }), `${folder}/11`);
    assertEquals(await runFolder(folder), `${folder}/2025`);
  }));

Deno.test("a folder with anybody else's files is refused, and stays as it is", () =>
  inTempDir(async (top) => {
    await Deno.mkdir(`${top}/documents/sub`, { recursive: true });
    await Deno.writeTextFile(`${top}/documents/thesis.txt`, "years of work");
    for (const resume of [false, true]) {
      await assertRejects(
        () => runFolder(`${top}/documents`, { resume }),
        RangeError,
        "must be new, empty or the folder of an earlier run: it holds sub, thesis.txt",
      );
    }
    const names = [...Deno.readDirSync(`${top}/documents`)].map((x) => x.name);
    assertEquals(names.sort(), ["sub", "thesis.txt"]);
    await assertRejects(
      () => runFolder(`${top}/documents/thesis.txt`),
      RangeError,
      "must be a folder: it is a file",
    );
    await assertRejects(
      () => runFolder(`${top}/x`, { resumes: true } as never),
      TypeError,
      'did you mean "resume"?',
    );
  }));

Deno.test("runs that start at the same moment get folders of their own", () =>
  inTempDir(async (top) => {
    const folders = await Promise.all(
      Array.from({ length: 8 }, () => runFolder(`${top}/run`)),
    );
    assertEquals(new Set(folders).size, 8);
  }));

Deno.test("run.json says when and by what program a run was started", () =>
  inTempDir(async (top) => {
    const folder = await runFolder(new URL(`file://${top}/a%20run`));
    assertEquals(folder, `${top}/a run`);
    const text = await Deno.readTextFile(`${folder}/run.json`);
    const run = JSON.parse(text);
    assert(Math.abs(Date.parse(run.started) - Date.now()) < 60_000);
    assertStringIncludes(run.program, "file://");
  }));
