/**
 * The operation of fused kernels: a table of pointers and numbers, and calls on it.
 *
 * @module
 */
import type {
  RecordedLaunch,
  TableScalars,
  TableStep,
} from "../../internal/recording.ts";
import { wasmMemory } from "../wasm/machine/backend.ts";
import { LiveNumbers } from "./live_numbers.ts";
import type { Buffer, Call, HostWork, Operation } from "./recorded.ts";

/**
 * The operation of a launch.
 *
 * @param launch What was reported.
 * @param table The buffer of the table.
 * @param copies The copies to make first.
 * @param sources What they copy from.
 */
export function launchOperation(
  launch: RecordedLaunch,
  table: Buffer,
  copies: readonly Call[],
  sources: readonly Buffer[],
): Operation {
  const reads = new Set([table, ...sources]), writes = new Set<Buffer>();
  if (table.source.kind === "table") {
    table.source.pointers.forEach(([, buffer], i) => {
      (launch.pointers[i]!.isWritten ? writes : reads).add(buffer);
    });
  }
  const { scalars } = launch;
  return {
    name: "fusion",
    reads,
    writes,
    body: [
      ...copies,
      ...scalars.length > 0 ? [scalarWork(table, scalars)] : [],
      ...launch.steps.map((step) => stepWork(table, step)),
    ],
    isLive: scalars.length > 0 ||
      [...writes].some(({ source }) => source.kind === "held"),
  };
}

/** Put the numbers of this step into the table. */
function scalarWork(table: Buffer, rows: readonly TableScalars[]): HostWork {
  return {
    kind: "host",
    prepare: (at) => {
      const first = at(table);
      const cells = doubles();
      return () => {
        const values = cells();
        const live = new LiveNumbers();
        for (const row of rows) {
          const numbers = live.of(row);
          for (let i = 0; i < row.at.length; i++) {
            values[(first + row.at[i]!) / 8] = numbers[i]!;
          }
        }
      };
    },
  };
}

function stepWork(table: Buffer, step: TableStep): Call | HostWork {
  if ("pass" in step) {
    const place = (offset: number) => ({ buffer: table, offset });
    const ends = [place(step.from), place(step.to)];
    const parts = Array.from(
      { length: step.parts },
      (_, i) => [...ends, i, step.parts],
    );
    return { kind: "call", fn: step.pass, parts };
  }
  return {
    kind: "host",
    prepare: (at) => {
      const places = step.sum.map((offset) => (at(table) + offset) / 8);
      const cells = doubles();
      return () => {
        const values = cells();
        let sum = 0;
        for (const place of places) sum += values[place]!;
        for (const place of places) values[place] = sum;
      };
    },
  };
}

/** A view of memory that is made anew when memory has grown. */
function doubles(): () => Float64Array {
  let view = new Float64Array(wasmMemory().buffer);
  return () => {
    const { buffer } = wasmMemory();
    if (view.buffer !== buffer) view = new Float64Array(buffer);
    return view;
  };
}
