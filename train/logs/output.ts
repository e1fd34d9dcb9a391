/**
 * Where a progress bar writes.
 *
 * @module
 */
import { variable } from "../../backend/environment.ts";
import type { System } from "../../internal/system/interface.ts";
import { anySystem } from "../../internal/system/system.ts";

/** The output of a progress bar. */
export interface ProgressOutput {
  /** Whether the line can be redrawn. */
  readonly isTerminal: boolean;
  /** Width in characters. */
  readonly columns: number;
  /** Whether to use colors. */
  readonly color: boolean;
  /** Write text unchanged. */
  write(text: string): void;
}

/**
 * Standard error; the console in a browser. It is no terminal that can be redrawn where
 * the environment variable `CI` is set, or `TERM` is `dumb`.
 */
export function standardError(): ProgressOutput {
  const machine = anySystem;
  if (!machine) {
    return {
      isTerminal: false,
      columns: 80,
      color: false,
      write: (text) => console.log(text.trimEnd()),
    };
  }
  const encoder = new TextEncoder();
  const isFixed = !["", "0", "false"].includes(variable("CI") ?? "") ||
    variable("TERM") === "dumb";
  return {
    isTerminal: machine.stderr.isTerminal() && !isFixed,
    get columns() {
      return columnsOf(machine);
    },
    color: !machine.noColor,
    write(text) {
      let rest: Uint8Array = encoder.encode(text);
      while (rest.length > 0) {
        rest = rest.subarray(machine.stderr.writeSync(rest));
      }
    },
  };
}

function columnsOf(machine: System): number {
  try {
    return machine.consoleSize().columns;
  } catch {
    return 80; // there is no terminal to ask
  }
}
