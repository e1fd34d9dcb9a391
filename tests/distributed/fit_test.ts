import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { BACKENDS, FULL } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { HAS_HALF } from "../_mixed.ts";
import { fit, type Line } from "./_fit.ts";
import { onEachLauncher } from "./_launch.ts";

for (const backend of BACKENDS) {
  onEachLauncher(
    `fit() trains on two ranks, which end with the same bits, on ${backend}`,
    async (launch) => {
      const [first] = await fit(launch, 2, { backend });
      assertEquals(first!.reason, "done");
      assertEquals(first!.calls.length, 3);
      assert(first!.values["loss"]! < 0.45, `${first!.values["loss"]}`);
      const [compiled] = await fit(launch, 2, { backend, compile: true });
      assertEquals(compiled!.params, first!.params);
      if (backend !== "cpu") assert(compiled!.programs! > 0);
    },
  );
}

if (HAS_HALF) {
  const mixed = { backend: "webgpu", precision: "mixed", steps: 12 };
  onEachLauncher(
    "in mixed precision all ranks skip a step in which gradients of one are infinite",
    async (launch) => {
      const overflow = { rank: 1, steps: [4, 5] };
      const [first] = await fit(launch, 2, { ...mixed, overflow });
      assertEquals(first!.step, 12);
      assert(first!.skipped >= 2, `${first!.skipped}`);
    },
  );

  onEachLauncher(
    "ranks that meet after some steps are refused in mixed precision",
    async (launch) => {
      const lines = await fit(launch, 2, { ...mixed, diloco: { every: 5 } });
      for (const { error } of lines) {
        assertEquals(
          error,
          'Cannot fit: the precision of useBackend must be "full" with diloco: current value is "mixed"',
        );
      }
    },
  );
}

onEachLauncher(
  "each rank drops other units, accumulates, and averages weights",
  async (launch) => {
    const [once] = await fit(launch, 2, { steps: 20 });
    const [thrice] = await fit(launch, 2, { steps: 20, accumulate: 3 });
    const [averaged] = await fit(launch, 2, { steps: 20, average: true });
    assertNotEquals(thrice!.params, once!.params);
    assertEquals(averaged!.slots, once!.slots);
    assertNotEquals(averaged!.params, once!.params);
  },
);

onEachLauncher("one rank that stops stops all", async (launch) => {
  for (const rank of [0, 1]) {
    const stop = { rank, step: 13 };
    const [first] = await fit(launch, 2, { stop });
    assertEquals([first!.step, first!.reason], [14, "aborted"]);
  }
});

onEachLauncher(
  "a loss of one rank that is not finite is refused by all",
  async (launch) => {
    const nan = { rank: 1, step: 7 };
    const [first] = await fit(launch, 2, { nan, plain: true });
    assertEquals(first!.reason, "the loss of step 8 is NaN");
    const [before] = await fit(launch, 2, { steps: 7, plain: true });
    assertEquals(first!.params, before!.params);
    assertEquals(first!.stream, before!.stream);
  },
);

onEachLauncher(
  "an error of one rank is thrown on all, with its message",
  async (launch) => {
    const fail = { rank: 1, step: 7 };
    const [first, second] = await fit(launch, 2, { fail });
    assertStringIncludes(first!.error!, "fail because of: a bug of rank 1");
    assertEquals(second!.error, "a bug of rank 1");
  },
);

onEachLauncher("data that is not in parts is refused", async (launch) => {
  for (const line of await fit(launch, 2, { unsharded: true })) {
    assertEquals(
      line.error,
      "Cannot fit: data must be in as many parts as there are processes, 2: give batches the option shard: world.shard, and fit the option world: current value is 1",
    );
  }
});

onEachLauncher(
  "ranks with other options, or the same part of the data, are refused",
  async (launch) => {
    const refused = async (options: object, message: string) => {
      for (const line of await fit(launch, 2, options)) {
        assertEquals(line.error, `Cannot fit: ${message}`);
      }
    };
    await refused(
      { evaluateEvery: [20, 10] },
      "evaluateEvery must be the same on all ranks, on the first one 20: current value is 10",
    );
    await refused(
      { samePart: true },
      "data must be the part of process 1: give batches the option shard: world.shard: current value is 0",
    );
  },
);

onEachLauncher(
  "an error of a callback at the end is thrown on all ranks",
  async (launch) => {
    const options = { steps: 5, plain: true, failAtEnd: true };
    for (const line of await fit(launch, 2, options)) {
      assertEquals(line.error, "a full disk");
    }
  },
);

onEachLauncher(
  "a run that loses a rank ends, and resumes bit for bit",
  (launch) =>
    inFolder(async (folder) => {
      const whole = await fit(launch, 2, { folder: `${folder}/whole` });
      const times = FULL ? 20 : 2;
      for (let i = 0; i < times; i++) {
        const step = Math.floor(60 * Math.random());
        const kill = { rank: i % 2, step };
        const options = { folder: `${folder}/${i}` };
        const killed = await launch(
          2,
          "fit.ts",
          JSON.stringify({ ...options, kill }),
        );
        assertNotEquals(killed.code, 0, `killed at step ${step}`);
        const resumed = await fit(launch, 2, options);
        const bits = ({ params, slots, statistics, stream, values }: Line) => ({
          ...{ params, slots, statistics, stream, values },
        });
        assertEquals(bits(resumed[0]!), bits(whole[0]!), `at step ${step}`);
      }
    }),
);

onEachLauncher(
  "a run continues with another number of ranks",
  (launch) =>
    inFolder(async (folder) => {
      const losses: number[] = [];
      for (const [ranks, steps] of [[2, 40], [3, 80], [1, 120], [2, 160]]) {
        const options = { folder, steps, plain: true };
        const [first] = await fit(launch, ranks!, options);
        assertEquals(first!.step, steps);
        losses.push(first!.values["loss"]!);
      }
      const alone = { folder: `${folder}/alone`, steps: 160, plain: true };
      const [expected] = await fit(launch, 1, alone);
      // Other orders of addition: rounding grows in 160 steps.
      const distance = Math.abs(losses.at(-1)! - expected!.values["loss"]!);
      assert(distance < 1e-3, `${distance}`);
    }),
);
