/**
 * The parameters of an optimizer, and the group of each.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { check, refuse, tensor } from "../../internal/check.ts";
import {
  type AnyState,
  type ParamState,
  State,
  type States,
} from "../../state.ts";
import type { Tensors } from "../../tensors.ts";
import type { Group } from "./group.ts";
import { sameShape } from "../../backend/fusion/mod.ts";

/** The parameters of an optimizer, by path. */
export class Registry {
  readonly #groups: Group[] = [];
  readonly #states: Record<string, State> = {};
  /** The same as `#states`, for a quick look at every step. */
  readonly #byPath = new Map<string, State>();
  readonly #groupOf = new Map<string, number>();
  readonly #pathOf = new Map<State, string>();
  /** Paths under which a parameter was registered again. */
  readonly #aliases = new Map<string, string>();

  /** The groups, in the order of their making. */
  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** All parameters. */
  get states(): States {
    return this.#states;
  }

  /** The paths of a group. */
  pathsOf(group: number): string[] {
    return Object.keys(this.#states)
      .filter((path) => this.#groupOf.get(path) === group);
  }

  /** The index of the group that a path belongs to. */
  indexOf(path: string): number {
    return this.#groupOf.get(path)!;
  }

  /** The group that a path belongs to. */
  groupOf(path: string): Group {
    return this.#groups[this.indexOf(path)]!;
  }

  /** Whether a parameter is left as it is. */
  isFrozen(path: string): boolean {
    const state = this.#byPath.get(path);
    return state !== undefined && isFrozen(state);
  }

  /**
   * The parameters of `states` that are not registered yet, and the paths that
   * are another name of one that is.
   */
  sort(
    action: string,
    states: States<AnyState>,
    group: number,
  ): { fresh: Record<string, State>; aliases: Map<string, string> } {
    if (typeof states !== "object" || states === null) {
      refuse(action, "the parameters", "a record of states", states, TypeError);
    }
    if (typeof states["states"] === "function") {
      const rule = "a record of states, such as model.states(ParamState)";
      refuse(action, "the parameters", rule, states, TypeError);
    }
    const fresh: Record<string, State> = {};
    const aliases = new Map<string, string>();
    const pathOf = new Map(this.#pathOf);
    for (const [path, state] of Object.entries(states)) {
      checkParameter(action, path, state);
      const known = this.#byPath.get(this.#aliases.get(path) ?? path);
      if (known && known !== state) {
        throw new RangeError(
          `Cannot ${action}: the path must be free: another parameter is registered as "${path}"`,
        );
      }
      const first = pathOf.get(state);
      if (first === undefined) {
        fresh[path] = state;
        pathOf.set(state, path);
        continue;
      }
      const owner = this.#groupOf.get(first) ?? group;
      if (owner !== group) {
        throw new RangeError(
          `Cannot ${action}: a parameter must be in one group: "${path}" is "${first}" of group ${owner}`,
        );
      }
      if (first !== path) aliases.set(path, first);
    }
    return { fresh, aliases };
  }

  /** Add what `sort` found, to a new group if `group` is given. */
  add(
    index: number,
    { fresh, aliases }: ReturnType<Registry["sort"]>,
    group?: Group,
  ): void {
    if (group) this.#groups.push(group);
    for (const [path, state] of Object.entries(fresh)) {
      this.#states[path] = state;
      this.#byPath.set(path, state);
      this.#groupOf.set(path, index);
      this.#pathOf.set(state, path);
    }
    for (const [alias, path] of aliases) this.#aliases.set(alias, path);
  }

  /** Put other groups in place of those there are. */
  replaceGroups(groups: readonly Group[]): void {
    this.#groups.splice(0, this.#groups.length, ...groups);
  }

  /**
   * `grads` under the paths of the parameters; throws where they do not fit. Those of
   * frozen parameters are left out.
   */
  match(action: string, grads: Tensors): Tensors {
    if (this.#groups.length === 0) {
      throw new Error(
        `Cannot ${action}: call registerTrainableWeights(params) first`,
      );
    }
    if (
      typeof grads !== "object" || grads === null || grads instanceof tf.Tensor
    ) {
      refuse(action, "gradients", "a record of tensors", grads, TypeError);
    }
    const matched: Record<string, Tensors[string]> = {};
    const keys = Object.keys(grads);
    for (const key of keys) {
      const path = this.#aliases.get(key) ?? key, grad = grads[key]!;
      const state = this.#byPath.get(path);
      if (!state) {
        throw new RangeError(
          `Cannot ${action}: no parameter is registered as "${key}"`,
        );
      }
      if (!fits(grad, state)) refuseGradient(action, key, grad, state);
      if (!isFrozen(state)) matched[path] = grad;
    }
    if (keys.length === 0) {
      throw new RangeError(
        `Cannot ${action}: there must be a gradient of at least one parameter`,
      );
    }
    return matched;
  }
}

function isFrozen(state: Partial<ParamState>): boolean {
  return state.frozen === true;
}

function checkParameter(
  action: string,
  path: string,
  state: unknown,
): asserts state is State {
  const name = `"${path}"`;
  if (path === "__proto__") {
    refuse(action, "the path of a parameter", "other than __proto__", path);
  }
  if (!(state instanceof State)) {
    refuse(action, name, "a state", state, TypeError);
  }
  const { value }: AnyState = state;
  if (!(value instanceof tf.Tensor) || value.dtype !== "float32") {
    refuse(action, name, "a state of a float32 tensor", value, TypeError);
  }
}

/** Whether a gradient is right: the quick test, which is made at every step. */
function fits(grad: Tensors[string], state: State): boolean {
  return grad instanceof tf.Tensor && !grad.isDisposed &&
    grad.dtype === "float32" && sameShape(grad.shape, state.shape);
}

function refuseGradient(
  action: string,
  path: string,
  grad: Tensors[string],
  { shape }: State,
): never {
  const name = `the gradient of "${path}"`;
  check(action, name, grad, tensor);
  if (!sameShape(grad.shape, shape)) {
    refuse(action, name, `of the shape [${shape}]`, grad.shape);
  }
  refuse(action, name, "a float32 tensor", grad, TypeError);
}
