/**
 * Programs as new users write them, each in a fresh folder that has the library as a
 * package: a table, a convolutional network, a run that is killed, groups of parameters,
 * parts of one's own, weights of PyTorch, a classifier of texts and a sweep.
 *
 * They run on WASM; `deno task test:full` runs them on WebGPU too, and kills the run more
 * often. Plain JavaScript would take minutes.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { listSafetensors, loadSafetensors } from "../../checkpoint.ts";
import { useBackend } from "../../backend/mod.ts";
import { scope } from "../../memory.ts";
import { State } from "../../state.ts";
import * as tf from "../../tf.ts";
import { BACKENDS, FULL } from "../_backends.ts";
import { inFolder, namesIn } from "../_folder.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PROGRAMS = new URL("./", import.meta.url).pathname;

/** A folder with the programs of a task, and the library as `deno add` would name it. */
function inProject(
  task: string,
  fn: (folder: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    for (const name of namesIn(PROGRAMS + task)) {
      await Deno.copyFile(`${PROGRAMS}${task}/${name}`, `${folder}/${name}`);
    }
    const { version } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
    const library = `jsr:@braintape/braintape@${version}`;
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({
        imports: { "@braintape/braintape": library },
        links: ["", "links/std_assert", "links/std_msgpack"].map((path) =>
          ROOT + path
        ),
      }),
    );
    await fn(folder);
  });
}

