/** Models of every kind, compiled and not: after many steps every bit is equal. */
import { assert, assertEquals } from "@std/assert";
import {
  compile,
  nn,
  optim,
  ParamState,
  random,
  tf,
  train,
} from "../../mod.ts";
import { workloads } from "../../bench/replay/models.ts";
import { wasmBackend } from "../../backend/wasm/machine/backend.ts";
import { FULL, onEachBackend } from "../_backends.ts";
import { runWorkload } from "./_workload.ts";

// The quick ones have few steps; together they still see every kind of state.
const STEPS: Partial<Record<keyof typeof workloads, number>> = FULL
  ? {}
  : { tiny: 24, awkward: 24, lstm: 0, snn: 0, gpt: 4, mlp: 0, cnn: 6 };

for (const [name, make] of Object.entries(workloads)) {
  const count = STEPS[name as keyof typeof workloads] ?? 200;
  for (const threads of [1, 2]) {
    if (!count) continue;
    onEachBackend(
      `${count} compiled steps of ${name} equal the steps as they are, bit for bit`,
      async () => {
        tf.engine().startScope(); // models have constants that are no states
        const plain = await runWorkload(make, count, false);
        const compiled = await runWorkload(make, count, true);
        tf.engine().endScope();
        assertEquals(compiled.seen, plain.seen);
        // Two are recorded, and some are compared with what they replay.
        assert(compiled.replayed >= count - 6, `${compiled.replayed} replayed`);
      },
      { only: ["wasm"], threads },
    );
  }
}

/** A step of a model so small that a hundred thousand of them take seconds. */
function smallStep() {
  random.seed(1);
  const model = new nn.Linear(2, 2);
  const optimizer = new optim.Adam({ lr: 1e-3 })
    .registerTrainableWeights(model.states(ParamState));
  const step = compile(
    train.step((x: tf.Tensor2D) => tf.mean(model.call(x)), optimizer),
    { onFallback: "throw" },
  );
  const dispose = () => {
    step.dispose();
    optimizer.dispose();
    for (const state of Object.values(model.states(ParamState))) {
      state.value.dispose();
    }
  };
  return { step, dispose };
}

/** Bytes that the backend holds, and tensors that there are. */
function held() {
  const { numBytes, numTensors, numDataBuffers } = tf.memory();
  return { numBytes, numTensors, numDataBuffers };
}

/** Bytes of the memory of WASM, which never shrinks. */
const wasmBytes = () => wasmBackend().wasm.HEAPU8.length;

const calls = FULL ? 100_000 : 2_000;
onEachBackend(`${calls} replayed steps leave the memory as it was`, () => {
  const { step, dispose } = smallStep();
  const x = tf.ones<tf.Rank.R2>([2, 2]);
  for (let i = 0; i < 10; i++) step(x).dispose();
  const before = held(), heap = wasmBytes();
  for (let i = 0; i < calls; i++) step(x).dispose();
  assertEquals(held(), before);
  assertEquals(wasmBytes(), heap);
  tf.dispose(x);
  dispose();
}, { only: ["wasm"] });

const programs = FULL ? 1000 : 50;
onEachBackend(`${programs} programs made and disposed leave nothing`, () => {
  const x = tf.ones<tf.Rank.R2>([2, 2]);
  const once = () => {
    const { step, dispose } = smallStep();
    for (let i = 0; i < 4; i++) step(x).dispose();
    assertEquals(step.report().programs.length, 1);
    dispose();
  };
  for (let i = 0; i < 10; i++) once();
  const before = held(), heap = wasmBytes();
  for (let i = 0; i < programs; i++) once();
  assertEquals(held(), before);
  assertEquals(wasmBytes(), heap);
  x.dispose();
}, { only: ["wasm"] });
