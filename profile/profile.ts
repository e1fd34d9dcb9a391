/**
 * {@linkcode Profile}: what was measured.
 *
 * @module
 */
import { filePath } from "../internal/file_path.ts";
import { showAs } from "../internal/shown.ts";
import { system } from "../internal/system/system.ts";
import { type Measurements, ProfileSummary } from "./summary.ts";
import { tableOf } from "./table.ts";
import { type ChromeTrace, traceOf } from "./trace.ts";

/**
 * Where the time of steps went, by kernel. `console.log(profile)` prints it as a table.
 */
export class Profile extends ProfileSummary {
  readonly #measured: Measurements;

  /** Sum up what was measured; `profile` makes profiles. */
  constructor(measured: Measurements) {
    super(measured);
    this.#measured = measured;
  }

  /** The profile as a table of text. */
  override toString(): string {
    return tableOf(this);
  }

  /**
   * The profile as a trace: what ran when. Perfetto (https://ui.perfetto.dev) and
   * chrome://tracing open it. Kernels on the device are shown as if the first one began
   * with the first step.
   */
  toChromeTrace(): ChromeTrace {
    return traceOf(this.#measured);
  }

  /**
   * Write {@linkcode Profile.toChromeTrace} to a file.
   *
   * @param file The path of the file, which is overwritten.
   */
  async writeChromeTrace(file: string | URL): Promise<void> {
    const path = filePath("write a trace", file);
    const text = JSON.stringify(this.toChromeTrace());
    await system("write a trace").writeTextFile(path, text);
  }
}

showAs(Profile, String);
