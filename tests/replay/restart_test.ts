import { assertEquals } from "@std/assert";
import { compile, tf, useBackend } from "../../mod.ts";

const values = (x: tf.Tensor) => [...x.dataSync()];

Deno.test("useBackend frees programs before it starts other threads", async () => {
  await useBackend("wasm", { threads: 1 });
  const [constant, x] = [tf.ones([3]), tf.ones([3])];
  const call = compile((x: tf.Tensor) => tf.add(x, constant));
  for (let i = 0; i < 3; i++) call(x).dispose();
  assertEquals(call.report().replayed, 1);
  tf.dispose([constant, x]); // the program has a reference of its own
  await useBackend("wasm", { threads: 2 });
  const double = compile((x: tf.Tensor) => tf.mul(x, 2));
  for (let i = 0; i < 4; i++) {
    const x = tf.tensor1d([i]), y = double(x);
    assertEquals(values(y), [2 * i]);
    tf.dispose([x, y]);
  }
  double.dispose();
  await useBackend("wasm", { threads: 1 });
});
