import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { build, serve } from "../../examples/web_server.ts";
import { FULL } from "../_backends.ts";
import { inFolder } from "../_folder.ts";
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

const SIZE = 28;

/** Whether a circle or a stroke, moved by `shift`, has ink at a place. */
function hasInk(label: number, x: number, y: number, shift: number): boolean {
  const [dx, dy] = [x - 13.5 - shift, y - 13.5];
  return label === 1
    ? Math.abs(dx) < 1.5 && Math.abs(dy) < 10
    : Math.abs(Math.hypot(dx, dy) - 8.5) < 1.5;
}

/** Circles and strokes, as zeros and ones in the files of MNIST. */
async function writeZerosAndOnes(folder: string, count: number) {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
  const images = new Uint8Array(count * SIZE * SIZE);
  for (let i = 0; i < images.length; i++) {
    const at = Math.floor(i / SIZE ** 2), pixel = i % SIZE ** 2;
    const [x, y] = [pixel % SIZE, Math.floor(pixel / SIZE)];
    if (hasInk(labels[at]!, x, y, at % 3 - 1)) images[i] = 255;
  }
  const header = (...numbers: number[]) => {
    const view = new DataView(new ArrayBuffer(4 * numbers.length));
    numbers.forEach((x, i) => view.setUint32(4 * i, x));
    return view;
  };
  const write = (name: string, ...parts: BlobPart[]) =>
    Deno.writeFile(`${folder}/${name}`, new Blob(parts).stream());
  for (const part of ["train", "t10k"]) {
    const sizes = header(0x803, count, SIZE, SIZE);
    await write(`${part}-images-idx3-ubyte`, sizes, images);
    await write(`${part}-labels-idx1-ubyte`, header(0x801, count), labels);
  }
}

/** Places on the pad, from shares of its width and height. */
async function onPad(
  page: Page,
  places: readonly (readonly [number, number])[],
): Promise<[number, number][]> {
  const pad = "document.querySelector('#pad')";
  await page.evaluate(`${pad}.scrollIntoView({ block: "nearest" })`);
  const box = JSON.parse(
    `${await page.evaluate(`JSON.stringify(${pad}.getBoundingClientRect())`)}`,
  );
  return places.map((
    [x, y],
  ) => [box.x + x * box.width, box.y + y * box.height]);
}

const STROKE = [[0.5, 0.15], [0.5, 0.5], [0.5, 0.85]] as const;
const CIRCLE = Array.from({ length: 25 }, (_, i) => {
  const angle = i / 24 * 2 * Math.PI;
  return [0.5 + 0.3 * Math.sin(angle), 0.5 - 0.3 * Math.cos(angle)] as const;
});

/** Pages that are opened, in pixels. */
const WINDOWS = [[], ["--window-size=500,900"]];

for (
  const [backend, flags] of [["wasm", []], ["webgpu", SOFTWARE_GPU]] as const
) {
  Deno.test({
    name:
      `the page of digits/ learns in Chromium and reads what is drawn (${backend})`,
    ignore: !chromium || (backend === "webgpu" && !FULL),
    sanitizeResources: false,
    sanitizeOps: false,
    fn: () =>
      inFolder(async (folder) => {
        await writeZerosAndOnes(folder, 160);
        await build(`${folder}/web`, folder);
        const server = serve(`${folder}/web`, 0);
        try {
          for (const window of WINDOWS) {
            const url = `http://127.0.0.1:${server.addr.port}/`;
            await using page = await Page.open(chromium!, url, [
              ...flags,
              ...window,
            ]);
            await tryPage(page, backend);
            if (backend === "webgpu") break;
          }
        } finally {
          await server.shutdown();
        }
      }),
  });
}

async function tryPage(page: Page, backend: string) {
  const text = (selector: string) =>
    page.evaluate(`document.querySelector("${selector}").textContent`);
  await page.until("document.body?.dataset.state === 'ready'", 60);
  if (
    backend === "webgpu" &&
    !await page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)")
  ) {
    console.log("skipped: Chromium has no WebGPU adapter here");
    return;
  }
  // It opens with a sentence, a button and digits, and says what to do first.
  assertStringIncludes(`${await text("p")}`, "Press Train");
  assertEquals(await text("#train:enabled"), "Train");
  const count = "document.querySelectorAll('#examples canvas').length";
  assertEquals(await page.evaluate(count), 10);
  await page.drag(await onPad(page, STROKE));
  await page.until("document.querySelector('#answer').textContent", 5);
  assertStringIncludes(`${await text("#answer")}`, "press Train");

  const form = `document.querySelector("#form")`;
  await page.evaluate(`${form}.backend.value = "${backend}"`);
  // Chromium compiles the shaders of convolutions for minutes without a card.
  const network = backend === "webgpu" ? "dense" : "convolutions";
  await page.evaluate(`${form}.network.value = "${network}"`);
  await page.evaluate(`${form}.epochs.value = 6`);
  await page.evaluate(`document.querySelector("#train").click()`);
  await page.until("document.body.dataset.state === 'done'", 120);
  assertEquals(await page.evaluate("document.body.dataset.backend"), backend);
  const accuracy = await page.evaluate("document.body.dataset.accuracy");
  assert(Number(accuracy) > 0.95, `the accuracy is ${accuracy}`);
  assertEquals(
    await page.evaluate("document.querySelectorAll('svg').length"),
    1,
  );

  assertStringIncludes(`${await text("#status")}`, "Done on");

  for (const [digit, places] of [[1, STROKE], [0, CIRCLE]] as const) {
    await page.evaluate(`document.querySelector("#clear").click()`);
    assertEquals(await text("#answer"), "");
    await page.drag(await onPad(page, places));
    const says = `document.querySelector("#answer").textContent`;
    await page.until(`${says}.startsWith("This is a ${digit},")`, 10);
    assertEquals(await text("#bars .best"), `${digit}`);
  }
  // Training again can be stopped; what it has learned by then is measured.
  await page.evaluate(`${form}.epochs.value = 50`);
  await page.evaluate(`document.querySelector("#train").click()`);
  await page.until("document.body.dataset.step > 10", 60);
  await page.evaluate(`document.querySelector("#train").click()`);
  await page.until("document.body.dataset.state === 'done'", 60);
  const status = `${await text("#status")}`;
  assert(
    /^Stopped on \w+.*: it reads [\d.]+ % of 160 digits/.test(status),
    status,
  );
  const wider = "document.documentElement.scrollWidth > innerWidth";
  assertEquals(await page.evaluate(wider), false);
  await Deno.mkdir("runs", { recursive: true });
  await page.screenshot(`runs/web_${backend}.png`);
}
