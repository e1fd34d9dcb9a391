/** Recurrent networks with padding, several layers and two directions. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  autodiff,
  compile,
  data,
  environ,
  nn,
  optim,
  ParamState,
  random,
} from "../../mod.ts";
import { assertNoLeak, numbers, onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

const cells = {
  VanillaRNNCell: () => new nn.VanillaRNNCell(3, 2),
  GRUCell: () => new nn.GRUCell(3, 2),
  "GRUCell with resetAfter": () => new nn.GRUCell(3, 2, { resetAfter: true }),
  MGUCell: () => new nn.MGUCell(3, 2),
  LSTMCell: () => new nn.LSTMCell(3, 2),
};

const LENGTHS = [4, 1, 6];

/** Sequences, each alone and all padded with numbers that must not matter. */
function sequences(padding: number) {
  const each = LENGTHS.map((length) =>
    random.normal<tf.Rank.R3>([1, length, 3])
  );
  const padded = each.map((x) =>
    tf.pad(x, [[0, 0], [0, 6 - x.shape[1]], [0, 0]], padding)
  );
  const mask = tf.tensor2d(
    LENGTHS.flatMap((length) =>
      Array.from({ length: 6 }, (_, t) => t < length ? 1 : 0)
    ),
    [3, 6],
    "bool",
  );
  return { each, all: tf.concat(padded, 0) as tf.Tensor3D, mask };
}

for (const [name, make] of Object.entries(cells)) {
  onEachBackend(
    `padding changes neither states nor outputs of ${name}`,
    async () => {
      random.seed(2);
      const cell = make();
      const { each, all, mask } = sequences(7);
      for (const reverse of [false, true]) {
        const rnn = new nn.RNN(cell, { reverse });
        const last = new nn.RNN(cell, { reverse, lastOnly: true });
        const y = await (rnn.call(all, undefined, mask) as tf.Tensor3D).array();
        const h = await (last.call(all, undefined, mask) as tf.Tensor2D)
          .array();
        for (const [i, x] of each.entries()) {
          const own = await (rnn.call(x) as tf.Tensor3D).array();
          const expected = [...own[0]!, ...Array(6 - LENGTHS[i]!).fill([0, 0])];
          await assertClose(
            tf.tensor2d(y[i]!),
            tf.tensor2d(expected),
            1e-6,
            name,
          );
          await assertClose(
            tf.tensor2d([h[i]!]),
            last.call(x),
            1e-6,
            "the last",
          );
        }
        // A state that is given is kept where nothing is there.
        const ones = { h: tf.ones<tf.Rank.R2>([3, 2]) };
        const state = cell instanceof nn.LSTMCell
          ? { ...ones, c: ones.h }
          : ones;
        const none = tf.zeros<tf.Rank.R2>([3, 6], "bool");
        assertEquals(
          await numbers(last.call(all, state, none)),
          Array(6).fill(1),
        );
      }
    },
  );
}

onEachBackend("padding gets no gradient and gives none", async () => {
  random.seed(3);
  const { each, all, mask } = sequences(5);
  const lstm = new nn.LSTM(3, 2, { layers: 2, bidirectional: true });
  const params = lstm.states(ParamState);
  const square = (x: tf.Tensor3D, mask?: tf.Tensor2D) =>
    tf.sum<tf.Scalar>(tf.square(lstm.call(x, mask)));
  const [dx] = [autodiff.grad(square, { argnums: 0 })(all, mask)] as [
    tf.Tensor,
  ];
  const grads = autodiff.grad(square, { states: params })(all, mask);
  for (const [i, x] of each.entries()) {
    const length = LENGTHS[i]!;
    const own = autodiff.grad(square, { argnums: 0 })(x) as tf.Tensor;
    const there = tf.slice(dx, [i, 0, 0], [1, length, 3]);
    await assertClose(there, own, 1e-5, `sequence ${i}`);
    const rest = tf.slice(dx, [i, length, 0], [1, 6 - length, 3]);
    assert((await numbers(rest)).every((value) => value === 0));
  }
  const sum = each.map((x) => autodiff.grad(square, { states: params })(x));
  for (const path of Object.keys(params)) {
    const expected = tf.addN(sum.map((grad) => grad[path]!));
    await assertClose(grads[path]!, expected, 1e-5, path);
  }
});

onEachBackend(
  "the backward direction of an LSTM is an LSTM over the reversed sequence",
  async () => {
    random.seed(4);
    const both = new nn.LSTM(3, 2, { bidirectional: true, lastOnly: true });
    const x = random.normal<tf.Rank.R3>([2, 5, 3]);
    const one = new nn.RNN(both.backward[0]!.cell, { lastOnly: true });
    const [, back] = tf.split(both.call(x), 2, 1);
    await assertClose(back!, one.call(tf.reverse(x, 1)), 1e-6, "backward");
  },
);

