import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { inFolder } from "../_folder.ts";
import { onEachLauncher } from "./_launch.ts";

const EXAMPLE = "../../../examples/distributed.ts";

onEachLauncher(
  "the example trains on two ranks, and goes on with one",
  (launch) =>
    inFolder(async (folder) => {
      const run = async (ranks: number, epochs: number, ...args: string[]) => {
        const { code, out, err } = await launch(
          ranks,
          EXAMPLE,
          ...["--folder", `${folder}/${args}`, "--epochs", `${epochs}`],
          ...args,
        );
        assertEquals(code, 0, `${out}\n${err}`);
        return out;
      };
      const first = await run(2, 4);
      assertStringIncludes(first, "rank 0 of 2 on wasm, threads: 1");
      assertStringIncludes(first, "rank 1 of 2 on wasm, threads: 1");
      const second = await run(1, 20);
      const [, accuracy, steps] = /accuracy (\S+) after (\d+) steps/
        .exec(second)!;
      assertEquals(steps, "600");
      assert(Number(accuracy) > 0.9, second);
      assertStringIncludes(await run(2, 2, "--shard"), "accuracy");
      assertStringIncludes(await run(2, 2, "--every", "10"), "accuracy");
    }),
);
