/** The modules that have all exported symbols, but tfjs'. */
export const ENTRIES: readonly string[] = [
  "autodiff/mod.ts",
  "backend/mod.ts",
  "checkpoint.ts",
  "compile.ts",
  "control_flow/mod.ts",
  "data/mod.ts",
  "environ.ts",
  "memory.ts",
  "models/mod.ts",
  "nn/mod.ts",
  "optim/mod.ts",
  "profile/mod.ts",
  "random.ts",
  "state.ts",
  "tensors.ts",
  "train/mod.ts",
];
