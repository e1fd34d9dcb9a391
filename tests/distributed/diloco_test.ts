import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { FULL } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
import { fit } from "./_fit.ts";
import { onEachLauncher } from "./_launch.ts";

onEachLauncher(
  "ranks that seldom meet learn, and end with the same parameters",
  async (launch) => {
    const diloco = { every: 7 };
    const [first] = await fit(launch, 2, { diloco });
    assert(first!.values["loss"]! < 0.45, `${first!.values["loss"]}`);
    const [other] = await fit(launch, 2, { diloco: { every: 5 } });
    assertNotEquals(first!.params, other!.params);
  },
);

onEachLauncher(
  "a run of ranks that seldom meet resumes bit for bit after a kill",
  (launch) =>
    inFolder(async (folder) => {
      const common = { diloco: { every: 7 } };
      const whole = await fit(launch, 2, { ...common, folder: `${folder}/a` });
      for (let i = 0; i < (FULL ? 5 : 1); i++) {
        const step = Math.floor(60 * Math.random());
        const options = { ...common, folder: `${folder}/b${i}` };
        const kill = { rank: i % 2, step };
        const text = JSON.stringify({ ...options, kill });
        const { code } = await launch(2, "fit.ts", text);
        assertNotEquals(code, 0);
        const resumed = await fit(launch, 2, options);
        assertEquals(resumed[0]!.params, whole[0]!.params, `at step ${step}`);
        assertEquals(resumed[0]!.values, whole[0]!.values);
      }
    }),
);

onEachLauncher(
  "a stop or a bad loss between meetings ends all ranks",
  async (launch) => {
    const diloco = { every: 10 };
    const stop = { rank: 1, step: 13 };
    const [first] = await fit(launch, 2, { diloco, stop });
    assertEquals([first!.step, first!.reason], [20, "aborted"]);
    const lines = await fit(launch, 2, { diloco, nan: { rank: 1, step: 13 } });
    assertEquals(
      lines[1]!.error,
      "Cannot fit: the loss of step 14 of this rank is NaN",
    );
    assert(lines[0]!.error!.includes("fail because of: Cannot fit: the loss"));
  },
);

onEachLauncher(
  "ranks that seldom meet end with the same averages of weights, and resume them",
  (launch) =>
    inFolder(async (folder) => {
      const options = { diloco: { every: 7 }, average: true };
      const [trained] = await fit(launch, 2, { diloco: { every: 7 } });
      const [first] = await fit(launch, 2, options);
      assertNotEquals(first!.params, trained!.params);
      const [whole] = await fit(launch, 2, {
        ...options,
        folder: `${folder}/a`,
      });
      const parts = { ...options, folder: `${folder}/b` };
      await fit(launch, 2, { ...parts, stop: { rank: 0, step: 30 } });
      const [resumed] = await fit(launch, 2, parts);
      assertEquals(resumed!.params, whole!.params);
    }),
);
