import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { BACKENDS } from "../backend/backends.ts";
import { runComposed } from "../backend/fusion/composed.ts";
import { backendInfo, type BackendName, useBackend } from "../backend/mod.ts";
import { gelu } from "../backend/ops/gelu.ts";
import { ParamState } from "../mod.ts";
import { SGD } from "../optim/mod.ts";
import { numbers, onEachBackend } from "./_backends.ts";

const MOD = new URL("../mod.ts", import.meta.url).href;

/** What a script prints, run as a process of its own. */
async function script(
  code: string,
  flags: readonly string[] = ["--allow-read"],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, code.replace("MOD", MOD));
  const config = new URL("../deno.json", import.meta.url).pathname;
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-check",
        "--config",
        config,
        ...flags,
        path,
      ],
      env: { NO_COLOR: "1", XDG_RUNTIME_DIR: "/tmp", ...env },
      // A script that does not end by itself fails.
      signal: AbortSignal.timeout(60_000),
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: text(stdout), err: text(stderr) };
  } finally {
    await Deno.remove(path);
  }
}

onEachBackend(
  "useBackend() starts the backend and says what it is",
  async (name) => {
    assertEquals(tf.getBackend(), name);
    const { backend, threads, simd, versions, adapter } = backendInfo();
    assertEquals([backend, threads, simd], [name, 1, name === "wasm"]);
    assertEquals([versions.tfjs, versions.deno], ["4.22.0", Deno.version.deno]);
    assertEquals(adapter !== undefined, name === "webgpu");
    const x = tf.add(tf.ones([2]), 1);
    assertEquals(await numbers(x), [2, 2]);
    x.dispose();
  },
);

Deno.test("useBackend() refuses unknown names and impossible threads", async () => {
  await assertRejects(
    () => useBackend("tpu" as never),
    RangeError,
    'Cannot use backend: the name must be one of "auto", "webgpu", "wasm", "cpu": current value is "tpu"',
  );
  for (const threads of [0, 1.5, -2]) {
    await assertRejects(
      () => useBackend("wasm", { threads }),
      RangeError,
      `threads must be a positive integer: current value is ${threads}`,
    );
  }
});

Deno.test("useBackend() refuses wasmPaths outside browsers, and what are no addresses", async () => {
  await assertRejects(
    () => useBackend("wasm", { wasmPaths: "/wasm/" }),
    TypeError,
    "Cannot use backend: wasmPaths is an option in browsers only: elsewhere the files are in tfjs' package",
  );
  for (const wasmPaths of ["", 5, ["a"], { "a.wasm": "b" }]) {
    await assertRejects(
      () => useBackend("wasm", { wasmPaths } as never),
      TypeError,
      'Cannot use backend: wasmPaths must be the address of a folder, or a record with addresses of "tfjs-backend-wasm-simd.wasm" and "tfjs-backend-wasm-threaded-simd.wasm": current value is',
    );
  }
});

for (const threads of [1, 2]) {
  Deno.test(`a ten-line script prints its result only, and ends by itself, with ${threads} WASM threads`, async () => {
    const { code, out, err } = await script(`
      import { tf, useBackend } from "MOD";
      const { backend, threads } = await useBackend("wasm", { threads: ${threads} });
      const x = tf.ones([300, 300]);
      const y = tf.sum(tf.matMul(x, x));
      console.log(backend, threads, (await y.data())[0]);
    `);
    assertEquals([code, out, err], [0, `wasm ${threads} 27000000\n`, ""]);
  });
}

onEachBackend(
  "a backend that is started again has the kernels that it had, with one guard each",
  async () => {
    const { backend } = backendInfo();
    const kernelOf = (name: string) =>
      tf.getKernel(name, tf.getBackend()).kernelFunc;
    const names = ["Slice", "Concat", "Sum", "Conv2D"];
    const before = names.map(kernelOf);
    await useBackend(backend);
    const after = names.map(kernelOf);
    after.forEach((kernel, i) => assert(kernel === before[i]));
  },
  { only: ["cpu", "webgpu"] }, // WASM registers its kernels anew
);

Deno.test("without --allow-read, WASM says what it needs", async () => {
  for (const threads of [1, 2]) {
    const { code, err } = await script(
      `import { useBackend } from "MOD"; await useBackend("wasm", { threads: ${threads} });`,
      [],
    );
    assertEquals(code, 1);
    assertStringIncludes(
      err,
      "Cannot start WASM: reading tfjs' module needs --allow-read",
    );
  }
});

Deno.test("BRAINTAPE_BACKEND decides what auto is, where it may be read", async () => {
  const code =
    `import { useBackend } from "MOD"; console.log((await useBackend()).backend);`;
  const env = { BRAINTAPE_BACKEND: "cpu" };
  const allowed = await script(code, ["--allow-env"], env);
  assertEquals([allowed.code, allowed.out], [0, "cpu\n"]);
  const bad = await script(code, ["--allow-env"], { BRAINTAPE_BACKEND: "tpu" });
  assertStringIncludes(
    bad.err,
    "Cannot use BRAINTAPE_BACKEND: the name must be",
  );
  const unread = await script(code, ["--allow-read"], env);
  assertMatch(unread.out, /^(wasm|webgpu)\n$/);
});

Deno.test("auto does not take a software adapter", async () => {
  const { out } = await script(`
    import { useBackend } from "MOD";
    const info = (await navigator.gpu?.requestAdapter())?.info;
    const { backend } = await useBackend();
    console.log(info ? info.isFallbackAdapter : "none", backend);
  `);
  assert(["true wasm\n", "none wasm\n", "false webgpu\n"].includes(out), out);
});

