/**
 * The time in which a profile is taken.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type BackendInfo, backendInfo } from "../backend/mod.ts";
import { metering } from "../internal/metering.ts";
import type { WorkEvent } from "./events.ts";
import { GpuClock } from "./gpu_clock.ts";
import { HostMeter } from "./host_meter.ts";
import { meterKernels } from "./kernels.ts";
import { Profile } from "./profile.ts";

/** Measures from its creation on, until it is stopped. */
export class Session {
  readonly #info: BackendInfo = backendInfo();
  readonly #clock: GpuClock | undefined;
  readonly #meter: HostMeter;
  readonly #steps: WorkEvent[] = [];
  readonly #stopKernels: () => void;
  #isStopped = false;

  /** Measure from now on. */
  constructor() {
    if (metering.now) {
      throw new Error(
        "Cannot profile: no other profile may be taken at the same time",
      );
    }
    const isOnGpu = tf.getBackend() === "webgpu" && GpuClock.isSupported;
    this.#clock = isOnGpu ? new GpuClock() : undefined;
    this.#meter = new HostMeter(this.#clock);
    this.#stopKernels = meterKernels(this.#meter);
    metering.now = this.#meter;
  }

  /** How many steps were taken. */
  get steps(): number {
    return this.#steps.length;
  }

  /** A step has ended, which began where the one before ended. */
  endStep(): void {
    const { start, duration } = this.#steps.at(-1) ?? { start: 0, duration: 0 };
    const began = start + duration;
    const name = `step ${this.#steps.length}`;
    this.#steps.push({ name, start: began, duration: this.#meter.now - began });
  }

  /** Stop measuring. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    metering.now = undefined;
    this.#stopKernels();
    this.#clock?.stop();
  }

  /** What was measured in the steps; waits for the device. */
  async profile(): Promise<Profile> {
    this.stop();
    const device = await this.#clock?.read();
    const { start = 0, duration = 0 } = this.#steps.at(-1) ?? {};
    const end = start + duration;
    return new Profile({
      ...this.#info,
      steps: this.#steps,
      host: this.#meter.events.filter((event) => event.start < end),
      device,
    });
  }
}
