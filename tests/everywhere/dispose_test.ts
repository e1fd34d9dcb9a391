import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url).href;

/** Names of the methods "undefined", where the engine has no `Symbol.dispose`. */
const PROGRAM = `
const Own = globalThis.Symbol;
const Old = (description) => Own(description);
for (const name of Object.getOwnPropertyNames(Own)) {
  if (name === "dispose" || name === "asyncDispose") continue;
  Object.defineProperty(Old, name, Object.getOwnPropertyDescriptor(Own, name));
}
globalThis.Symbol = Old;
const { compile, nn, optim, ParamState, State, tf, train, useBackend, autodiff } =
  await import("${ROOT}mod.ts");
await useBackend("cpu");
const model = new nn.Linear(2, 1);
const things = {
  state: new ParamState(tf.ones([1])),
  model,
  optimizer: new optim.SGD({ lr: 1 }),
  compiled: compile((x) => tf.neg(x)),
  vjp: autodiff.vjp((x) => tf.neg(x))(tf.ones([2])),
  linearize: autodiff.linearize((x) => tf.neg(x))(tf.ones([2])),
  average: new train.ExponentialMovingAverage(model.states(ParamState), { decay: 0.9 }),
  lossScale: new train.LossScale(),
};
const seen = Object.entries(things).map(([name, thing]) => [
  name,
  "undefined" in thing,
  typeof thing[Own.for("Symbol.dispose")],
]);
console.log(JSON.stringify(seen));
`;

Deno.test("where an engine has no Symbol.dispose, what owns tensors can be disposed by the symbol that compilers use", async () => {
  const path = await Deno.makeTempFile({ suffix: ".js" });
  await Deno.writeTextFile(path, PROGRAM);
  const config = new URL("deno.json", ROOT).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, path],
    env: { NO_COLOR: "1" },
  }).output();
  await Deno.remove(path);
  const out = new TextDecoder().decode(stdout);
  const seen: [string, boolean, string][] = JSON.parse(
    out || `"${new TextDecoder().decode(stderr).replaceAll(/[\n"\\]/g, " ")}"`,
  );
  assertEquals(
    seen,
    [
      "state",
      "model",
      "optimizer",
      "compiled",
      "vjp",
      "linearize",
      "average",
      "lossScale",
    ]
      .map((name) => [name, false, "function"]),
  );
});
