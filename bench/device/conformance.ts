/** Whether everything is right on the device. */
import type { Section } from "../driver/context.ts";
import { table } from "../driver/table.ts";

const ROOT = new URL("../../", import.meta.url);

const TESTS = [
  "tests/gradients/conformance_test.ts",
  "tests/gradients/second_test.ts",
  "tests/webgpu",
  "tests/contract_test.ts",
  "tests/optim/trajectories_test.ts",
];

/** The tests that speak of devices, each in a process of its own. */
export async function conformance(isSmall: boolean): Promise<Section> {
  const rows: string[][] = [];
  for (const path of isSmall ? TESTS.slice(0, 1) : TESTS) {
    const start = performance.now();
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", path],
      cwd: ROOT,
      env: {
        BRAINTAPE_TEST_BACKENDS: path.includes("webgpu")
          ? "wasm,webgpu"
          : "webgpu",
        BRAINTAPE_FULL: isSmall ? "0" : "1",
        NO_COLOR: "1",
      },
      stdout: "piped",
      stderr: "inherit",
    }).output();
    const text = new TextDecoder().decode(stdout);
    const failed = text.split("\n").filter((line) =>
      /FAILED \(|WebGPU dropped/.test(line)
    );
    rows.push([
      path,
      code === 0 ? "passed" : `failed: ${failed.join("; ")}`,
      text.match(/\d+ passed \| \d+ failed.*/)?.[0].replaceAll(" |", ",") ?? "",
      `${((performance.now() - start) / 1000).toFixed(0)} s`,
    ]);
  }
  return {
    title: "Tests",
    blocks: [table(["", "", "", ""], rows)],
    targets: [],
    data: rows,
  };
}
