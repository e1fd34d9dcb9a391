/**
 * Profiles in the Trace Event Format of Chrome.
 *
 * @module
 */
import type { HostEvent, WorkEvent } from "./events.ts";

/** An event of a trace. Times are microseconds. */
export interface TraceEvent {
  /** The kernel, the step, or what the event tells of a track. */
  readonly name: string;
  /** `"X"` for work with a duration, `"M"` for the name of a track. */
  readonly ph: "X" | "M";
  /** The process; always 1. */
  readonly pid: number;
  /** The track: 1 for the host, 2 for the device. */
  readonly tid: number;
  /** `"step"` or `"kernel"`. */
  readonly cat?: string;
  /** When it began. */
  readonly ts?: number;
  /** How long it took. */
  readonly dur?: number;
  /** The name of the track, or the bytes that were moved. */
  readonly args?: Readonly<Record<string, string | number>>;
}

/** A trace: an object that Perfetto and chrome://tracing open once it is in a file. */
export interface ChromeTrace {
  /** The events. */
  readonly traceEvents: readonly TraceEvent[];
  /** The unit that viewers show. */
  readonly displayTimeUnit: "ms";
}

const HOST = 1, DEVICE = 2;

/** The trace of what was measured. */
export function traceOf(
  { backend, steps, host, device }: {
    readonly backend: string;
    readonly steps: readonly WorkEvent[];
    readonly host: readonly HostEvent[];
    readonly device: readonly WorkEvent[] | undefined;
  },
): ChromeTrace {
  const work = (
    tid: number,
    cat: string,
    { name, start, duration }: WorkEvent,
  ): TraceEvent => ({
    name,
    ph: "X",
    cat,
    pid: 1,
    tid,
    ts: 1e3 * start,
    dur: 1e3 * duration,
  });
  const name = (tid: number, kind: string, name: string): TraceEvent => ({
    name: kind,
    ph: "M",
    pid: 1,
    tid,
    args: { name },
  });
  return {
    traceEvents: [
      name(HOST, "process_name", `braintape on ${backend}`),
      name(HOST, "thread_name", "host"),
      ...(device ? [name(DEVICE, "thread_name", "device")] : []),
      ...steps.map((step) => work(HOST, "step", step)),
      ...host.map((event) => ({
        ...work(HOST, "kernel", event),
        ...(event.bytes === undefined ? {} : { args: { bytes: event.bytes } }),
      })),
      ...(device ?? []).map((event) => work(DEVICE, "kernel", event)),
    ],
    displayTimeUnit: "ms",
  };
}
