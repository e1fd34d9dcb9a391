/**
 * Ranks that take each step together.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Parts } from "../checkpoint.ts";
import type { Batch } from "../data/batch.ts";
import { EarlySums } from "../distributed/early_sums.ts";
import { OptimizerShards } from "../distributed/optimizer_shards.ts";
import type { World } from "../distributed/world.ts";
import { gradientsReady } from "../internal/gradients_ready.ts";
import { scope } from "../memory.ts";
import * as random from "../random.ts";
import { State } from "../state.ts";
import { fromNames, mapNamed } from "../tensors.ts";
import type { FitOptions } from "./fit_options.ts";
import type { Measure } from "./measure.ts";
import { type Gradients, type Stepping, Team, type Vote } from "./team.ts";

/** Options of {@linkcode JointTeam}. */
type JointOptions = Pick<
  FitOptions<Batch>,
  "optimizer" | "shardOptimizer" | "accumulate" | "compile"
>;

/** Ranks that add their gradients, and all take the same step. */
export class JointTeam extends Team {
  override readonly parts: Parts;
  override readonly stepping: Stepping;
  /** The share of this rank in the batch of all, which its loss is multiplied by. */
  readonly #share: State<tf.Scalar>;
  #lastShare = 1;
  /** The position in the data. */
  readonly #place: () => unknown;
  readonly #shards: OptimizerShards | undefined;
  /** Sums that are started in the backward pass. */
  readonly #early: EarlySums | undefined;
  readonly #pathOf: ReadonlyMap<object, string>;

  /** The ranks of `world`; `place` gives the position in the data. */
  constructor(
    world: World,
    place: () => unknown,
    options: JointOptions,
  ) {
    super(world);
    const { optimizer, shardOptimizer = false } = options;
    this.#place = place;
    this.#share = scope(() => new State(tf.scalar(1)));
    if (shardOptimizer) this.#shards = new OptimizerShards(world, optimizer);
    this.parts = this.#shards ? { optimizer: this.#shards } : {};
    this.stepping = this.#shards ?? optimizer;
    if (canOverlap(world, options)) this.#early = new EarlySums(world);
    this.#pathOf = new Map(
      Object.entries(optimizer.paramStates)
        .map(([path, state]) => [state, path]),
    );
  }

  override withOwnStream<T>(fn: () => T): T {
    const early = this.#early;
    if (early) {
      gradientsReady.now = (state, grad) =>
        early.add(this.#pathOf.get(state)!, grad);
    }
    try {
      return super.withOwnStream(fn);
    } finally {
      gradientsReady.now = undefined;
    }
  }

  /**
   * `loss`, multiplied by the share of this rank: the sum over all ranks is the mean over
   * all examples, and so is the sum of the gradients.
   */
  override weighted<B extends Batch>(loss: Measure<B>): Measure<B> {
    return (...batch) => {
      const value = loss(...batch);
      // What is no scalar is refused by whoever differentiates.
      return value instanceof tf.Tensor && value.rank === 0
        ? tf.mul<tf.Scalar>(value, this.#share.value)
        : value;
    };
  }

  override weigh(examples: number): number {
    const share = this.world.share(examples);
    if (share !== this.#lastShare) {
      scope(() => {
        this.#share.value = tf.scalar(share);
      });
      this.#lastShare = share;
    }
    return Math.round(examples / share);
  }

  override async sum({ grads, loss }: Gradients): Promise<Gradients> {
    const early = this.#early?.names ?? [];
    // Ranks must agree on the sums that were started, too.
    const name = `${this.#lossName()} after ${early.join(", ")}`;
    const known = this.#early?.finish(grads) ?? {};
    const others = Object.keys(grads).filter((path) => !known[path]);
    const sums = await this.world.allReduce({
      ...fromNames(others, (path) => grads[path]!),
      [name]: loss,
    });
    return {
      grads: mapNamed(grads, (_, path) => known[path] ?? sums[path]!),
      loss: sums[name] as tf.Scalar,
    };
  }

  /**
   * What the loss is called among the gradients. Ranks must agree on names: so they must
   * on the order of the data, and on what they will draw from the common stream.
   */
  #lossName(): string {
    const { key, offset } = random.default.value;
    const place = JSON.stringify(this.#place());
    return `the loss, at ${place} of the data and ${key}:${offset} of random.default`;
  }

  override async stepped(isTaken: boolean): Promise<void> {
    await super.stepped(isTaken);
    if (isTaken) await this.#shards?.share();
  }

  override all(holds: boolean): boolean {
    return this.world.sum(Number(!holds))[0] === 0;
  }

  override vote(own: Vote): Vote {
    return this.voteNow(own);
  }

  override async begin(parts: Parts): Promise<void> {
    await super.begin(parts);
    this.#shards?.cut();
  }

  override async gather(): Promise<void> {
    await super.gather();
    await this.#shards?.gather();
  }

  override dispose(): void {
    this.#share.dispose();
    this.#shards?.release();
  }
}

/** Whether gradients can be reduced while the backward pass goes on. */
function canOverlap(
  { overlaps }: World,
  { accumulate = 1, compile = false }: JointOptions,
): boolean {
  const readsAtOnce = tf.getBackend() !== "webgpu";
  return overlaps && readsAtOnce && accumulate === 1 && !compile;
}
