import { assert, assertEquals } from "@std/assert";
import { build, serve } from "../../examples/web_server.ts";
import { FULL } from "../_backends.ts";
import { findChromium, Page } from "./_browser.ts";

const chromium = findChromium();
if (!chromium) {
  console.log(
    "Tests in a browser are skipped: Debian's package chromium is not installed",
  );
}

/** WebGPU without a graphics card: slow. */
const SOFTWARE_GPU = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];

for (
  const [backend, steps, flags] of [["wasm", 400, []], [
    "webgpu",
    30,
    SOFTWARE_GPU,
  ]] as const
) {
  Deno.test({
    name: `the page of examples/webgpu.ts trains in Chromium (${backend})`,
    ignore: !chromium || (backend === "webgpu" && !FULL),
    sanitizeResources: false,
    sanitizeOps: false,
    async fn() {
      const folder = await Deno.makeTempDir();
      await build(folder);
      const server = serve(folder, 0);
      try {
        const url =
          `http://127.0.0.1:${server.addr.port}/?backend=${backend}&steps=${steps}`;
        await using page = await Page.open(chromium!, url, [...flags]);
        await page.until("document.body?.dataset.loss > 0", 60);
        if (
          backend === "webgpu" &&
          !await page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)")
        ) {
          console.log("skipped: Chromium has no WebGPU adapter here");
          return;
        }
        const first = Number(await page.evaluate("document.body.dataset.loss"));
        await page.until("document.body.dataset.state === 'done'", 120);
        const last = Number(await page.evaluate("document.body.dataset.loss"));
        await Deno.mkdir("runs", { recursive: true });
        await page.screenshot(`runs/web_${backend}.png`);
        assertEquals(
          await page.evaluate("document.body.dataset.backend"),
          backend,
        );
        assert(last < first, `the loss went from ${first} to ${last}`);
        assertEquals(
          await page.evaluate("document.querySelectorAll('svg').length"),
          2,
        );
      } finally {
        await server.shutdown();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
