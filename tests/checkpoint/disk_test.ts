/** What disks, clocks, links and other processes do to checkpoints. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import {
  bestCheckpoint,
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  saveSafetensors,
} from "../../checkpoint.ts";
import { probeSave } from "../../checkpoint/save_load.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { inFolder, namesIn } from "../_folder.ts";

async function stepIn(path: string): Promise<number> {
  return (await loadCheckpoint(path, { step: 0 })).data.step;
}

/** Run `fn` with a clock that is `hours` fast. */
async function atClock(hours: number, fn: () => Promise<void>): Promise<void> {
  const { now } = Date;
  Date.now = () => now() + hours * 3_600_000;
  try {
    await fn();
  } finally {
    Date.now = now;
  }
}

Deno.test("the checkpoint of the latest step is the newest, whatever the clock said", () =>
  inFolder(async (folder) => {
    const save = (step: number) =>
      saveCheckpoint(`${folder}/step-${step}.ckpt`, { step }, {
        keepLast: 2,
        keepBest: 1,
        metric: 1,
      });
    await atClock(0, () => save(9));
    await atClock(0, () => save(100));
    await atClock(-1, () => save(110));
    await atClock(-2, () => save(200));
    assertEquals(namesIn(folder), ["step-110.ckpt", "step-200.ckpt"]);
    assertEquals(await latestCheckpoint(folder), `${folder}/step-200.ckpt`);
    assertEquals(await bestCheckpoint(folder), `${folder}/step-200.ckpt`);
    // Files of other names are compared by the time of their last save.
    await atClock(1, () => saveCheckpoint(`${folder}/final`, { step: 150 }));
    assertEquals(await latestCheckpoint(folder), `${folder}/final`);
  }));

Deno.test("metrics that are not finite are never the best, and none is needed", () =>
  inFolder(async (folder) => {
    const metrics = [undefined, -Infinity, Infinity, NaN, 3, undefined];
    for (const [step, metric] of metrics.entries()) {
      await saveCheckpoint(`${folder}/step-${step}`, { step }, {
        keepBest: 1,
        keepLast: 1,
        ...metric === undefined ? {} : { metric },
      });
    }
    assertEquals(namesIn(folder), ["step-4", "step-5"]);
    for (const mode of ["min", "max"] as const) {
      assertEquals(await bestCheckpoint(folder, { mode }), `${folder}/step-4`);
    }
  }));

Deno.test("what killed writers left is removed, and what others write is not", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/.tmp-killed`, "half a checkpoint");
    await Deno.writeTextFile(`${folder}/.tmp-1-old-name.ckpt`, "another half");
    using other = await Deno.open(`${folder}/.tmp-other`, {
      write: true,
      create: true,
    });
    await other.lock(true);
    await saveCheckpoint(`${folder}/a.ckpt`, { step: 1 });
    assertEquals(namesIn(folder), [".tmp-other", "a.ckpt"]);
    await Deno.writeTextFile(`${folder}/.tmp-killed`, "half a checkpoint");
    await probeSave(folder, {});
    assertEquals(namesIn(folder), [".tmp-other", "a.ckpt"]);
  }));

Deno.test("many writers to one folder lose no file to each other", () =>
  inFolder(async (folder) => {
    const steps = Array.from({ length: 60 }, (_, step) => step);
    await Promise.all(
      steps.map((step) => saveCheckpoint(`${folder}/file${step}`, { step })),
    );
    assertEquals(namesIn(folder).length, steps.length);
    for (const step of steps) {
      assertEquals(await stepIn(`${folder}/file${step}`), step);
    }
  }));

Deno.test("names of 255 bytes are saved", () =>
  inFolder(async (folder) => {
    const path = `${folder}/${"n".repeat(250)}.ckpt`;
    await saveCheckpoint(path, { step: 5 });
    assertEquals(await stepIn(path), 5);
  }));

Deno.test("saving over a link replaces the file it points to", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/store`);
    await saveCheckpoint(`${folder}/store/real.ckpt`, { step: 1 });
    await Deno.symlink("store/real.ckpt", `${folder}/link.ckpt`);
    await Deno.symlink("link.ckpt", `${folder}/again.ckpt`);
    await Deno.symlink(`${folder}/store/new.ckpt`, `${folder}/dangling.ckpt`);
    await saveCheckpoint(`${folder}/again.ckpt`, { step: 2 });
    await saveCheckpoint(`${folder}/dangling.ckpt`, { step: 3 });
    for (const name of ["link", "again", "dangling"]) {
      assert((await Deno.lstat(`${folder}/${name}.ckpt`)).isSymlink, name);
    }
    assertEquals(await stepIn(`${folder}/store/real.ckpt`), 2);
    assertEquals(await stepIn(`${folder}/store/new.ckpt`), 3);
    assertEquals(namesIn(`${folder}/store`), ["new.ckpt", "real.ckpt"]);
  }));

