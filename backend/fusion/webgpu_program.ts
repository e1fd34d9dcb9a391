/**
 * Kernels compiled to shaders.
 *
 * @module
 */
import type { Named } from "../../tensors.ts";
import type { Expr } from "./expr.ts";
import { hostFunction } from "./host.ts";
import { type Kernel, plan } from "./kernel.ts";
import { type Shaders, toWgsl } from "./wgsl.ts";
import type { Shader } from "./wgsl_shader.ts";

/** A kernel, ready to run. */
export interface Program {
  readonly shaders: Shaders;
  readonly host: (scalars: Named<number>) => readonly number[];
  readonly sums: readonly (readonly Expr[])[];
  /** The most storage buffers that a shader needs. */
  readonly buffers: number;
}

const programs = new Map<Kernel, Program>();

/** The shaders of a kernel, compiled once. */
export function programOf(kernel: Kernel): Program {
  let program = programs.get(kernel);
  if (!program) {
    const steps = plan(kernel), shaders = toWgsl(kernel, steps);
    const all = [
      ...[...shaders.sums, ...shaders.packedSums].flatMap((
        s,
      ) => [s.parts, s.whole]),
      shaders.last,
    ];
    const count = ({ bindings }: Shader) =>
      bindings.filter(({ kind }) => kind !== "uniform").length;
    program = {
      shaders,
      host: hostFunction(steps.host),
      sums: steps.sums,
      buffers: Math.max(...all.map(count)),
    };
    programs.set(kernel, program);
  }
  return program;
}
