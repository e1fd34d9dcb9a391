import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { grad } from "../../autodiff/mod.ts";
import { gradientsReady } from "../../internal/gradients_ready.ts";
import { ParamState } from "../../state.ts";
import { onEachBackend } from "../_backends.ts";

onEachBackend(
  "whoever listens is told of each gradient once, as soon as no operation is left that adds to it",
  async () => {
    const states = Object.fromEntries(
      ["first", "twice", "last", "unused"].map((name, i) => [
        name,
        new ParamState(tf.tensor1d([i + 1, 0.5, -1])),
      ]),
    );
    const nameOf = new Map(
      Object.entries(states).map(([name, state]) => [state as object, name]),
    );
    const told: [string, number[]][] = [];
    gradientsReady.now = (state, x) => {
      told.push([nameOf.get(state)!, [...x.dataSync()]]);
    };
    let operations = 0;
    const { first, twice, last } = states;
    const grads = grad(
      () => {
        // A gradient inside of the function tells nobody.
        const inner = grad((x: tf.Tensor) => tf.sum<tf.Scalar>(tf.square(x)));
        operations += inner(tf.tensor1d([1])).size;
        assert(gradientsReady.now === undefined);
        const a = tf.mul(first!.value, twice!.value);
        const b = tf.add(tf.sin(a), twice!.value);
        return tf.sum<tf.Scalar>(tf.mul(b, last!.value));
      },
      { states, checkStates: false },
    )();
    gradientsReady.now = undefined;
    // Backwards: the last factor, then both that the first operation takes.
    const [latest, ...others] = told.map(([name]) => name);
    assertEquals([latest, ...others.sort()], ["last", "first", "twice"]);
    for (const [name, values] of told) {
      assertEquals(values, [...await grads[name]!.data()]);
    }
    assert(operations > 0);
    assertEquals([...await grads["unused"]!.data()], [0, 0, 0]);
    tf.dispose([{ ...grads }]);
  },
  { eager: "replays tell nobody" },
);
