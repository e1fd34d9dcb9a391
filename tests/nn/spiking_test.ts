/** Spiking neurons and their surrogate gradients. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import {
  autodiff,
  compile,
  forLoop,
  nn,
  optim,
  ParamState,
  random,
} from "../../mod.ts";
import type { BackendName } from "../../backend/mod.ts";
import { assertNoLeak, FULL, numbers, onEachBackend } from "../_backends.ts";
import { assertClose } from "./_close.ts";

interface Plain {
  readonly shape: number[];
  readonly values: number[];
}

type Options = Record<string, unknown>;

interface Golden {
  readonly surrogates: readonly {
    readonly name: keyof typeof nn.surrogate;
    readonly options: Options;
    readonly x: Plain;
    readonly y: Plain;
    readonly dy: Plain;
    readonly dx: Plain;
  }[];
  readonly cells: readonly {
    readonly cell: keyof typeof CELLS;
    readonly options: Options;
    readonly surrogate: readonly [keyof typeof nn.surrogate, Options];
    readonly x: Plain;
    readonly y: Plain;
    readonly state: Record<string, Plain>;
    readonly dy: Plain;
    readonly dstate: Record<string, Plain>;
    readonly dx: Plain;
  }[];
}

const golden: Golden = JSON.parse(
  await Deno.readTextFile(
    new URL("../golden/spiking.json", import.meta.url),
  ),
);

const CELLS = {
  LeakyIntegrator: nn.LeakyIntegrator,
  LIFCell: nn.LIFCell,
  ALIFCell: nn.ALIFCell,
  IzhikevichCell: nn.IzhikevichCell,
};

/** A cell of `size` neurons; the integrator has no spikes to choose a gradient for. */
function make(
  name: keyof typeof CELLS,
  size: number,
  options: Options = {},
): nn.Neurons {
  const { surrogate: _, ...without } = options;
  const given = name === "LeakyIntegrator" ? without : options;
  return new CELLS[name](size, given);
}

const tensor = ({ shape, values }: Plain) => tf.tensor(values, shape);
const VALUES = 2e-6, GRADIENTS = 1e-5;
/** Near a spike, a step multiplies errors of Izhikevich's potential by up to 5. */
const STEEP = 5e-5;

/** WebGPU is slow in software: it takes the first case of each name. */
function wanted<C>(
  cases: readonly C[],
  name: (c: C) => string,
  on: BackendName,
) {
  if (FULL || on !== "webgpu") return cases;
  const firsts = new Map(cases.toReversed().map((c) => [name(c), c]));
  return cases.filter((c) => firsts.get(name(c)) === c);
}

onEachBackend(
  "surrogates give spikes forward and their derivative backward, as the reference",
  async () => {
    for (const c of golden.surrogates) {
      const spike = nn.surrogate[c.name](c.options);
      const what = `${c.name} ${JSON.stringify(c.options)}`;
      const dy = tensor(c.dy);
      const grad = autodiff.grad(
        (x: tf.Tensor) => tf.sum<tf.Scalar>(tf.mul(spike(x), dy)),
      );
      assertEquals(await numbers(spike(tensor(c.x))), c.y.values, what);
      await assertClose(grad(tensor(c.x)), tensor(c.dx), VALUES, what);
    }
  },
);

onEachBackend("a surrogate differentiates twice", async () => {
  const spike = nn.surrogate.sigmoid({ alpha: 1 });
  const first = autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(spike(x)));
  const second = autodiff.grad((x: tf.Tensor) => tf.sum<tf.Scalar>(first(x)));
  const x = [-2, -0.25, 0.5, 3];
  const s = x.map((x) => 1 / (1 + Math.exp(-x)));
  const expected = s.map((s) => s * (1 - s) * (1 - 2 * s));
  await assertClose(second(tf.tensor1d(x)), tf.tensor1d(expected), VALUES, "");
});

onEachBackend(
  "surrogates take integers, and refuse what is no tensor",
  async () => {
    for (const make of Object.values(nn.surrogate)) {
      const spikes = make()(tf.tensor1d([-1, 0, 2], "int32"));
      assertEquals(spikes.dtype, "float32");
      assertEquals(await numbers(spikes), [0, 1, 1]);
      assertThrows(
        () => make()([1] as never),
        TypeError,
        "Cannot compute spikes: x must be a tensor: current value is [1]",
      );
    }
  },
  { only: ["cpu"] },
);