onEachBackend(
  "LSTM and GRU drop elements between layers, in training only",
  async () => {
    const x = random.normal<tf.Rank.R3>([4, 3, 3]);
    for (const Network of [nn.LSTM, nn.GRU]) {
      const make = (layers: number) =>
        new Network(3, 4, {
          layers,
          rate: 0.5,
          random: new random.RandomState(1),
        });
      for (const layers of [1, 2]) {
        const network = make(layers);
        const call = (fit: boolean) =>
          numbers(environ.context({ fit }, () => network.call(x)));
        assertEquals(await call(false), await call(false));
        const first = await call(true), second = await call(true);
        // One layer has nothing between.
        assertEquals(first.join() === second.join(), layers === 1);
        assertEquals(
          Object.keys(network.states(ParamState)).length,
          {
            LSTM: 2 * layers,
            GRU: 4 * layers,
          }[Network.name as "LSTM" | "GRU"],
        );
      }
    }
  },
);

onEachBackend(
  "recurrent networks train on padded sequences, compiled as eager",
  async (backend) => {
    const texts = [[1, 2, 3], [4], [5, 6, 7, 8], [9, 1]];
    const [tokens, mask] = data.padSequences(texts);
    const labels = tf.tensor1d([0, 1, 1, 0], "int32");
    for (const Network of [nn.LSTM, nn.GRU]) {
      const train = async (isCompiled: boolean) => {
        random.seed(5);
        const embedding = new nn.Embedding(10, 4);
        const network = new Network(4, 3, {
          layers: 2,
          bidirectional: true,
          lastOnly: true,
        });
        const out = new nn.Linear(6, 2);
        const params = {
          ...embedding.states(ParamState),
          ...network.states(ParamState),
          "out.weight": out.weight,
        };
        const optimizer = new optim.Adam({ lr: 0.05 })
          .registerTrainableWeights(params);
        const grad = autodiff.grad(
          (tokens: tf.Tensor2D, mask: tf.Tensor2D, labels: tf.Tensor1D) => {
            const x = embedding.call(tokens) as tf.Tensor3D;
            const logits = out.call(network.call(x, mask) as tf.Tensor2D);
            return nn.softmaxCrossEntropy(logits, labels, {
              reduction: "mean",
            });
          },
          { states: params, returnValue: true },
        );
        const step = (...batch: [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D]) => {
          const [grads, loss] = grad(...batch);
          optimizer.step(grads);
          return loss;
        };
        const compiled = compile(step);
        const run = isCompiled ? compiled : step;
        const losses: number[] = [];
        for (let i = 0; i < 8; i++) {
          const loss = environ.context(
            { fit: true },
            () => run(tokens, mask, labels),
          );
          losses.push(...await numbers(loss as tf.Tensor));
          (loss as tf.Tensor).dispose();
        }
        if (isCompiled) {
          const { replayed } = compiled.report();
          assertEquals(replayed, backend === "cpu" ? 0 : 6);
        }
        return losses;
      };
      const eager = await train(false);
      assert(eager.at(-1)! < 0.75 * eager[0]!, eager.join());
      assertEquals(await train(true), eager);
    }
  },
);

onEachBackend(
  "a sequence run in two parts, from state to state, is as one run",
  async () => {
    random.seed(6);
    const x = random.normal<tf.Rank.R3>([2, 6, 3]);
    const [a, b] = tf.split(x, 2, 1) as [tf.Tensor3D, tf.Tensor3D];
    for (
      const network of [new nn.LSTM(3, 4, { layers: 2 }), new nn.GRU(3, 4)]
    ) {
      const whole = network.call(x);
      await assertNoLeak(() => {
        const { y, states } = network.run(a);
        tf.dispose([y, ...states.flatMap((state) => Object.values(state))]);
      });
      const first = network.run(a);
      const second = network.run(b, { states: first.states });
      await assertClose(tf.concat([first.y, second.y], 1), whole, 1e-6, "both");
    }
    const rnn = new nn.RNN(new nn.LSTMCell(3, 4), { lastOnly: true });
    const { y, state } = rnn.run(x);
    assertEquals(await numbers(y), await numbers(state.h));
    assertThrows(
      () => new nn.LSTM(3, 4).run(x, { states: [] }),
      RangeError,
      "Cannot run LSTM: states must be a list of 1",
    );
    assertThrows(
      () => rnn.run(x, { states: [] } as never),
      TypeError,
      'there is no option "states"',
    );
  },
);

onEachBackend("masks and states that are none are refused", async () => {
  const rnn = new nn.RNN(new nn.GRUCell(3, 2));
  const lstm = new nn.LSTM(3, 2);
  const x = tf.zeros<tf.Rank.R3>([2, 4, 3]);
  const bad: [mask: unknown, message: string][] = [
    [tf.ones([2, 4]), "mask must be bool"],
    [tf.ones([4, 2], "bool"), "mask must be of shape [2, 4]"],
    [[[true]], "mask must be a tensor"],
    [null, "mask must be a tensor"],
  ];
  await assertNoLeak(() => {
    for (const [mask, message] of bad) {
      assertThrows(() => rnn.call(x, undefined, mask as never), Error, message);
      assertThrows(() => lstm.call(x, mask as never), Error, message);
    }
    const run = (state: unknown) => () =>
      lstm.run(x, { states: [state as never] });
    for (const state of [null, 7]) {
      const message = "Cannot call RNN: the state must be an object";
      assertThrows(run(state), TypeError, message);
      assertThrows(() => rnn.call(x, state as never), TypeError, message);
    }
  });
}, { only: ["cpu"] });

