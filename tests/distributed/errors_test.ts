import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { useBackend } from "../../backend/mod.ts";
import { DiLoCo, mpi } from "../../distributed/mod.ts";
import { ScheduleFreeSGD, SGD } from "../../optim/mod.ts";
import { ParamState } from "../../state.ts";
import * as train from "../../train/mod.ts";
import { type Launch, linesOf, onEachLauncher } from "./_launch.ts";

/** Run a program without a launcher. */
async function runAlone(
  flags: readonly string[],
  env: Record<string, string>,
  ...args: readonly string[]
): Promise<string> {
  const path = new URL("programs/hello.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const options = ["run", "--no-check", "--no-prompt", "-c", config];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...options, ...flags, path, ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}

Deno.test("a process without a launcher is alone, and needs no library", async () => {
  assertStringIncludes(
    await runAlone(["--allow-env"], {}),
    '{"rank":0,"size":1,"library":"none: one process"}',
  );
});

Deno.test("a library that cannot be opened is named, with what was tried", async () => {
  const text = await runAlone(["-A"], {}, "", "libnothing.so.7");
  assertStringIncludes(text, "Cannot open MPI: a library must be installed");
  assertStringIncludes(text, "apt-get install mpich");
  assertStringIncludes(text, "libnothing.so.7: ");
});

Deno.test("without the permission to call libraries the error names it", async () => {
  const text = await runAlone(["--allow-env"], { PMI_RANK: "0" });
  assertStringIncludes(text, "Cannot open MPI: ");
  assertStringIncludes(text, "needs --allow-ffi");
});

Deno.test("mpi() refuses options that are unknown or out of range", () => {
  assertThrows(
    () => mpi({ timeout: 0 }),
    RangeError,
    "Cannot start MPI: timeout must be a positive number: current value is 0",
  );
  for (
    const [options, message] of [
      [{ libary: "x" }, 'did you mean "library"?'],
      [{ library: 7 }, "library must be a string"],
      [{ inOrder: 1 }, "inOrder must be true or false"],
    ] as const
  ) {
    assertThrows(() => mpi(options as never), TypeError, message);
  }
});

Deno.test("DiLoCo and fit() refuse options that are unknown or do not fit", async () => {
  await useBackend("cpu");
  const world = mpi();
  const w = new ParamState(tf.tensor1d([1]));
  for (
    const [options, message] of [
      [{ every: 0 }, "every must be a positive integer"],
      [{ evry: 2 }, 'did you mean "every"?'],
      [{ outer: 1 }, "outer must be an Optimizer"],
    ] as const
  ) {
    assertThrows(
      () => new DiLoCo(world, { w }, options as never),
      Error,
      message,
    );
  }
  using diloco = new DiLoCo(world, { w });
  const state = { steps: 0, common: {}, outer: diloco.stateDict().outer };
  assertThrows(
    () => diloco.loadStateDict(state),
    RangeError,
    'common["w"] must be of shape [1]',
  );
  const optimizer = new SGD({ lr: 0.1 }).registerTrainableWeights({ w });
  const loss = (_: tf.Tensor) => tf.sum<tf.Scalar>(w.value);
  const data = train.batches([[1, 2]]);
  for (
    const [options, message] of [
      [{ world: 1 }, "world must be a World, which mpi() returns"],
      [{ shardOptimizer: true }, "shardOptimizer needs the option world"],
      [{ diloco: {} }, "diloco needs the option world"],
      [{ world, diloco: { evry: 2 } }, 'did you mean "diloco.every"?'],
      [{ world, diloco: {}, nan: "skip" }, "nan must be"],
      [{ world, diloco: {}, shardOptimizer: true }, "left out with diloco"],
      [
        {
          world,
          diloco: {},
          optimizer: new ScheduleFreeSGD()
            .registerTrainableWeights({ w }),
        },
        "diloco must be left out with ScheduleFreeSGD, whose slots it would not average",
      ],
      [
        {
          world,
          data: train.batches([[1, 2]], { shard: { index: 0, count: 2 } }),
        },
        "data must be in as many parts as there are processes, 1",
      ],
    ] as const
  ) {
    await assertRejects(
      () =>
        train.fit({ optimizer, loss, data, steps: 1, ...options as object }),
      Error,
      message,
    );
  }
  await assertRejects(
    () =>
      train.evaluate(
        train.batches([[1, 2]], { shard: { index: 0, count: 2 } }),
        { loss },
        { world },
      ),
    RangeError,
    "the data must be in as many parts as there are processes, 1",
  );
});

onEachLauncher("ranks know each other, and the library", async (launch) => {
  const lines = linesOf<{ rank: number; size: number; library: string }>(
    await launch(3, "hello.ts"),
  );
  assertEquals(lines.map(({ rank, size }) => [rank, size]), [
    [0, 3],
    [1, 3],
    [2, 3],
  ]);
  assert(lines[0]!.library !== "none: one process");
});

onEachLauncher("a launcher of another family is refused", async (launch) => {
  const own = (await launch(1, "hello.ts")).out;
  const other = own.includes("Open MPI") ? "libmpich.so.12" : "libmpi.so.40";
  const { out } = await launch(2, "hello.ts", "", other);
  if (out.includes("a library must be installed")) {
    return console.log(`not tried: there is no ${other}`);
  }
  assertStringIncludes(
    out,
    "Cannot start MPI: the launcher and the library must be of one family",
  );
});

const ENDS: readonly (readonly [how: string, message: string])[] = [
  ["throw", "a bug of rank 1"],
  ["reject", "a late bug of rank 1"],
  ["exit 0", ""],
  ["exit 3", ""],
  ["hang", "has waited 2 seconds for the others"],
];

for (const [how, message] of ENDS) {
  onEachLauncher(
    `all ranks end, and not with 0, if one does: ${how}`,
    async (launch: Launch) => {
      const { code, out, err } = await launch(2, "hello.ts", how);
      assert(code !== 0, `exit code ${code}\n${out}\n${err}`);
      assertStringIncludes(err, message);
    },
  );
}
