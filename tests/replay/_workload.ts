/** Training of a model that benchmarks use, and all that it leaves. */
import { compile, random, State, tf, train } from "../../mod.ts";
import type { Workload } from "../../bench/replay/models.ts";

/** The bits of a number or of numbers. */
export async function bits(x: tf.Tensor): Promise<number[]> {
  return [...new Int32Array((await x.data()).slice().buffer)];
}

/** Take `count` steps; losses, states, slots, counters and the random stream after them. */
export async function runWorkload(
  make: () => Workload,
  count: number,
  compiled: boolean,
): Promise<{ seen: Record<string, number[]>; replayed: number }> {
  random.seed(1);
  const { model, optimizer, loss, batch } = make();
  const plain = train.step(loss, optimizer);
  const program = compiled && compile(plain, { onFallback: "throw" });
  const step = program || plain;
  const seen: Record<string, number[]> = { losses: [] };
  for (let i = 0; i < count; i++) {
    const tensors = batch(i), value = step(...tensors);
    seen.losses!.push(...await bits(value));
    tf.dispose([tensors, value]);
    if ("step" in optimizer.lrScheduler) optimizer.lrScheduler.step();
  }
  for (const [name, state] of Object.entries(model.states(State))) {
    if (state.value instanceof tf.Tensor) seen[name] = await bits(state.value);
  }
  for (const [slot, tensors] of Object.entries(optimizer.optState.slots)) {
    for (const [name, value] of Object.entries(tensors)) {
      seen[`${slot} ${name}`] = await bits(value as tf.Tensor);
    }
  }
  seen.counters = [optimizer.stepCount, random.default.value.offset];
  const replayed = program ? program.report().replayed : 0;
  if (program) program.dispose();
  for (const state of Object.values(model.states(State))) {
    if (state.value instanceof tf.Tensor) state.value.dispose();
  }
  optimizer.dispose();
  return { seen, replayed };
}
