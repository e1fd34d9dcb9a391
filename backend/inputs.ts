/**
 * What kernels are given: checked before they run, so that errors name the tensor.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../internal/check.ts";
import { engine, isRecording } from "../internal/engine.ts";
import { BACKENDS } from "./backends.ts";

/** The backends that have run: with one, every tensor is there. */
const used = new Set<string>();
let checks = false;

/**
 * Check the inputs of every kernel from now on.
 *
 * @param backendName The backend that runs them now.
 */
export function checkInputs(backendName: string): void {
  used.add(backendName);
  if (checks) return;
  checks = true;
  const running = engine();
  const { runKernel } = running;
  running.runKernel = function (kernelName, inputs, attrs) {
    for (const name in inputs) {
      const x: unknown = inputs[name];
      if (!(x instanceof tf.Tensor)) continue;
      if (x.isDisposed) refuseDisposed(kernelName, name, x);
      if (used.size > 1) checkHome(kernelName, name, x);
    }
    // The tape keeps the options: an array may be changed before the gradient.
    const own = attrs && isRecording() ? ownArrays(attrs) : attrs;
    return runKernel.call(running, kernelName, inputs, own);
  };
}

/** The same options, with copies of arrays and of arrays in them. */
function ownArrays(attrs: object): object {
  const own: Record<string, unknown> = { ...attrs };
  for (const name in own) {
    const value = own[name];
    if (Array.isArray(value)) {
      own[name] = value.map((x) => Array.isArray(x) ? [...x] : x);
    }
  }
  return own;
}

function refuseDisposed(kernelName: string, name: string, x: tf.Tensor): never {
  const is = "a tensor that has not been disposed";
  refuse(`run ${kernelName}`, input(name), is, x, TypeError);
}

/** Inputs of a list are numbered. */
function input(name: string): string {
  return /^\d+$/.test(name) ? `input ${name}` : name;
}

/** Throw for a tensor that cannot come to the current backend. */
function checkHome(kernelName: string, name: string, x: tf.Tensor): void {
  const { registry, state } = engine();
  const home = state.tensorInfo.get(x.dataId)?.backend;
  const current = tf.getBackend();
  if (!home || home === registry[current]) return;
  const owner = Object.keys(registry).find((key) => registry[key] === home);
  if (owner !== undefined && BACKENDS.get(owner)?.readsAtOnce !== false) return;
  const why = owner === undefined
    ? "a tensor whose backend still runs"
    : `a tensor of ${current}: those of ${owner} do not move; read it with \`await x.data()\` before, and make it anew`;
  refuse(`run ${kernelName} on ${current}`, input(name), why, x, TypeError);
}
