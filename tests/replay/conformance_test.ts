/** Every kernel and its gradient, replayed with inputs that are new in each call. */
import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { compile } from "../../compile.ts";
import { webGpuBackend } from "../../backend/webgpu/backend.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { type Case, draw, randomOf } from "../gradients/_case.ts";
import { CASES } from "../gradients/_cases.ts";
import { spectra } from "../gradients/_spectra.ts";

registerGradients();

/** Calls of each case: two are recorded, the others replayed. */
const CALLS = 4;

/** The value of a case and the gradients of a weighted sum of it. */
function valueAndGradients({ run }: Case) {
  return (...inputs: tf.Tensor[]): tf.Tensor[] => {
    const { value, grads } = tf.engine().gradients(
      () => {
        const y = run(...inputs);
        const weights = tf.reshape(tf.range(1, y.size + 1), y.shape);
        return tf.sum(tf.mul(y, weights));
      },
      inputs,
      undefined,
      true,
    );
    return [value, ...grads.map((grad) => grad ?? tf.zeros([1]))];
  };
}

async function bits(x: tf.Tensor): Promise<string> {
  const bytes = new Uint8Array((await x.data()).slice().buffer);
  return `${x.dtype} [${x.shape}] ${bytes}`;
}

/** How a case went: `"replayed"`, the reason why not, or what is wrong. */
async function outcome(
  row: Case,
): Promise<{ replayed: boolean; wrong?: string } | "refused"> {
  const before = tf.memory().numTensors;
  const fn = valueAndGradients(row);
  const compiled = compile(fn, { onFallback: "ignore" });
  for (let call = 0; call < CALLS; call++) {
    const random = randomOf(`${row.name} ${call}`);
    const inputs = row.inputs.map((input) =>
      tf.tensor(draw(input, random), [...input.shape])
    );
    // What is small and not on the device yet, tfjs computes on the CPU.
    if (tf.getBackend() === "webgpu") {
      for (const { dataId } of inputs) webGpuBackend().uploadToGPU(dataId);
    }
    let right: tf.Tensor[];
    try {
      right = tf.tidy(() => fn(...inputs));
    } catch {
      tf.dispose(inputs);
      return "refused"; // the backend cannot run it at all
    }
    const got = compiled(...inputs);
    const [a, b] = await Promise.all(
      [right, got].map((xs) => Promise.all(xs.map(bits))),
    );
    const isEqual = a!.join() === b!.join();
    tf.dispose([inputs, right, got]);
    if (!isEqual) return { replayed: true, wrong: `call ${call} differs` };
  }
  const { replayed } = compiled.report();
  compiled.dispose();
  const left = tf.memory().numTensors - before;
  if (left !== 0) return { replayed: true, wrong: `${left} tensors are left` };
  return { replayed: replayed > 0 };
}

/** Test every so many cases. */
function testEvery(
  every: number,
  backend: "wasm" | "webgpu",
  threads: number,
): void {
  onEachBackend(
    `replays of every kernel give the bits of ${threads} thread`,
    async () => {
      let rows = CASES.filter((_, i) => i % every === 0);
      // Complex numbers are not compiled.
      const isCompiled = (row: Case) => !spectra.includes(row);
      const wrong: string[] = [];
      let replayed = 0;
      for (const row of rows) {
        const result = await outcome(row);
        if (result === "refused") rows = rows.filter((other) => other !== row);
        else if (result.wrong) wrong.push(`${row.name}: ${result.wrong}`);
        else if (result.replayed && isCompiled(row)) replayed++;
      }
      const real = rows.filter(isCompiled);
      console.log(`${real.length} cases of reals, ${replayed} replayed`);
      assertEquals(wrong, []);
      assert(replayed > 0.97 * real.length);
    },
    { only: [backend], threads },
  );
}

testEvery(FULL ? 1 : 4, "wasm", 1);
if (FULL) testEvery(1, "wasm", 2);
testEvery(FULL ? 1 : 16, "webgpu", 1);
