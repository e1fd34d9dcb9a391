/** The script that measures on a card runs, in small. */
import { assertEquals, assertMatch } from "@std/assert";
import { BACKENDS, FULL } from "../_backends.ts";

Deno.test({
  name: "bench/device/run.ts --small reports what was asked and got",
  ignore: !BACKENDS.includes("webgpu"),
  fn: async () => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "bench/device/run.ts",
        "--small",
        "--only",
        FULL
          ? "conformance,products,steps,optimizer,mixed,grid"
          : "products,optimizer",
      ],
      cwd: new URL("../../", import.meta.url),
      stderr: "inherit",
    }).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0);
    assertMatch(text, /TFLOP\/s of matMul 128 TN \| at least 20/);
    assertEquals(text.match(/It failed: .*/g), null);
  },
});