Deno.test("links in a circle hide no good file, and cannot be saved to", () =>
  inFolder(async (folder) => {
    await Deno.symlink(`${folder}/b`, `${folder}/a`);
    await Deno.symlink(`${folder}/a`, `${folder}/b`);
    await saveCheckpoint(`${folder}/step-1`, { step: 1 });
    assertEquals(await latestCheckpoint(folder), `${folder}/step-1`);
    await assertRejects(
      () => saveCheckpoint(`${folder}/a`, { step: 2 }),
      RangeError,
      `Cannot write ${folder}/a: its links lead in a circle`,
    );
  }));

Deno.test("new folders are synced into the folders that hold them", () =>
  inFolder(async (folder) => {
    const synced: string[] = [];
    const paths = new WeakMap<Deno.FsFile, string>();
    const { open } = Deno;
    const { sync } = Deno.FsFile.prototype;
    Deno.open = async (path, options) => {
      const file = await open(path, options);
      paths.set(file, `${path}`);
      return file;
    };
    Deno.FsFile.prototype.sync = function () {
      synced.push(paths.get(this)!.replace(/\/$/, ""));
      return sync.call(this);
    };
    try {
      await saveCheckpoint(`${folder}/x/y/a.ckpt`, { step: 1 });
    } finally {
      Object.assign(Deno, { open });
      Object.assign(Deno.FsFile.prototype, { sync });
    }
    const folders = synced.filter((path) => !path.includes(".tmp-"));
    assertEquals(folders, [folder, `${folder}/x`, `${folder}/x/y`]);
  }));

Deno.test("paths can be URLs, file: strings and have spaces", async () => {
  await useBackend("cpu");
  await inFolder(async (folder) => {
    const url = new URL(`file://${folder}/a%20run/step-1.ckpt`);
    await saveCheckpoint(url, { step: 4 });
    assertEquals(namesIn(`${folder}/a run`), ["step-1.ckpt"]);
    assertEquals((await loadCheckpoint(url.href, { step: 0 })).data.step, 4);
    const latest = `${folder}/a run/step-1.ckpt`;
    for (const path of [new URL(".", url), `file://${folder}/a%20run`]) {
      assertEquals(await latestCheckpoint(path), latest);
      assertEquals(await bestCheckpoint(path), null);
    }
    const w = scope(() => new ParamState(tf.ones([2])));
    await saveSafetensors(new URL("w.safetensors", url), { w });
    assertEquals(namesIn(`${folder}/a run`).length, 2);
    await assertRejects(
      () => saveCheckpoint(new URL("https://example.com/a.ckpt"), { step: 1 }),
      RangeError,
      "Cannot save checkpoint: the path must be a path or a file: URL",
    );
  });
});

/** The calls of the system that a save makes, which a test can let fail. */
const CALLS = ["lstat", "stat", "mkdir", "readDir", "open", "rename"] as const;
const METHODS = ["write", "sync"] as const;

/** Let call number `failing` fail; returns how many calls `fn` made. */
async function withFault(
  failing: number,
  fn: () => Promise<void>,
): Promise<number> {
  let count = 0;
  const restore: (() => void)[] = [];
  const replace = (owner: object, name: string) => {
    const original = Reflect.get(owner, name) as (
      ...args: unknown[]
    ) => unknown;
    restore.push(() => Reflect.set(owner, name, original));
    Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
      if (++count === failing) {
        const error = new Error(`I/O error in ${name}`);
        if (name === "readDir") throw error;
        return Promise.reject(error);
      }
      return original.apply(this, args);
    });
  };
  for (const name of CALLS) replace(Deno, name);
  for (const name of METHODS) replace(Deno.FsFile.prototype, name);
  try {
    await fn();
  } finally {
    for (const step of restore) step();
  }
  return count;
}

Deno.test("an I/O error at any call of a save leaves the previous checkpoint whole", () =>
  inFolder(async (folder) => {
    const path = `${folder}/run/step-1.ckpt`;
    const big = new Uint8Array(100_000);
    const save = (step: number) => saveCheckpoint(path, { step, big });
    await save(1);
    const calls = await withFault(0, () => save(1));
    assert(calls >= 10, `${calls} calls`);
    let refused = 0;
    for (let failing = 1; failing <= calls; failing++) {
      let failed = false;
      await withFault(failing, () =>
        save(2).catch((error: Error) => {
          failed = true;
          refused++;
          assertStringIncludes(error.message, `Cannot write ${path}: `);
          assertStringIncludes(error.message, "I/O error");
        }));
      const step = await stepIn(path);
      // If the last sync of the folder fails, the new file is in place.
      assert(failed ? step <= 2 : step === 2, `call ${failing}: step ${step}`);
      assertEquals(namesIn(`${folder}/run`), ["step-1.ckpt"]);
      await save(1);
      assertEquals(await stepIn(path), 1);
    }
    assert(refused >= calls - 2, `${refused} of ${calls} were told`);
  }));

Deno.test("a folder that cannot be written is found before training", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertRejects(
      () => probeSave(`${folder}/file`, {}),
      Error,
      `Cannot write to the folder ${folder}/file: `,
    );
    await assertRejects(
      () => probeSave(folder, { part: Symbol() as never }),
      TypeError,
      "Cannot save part: it must be plain data",
    );
    await probeSave(`${folder}/new/deep`, { step: 1 });
    assertEquals(namesIn(`${folder}/new/deep`), []);
  }));
