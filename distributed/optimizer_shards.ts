/**
 * The state of an optimizer, in parts that ranks have.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type Resumable,
} from "../checkpoint.ts";
import {
  AveragingOptimizer,
  type Optimizer,
  type OptimizerState,
} from "../optim/mod.ts";
import { coreOf } from "../optim/optimizer/core.ts";
import { traitsOf } from "../optim/transforms/elementwise.ts";
import type { OptState } from "../optim/transforms/transformation.ts";
import { fromNames, mapNamed, type Tensors } from "../tensors.ts";
import { collect } from "./collect.ts";
import { communicatorOf, type World } from "./world.ts";

/**
 * The slots of an optimizer, of which each rank keeps those of its parameters, and takes
 * their steps: then each gives its parameters to all (ZeRO, stage 1). Parameters have the
 * same bits as without, and a rank has `1 / size` of the memory of slots. (Rajbhandari et
 * al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models",
 * arXiv:1910.02054.)
 */
export class OptimizerShards implements Resumable {
  readonly #world: World;
  readonly #optimizer: Optimizer;
  /** The rank of each parameter. */
  readonly #owners: ReadonlyMap<string, number>;
  #isCut = false;
  /** The states of the other ranks, on the first one, since the last `gather`. */
  #others: readonly OptState[] = [];

  /**
   * Cut the state of `optimizer` into parts, with {@linkcode OptimizerShards.cut}.
   *
   * @throws {TypeError} If its rule looks at several parameters at once.
   */
  constructor(world: World, optimizer: Optimizer) {
    for (const { tx, clip } of coreOf(optimizer).registry.groups) {
      if (!traitsOf(tx).sumsOverStep && !clip) continue;
      throw new TypeError(
        `Cannot shard ${optimizer.constructor.name}: its rule must be of one parameter at a time${
          clip
            ? ": give gradClipNorm and gradClipValue to fit, which clips before"
            : ""
        }`,
      );
    }
    if (optimizer instanceof AveragingOptimizer) {
      throw new TypeError(
        `Cannot shard ${optimizer.constructor.name}: each rank needs the slots of all parameters to evaluate`,
      );
    }
    this.#world = world;
    this.#optimizer = optimizer;
    this.#owners = ownersOf(optimizer, world.size);
  }

  /** Free the slots of other ranks' parameters. */
  cut(): void {
    this.#isCut = true;
    coreOf(this.#optimizer).engine.retain(
      new Set(this.#pathsOf(this.#world.rank)),
    );
  }

  #pathsOf(rank: number): string[] {
    return [...this.#owners.keys()]
      .filter((path) => this.#owners.get(path) === rank);
  }

  /** Whether this rank has the slots of a parameter. */
  #isOwn(path: string): boolean {
    return this.#owners.get(path) === this.#world.rank;
  }

  /** Take a step for the parameters of this rank; frees all gradients. */
  step(grads: Tensors): void {
    const own: string[] = [];
    for (const path in grads) {
      if (this.#isOwn(path)) own.push(path);
      else grads[path]!.dispose();
    }
    this.#optimizer.step(fromNames(own, (path) => grads[path]!));
  }

  /** Give the parameters of this rank to all, and take those of the others. */
  async share(): Promise<void> {
    this.#world.barrier(); // where ranks that are elsewhere find out
    const { rank, size } = this.#world, mpi = communicatorOf(this.#world);
    const states = this.#optimizer.paramStates;
    for (let owner = 0; owner < size; owner++) {
      const own = this.#pathsOf(owner).map((path) => states[path]!);
      const row = owner === rank
        ? joined(await Promise.all(own.map(({ value }) => value.data())))
        : new Float32Array(own.reduce((sum, { size }) => sum + size, 0));
      mpi.broadcast(row, owner);
      if (owner === rank) continue;
      let at = 0;
      for (const state of own) {
        const part = row.slice(at, at += state.size);
        const next = tf.tensor(part, state.shape, "float32");
        state.value = next;
        next.dispose();
      }
    }
  }

  /** Let the first rank have the state of all, until `release`. */
  async gather(): Promise<void> {
    this.release();
    const bytes = await collect(
      this.#world,
      () => encodeCheckpoint({ state: this.#part() }),
    );
    const others: OptState[] = [];
    for (const of of bytes) {
      await decodeCheckpoint(of, {
        state: {
          stateDict: () => ({}),
          loadStateDict: (state: OptState) => others.push(copied(state)),
        },
      });
    }
    this.#others = others;
  }

  /** The state that this rank has, as a part of a checkpoint. */
  #part(): Resumable {
    const { steps, slots } = this.#optimizer.optState;
    return { stateDict: () => ({ steps, slots }), loadStateDict() {} };
  }

  /** Free what `gather` has brought. */
  release(): void {
    for (const { slots } of this.#others) {
      tf.dispose(Object.values(slots).map((of) => ({ ...of })));
    }
    this.#others = [];
  }

  /** The state of all ranks, as `Optimizer.stateDict` gives it. */
  stateDict(): OptimizerState {
    const own = this.#optimizer.stateDict();
    const steps = { ...own.steps };
    const slots: Record<string, Record<string, tf.Tensor>> = {};
    for (const state of [own, ...this.#others]) {
      Object.assign(steps, state.steps);
      mapNamed(state.slots, (tensors, slot) => {
        mapNamed(tensors, (x, path) => {
          (slots[slot] ??= {})[path] = state === own ? x : tf.clone(x);
        });
      });
    }
    return { ...own, steps, slots };
  }

  /** Load a state of all ranks, of which this one takes its part. */
  loadStateDict(state: OptimizerState): void {
    this.#optimizer.loadStateDict(this.#isCut ? this.#own(state) : state);
  }

  #own(state: OptimizerState): OptimizerState {
    const select = <T>(of: Readonly<Record<string, T>>) =>
      fromNames(
        Object.keys(of).filter((path) => this.#isOwn(path)),
        (path) => of[path]!,
      );
    const slots = mapNamed(state.slots, (of) => select(of));
    return { ...state, steps: select(state.steps), slots };
  }
}

/** Ranks of the parameters, so that each has about as many elements. */
function ownersOf(
  { paramStates }: Optimizer,
  size: number,
): ReadonlyMap<string, number> {
  const loads = new Array<number>(size).fill(0);
  const owners = new Map<string, number>();
  const bySize = Object.entries(paramStates)
    .toSorted(([, a], [, b]) => b.size - a.size);
  for (const [path, state] of bySize) {
    const rank = loads.indexOf(Math.min(...loads));
    owners.set(path, rank);
    loads[rank]! += state.size;
  }
  return owners;
}

function joined(parts: readonly ArrayLike<number>[]): Float32Array {
  const row = new Float32Array(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) row.set(part, (at += part.length) - part.length);
  return row;
}

/** A state whose tensors are kept. */
function copied({ steps, slots }: OptState): OptState {
  return {
    steps: { ...steps },
    slots: mapNamed(
      slots,
      (of) => mapNamed(of, (x) => tf.keep(tf.clone(x))),
    ),
  };
}
