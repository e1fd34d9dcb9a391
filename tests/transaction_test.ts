import { assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { autodiff, environ, nn, ParamState, random, scope } from "../mod.ts";
import { State } from "../state.ts";
import { transaction } from "../internal/transaction.ts";
import { assertNoLeak, numbers, onEachBackend } from "./_backends.ts";

/** Statistics, a random stream, a hidden state and a counter, all written by a call. */
class Net extends nn.Module {
  readonly norm = new nn.BatchNorm0d(2);
  readonly stream = new random.RandomState(3);
  readonly drop = new nn.Dropout({ random: this.stream });
  readonly cell = new nn.GRUCell(2, 2);
  readonly count = new State(0);
  override update(x: tf.Tensor2D): tf.Tensor2D {
    this.count.value++;
    return this.cell.call(this.drop.call(this.norm.call(x)));
  }
}

async function contents(net: Net): Promise<unknown> {
  const entries = Object.entries(net.states()).map(async ([path, { value }]) =>
    [path, value instanceof tf.Tensor ? await numbers(value) : value] as const
  );
  return await Promise.all(entries);
}

onEachBackend(
  "a step that is refused leaves every state as it was",
  async () => {
    const net = new Net();
    net.cell.initState(3);
    const x = tf.tensor2d([[1, 2], [NaN, 3], [4, 5]]);
    const gradient = autodiff.grad(
      () => tf.sum<tf.Scalar>(net.call(x)),
      { states: net.states(ParamState), returnValue: true },
    );
    const step = () => environ.context({ fit: true }, () => gradient());
    const before = await contents(net);
    await assertNoLeak(async () => {
      for (let i = 0; i < 3; i++) {
        const { value: [grads, loss], rollback } = transaction(step);
        assertEquals(await numbers(loss), [NaN]);
        rollback();
        tf.dispose([grads, loss]);
        assertEquals(await contents(net), before);
      }
    });
    await assertNoLeak(() => {
      for (let i = 0; i < 3; i++) {
        const { value, commit } = transaction(step);
        commit();
        tf.dispose([...Object.values(value[0]), value[1]]);
      }
    });
    assertEquals(net.count.value, 3);
  },
);

onEachBackend(
  "a function that throws in a transaction changes nothing",
  async () => {
    using state = scope(() => new State(tf.scalar(1)));
    await assertNoLeak(() => {
      assertThrows(
        () =>
          transaction(() => {
            scope(() => void (state.value = tf.scalar(2)));
            scope(() => void (state.value = tf.scalar(3)));
            throw new Error("no");
          }),
        Error,
        "no",
      );
    });
    assertEquals(await numbers(state.value), [1]);
  },
);

onEachBackend(
  "transactions nest, within one another and within grad",
  async () => {
    using state = scope(() => new State(tf.scalar(1)));
    const add = (n: number) => () => {
      scope(() => {
        state.value = tf.add(state.value, n);
      });
    };
    await assertNoLeak(() => {
      const outer = transaction(() => {
        add(1)();
        transaction(add(10)).rollback();
        transaction(add(100)).commit();
      });
      outer.commit();
    });
    assertEquals(await numbers(state.value), [102]);
    await assertNoLeak(() => {
      transaction(() => transaction(add(10)).commit()).rollback();
      transaction(add(5)).rollback();
      transaction(() => transaction(add(5)).rollback()).commit();
    });
    assertEquals(await numbers(state.value), [102]);
  },
);

onEachBackend(
  "a gradient that fails and is caught inside another leaves its states usable",
  async () => {
    using state = scope(() => new State(tf.scalar(1)));
    const failing = autodiff.grad((x: tf.Scalar) => {
      state.value = tf.add(state.value, x);
      throw new Error("no");
    });
    const outer = (x: tf.Scalar) => {
      assertThrows(() => failing(x), Error, "no");
      return tf.mul<tf.Scalar>(x, state.value);
    };
    const x = tf.scalar(3);
    for (let i = 0; i < 2; i++) {
      scope(() => void autodiff.grad(outer)(x));
      scope(() => void autodiff.vjp(outer)(x).dispose());
    }
    assertEquals(await numbers(state.value), [1]);
  },
);