onEachBackend(
  "spiking cells give the spikes, states and gradients of the reference",
  async (on) => {
    for (const c of wanted(golden.cells, (c) => c.cell, on)) {
      const what = `${c.cell} ${JSON.stringify(c.options)}`;
      const [name, settings] = c.surrogate;
      const surrogate = nn.surrogate[name](settings);
      const rnn = new nn.RNN(make(c.cell, 3, { ...c.options, surrogate }));
      const x = tensor(c.x) as tf.Tensor3D, dy = tensor(c.dy);
      const { y, state } = rnn.run(x);
      await assertClose(y, tensor(c.y), VALUES, what);
      assertEquals(Object.keys(state).sort(), Object.keys(c.state).sort());
      for (const [part, value] of Object.entries(c.state)) {
        await assertClose(
          state[part]!,
          tensor(value),
          VALUES,
          `${what} ${part}`,
        );
      }
      const grad = autodiff.grad((x: tf.Tensor3D) => {
        const { y, state } = rnn.run(x);
        const parts = Object.entries(c.dstate).map(([part, d]) =>
          tf.sum(tf.mul(state[part]!, tensor(d)))
        );
        return tf.addN([tf.sum(tf.mul(y, dy)), ...parts]) as tf.Scalar;
      });
      const tolerance = c.cell === "IzhikevichCell" ? STEEP : GRADIENTS;
      await assertClose(grad(x), tensor(c.dx), tolerance, `${what} dx`);
    }
  },
);

onEachBackend(
  "a spiking cell gives the same bits in RNN, by single calls and in forLoop",
  async () => {
    random.seed(3);
    const x = random.normal<tf.Rank.R3>([2, 8, 3], { mean: 20, std: 10 });
    const steps = tf.transpose(x, [1, 0, 2]);
    for (const name of Object.keys(CELLS) as (keyof typeof CELLS)[]) {
      const cell = make(name, 3);
      const whole = await numbers(
        tf.transpose(new nn.RNN(cell).call(x) as tf.Tensor3D, [1, 0, 2]),
      );
      cell.initState(2);
      const single = tf.unstack(steps).map((x) => cell.call(x as tf.Tensor2D));
      assertEquals(await numbers(tf.stack(single)), whole, name);
      for (const compile of [false, true]) {
        cell.resetState();
        const ys = forLoop((x) => cell.call(x as tf.Tensor2D), steps, {
          compile,
        });
        assertEquals(await numbers(ys), whole, name);
      }
      cell.resetState(5);
      assertEquals(cell.call(tf.ones([5, 3])).shape, [5, 3]);
    }
  },
);

onEachBackend(
  "padding holds every part of a spiking cell's state",
  async () => {
    random.seed(4);
    const x = random.normal<tf.Rank.R3>([1, 5, 2], { mean: 3, std: 3 });
    const padded = tf.pad(x, [[0, 0], [0, 3], [0, 0]], 9) as tf.Tensor3D;
    const mask = tf.tensor2d([[1, 1, 1, 1, 1, 0, 0, 0]], [1, 8], "bool");
    const rnn = new nn.RNN(new nn.ALIFCell(2));
    const { state } = rnn.run(padded, { mask });
    const { state: expected } = rnn.run(x);
    assertEquals(Object.keys(state), ["h", "v", "a"]);
    for (const [part, value] of Object.entries(state)) {
      assertEquals(await numbers(value), await numbers(expected[part]!), part);
    }
  },
  { only: ["cpu", "wasm"] },
);

/** For each class, options that change the output or the gradient of its default. */
const CHANGES: Record<keyof typeof CELLS, Options> = {
  LeakyIntegrator: {
    tau: 3,
    dt: 2,
    stateInit: new nn.init.Constant(0.5),
  },
  LIFCell: {
    tau: 3,
    dt: 2,
    vTh: 0.7,
    vReset: 0.2,
    vRest: 0.3,
    reset: "hard",
    detachReset: true,
    surrogate: nn.surrogate.superSpike(),
    stateInit: new nn.init.Constant(0.5),
  },
  ALIFCell: {
    tau: 3,
    dt: 2,
    vTh: 0.7,
    vReset: 0.2,
    vRest: 0.3,
    reset: "hard",
    detachReset: true,
    surrogate: nn.surrogate.superSpike(),
    stateInit: new nn.init.Constant(0.5),
    tauA: 20,
    beta: 0.5,
  },
  IzhikevichCell: {
    a: 0.1,
    b: 0.25,
    c: -55,
    d: 2,
    vTh: 20,
    dt: 0.25,
    surrogate: nn.surrogate.superSpike(),
    stateInit: new nn.init.Constant(-60),
  },
};

onEachBackend(
  "every option of a spiking cell changes what it computes",
  async () => {
    random.seed(5);
    for (const [name, changes] of Object.entries(CHANGES)) {
      const of = name as keyof typeof CELLS;
      const x = tf.mul<tf.Tensor3D>(
        random.normal([2, 40, 3], { mean: 1, std: 2 }),
        of === "IzhikevichCell" ? 20 : 1,
      );
      const results = async (options: Options) => {
        const rnn = new nn.RNN(make(of, 3, options));
        const grad = autodiff.grad(
          (x: tf.Tensor3D) => tf.sum<tf.Scalar>(rnn.call(x)),
        );
        return [...await numbers(rnn.call(x)), ...await numbers(grad(x))];
      };
      const plain = await results({});
      for (const [option, value] of Object.entries(changes)) {
        const changed = await results({ [option]: value });
        assert(changed.some((y, i) => y !== plain[i]), `${name}: ${option}`);
      }
      const stateInit = new nn.init.Normal();
      const draw = (seed: number) =>
        results({ stateInit, random: new random.RandomState(seed) });
      const [one, same, other] = [await draw(1), await draw(1), await draw(2)];
      assertEquals(one, same);
      assert(other.some((y, i) => y !== one[i]), `${name}: random`);
    }
  },
  { only: ["cpu"] },
);