Deno.test("WASM starts the workers that tfjs uses, and no others", async () => {
  for (const threads of [2, 3]) {
    const { out } = await script(
      `import { tf, useBackend } from "MOD";
      await useBackend("wasm", { threads: ${threads} });
      const { unusedWorkers, runningWorkers } = tf.backend().wasm.PThread;
      // tfjs' own kernel, on its own threads.
      const x = tf.avgPool(tf.ones([4, 64, 64, 32]), 2, 2, "valid");
      console.log(unusedWorkers.length, runningWorkers.length, (await x.data())[9]);`,
    );
    assertEquals(out, `0 ${threads - 1} 1\n`);
  }
});

Deno.test("the number of WASM threads changes only while no tensors live there", async () => {
  const { code, out, err } = await script(`
    import { tf, useBackend } from "MOD";
    await useBackend("wasm", { threads: 1 });
    const x = tf.ones([3]);
    await useBackend("wasm", { threads: 2 }).catch((e) => console.log(e.message));
    x.dispose();
    console.log((await useBackend("wasm", { threads: 2 })).threads);
  `);
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out,
    "Cannot start WASM with 2 threads: it runs with 1, and 1 tensors live there: choose the number before making tensors\n2\n",
  );
});

Deno.test("two calls of useBackend at once, with different threads, leave a backend that computes right", async () => {
  const { code, out, err } = await script(`
    import { backendInfo, tf, useBackend } from "MOD";
    await Promise.all([
      useBackend("wasm", { threads: 2 }),
      useBackend("cpu"),
      useBackend("tpu").catch((e) => console.log(e.message)),
      useBackend("wasm", { threads: 3 }),
    ]);
    const x = tf.ones([300, 300]), y = tf.matMul(x, x);
    const values = await y.data();
    console.log(backendInfo().threads, values.every((v) => v === 300));
  `);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^Cannot use backend: the name must be .*\n3 true\n$/);
});

Deno.test("asking for other threads while another module's tensors live says so, and loses none", async () => {
  const { code, out, err } = await script(`
    import { backendInfo, tf, useBackend } from "MOD";
    async function first() {
      await useBackend("wasm", { threads: 2 });
      return tf.ones([300, 300]);
    }
    const [x] = await Promise.all([
      first(),
      useBackend("wasm", { threads: 4 }).catch((e) => console.log(e.message)),
    ]);
    console.log((await tf.matMul(x, x).data())[77], backendInfo().threads);
  `);
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out,
    "Cannot start WASM with 4 threads: it runs with 2, and 1 tensors live there: choose the number before making tensors\n300 2\n",
  );
});

Deno.test("a backend that the table describes runs ops, its own kernels and optimizers", async () => {
  await useBackend("cpu");
  const cpu = tf.backend(), ran: string[] = [];
  BACKENDS.set("toy", {
    async start() {
      tf.registerBackend("toy", () => cpu);
      tf.copyRegisteredKernels("cpu", "toy");
      tf.registerKernel({
        kernelName: "Gelu",
        backendName: "toy",
        kernelFunc({ inputs }) {
          ran.push("Gelu");
          return tf.clone(inputs.x as tf.Tensor);
        },
      });
      await tf.setBackend("toy");
      return { threads: 3 };
    },
    runLaunches(launches) {
      ran.push("launches");
      return runComposed(launches);
    },
    canOverwrite: true,
    readsAtOnce: true,
  });
  try {
    const { backend, threads } = await useBackend("toy" as BackendName);
    assertEquals([backend as string, threads], ["toy", 3]);
    const w = new ParamState(tf.tensor1d([1, 2]));
    const optimizer = new SGD({ lr: 1 }).registerTrainableWeights({ w });
    optimizer.step({ w: gelu(tf.tensor1d([3, 5])) });
    assertEquals(await numbers(w.value), [-2, -3]);
    assertEquals(ran, ["Gelu", "launches"]);
  } finally {
    BACKENDS.delete("toy");
    await useBackend("cpu");
  }
});

for (const threads of [1, 2]) {
  Deno.test(`a bundle runs WASM with ${threads} threads`, async () => {
    const root = new URL("../", import.meta.url).pathname;
    const folder = await Deno.makeTempDir();
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args,
        env: { NO_COLOR: "1" },
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assertEquals([code, text(stderr)], [0, ""]);
      return text(stdout);
    };
    try {
      await Deno.writeTextFile(
        `${folder}/main.ts`,
        `import { tf, useBackend } from "${MOD}";
        const { threads } = await useBackend("wasm", { threads: ${threads} });
        const x = tf.ones([300, 300]);
        console.log(threads, (await tf.sum(tf.matMul(x, x)).data())[0]);`,
      );
      const [source, bundle] = [`${folder}/main.ts`, `${folder}/main.js`];
      const config = `${root}deno.json`;
      await run("bundle", "-q", "--config", config, "-o", bundle, source);
      const out = await run("run", "--no-prompt", "--allow-read", bundle);
      assertEquals(out, `${threads} 27000000\n`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a bundle loads the same version of tfjs as the library", async () => {
  const read = (path: string) =>
    Deno.readTextFile(new URL(`../${path}`, import.meta.url));
  const { imports } = JSON.parse(await read("deno.json"));
  assertStringIncludes(
    await read("backend/wasm/machine/deno.ts"),
    `"${imports["@tensorflow/tfjs-backend-wasm"]}/wasm-out/"`,
  );
});
