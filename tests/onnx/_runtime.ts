/**
 * ONNX Runtime, from npm.
 *
 * @module
 */
import * as tf from "../../tf.ts";

/** A tensor of the runtime. */
interface RuntimeTensor {
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
}

/** A model in the runtime. */
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    inputs: Record<string, RuntimeTensor>,
  ): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
}

/** What is used of `onnxruntime-web`. */
interface Runtime {
  readonly env: { readonly wasm: { numThreads: number }; logLevel: string };
  readonly Tensor: new (
    type: string,
    data: ArrayLike<number>,
    dims: readonly number[],
  ) => RuntimeTensor;
  readonly InferenceSession: {
    create(bytes: Uint8Array): Promise<Session>;
  };
}

// Not a constant: it is fetched when the tests run, not when they are checked.
const specifier = ["npm", "onnxruntime-web@1.30.0"].join(":");

let reason = "";

/** The runtime, or null where it cannot be fetched. */
export const runtime: Runtime | null = await import(specifier).catch(
  (error) => {
    reason = `${error}`.split("\n")[0]!;
    return null;
  },
);

if (runtime) {
  runtime.env.wasm.numThreads = 1;
  runtime.env.logLevel = "error";
} else console.log(`ONNX Runtime is missing, its tests are skipped: ${reason}`);

/** What the runtime computes, by the names of outputs. */
export async function runOnnx(
  bytes: Uint8Array,
  inputs: readonly tf.Tensor[],
): Promise<Record<string, tf.Tensor>> {
  const session = await runtime!.InferenceSession.create(bytes);
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [i, x] of inputs.entries()) {
    const name = session.inputNames[i]!;
    feeds[name] = new runtime!.Tensor(x.dtype, await x.data(), x.shape);
  }
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    session.outputNames.map((name) => {
      const { data, dims } = outputs[name]!;
      return [name, tf.tensor(Float32Array.from(data), [...dims])];
    }),
  );
}
