import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import {
  bestCheckpoint,
  CheckpointError,
  encodeCheckpoint,
  latestCheckpoint,
  listSafetensors,
  loadCheckpoint,
  saveCheckpoint,
} from "../../checkpoint.ts";
import { scope } from "../../memory.ts";
import { ParamState } from "../../state.ts";
import { FULL } from "../_backends.ts";
import { inFolder, namesIn } from "../_folder.ts";

const SAVER = new URL("./_saver.ts", import.meta.url).pathname;

/** Change one byte of a file. */
async function damage(path: string, at = -1) {
  const bytes = await Deno.readFile(path);
  const i = at < 0 ? bytes.length + at : at;
  bytes[i]! ^= 1;
  await Deno.writeFile(path, bytes);
}

Deno.test("saveCheckpoint() writes what encodeCheckpoint() gives, and makes folders", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a/b/run.ckpt`;
    await saveCheckpoint(path, { step: 3 });
    const { data } = await loadCheckpoint(path, { step: 0 });
    assertEquals(data.step, 3);
    assertEquals(await namesIn(`${folder}/a/b`), ["run.ckpt"]);
    const bytes = await Deno.readFile(path);
    assertEquals(bytes.length, (await encodeCheckpoint({ step: 3 })).length);
  });
});

Deno.test("a file is synced before it is renamed, and the folder afterwards", async () => {
  await inFolder(async (folder) => {
    const calls: string[] = [];
    const { open, rename } = Deno;
    const { write, sync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.write = function (bytes) {
      if (calls.at(-1) !== "write") calls.push("write");
      return write.call(this, bytes);
    };
    Deno.FsFile.prototype.sync = function () {
      calls.push("sync");
      return sync.call(this);
    };
    Deno.rename = (from, to) => {
      calls.push(`rename to ${`${to}`.slice(folder.length)}`);
      assertMatch(`${from}`.slice(folder.length), /^\/\.tmp-[^/]*$/);
      return rename(from, to);
    };
    try {
      await saveCheckpoint(`${folder}/a.ckpt`, { step: 1 });
    } finally {
      Object.assign(Deno, { open, rename });
      Object.assign(Deno.FsFile.prototype, { write, sync });
    }
    assertEquals(calls, ["write", "sync", "rename to /a.ckpt", "sync"]);
  });
});

Deno.test("saves to one path happen in order, each with the values at its call", async () => {
  await useBackend("cpu");
  await inFolder(async (folder) => {
    const w = scope(() => new ParamState(tf.zeros([100_000])));
    const path = `${folder}/last.ckpt`;
    const saves: Promise<void>[] = [];
    for (let step = 1; step <= 5; step++) {
      scope(() => {
        w.value = tf.fill([100_000], step);
      });
      saves.push(saveCheckpoint(path, { m: { w }, step }));
    }
    for (let step = 1; step <= 5; step++) {
      await saves[step - 1];
      const { data } = await loadCheckpoint(path, { m: { w }, step: 0 });
      const values = await w.value.data();
      assert(data.step >= step);
      assert(values.every((value) => value === data.step));
    }
    assertEquals(await namesIn(folder), ["last.ckpt"]);
  });
});

Deno.test("a save that fails does not stop the next one to the same path", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/taken`);
    const first = saveCheckpoint(`${folder}/taken`, { step: 1 });
    const second = saveCheckpoint(`${folder}/taken`, { step: 2 });
    await assertRejects(() => first, Error, `Cannot write ${folder}/taken: `);
    await assertRejects(() => second, Error, "Cannot write");
    await Deno.remove(`${folder}/taken`);
    await saveCheckpoint(`${folder}/taken`, { step: 3 });
    assertEquals(await namesIn(folder), ["taken"]);
  });
});

Deno.test("a folder in place of a file is named by the error", async () => {
  await inFolder(async (folder) => {
    for (
      const read of [
        () => loadCheckpoint(folder, {}),
        () => listSafetensors(folder),
      ]
    ) await assertRejects(read, Error, `Cannot read ${folder}: `);
  });
});

