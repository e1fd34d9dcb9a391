import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs-core";
import { scope } from "../memory.ts";
import { all, any, Identity, Module, not, Sequential } from "../nn/mod.ts";
import {
  type AnyState,
  BatchState,
  ParamState,
  type States,
} from "../state.ts";
import { onEachBackend } from "./_backends.ts";

const cpu = { only: ["cpu"] } as const;

function param(value = 1): ParamState<tf.Scalar> {
  return scope(() => new ParamState(tf.scalar(value)));
}

class Scale extends Module {
  readonly factor = param(2);
  readonly count = scope(() => new BatchState(tf.scalar(0)));
  override update(x: tf.Tensor): tf.Tensor {
    if (x.rank > 1) throw new RangeError("Cannot scale: rank is 2");
    return tf.mul(x, this.factor.value);
  }
}

class Model extends Module {
  readonly zeta = param();
  readonly layers = [new Scale(), new Scale()];
  readonly named = { a: new Scale(), list: [param()] };
  readonly map = new Map([["k", param()]]);
  readonly tied = this.layers[0]!;
  readonly alpha = this.zeta;
  readonly note = "text";
  readonly nothing = null;
  override update(x: tf.Tensor): tf.Tensor {
    return this.layers[1]!.call(this.layers[0]!.call(x));
  }
}

const PARAMS = [
  "zeta",
  "layers.0.factor",
  "layers.1.factor",
  "named.a.factor",
  "named.list.0",
  "map.k",
];

onEachBackend("states() finds states by path, in order of definition", () => {
  using model = new Model();
  assertEquals(Object.keys(model.states(ParamState)), PARAMS);
  assertEquals(Object.keys(model.states()).length, PARAMS.length + 3);
  assertStrictEquals(model.states()["zeta"], model.alpha);
}, cpu);

onEachBackend(
  "modules() finds modules by path, the root under the empty one",
  () => {
    using model = new Model();
    assertEquals(Object.keys(model.modules()), [
      "",
      "layers.0",
      "layers.1",
      "named.a",
    ]);
  },
  cpu,
);

onEachBackend(
  "several filters give several records, the first match wins",
  () => {
    using model = new Model();
    const inLayers = (path: string) => path.startsWith("layers.");
    const [layers, params, rest] = model.states(inLayers, ParamState, all());
    assertEquals(Object.keys(layers).length, 4);
    assertEquals(Object.keys(params), PARAMS.filter((path) => !inLayers(path)));
    assertEquals(Object.keys(rest), ["named.a.count"]);
    const typed: States<ParamState> = params;
    assertEquals(typed, params);
  },
  cpu,
);

onEachBackend(
  "filters are classes, tags, predicates and their combinations",
  () => {
    class Tagged extends Module {
      readonly a = scope(() =>
        new ParamState(tf.scalar(1), { tags: ["slow"] })
      );
      readonly b = param();
      override update(): void {}
    }
    using model = new Tagged();
    const keys = (states: States<AnyState>) => Object.keys(states);
    assertEquals(keys(model.states("slow")), ["a"]);
    assertEquals(keys(model.states(not("slow"))), ["b"]);
    assertEquals(keys(model.states(any("slow", (path) => path === "b"))), [
      "a",
      "b",
    ]);
    assertEquals(keys(model.states(all(ParamState, not("slow")))), ["b"]);
    assertEquals(keys(model.states(any())), []);
    assertThrows(
      () => model.states(3 as never),
      TypeError,
      "a filter must be a class of states, a tag or a predicate",
    );
  },
  cpu,
);

onEachBackend("a state that cannot be found reliably throws", () => {
  class InSet extends Module {
    readonly parts = new Set([param()]);
    override update(): void {}
  }
  class Box {
    readonly inside = param();
  }
  class InObject extends Module {
    readonly box = new Box();
    override update(): void {}
  }
  class Dotted extends Module {
    readonly parts = { "a.b": param() };
    override update(): void {}
  }
  class Private extends Module {
    readonly #weight = param();
    override update(x: tf.Scalar): tf.Scalar {
      return tf.mul(x, this.#weight.value);
    }
  }
  assertThrows(() => new InSet().states(), TypeError, '"parts" is a Set');
  assertThrows(() => new InObject().states(), TypeError, '"box" is a Box');
  assertThrows(() => new Dotted().states(), TypeError, 'current key is "a.b"');
  assertThrows(
    () => scope(() => new Private().call(tf.scalar(1))),
    TypeError,
    "Cannot call Private: it reads a parameter that states() cannot find",
  );
}, cpu);

onEachBackend("an error says which module threw it", () => {
  using model = new Model();
  const error = assertThrows(
    () => scope(() => model.call(tf.zeros([2, 2]))),
    RangeError,
    "Cannot scale: rank is 2 (in layers.0 of Model)",
  );
  assertEquals(error.message.match(/\(in /g)?.length, 1);
  // The module is usable again.
  scope(() => assertEquals(model.call(tf.zeros([2])).shape, [2]));
}, cpu);

onEachBackend("a module without update is refused by its name", () => {
  // @ts-expect-error it has no update
  class Forward extends Module {
    forward() {}
  }
  const model = new Sequential(new Identity(), new Forward());
  assertThrows(
    () => scope(() => model.call(tf.zeros([2]))),
    TypeError,
    "Cannot call Forward: it must have the method update, which computes what call returns",
  );
}, cpu);

onEachBackend("getters are not searched, and cycles end", () => {
  class Cyclic extends Module {
    readonly self: Cyclic = this;
    readonly w = param();
    get computed(): ParamState<tf.Scalar> {
      throw new Error("read");
    }
    override update(): void {}
  }
  using model = new Cyclic();
  assertEquals(Object.keys(model.states()), ["w"]);
}, cpu);
