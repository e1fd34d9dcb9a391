/** Every kernel and its gradient, replayed with inputs that are new in each call. */
import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { registerGradients } from "../../autodiff/gradients/mod.ts";
import { compile } from "../../compile.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { type Case, draw, randomOf } from "../gradients/_case.ts";
import { CASES } from "../gradients/_cases.ts";

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

function bits(x: tf.Tensor): string {
  const bytes = new Uint8Array(x.dataSync().slice().buffer);
  return `${x.dtype} [${x.shape}] ${bytes}`;
}

/** How a case went: `"replayed"`, the reason why not, or what is wrong. */
function outcome(row: Case): { replayed: boolean; wrong?: string } {
  const before = tf.memory().numTensors;
  const fn = valueAndGradients(row);
  const compiled = compile(fn, { onFallback: "ignore" });
  for (let call = 0; call < CALLS; call++) {
    const random = randomOf(`${row.name} ${call}`);
    const inputs = row.inputs.map((input) =>
      tf.tensor(draw(input, random), [...input.shape])
    );
    const right = tf.tidy(() => fn(...inputs)), got = compiled(...inputs);
    const isEqual = right.every((x, k) => bits(x) === bits(got[k]!));
    tf.dispose([inputs, right, got]);
    if (!isEqual) return { replayed: true, wrong: `call ${call} differs` };
  }
  const { replayed } = compiled.report();
  compiled.dispose();
  const left = tf.memory().numTensors - before;
  if (left !== 0) return { replayed: true, wrong: `${left} tensors are left` };
  return { replayed: replayed > 0 };
}

for (const threads of FULL ? [1, 2] : [1]) {
  onEachBackend(
    `replays of every kernel give the bits of ${threads} thread`,
    () => {
      const rows = CASES.filter((_, i) => FULL || i % 4 === 0);
      const wrong: string[] = [];
      let replayed = 0;
      for (const row of rows) {
        const result = outcome(row);
        if (result.wrong) wrong.push(`${row.name}: ${result.wrong}`);
        else if (result.replayed) replayed++;
      }
      console.log(`${rows.length} cases, ${replayed} replayed`);
      assertEquals(wrong, []);
      assert(replayed > 0.97 * rows.length);
    },
    { only: ["wasm"], threads },
  );
}