Deno.test("keepLast removes older files that differ by a number", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/step-1.txt`, "no checkpoint");
    await Deno.writeTextFile(`${folder}/step-0.ckpt`, "no checkpoint either");
    await saveCheckpoint(`${folder}/other-1.ckpt`, { step: 1 });
    for (const step of [8, 9, 10, 11]) {
      await saveCheckpoint(`${folder}/step-${step}.ckpt`, { step }, {
        keepLast: 2,
      });
    }
    assertEquals(await namesIn(folder), [
      "other-1.ckpt",
      "step-0.ckpt",
      "step-1.txt",
      "step-10.ckpt",
      "step-11.ckpt",
    ]);
    assertEquals(await latestCheckpoint(folder), `${folder}/step-11.ckpt`);
  });
});

Deno.test("the best checkpoint is found by the mode that checkpoints were saved with", async () => {
  await inFolder(async (folder) => {
    for (const [i, metric] of [0.7, 0.9, 0.8].entries()) {
      const options = { metric, mode: "max" } as const;
      await saveCheckpoint(`${folder}/epoch-${i}.ckpt`, { i }, options);
    }
    assertEquals(await bestCheckpoint(folder), `${folder}/epoch-1.ckpt`);
    assertEquals(
      await bestCheckpoint(folder, { mode: "min" }),
      `${folder}/epoch-0.ckpt`,
    );
    await saveCheckpoint(`${folder}/epoch-3.ckpt`, { i: 3 }, { metric: 0.1 });
    assertEquals(await bestCheckpoint(folder), `${folder}/epoch-1.ckpt`);
  });
});

Deno.test("keepBest keeps the best besides the newest", async () => {
  await inFolder(async (folder) => {
    const losses = [5, 1, 4, 2, 3];
    for (const [i, metric] of losses.entries()) {
      await saveCheckpoint(`${folder}/epoch-${i}.ckpt`, { i }, {
        metric,
        keepBest: 2,
      });
    }
    assertEquals(await namesIn(folder), [
      "epoch-1.ckpt",
      "epoch-3.ckpt",
      "epoch-4.ckpt",
    ]);
    assertEquals(await bestCheckpoint(folder), `${folder}/epoch-1.ckpt`);
    assertEquals(
      await bestCheckpoint(folder, { mode: "max" }),
      `${folder}/epoch-4.ckpt`,
    );
    await saveCheckpoint(`${folder}/epoch-5.ckpt`, { i: 5 }, {
      metric: NaN,
      keepBest: 1,
      keepLast: 2,
    });
    assertEquals(await namesIn(folder), [
      "epoch-1.ckpt",
      "epoch-4.ckpt",
      "epoch-5.ckpt",
    ]);
  });
});

Deno.test("retention is checked before anything is written", async () => {
  await inFolder(async (folder) => {
    const cases: [string, Parameters<typeof saveCheckpoint>[2], string][] = [
      ["a.ckpt", { keepLast: 2 }, "keepLast needs a number in the file's name"],
      [
        "a1.ckpt",
        { keepLast: 0 },
        "keepLast must be a positive integer: current value is 0",
      ],
      ["a1.ckpt", { keepBest: 1.5, metric: 1 }, "positive integer"],
    ];
    for (const [name, options, message] of cases) {
      await assertRejects(
        () => saveCheckpoint(`${folder}/${name}`, { step: 1 }, options),
        RangeError,
        message,
      );
    }
    await assertRejects(
      () => saveCheckpoint(`${folder}/a1`, {}, { mode: "least" as "min" }),
      RangeError,
      'mode must be one of "min", "max": current value is "least"',
    );
    assertEquals(await namesIn(folder), []);
  });
});

Deno.test("latestCheckpoint() skips damaged files with a warning", async () => {
  await inFolder(async (folder) => {
    assertEquals(await latestCheckpoint(`${folder}/nowhere`), null);
    assertEquals(await latestCheckpoint(folder), null);
    for (const step of [1, 2, 3, 4]) {
      await saveCheckpoint(`${folder}/step-${step}.ckpt`, {
        step,
        w: new Float32Array(10),
      });
    }
    await Deno.writeTextFile(`${folder}/notes.txt`, "nothing");
    await Deno.mkdir(`${folder}/old`);
    await Deno.symlink(`${folder}/old`, `${folder}/link`);
    await Deno.symlink(`${folder}/gone`, `${folder}/broken`);
    await damage(`${folder}/step-4.ckpt`);
    await Deno.truncate(`${folder}/step-3.ckpt`, 40);
    const damaged: string[] = [];
    const latest = await latestCheckpoint(folder, {
      onDamaged(path, error) {
        assert(error instanceof CheckpointError);
        damaged.push(path.slice(folder.length + 1));
      },
    });
    assertEquals(latest, `${folder}/step-2.ckpt`);
    assertEquals(damaged.sort(), ["step-3.ckpt", "step-4.ckpt"]);
    await assertRejects(
      () => loadCheckpoint(`${folder}/step-4.ckpt`, {}),
      CheckpointError,
      `its checksum does not match: the file is damaged (${folder}/step-4.ckpt)`,
    );

    const warnings: string[] = [];
    const { warn } = console;
    console.warn = (text: string) => warnings.push(text);
    try {
      await latestCheckpoint(`${folder}/`);
    } finally {
      console.warn = warn;
    }
    assertEquals(warnings.length, 2);
    assertStringIncludes(
      warnings.join(),
      `Skipped ${folder}/step-3.ckpt: Cannot`,
    );
  });
});

Deno.test("the error for a missing file has its path", async () => {
  await assertRejects(
    () => loadCheckpoint("/nowhere/a.ckpt", {}),
    Deno.errors.NotFound,
    "Cannot read /nowhere/a.ckpt: No such file",
  );
});

/** Start the saver, and wait for its first save or its end. */
async function startSaver(
  folder: string,
  { size = 60_000, times = 1e9, permissions = ["-A"], wrap = [] as string[] },
): Promise<Deno.ChildProcess> {
  const [command, ...args] = [
    ...wrap,
    Deno.execPath(),
    "run",
    "--no-check",
    "--quiet",
    ...permissions,
    SAVER,
    folder,
    `${size}`,
    `${times}`,
  ];
  const child = new Deno.Command(command!, {
    args,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

Deno.test("a process killed at any moment leaves a complete checkpoint", async () => {
  await useBackend("cpu");
  await inFolder(async (folder) => {
    let last = 0;
    for (let kill = 0; kill < (FULL ? 200 : 20); kill++) {
      const child = await startSaver(folder, {});
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      child.kill("SIGKILL");
      const { signal } = await child.output();
      assertEquals(signal, "SIGKILL");

      const damaged: string[] = [];
      const latest = await latestCheckpoint(folder, {
        onDamaged: (path) => damaged.push(path),
      });
      assertEquals(damaged, []);
      const model = Object.fromEntries(
        ["w1", "w2", "w3"].map((name) => [
          name,
          scope(() => new ParamState(tf.zeros([60_000]))),
        ]),
      );
      const { data } = await loadCheckpoint(latest!, { model, step: 0 });
      assert(data.step > last, `${data.step} comes after ${last}`);
      last = data.step;
      for (const state of Object.values(model)) {
        assert((await state.value.data()).every((x) => x === last));
        state.dispose();
      }
    }
  });
});

Deno.test("without write permission the error names the permissions needed", async () => {
  await inFolder(async (folder) => {
    const child = await startSaver(folder, {
      times: 1,
      permissions: ["--allow-read", "--allow-env"],
    });
    const stderr = new TextDecoder().decode((await child.output()).stderr);
    assertStringIncludes(stderr, `Cannot write ${folder}/step-1.ckpt: `);
    assertStringIncludes(stderr, "saving needs --allow-read and --allow-write");
    assertEquals(await namesIn(folder), []);
  });
});

Deno.test("saving needs permissions to read and write only", async () => {
  await inFolder(async (folder) => {
    const child = await startSaver(folder, {
      times: 1,
      permissions: ["--allow-read", `--allow-write=${folder}`],
    });
    assert((await child.output()).success);
    assertEquals(await latestCheckpoint(folder), `${folder}/step-1.ckpt`);
  });
});

Deno.test("encoding and decoding work without Deno, as in a browser", async () => {
  const program = `
    const { log } = console;
    const root = ${JSON.stringify(new URL("../../", import.meta.url).href)};
    // Deno itself needs it to load packages from npm.
    await import("@tensorflow/tfjs-core");
    await import("@std/msgpack");
    delete globalThis.Deno;
    delete globalThis.process;
    const { decodeCheckpoint, encodeCheckpoint } = await import(root + "checkpoint.ts");
    const bytes = await encodeCheckpoint({ step: 3 });
    log((await decodeCheckpoint(bytes, { step: 0 })).data.step);`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "--allow-read",
      "--config",
      config,
      file,
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(new TextDecoder().decode(stdout), "3\n");
  await Deno.remove(file);
});

Deno.test("a full disk and a read-only one leave the previous checkpoint intact", async () => {
  await inFolder(async (folder) => {
    // One save of 0.7 MB fits the small disk, and a second one beside it does not.
    const script = `
      mount -t tmpfs -o size=1m none ${folder} || exit 42
      "$@" || cat ${folder}/step-1.ckpt > ${folder}.saved
      ls -A ${folder} > ${folder}.names
      mount -o remount,ro ${folder}
      "$@"; exit 0`;
    const child = await startSaver(folder, {
      times: 2,
      wrap: ["unshare", "-rm", "sh", "-c", script, "sh"],
    }).catch(() => null);
    const output = await child?.output();
    if (!output || output.code === 42) {
      console.log("Skipped: this machine lets nobody mount a small disk");
      return;
    }
    const stderr = new TextDecoder().decode(output.stderr);
    assertStringIncludes(
      stderr,
      `Cannot write ${folder}/step-2.ckpt: No space left`,
    );
    assertStringIncludes(
      stderr,
      `Cannot write ${folder}/step-2.ckpt: Read-only`,
    );
    assertEquals(await Deno.readTextFile(`${folder}.names`), "step-1.ckpt\n");
    const { data } = await loadCheckpoint(`${folder}.saved`, { step: 0 });
    assertEquals(data.step, 1);
    await Deno.remove(`${folder}.names`);
    await Deno.remove(`${folder}.saved`);
  });
});
