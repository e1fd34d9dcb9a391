import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { loadCheckpoint, useBackend } from "../../mod.ts";
import type { OptimizerState } from "../../optim/mod.ts";
import { BACKENDS, FULL } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { fit } from "./_fit.ts";
import { onEachLauncher } from "./_launch.ts";

const RULES = [
  "AdamW",
  "Adafactor",
  "Accumulated",
  "Noisy",
  "Cautious",
  "Lamb",
  "Lion",
  "Lookahead",
  "Mars",
  "GaLore",
  "Muon",
  "SM3",
  "Soap",
];

for (const rule of FULL ? RULES : RULES.slice(0, 2)) {
  for (const backend of FULL ? BACKENDS : ["wasm"]) {
    onEachLauncher(
      `ranks that each keep a part of the slots of ${rule} train bit for bit as without, on ${backend}`,
      async (launch) => {
        const options = { backend, rule, steps: 20 };
        const [whole] = await fit(launch, 2, options);
        const sharded = { ...options, shardOptimizer: true };
        const parts = await fit(launch, 2, sharded);
        assertEquals(parts[0]!.params, whole!.params);
        const elements = parts.map(({ elements }) => elements);
        assertEquals(elements[0]! + elements[1]!, whole!.elements);
        assert(Math.max(...elements) < 0.7 * whole!.elements, `${elements}`);
        const [compiled] = await fit(launch, 2, { ...sharded, compile: true });
        assertEquals(compiled!.params, whole!.params);
      },
    );
  }
}

onEachLauncher(
  "a checkpoint of sharded slots is one of whole slots, for any number of ranks",
  (launch) =>
    inFolder(async (folder) => {
      const common = { steps: 80, plain: true };
      const [expected] = await fit(launch, 2, common);
      const shardOptimizer = true;
      // Stopped and continued with 2 ranks, it has the bits of an undisturbed run.
      const same = { folder: `${folder}/a`, plain: true, shardOptimizer };
      await fit(launch, 2, { ...same, steps: 40 });
      const [resumed] = await fit(launch, 2, { ...same, steps: 80 });
      assertEquals(resumed!.params, expected!.params);
      // So it has if the slots were sharded at first, or are later.
      const late = { folder: `${folder}/b`, plain: true };
      await fit(launch, 2, { ...late, steps: 20 });
      await fit(launch, 2, { ...late, steps: 50, shardOptimizer });
      const [whole] = await fit(launch, 2, { ...late, steps: 80 });
      assertEquals(whole!.params, expected!.params);
      // Other numbers of ranks add in other orders.
      const other = { folder: `${folder}/c`, plain: true, shardOptimizer };
      for (const [ranks, steps] of [[2, 20], [3, 40], [1, 60]] as const) {
        await fit(launch, ranks, { ...other, steps });
      }
      const [last] = await fit(launch, 2, { ...other, steps: 80 });
      const far = last!.values["loss"]! - expected!.values["loss"]!;
      assert(Math.abs(far) < 1e-4, `${far}`);
    }),
);

onEachLauncher(
  "slots of a rule of several parameters are not sharded",
  async (launch) => {
    const names = {
      Clipped: "AdamW",
      Prodigy: "Prodigy",
      Guarded: "Optimizer",
    };
    for (const [rule, name] of Object.entries(names)) {
      const options = { rule, shardOptimizer: true };
      for (const { error } of await fit(launch, 2, options)) {
        assertStringIncludes(
          error!,
          `Cannot shard ${name}: its rule must be of one parameter at a time`,
        );
      }
    }
  },
);

onEachLauncher(
  "several processes do not take steps that evaluate the loss again",
  async (launch) => {
    for (const { error } of await fit(launch, 2, { rule: "Sam" })) {
      assertStringIncludes(
        error!,
        "Cannot fit: several processes cannot take steps of Sam, which evaluates each batch again",
      );
    }
  },
);

onEachLauncher(
  "several processes do not write rows of an embedding by themselves",
  async (launch) => {
    for (const { error } of await fit(launch, 2, { bounded: true })) {
      assertStringIncludes(
        error!,
        'Cannot fit: several processes cannot train an Embedding with maxNorm, as "table" has',
      );
    }
  },
);

onEachLauncher(
  "slots that evaluations need on each rank are not sharded",
  async (launch) => {
    const options = { rule: "ScheduleFreeAdamW", shardOptimizer: true };
    for (const { error } of await fit(launch, 2, options)) {
      assertStringIncludes(
        error!,
        "Cannot shard ScheduleFreeAdamW: each rank needs the slots of all parameters to evaluate",
      );
    }
  },
);

onEachLauncher(
  "weights of sharded optimizers are averaged bit for bit as without",
  async (launch) => {
    const options = { steps: 20, average: true };
    const [whole] = await fit(launch, 2, options);
    const [parts] = await fit(launch, 2, { ...options, shardOptimizer: true });
    assertEquals(parts!.params, whole!.params);
  },
);

onEachLauncher(
  "the checkpoint of a step that failed has the slots of all ranks",
  (launch) =>
    inFolder(async (folder) => {
      await useBackend("cpu");
      const slots: Record<string, number[]>[] = [];
      for (const shardOptimizer of [true, false]) {
        const own = `${folder}/${shardOptimizer}`;
        const nan = { rank: 1, step: 17 };
        await fit(launch, 2, { folder: own, nan, plain: true, shardOptimizer });
        const found: Record<string, number[]> = {};
        await loadCheckpoint(`${own}/failed/step-17.braintape`, {
          optimizer: {
            stateDict: () => ({}),
            loadStateDict(state: OptimizerState) {
              for (const [slot, of] of Object.entries(state.slots)) {
                for (const [path, x] of Object.entries(of)) {
                  found[`${slot} of ${path}`] = [...x.dataSync()];
                }
              }
            },
          },
        });
        slots.push(found);
      }
      assert(Object.keys(slots[0]!).length > 0);
      assertEquals(slots[0], slots[1]);
    }),
);
