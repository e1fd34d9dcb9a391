import type { Case } from "./_case.ts";
import { convolutions } from "./_convolutions.ts";
import { elementwise } from "./_elementwise.ts";
import { indexing } from "./_indexing.ts";
import { layers } from "./_layers.ts";
import { moves } from "./_moves.ts";
import { products } from "./_products.ts";
import { reductions } from "./_reductions.ts";
import { spectra } from "./_spectra.ts";

/** The conformance table. */
export const CASES: readonly Case[] = [
  ...elementwise,
  ...reductions,
  ...products,
  ...convolutions,
  ...moves,
  ...indexing,
  ...layers,
  ...spectra,
];
