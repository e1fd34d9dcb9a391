/** Names that objects inherit, such as `constructor`, are names like others. */
import * as tf from "@tensorflow/tfjs-core";
import { assertEquals, assertThrows } from "@std/assert";
import {
  autodiff,
  environ,
  fromNames,
  mapNamed,
  nn,
  ParamState,
  scope,
  values,
} from "../../mod.ts";
import { numbers, onEachBackend } from "../_backends.ts";

const cpu = { only: ["cpu"] } as const;

const NAMES = ["constructor", "toString", "hasOwnProperty", "valueOf"];

const param = (x: number) => scope(() => new ParamState(tf.scalar(x)));

class Net extends nn.Module {
  readonly parts: Record<string, ParamState<tf.Scalar>> = fromNames(
    NAMES,
    (name) => param(name.length),
  );
  override update(): tf.Scalar {
    return tf.addN(
      Object.values(this.parts).map(({ value }) => tf.square(value)),
    );
  }
}

/** Run `fn` where `__proto__` is an accessor, as in browsers and Node. */
async function withProtoAccessor(fn: () => void | Promise<void>) {
  const before = Object.getOwnPropertyDescriptor(Object.prototype, "__proto__");
  Object.defineProperty(Object.prototype, "__proto__", {
    get() {
      return Object.getPrototypeOf(this);
    },
    set(value) {
      Object.setPrototypeOf(this, value);
    },
    configurable: true,
  });
  try {
    await fn();
  } finally {
    if (before) Object.defineProperty(Object.prototype, "__proto__", before);
    else delete (Object.prototype as { __proto__?: unknown }).__proto__;
  }
}

onEachBackend(
  "a model's parameters may have names that objects inherit",
  async () => {
    const net = new Net();
    const paths = NAMES.map((name) => `parts.${name}`);
    const params = net.states(ParamState);
    assertEquals(Object.keys(params), paths);
    assertEquals(nn.namedParameters(net).map(([path]) => path), paths);
    const dict = nn.stateDict(net);
    assertEquals(Object.keys(dict), paths);
    assertEquals(nn.loadStateDict(net, dict), { missing: [], unexpected: [] });
    const grads = autodiff.grad(() => net.call(), { states: net.parts })();
    assertEquals(Object.keys(grads), NAMES);
    for (const name of NAMES) {
      assertEquals(await numbers(grads[name]!), [2 * name.length]);
    }
    const rows = autodiff.jacobian(() => net.call(), { states: net.parts })();
    assertEquals(Object.keys(rows), NAMES);
    const { grads: clipped } = autodiff.clipGradNorm({ ...grads }, 1e6);
    assertEquals(Object.keys(clipped), NAMES);
    const missing = nn.loadStateDict(net, {}, { strict: false });
    assertEquals(missing, { missing: paths, unexpected: [] });
    assertThrows(
      () =>
        nn.loadStateDict(
          new nn.Linear(1, 1),
          { constructor: tf.scalar(1) } as never,
        ),
      RangeError,
      'unexpected ["constructor"]',
    );
    assertEquals(nn.summary(net).includes("parts.hasOwnProperty"), true);
  },
  cpu,
);

onEachBackend("data named __proto__ becomes no prototype", async () => {
  await withProtoAccessor(() => {
    const record = <T>(x: T): Record<string, T> =>
      Object.fromEntries([["__proto__", x], ["b", x]]);
    const names = ["__proto__", "b"];
    const own = (x: object) => {
      assertEquals(Object.keys(x), names);
      assertEquals(Object.getPrototypeOf(x), Object.prototype);
    };
    own(mapNamed(record(1), (x) => x));
    own(fromNames(names, (name) => name));
    const states = record(param(3));
    own(values(states));
    const w = states["b"]!;
    own(autodiff.grad(() => tf.square<tf.Scalar>(w.value), { states })());
    own(autodiff.jacobian(() => tf.square(w.value), { states })());
    own(autodiff.clipGradNorm(record(tf.scalar(1)), 1).grads);
    class Hostile extends nn.Module {
      readonly parts = record(param(1));
      override update(): void {}
    }
    assertThrows(() => new Hostile().states(), TypeError, '"__proto__"');
    assertThrows(
      () => nn.loadStateDict(new nn.Linear(1, 1), record(tf.scalar(1))),
      RangeError,
      'unexpected ["__proto__","b"]',
    );
    assertThrows(
      () => new nn.Dropout(record(1) as never),
      TypeError,
      'there is no option "__proto__"',
    );
  });
}, cpu);

onEachBackend(
  "metrics and settings may have names that objects inherit",
  async () => {
    const metrics = new nn.MultiMetric({
      constructor: new nn.AverageMetric(),
      toString: new nn.AverageMetric(),
    } as never) as unknown as nn.Metric<[number], Record<string, number>>;
    metrics.update(3);
    assertEquals(Object.entries(await metrics.compute()), [["constructor", 3], [
      "toString",
      3,
    ]]);
    assertEquals(environ.has("toString"), false);
    assertThrows(() => environ.get("constructor"), Error, "it is not set");
    environ.context({ constructor: 4 }, () => {
      assertEquals(environ.get("constructor") as unknown, 4);
    });
    assertThrows(
      () => nn.init.calculateGain("toString" as never),
      RangeError,
      "nonlinearity must be one of",
    );
  },
  cpu,
);
