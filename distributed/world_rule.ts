import { rule, type ValueRule } from "../internal/check.ts";

/** A `World`, for checks: without its class, which not every program loads. Internal. */
export const worldRule: ValueRule = rule(
  "a World, which mpi() returns",
  (x) => {
    const world = x as Record<string, unknown> | null;
    return typeof world === "object" && world !== null &&
      typeof world["rank"] === "number" &&
      typeof world["allReduce"] === "function";
  },
);