onEachBackend("spiking cells refuse what they cannot be", () => {
  const cases: [() => unknown, new (m: string) => Error, string][] = [
    [
      () => new nn.LIFCell(0),
      RangeError,
      "Cannot create LIFCell: size must be a positive integer: current value is 0",
    ],
    [
      () => new nn.LIFCell(2, { tau: 0 }),
      RangeError,
      "Cannot create LIFCell: tau must be a positive finite number: current value is 0",
    ],
    [
      () => new nn.LIFCell(2, { vReset: 1 }),
      RangeError,
      "Cannot create LIFCell: vTh must be above vReset, 1: current value is 1",
    ],
    [
      () => new nn.ALIFCell(2, { vTh: -1 }),
      RangeError,
      "Cannot create ALIFCell: vTh must be above vReset, 0: current value is -1",
    ],
    [
      () => new nn.ALIFCell(2, { reset: "none" as never }),
      RangeError,
      'Cannot create ALIFCell: reset must be one of "soft", "hard"',
    ],
    [
      () => new nn.IzhikevichCell(2, { vTh: -70 }),
      RangeError,
      "Cannot create IzhikevichCell: vTh must be above c, -65: current value is -70",
    ],
    [
      () => new nn.LIFCell(2, { surrogate: nn.surrogate as never }),
      TypeError,
      "Cannot create LIFCell: surrogate must be a function",
    ],
    [
      () => new nn.LeakyIntegrator(2, { random: new random.RandomState(1) }),
      TypeError,
      "Cannot create LeakyIntegrator: random must be left out without stateInit",
    ],
    [
      () => new nn.LIFCell(2).step(tf.ones([1, 2]), { h: tf.ones([1, 2]) }),
      TypeError,
      "Cannot step LIFCell: its state must have v",
    ],
    [
      () => new nn.LIFCell(2).call(tf.ones([1, 2])),
      Error,
      "Cannot call LIFCell: it has no state yet: begin a sequence with initState(batch)",
    ],
  ];
  for (const [call, Kind, message] of cases) assertThrows(call, Kind, message);
}, { only: ["cpu"] });

/** A recurrent network of adaptive neurons that a readout follows. */
class Network extends nn.Module {
  readonly input = new nn.Linear(3, 16);
  readonly recurrent = new nn.Linear(16, 16, { bias: false });
  readonly neurons = new nn.ALIFCell(16, { tau: 10 });
  readonly output = new nn.Linear(16, 2);

  override update(x: tf.Tensor3D): tf.Tensor2D {
    this.neurons.initState(x.shape[0]);
    const spikes = forLoop((x: tf.Tensor2D) => {
      const back = this.recurrent.call(this.neurons.hidden!.h.value);
      return this.neurons.call(tf.add(this.input.call(x), back));
    }, tf.transpose(x, [1, 0, 2]));
    return this.output.call(tf.mean(spikes, 0));
  }
}

onEachBackend(
  "a recurrent spiking network learns, compiled with the bits of eager",
  async (backend) => {
    const count = backend === "webgpu" ? 4 : 20;
    const labels = tf.tensor1d([0, 1, 0, 1, 0, 1, 0, 1], "int32");
    const train = async (isCompiled: boolean) => {
      random.seed(6);
      const noise = random.normal<tf.Rank.R3>([8, 12, 3], { std: 2 });
      const sign = tf.reshape(tf.sub(tf.mul(2, labels), 1), [8, 1, 1]);
      const x = tf.add<tf.Tensor3D>(noise, sign);
      const network = new Network();
      network.neurons.initState(8);
      const states = network.states(ParamState);
      const optimizer = new optim.Adam({ lr: 0.02 })
        .registerTrainableWeights(states);
      const grad = autodiff.grad(
        (x: tf.Tensor3D) =>
          nn.softmaxCrossEntropy(network.call(x), labels, {
            reduction: "mean",
          }),
        { states, returnValue: true },
      );
      const step = (x: tf.Tensor3D) => {
        const [grads, loss] = grad(x);
        optimizer.step(grads);
        return loss;
      };
      using compiled = compile(step);
      const run = isCompiled ? compiled : step;
      const losses: number[] = [];
      const once = async () => {
        const loss = run(x) as tf.Tensor;
        losses.push(...await numbers(loss));
        loss.dispose();
      };
      for (let i = 0; i < count; i++) await once();
      if (!isCompiled) await assertNoLeak(once);
      else if (backend !== "cpu") {
        assert(compiled.report().replayed >= count - 3);
      }
      return losses.slice(0, count);
    };
    const eager = await train(false);
    if (count === 20) assert(eager.at(-1)! < 0.5 * eager[0]!, eager.join());
    assertEquals(await train(true), eager);
  },
);
