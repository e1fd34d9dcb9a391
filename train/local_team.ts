/**
 * Ranks that take steps by themselves, and meet now and then.
 *
 * @module
 */
import type { Parts } from "../checkpoint.ts";
import type { Batch } from "../data/batch.ts";
import { DiLoCo, type DiLoCoOptions } from "../distributed/diloco.ts";
import { OwnStates } from "../distributed/own_states.ts";
import type { World } from "../distributed/world.ts";
import type { Module } from "../nn/mod.ts";
import type { Optimizer } from "../optim/mod.ts";
import type { FitOptions } from "./fit_options.ts";
import type { Measure } from "./measure.ts";
import { type Gradients, Team, type Vote } from "./team.ts";
import type { WeightAverage } from "./weight_average.ts";

/** Ranks that train by {@linkcode DiLoCo}. */
export class LocalTeam extends Team {
  override readonly isLocal = true;
  override readonly parts: Parts;
  override readonly stepping: Optimizer;
  readonly #diloco: DiLoCo;
  /** What the optimizer of each rank has. */
  readonly #own: OwnStates;
  /** Whether all ranks have met since the last step, or it is the start. */
  #hasMet = true;
  /** What this rank would do at the next meeting. */
  #pending: Vote | undefined;
  /** The averages of weights, if there are any. */
  readonly #average: WeightAverage | undefined;

  /** The ranks of `world`. */
  constructor(
    world: World,
    { optimizer, average }: Pick<FitOptions<Batch>, "optimizer" | "average">,
    options: DiLoCoOptions,
  ) {
    super(world);
    this.#average = average;
    this.stepping = optimizer;
    this.#diloco = new DiLoCo(world, optimizer.paramStates, options);
    this.#own = new OwnStates(world, { optimizer });
    this.parts = { diloco: this.#diloco, ranks: this.#own };
  }

  override weighted<B extends Batch>(loss: Measure<B>): Measure<B> {
    return loss;
  }

  override weigh(examples: number): number {
    return examples;
  }

  override sum(own: Gradients): Promise<Gradients> {
    return Promise.resolve(own);
  }

  override all(holds: boolean): boolean {
    return holds;
  }

  override async stepped(isTaken: boolean): Promise<void> {
    await super.stepped(isTaken);
    await this.#diloco.update();
    this.#hasMet = this.#diloco.steps === 0;
    if (this.#hasMet) await this.#meetAverages();
  }

  override vote(own: Vote): Vote {
    if (own.reason !== undefined) this.#pending ??= own;
    if (!this.#hasMet) return { reason: undefined, isPaused: false };
    const pending = this.#pending ?? own;
    this.#pending = undefined;
    return this.voteNow(pending);
  }

  override async settle(model: Module | undefined): Promise<void> {
    if (this.#diloco.steps > 0) {
      await this.#diloco.meet();
      await this.#meetAverages();
    }
    this.#hasMet = true;
    await super.settle(model);
  }

  /** Updates of averages are linear: their mean is the average of mean weights. */
  async #meetAverages(): Promise<void> {
    if (this.#average) await this.takeMean(this.#average.states());
  }

  override async begin(parts: Parts): Promise<void> {
    await super.begin(parts);
    await this.#own.load();
  }

  override async gather(): Promise<void> {
    await super.gather();
    await this.#own.gather();
  }

  override dispose(): void {
    this.#diloco.dispose();
  }
}