const kinds = [nn.VanillaRNNCell, nn.GRUCell, nn.MGUCell, nn.LSTMCell];

onEachBackend(
  "an activation by its name is the function, and another one changes the output",
  async () => {
    random.seed(7);
    const x = random.normal<tf.Rank.R3>([2, 3, 3]);
    for (const Cell of kinds) {
      const run = (activation?: nn.Activation<tf.Tensor2D>) => {
        const cell = new Cell(3, 2, {
          ...activation && { activation },
          random: new random.RandomState(1),
        });
        return numbers(new nn.RNN(cell).call(x));
      };
      assertEquals(await run("mish"), await run((x) => nn.mish(x)));
      assertEquals(await run("tanh"), await run());
      assert((await run("mish")).join() !== (await run()).join(), Cell.name);
    }
    for (const Network of [nn.LSTM, nn.GRU]) {
      const run = (activation: nn.Activation<tf.Tensor2D>) => {
        const stream = new random.RandomState(1);
        const network = new Network(3, 2, {
          activation,
          layers: 2,
          random: stream,
        });
        return numbers(network.call(x));
      };
      assert((await run("relu")).join() !== (await run("tanh")).join());
    }
  },
);

onEachBackend(
  "every sequence begins with the state that stateInit makes, in networks and single steps",
  async () => {
    random.seed(8);
    const x = random.normal<tf.Rank.R3>([2, 1, 3]);
    const step = tf.squeeze<tf.Tensor2D>(x, [1]);
    for (const Cell of kinds) {
      const stateInit = new nn.init.Constant(0.5);
      const cell = new Cell(3, 2, { stateInit });
      const half = tf.fill<tf.Rank.R2>([2, 2], 0.5);
      const hasMemory = Cell === nn.LSTMCell;
      const given = hasMemory ? { h: half, c: half } : { h: half };
      const expected = await numbers(cell.step(step, given).h);
      assertEquals(await numbers(new nn.RNN(cell).call(x)), expected);
      for (const _ of [1, 2]) {
        cell.initState(2);
        assertEquals(await numbers(cell.hidden!.h.value), Array(4).fill(0.5));
        assertEquals(await numbers(cell.call(step)), expected);
      }
      await assertNoLeak(() => cell.initState(2));
    }
    const network = (stateInit: nn.Initializer) =>
      new nn.GRU(3, 2, { stateInit, random: new random.RandomState(1) });
    const [zero, one] = [new nn.init.Zero(), new nn.init.One()];
    assert(
      (await numbers(network(zero).call(x))).join() !==
        (await numbers(network(one).call(x))).join(),
    );
    assertThrows(
      () => {
        const stateInit = { init: () => tf.zeros([3]) };
        new nn.GRUCell(3, 2, { stateInit }).initState(2);
      },
      RangeError,
      "Cannot initialize GRUCell.h: the shape must be [2,2]: current value is [3]",
    );
  },
);

onEachBackend(
  "states drawn from a stream are new in each sequence, saved with the cell, and compiled as eager",
  async (backend) => {
    const x = tf.ones<tf.Rank.R3>([2, 3, 3]);
    const train = async (isCompiled: boolean) => {
      random.seed(9);
      const rnn = new nn.RNN(
        new nn.LSTMCell(3, 2, {
          activation: "softsign",
          stateInit: new nn.init.Normal({ std: 0.5 }),
          random: new random.RandomState(3),
        }),
      );
      assert("cell.random" in rnn.states());
      const params = rnn.states(ParamState);
      const optimizer = new optim.SGD({ lr: 0.1 })
        .registerTrainableWeights(params);
      const grad = autodiff.grad(
        (x: tf.Tensor3D) => tf.mean<tf.Scalar>(rnn.call(x)),
        { states: params, returnValue: true },
      );
      const step = (x: tf.Tensor3D) => {
        const [grads, loss] = grad(x);
        optimizer.step(grads);
        return loss as tf.Tensor;
      };
      const compiled = compile(step);
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        const loss = isCompiled ? compiled(x) : step(x);
        losses.push(...await numbers(loss));
        loss.dispose();
      }
      if (isCompiled) {
        assertEquals(compiled.report().replayed, backend === "cpu" ? 0 : 3);
      }
      return losses;
    };
    const eager = await train(false);
    assertEquals(new Set(eager).size, 5);
    assertEquals(await train(true), eager);
  },
);
