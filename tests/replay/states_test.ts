/** What states hold after replays, and what replays return of it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { compile, scope, State, tf } from "../../mod.ts";
import { onEachBackend } from "../_backends.ts";

const values = async (x: tf.Tensor) => [...await x.data()];

function onReplaying(name: string, fn: () => Promise<void>): void {
  onEachBackend(name, fn, { only: ["wasm", "webgpu"] });
}

function onWasm(name: string, fn: () => Promise<void>): void {
  onEachBackend(name, fn, { only: ["wasm"] });
}

/** Functions that write states, and what they return. */
const WRITES: Readonly<
  Record<string, (a: State, b: State) => tf.Tensor | undefined>
> = {
  "what a state held before is returned": (a) => {
    const old = a.value;
    a.value = tf.add(old, 1);
    return old;
  },
  "two states exchange what they hold": (a, b) => {
    const old = tf.clone(a.value);
    a.value = b.value;
    b.value = old;
    return undefined;
  },
  "one state follows another": (a, b) => {
    const next = tf.add(a.value, b.value);
    b.value = a.value;
    a.value = next;
    return b.value;
  },
  "a state is written twice": (a, b) => {
    a.value = tf.add(a.value, b.value);
    const between = a.value;
    a.value = tf.mul(a.value, 2);
    return between;
  },
  "both get the same": (a, b) => {
    a.value = b.value = tf.add(a.value, b.value);
    return undefined;
  },
};

for (const [name, fn] of Object.entries(WRITES)) {
  onReplaying(
    `states are written in replays as in calls: ${name}`,
    async () => {
      const run = async (isCompiled: boolean) => {
        const [a, b] = scope(() => [
          new State<tf.Tensor>(tf.tensor1d([1, 2])),
          new State<tf.Tensor>(tf.tensor1d([3, 5])),
        ]);
        const plain = () =>
          scope(() => {
            const x = fn(a!, b!);
            return x && tf.clone(x);
          });
        const call = compile(() => fn(a!, b!), { onFallback: "throw" });
        const seen: number[][] = [];
        for (let i = 0; i < 8; i++) {
          const x = isCompiled ? call() : plain();
          seen.push([
            ...x ? await values(x) : [],
            ...await values(a!.value),
            ...await values(b!.value),
          ]);
          x?.dispose();
        }
        const { replayed } = call.report();
        call.dispose();
        for (const state of [a!, b!]) state.dispose();
        return { seen, replayed };
      };
      const before = tf.memory().numTensors;
      const compiled = await run(true);
      assertEquals(compiled.seen, (await run(false)).seen);
      assertEquals(tf.memory().numTensors, before);
      if (name !== "both get the same") assert(compiled.replayed >= 5);
    },
  );
}

onReplaying(
  "a state that gets a tensor of another shape is recorded again",
  async () => {
    for (const next of [[3, 2], [6], [2, 3, 1]]) {
      for (const isReshaped of [true, false]) {
        const state = new State<tf.Tensor>(tf.reshape(tf.range(0, 6), [2, 3]));
        const call = compile(() => tf.sum(tf.add(state.value, 1), 0));
        for (let i = 0; i < 8; i++) {
          if (i === 4) {
            state.replace(
              isReshaped ? tf.reshape(state.value, next) : tf.ones(next),
            );
          }
          const right = tf.sum(tf.add(state.value, 1), 0), y = call();
          assertEquals(y.shape, right.shape);
          assertEquals(await values(y), await values(right));
        }
        assertEquals(call.report().replayed, 4);
        call.dispose();
      }
    }
  },
);

onReplaying(
  "a state that is only written is not written past its end",
  async () => {
    const state = new State<tf.Tensor>(tf.zeros([2000]));
    const call = compile((x: tf.Tensor) => {
      state.value = tf.mul(x, 2);
    });
    const x = tf.ones([2000]);
    for (let i = 0; i < 4; i++) call(x);
    state.replace(tf.zeros([2]));
    assertThrows(() => call(x), RangeError, "the shape must be [2]");
    assertEquals(await values(state.value), [0, 0]);
  },
);

onWasm(
  "weights that XNNPACK keeps do not go stale when a state is set",
  async () => {
    const w = scope(() => new State<tf.Tensor>(tf.ones([3, 3, 1, 1])));
    const x = tf.ones<tf.Rank.R4>([1, 3, 3, 1]);
    const call = compile(() => {
      w.value = tf.mul(w.value, 2);
    });
    for (let i = 1; i < 8; i++) {
      call();
      const y = tf.depthwiseConv2d(x, w.value as tf.Tensor4D, 1, "valid");
      assertEquals(await values(y), [9 * 2 ** i]);
    }
    assertEquals(call.report().replayed, 5);
  },
);

onReplaying("states that share a tensor may part later", async () => {
  for (const readsFirst of [true, false]) {
    const [a, b] = scope(() => {
      const shared = tf.tensor1d([1]);
      return [new State(shared), new State(shared)];
    });
    const sum = compile(() => {
      if (readsFirst) [a, b].map(({ value }) => value);
      const first = tf.neg(a!.value);
      return tf.add(first, tf.mul(-10, b!.value));
    }, { onFallback: "throw" });
    const sums: number[] = [];
    for (let i = 0; i < 10; i++) {
      if (i === 4) b!.value = tf.tensor1d([2]);
      if (i === 7) a!.value = tf.tensor1d([3]);
      sums.push(...await values(sum()));
    }
    assertEquals(sums, [-11, -11, -11, -11, -21, -21, -21, -23, -23, -23]);
  }
});

onReplaying(
  "a tensor that a state was made of stays as it is when the state is written",
  async () => {
    for (const stateFirst of [true, false]) {
      const start = tf.tensor1d([1]), state = new State(start);
      const far = compile(
        () =>
          stateFirst
            ? tf.sub(state.value, start)
            : tf.neg(tf.sub(start, state.value)),
        { onFallback: "throw" },
      );
      const seen: number[] = [];
      for (let i = 0; i < 10; i++) {
        if (i === 5) state.value = tf.tensor1d([3]);
        seen.push(...await values(far()));
      }
      assertEquals(seen, [0, 0, 0, 0, 0, 2, 2, 2, 2, 2]);
      assert(far.report().replayed >= 6);
    }
  },
);

onReplaying(
  "a state that was written between calls is seen by all later ones",
  async () => {
    const a = new State(tf.tensor1d([1])), sum = new State(tf.tensor1d([0]));
    const add = compile((x: tf.Tensor) => {
      sum.value = tf.add(x, a.value);
    }, { onFallback: "throw" });
    const x = tf.tensor1d([10]);
    for (let i = 0; i < 4; i++) add(x);
    const clone = tf.clone(sum.value); // on WASM the next call runs as it is
    a.value = tf.tensor1d([5]);
    add(x);
    assertEquals(await values(sum.value), [15]);
    clone.dispose();
    add(x);
    assertEquals(await values(sum.value), [15]);
  },
);
