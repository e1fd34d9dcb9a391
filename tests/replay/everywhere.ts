/**
 * Preloaded by `deno task test:compiled`: compiles every gradient, training step and
 * `fit` of the tests, on the backends that can replay.
 *
 * @module
 */
import { tf } from "../../mod.ts";
import { compile, type Compiled } from "../../compile.ts";
import { recording } from "../../internal/recording.ts";

/** How often each reason was told. */
const reasons = new Map<string, number>();
const totals = { eager: 0, replayed: 0 };

recording.compile = (fn) => {
  const compiled = compile(fn, {
    onFallback: (reason) => {
      const short = reason.replace(/ \(at .*/, "");
      reasons.set(short, (reasons.get(short) ?? 0) + 1);
    },
  });
  const { dispose, report } = compiled;
  const call = (...args: Parameters<typeof fn>) => {
    if (tf.getBackend() === "cpu") return fn(...args);
    const before = report();
    try {
      return compiled(...args);
    } finally {
      const after = report();
      totals.eager += after.eager - before.eager;
      totals.replayed += after.replayed - before.replayed;
    }
  };
  const wrapped: Compiled<Parameters<typeof fn>, unknown> = Object.assign(
    call,
    { dispose, report, [Symbol.dispose]: dispose },
  );
  return wrapped as unknown as typeof fn;
};

addEventListener("unload", () => {
  if (totals.eager === 0) return;
  console.log("compiled", JSON.stringify(totals));
  for (const [reason, count] of reasons) console.log(`  ${count} x ${reason}`);
});