function start(
  folder: string,
  backend: string,
  args: readonly string[],
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-lock", "-A", ...args],
    cwd: folder,
    env: { NO_COLOR: "1", BRAINTAPE_BACKEND: backend },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** What a program prints; its lines of epochs are not among that. */
async function run(
  folder: string,
  backend: string,
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await start(folder, backend, args).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** The numbers that `pattern` finds. */
function numbers(text: string, pattern: RegExp): number[] {
  const found = pattern.exec(text);
  assert(found, text);
  return found.slice(1).map(Number);
}

const isIn = (x: number | undefined, low: number, high: number) =>
  assert(x !== undefined && x >= low && x <= high, `${x}`);

/** A test on WASM; with the exhaustive tests, on WebGPU too. */
function newcomer(
  name: string,
  task: string,
  fn: (folder: string, backend: string) => Promise<void>,
) {
  for (const backend of BACKENDS) {
    if (backend === "cpu" || (backend === "webgpu" && !FULL)) continue;
    Deno.test(
      `${name} (${backend})`,
      () => inProject(task, (folder) => fn(folder, backend)),
    );
  }
}

newcomer(
  "a table of pandas is learned, and predicted in another program",
  "csv",
  async (folder, backend) => {
    const out = await run(folder, backend, "train.ts");
    assertMatch(out, /^Pclass=1 .* Age Fare .* Embarked=unknown\n/);
    const [accuracy, f1] = numbers(out, /accuracy (\S+) f1 (\S+)\n/);
    isIn(accuracy, 0.77, 1); // of those who did not survive there are 59 %
    isIn(f1, 0.75, 1);
    const [a, b, c, d] = numbers(out, /confusion (\d+),(\d+),(\d+),(\d+)/);
    assertEquals(a! + b! + c! + d!, 100);
    assertEquals((a! + d!) / 100, accuracy);
    const predicted = await run(folder, backend, "predict.ts");
    const [woman, man] = numbers(predicted, /survive (\S+) (\S+)/);
    isIn(woman, 0.8, 1);
    isIn(man, 0, 0.4);
  },
);

newcomer(
  "pictures are learned with augmentation until it gets no better, and the best model reads others",
  "cnn",
  async (folder, backend) => {
    const out = await run(folder, backend, "train.ts");
    assertMatch(out, /^\d+ epochs: (no better accuracy in 3 evaluations|done)/);
    const [best] = numbers(out, /best accuracy (\S+)/);
    isIn(best, 0.85, 1); // of ten classes
    const [events] = namesIn(`${folder}/tensorboard/digits`);
    assertMatch(events!, /^events\.out\.tfevents\./);
    const bytes = await Deno.readFile(`${folder}/tensorboard/digits/${events}`);
    const text = new TextDecoder("latin1").decode(bytes);
    for (const tag of ["accuracy", "loss", "layers.0.weight"]) {
      assert(text.includes(tag), tag);
    }
    const predicted = await run(folder, backend, "predict.ts");
    const [same, other] = numbers(
      predicted,
      /^accuracy (\S+)\naccuracy (\S+)\n$/,
    );
    assertEquals(same, best);
    isIn(other, 0.8, 1);
  },
);

newcomer(
  "a run that is killed and started again ends with the bits of one that was not",
  "resume",
  async (folder, backend) => {
    const last = /^400 steps, loss (\S+)\n$/;
    const straight = await run(folder, backend, "train.ts", "straight");
    isIn(numbers(straight, last)[0], 0, 0.3); // the variance is 2.4
    const wanted = FULL ? 4 : 1;
    for (let kills = 0, tries = 0; kills < wanted; tries++) {
      assert(tries < 10, "the run ends before it can be killed");
      if (await killed(folder, backend, 40 * (kills + 1))) kills++;
      else {
        await Deno.remove(`${folder}/killed`, { recursive: true });
        kills = 0;
      }
    }
    assertEquals(await run(folder, backend, "train.ts", "killed"), straight);
    const losses = (name: string) =>
      Deno.readTextFileSync(`${folder}/${name}.jsonl`)
        .match(/"step":\d+,.*?"loss":[^,}]+/g)!
        .map((line) => line.replace(/"time":[^,]+/, ""));
    assertEquals(losses("killed"), losses("straight"));
  },
);

/** Start the run and kill it once it has logged so many steps; false if it was too late. */
async function killed(
  folder: string,
  backend: string,
  steps: number,
): Promise<boolean> {
  const child = start(folder, backend, ["train.ts", "killed"]);
  let isOver = false;
  const output = child.output().finally(() => isOver = true);
  for (;;) {
    const log = await Deno.readTextFile(`${folder}/killed.jsonl`)
      .catch(() => "");
    const [, step] = /.*"type":"step","step":(\d+)/s.exec(log) ?? [];
    if (isOver || Number(step ?? 0) >= steps) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (!isOver) child.kill("SIGKILL");
  return (await output).signal === "SIGKILL";
}

newcomer(
  "a frozen body stays, then learns with a rate and a decay of its own",
  "groups",
  async (folder, backend) => {
    const out = await run(folder, backend, "train.ts");
    assertMatch(
      out,
      /^begin anew: model\.layers\.1\.weight model\.layers\.1\.bias\n/,
    );
    const moved = [...out.matchAll(/body moved (\w+)/g)].map(([, x]) => x);
    assertEquals(moved, [
      ...Array(2).fill("false"),
      ...Array(6).fill("true"),
    ]);
    // After 50 of 100 steps of the cosine, half of each base rate.
    assertMatch(out, /epoch 5: .* rates 0\.000500,0\.000500,0\.00500\n/);
    isIn(numbers(out, /accuracy (\S+)\n$/)[0], 0.9, 1);
  },
);

newcomer(
  "a layer, a loss, a metric, a callback and an optimizer of one's own work together",
  "custom",
  async (folder, backend) => {
    const out = await run(folder, backend, "train.ts");
    const [loss, coverage] = numbers(
      out,
      /^the rate is small: loss (\S+), coverage (\S+)\n/,
    );
    isIn(coverage, 0.84, 0.95); // the quantile is 0.9
    // Of normal noise with deviation 0.3 the least is 0.3 φ(Φ⁻¹(0.9)) = 0.0526.
    isIn(loss, 0.045, 0.075);
    assertMatch(out, /layers\.1\.scale layers\.1\.stream /);
    assert(namesIn(`${folder}/run`).length > 1);
  },
);

newcomer(
  "weights of PyTorch give its outputs, and go back as they came",
  "torch",
  async (folder, backend) => {
    const out = await run(folder, backend, "convert.ts");
    assertMatch(out, /^ignored features\.1\.num_batches_tracked\n/);
    const [error, again] = numbers(
      out,
      /error (\S+)\nerror of those saved (\S+)\n/,
    );
    isIn(error, 0, 1e-6);
    isIn(again, 0, 1e-6);
    await assertSameWeights(
      `${folder}/net.safetensors`,
      `${folder}/back.safetensors`,
    );
  },
);

newcomer(
  "texts of different lengths are classified by the order of their words",
  "text",
  async (folder, backend) => {
    const out = await run(folder, backend, "train.ts");
    isIn(numbers(out, /^accuracy (\S+)\n/)[0], 0.95, 1);
    assertMatch(out, /classes 1,0\n$/);
  },
);

newcomer(
  "a sweep compares its runs in one report, and marks the best",
  "sweep",
  async (folder, backend) => {
    const out = await run(folder, backend, "train.ts");
    const runs = [...out.matchAll(/^(width-\S+) (\S+)$/gm)];
    assertEquals(runs.length, 4);
    const best = Math.max(...runs.map(([, , accuracy]) => Number(accuracy)));
    isIn(best, 0.85, 1);
    assertEquals(namesIn(`${folder}/runs`).length, 4);
    const report = await Deno.readTextFile(`${folder}/report.html`);
    for (const [, name] of runs) assert(report.includes(name!), name);
    const [row] = /<tr class="best">.*?<\/tr>/s.exec(report) ?? [];
    const marked = runs.find(([, name]) => row?.includes(name!));
    assertEquals(Number(marked?.[2]), best);
  },
);

/** All tensors of PyTorch's file are in the other; of two biases only the sum counts. */
async function assertSameWeights(theirs: string, ours: string): Promise<void> {
  const read = async (file: string) => {
    const entries = await listSafetensors(file);
    await useBackend("cpu");
    const states = scope(() =>
      Object.fromEntries(
        entries.filter(({ dtype }) => dtype === "F32").map((
          { name, shape },
        ) => [name, new State(tf.zeros([...shape]))]),
      )
    );
    await loadSafetensors(file, states, { ignore: ["*num_batches_tracked"] });
    const values: Record<string, number[]> = {};
    for (const [name, state] of Object.entries(states)) {
      values[name] = [...await state.value.data()];
      state.dispose();
    }
    const { "gru.bias_ih_l0": a, "gru.bias_hh_l0": b, ...rest } = values;
    const gates = a!.map((x, i) => i < 16 ? Math.fround(x + b![i]!) : x);
    return { ...rest, gates, candidate: b!.slice(16) };
  };
  assertEquals(await read(ours), await read(theirs));
}
