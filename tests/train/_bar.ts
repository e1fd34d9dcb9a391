/** A program with a progress bar on the standard error stream. */
import { useBackend } from "../../backend/mod.ts";
import * as train from "../../train/mod.ts";
import { line } from "./_setup.ts";

await useBackend("cpu");
await train.fit({
  ...line(),
  epochs: 3,
  logEvery: 1,
  callbacks: [train.progressBar({ interval: 0 })],
});
