/**
 * What the design rests on in tfjs 4.22, one test each: when an upgrade changes one
 * of these, the test says which choice to think about again.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import "../autodiff/mod.ts";
import { engine, setDisposed } from "../internal/engine.ts";
import { pointer, wasmBackend } from "../backend/wasm/machine/backend.ts";
import { numbers, onEachBackend } from "./_backends.ts";

const cpu = { only: ["cpu"] } as const;
const wasm = { only: ["wasm"] } as const;

Deno.test("tfjs is the version that its private parts were read in", () => {
  assertEquals(tf.version_core, "4.22.0");
});

Deno.test("tfjs-core registers no gradient under Deno: ours are all there is", async () => {
  const code =
    `import * as tf from "npm:@tensorflow/tfjs-core@4.22.0"; console.log(String(tf.getGradient("Sum")));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "undefined");
});

Deno.test("tfjs-core has no chained ops under Deno: examples use functions", () => {
  assert(!("add" in tf.Tensor.prototype));
});

// state.ts and autodiff/run.ts: states hold tensors, never variables.
onEachBackend(
  "assigning a variable inside a tape gives a wrong gradient",
  async () => {
    const v = tf.variable(tf.tensor1d([1, 1]));
    const { grads, value } = tf.variableGrads(() => {
      v.assign(tf.mul(v, 2));
      return tf.sum(tf.mul(v, tf.tensor1d([3, 4])));
    }, [v]);
    assertEquals(await numbers(grads[v.name]!), [3, 4]); // truly [6, 8]
    tf.dispose([v, value, grads]);
  },
  cpu,
);

// control_flow/backward.ts: tensors that were disposed are read again, through a clone.
onEachBackend("a tensor counts as disposed by one field", async () => {
  const x = tf.tensor1d([1, 2]), held = tf.clone(x);
  x.dispose();
  assertThrows(() => tf.neg(x), TypeError, "has not been disposed");
  setDisposed(x, false);
  const y = tf.neg(x);
  setDisposed(x, true);
  assertEquals(await numbers(y), [-1, -2]);
  assert(x.isDisposed);
  tf.dispose([held, y]);
});

// memory.ts: release() and adopt() put tensors on the open scope's list.
onEachBackend(
  "the engine has an open scope with a list of what to free",
  () => {
    const { state } = engine();
    tf.tidy(() => {
      const x = tf.zeros([1]);
      const scope = state.activeScope!;
      assertEquals((x as unknown as { scopeId: number }).scopeId, scope.id);
      assert(scope.track.includes(x));
    });
  },
  cpu,
);

// autodiff/tape.ts frees what the tape saved when something throws.
onEachBackend(
  "a throw inside gradients leaves the tape with saved tensors",
  () => {
    const { state } = engine();
    assertEquals([state.gradientDepth, state.activeTape], [0, null]);
    const x = tf.ones([2, 2]), before = tf.memory().numTensors;
    assertThrows(() =>
      tf.engine().gradients(() => {
        tf.exp(x);
        throw new Error("stop");
      }, [x])
    );
    assertEquals(state.gradientDepth, 0);
    assert(tf.memory().numTensors > before);
    for (const node of state.activeTape!) tf.dispose([...node.saved ?? []]);
    state.activeTape = null;
    assertEquals(tf.memory().numTensors, before);
    x.dispose();
  },
  cpu,
);

// autodiff/custom.ts: recompute() adds states to the inputs during the forward pass.
onEachBackend(
  "the engine reads a kernel's inputs after its forward pass",
  async () => {
    const x = tf.scalar(3), inputs: Record<string, tf.Tensor> = {};
    const { grads, value } = tf.engine().gradients(
      () =>
        engine().runKernelFunc({
          inputs,
          forwardFunc() {
            inputs["late"] = x;
            return tf.square(x);
          },
          backwardsFunc: (dy: tf.Tensor) => ({ late: () => tf.mul(dy, 7) }),
        }),
      [x],
    );
    assertEquals(await numbers(grads[0]!), [7]);
    tf.dispose([x, value, grads]);
  },
  cpu,
);

// backend/fusion: parameters are overwritten in place only while nobody shares them.
onEachBackend("a clone shares memory, and is counted", () => {
  const x = tf.ones([3]), y = tf.clone(x);
  if (tf.getBackend() === "wasm") {
    const { dataIdMap } = wasmBackend();
    const shared = x.dataId === y.dataId || pointer(x) === pointer(y);
    if (shared) assertEquals(dataIdMap.get(x.dataId).refCount, 2);
  } else assertEquals(x.dataId, y.dataId);
  tf.dispose([x, y]);
});

// backend/wasm/machine/backend.ts guards allocation.
onEachBackend(
  "the WASM module allocates through _malloc, which we replace",
  () => {
    const { wasm } = wasmBackend();
    assertThrows(
      () => wasm._malloc(0xffff_fff0),
      RangeError,
      "Cannot allocate 4294967280 bytes: the WASM memory",
    );
    const x = tf.ones([4]);
    assert(pointer(x) > 0);
    x.dispose();
  },
  wasm,
);
