/** The reasons that docs/compiled_steps.md lists, each met as its example says. */
import { assert, assertEquals } from "@std/assert";
import { compile, random, State, tf, useBackend } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

class Box {
  readonly x = 1;
}

const kept: tf.Tensor[] = [];
const count = new State(0);

/** A function that cannot be replayed, and the reason. */
const REASONS: readonly (readonly [
  reason: string,
  make: () => (x: tf.Tensor) => unknown,
])[] = [
  ["it reads values", () => (x) => tf.mul(x, tf.neg(x).dataSync()[0]!)],
  ["its calls differ", () => {
    let calls = 0;
    return (x) => ++calls % 2 ? tf.neg(x) : tf.square(x);
  }],
  ["a tensor made in it outlives the call", () => (x) => {
    kept.push(tf.keep(tf.neg(x)));
  }],
  ["it writes a state that holds no tensor", () => (x) => {
    count.value++;
    return tf.neg(x);
  }],
  ["it seeds a random stream", () => (x) => {
    random.seed(1);
    return tf.neg(x);
  }],
  ["it splits a random stream", () => (x) => {
    random.default.split();
    return tf.neg(x);
  }],
  ["it uses random words in JavaScript", () => (x) => {
    random.bernoulli([2]).dispose();
    return tf.neg(x);
  }],
  [
    "it computes with tensors of complex64",
    () => (x) => tf.real(tf.spectral.fft(tf.complex(x, x))),
  ],
  ["it returns more than tensors and data", () => () => new Box()],
];

const documented = new URL("../../docs/compiled_steps.md", import.meta.url);

onEachBackend(
  "each documented reason is told, and the calls run as they are",
  async () => {
    const page = await Deno.readTextFile(documented);
    for (const [reason, make] of REASONS) {
      assert(page.includes(`| ${reason} `), reason);
      const told: string[] = [];
      const plain = make();
      const compiled = compile(make(), { onFallback: (why) => told.push(why) });
      const x = tf.tensor1d([1, 2]);
      for (let i = 0; i < 6; i++) {
        const [wanted, value] = [plain(x), compiled(x)];
        if (wanted instanceof tf.Tensor) {
          assertEquals(
            [...await (value as tf.Tensor).data()],
            [...await wanted.data()],
            reason,
          );
        }
        tf.dispose([wanted, value] as tf.TensorContainer);
      }
      assertEquals(told.length, 1, reason);
      assert(told[0]!.includes(reason), `${reason}: ${told}`);
      assertEquals(compiled.report().replayed, 0, reason);
      compiled.dispose();
      tf.dispose([x, kept.splice(0)]);
    }
  },
  { only: ["wasm"] },
);

Deno.test("on a backend that cannot replay, that is told once", async () => {
  await useBackend("cpu");
  const told: string[] = [];
  const neg = compile((x: tf.Tensor) => tf.neg(x), {
    onFallback: (why) => told.push(why),
  });
  const x = tf.scalar(1);
  for (let i = 0; i < 3; i++) neg(x).dispose();
  assertEquals(told.length, 1);
  assert(told[0]!.includes("the backend is cpu, which cannot replay"));
  x.dispose();
});
