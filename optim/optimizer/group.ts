/**
 * The transformations of a parameter group.
 *
 * @module
 */
import { check, checkOptions, refuse } from "../../internal/check.ts";
import { chain } from "../transforms/chain.ts";
import {
  OPTIMIZER_RULES,
  type OptimizerOptions,
  transformation,
} from "../transforms/options.ts";
import { clips, countedClips } from "../transforms/pipeline.ts";
import type { GradientTransformation } from "../transforms/transformation.ts";
import type { GroupOptions } from "./options.ts";

/** A parameter group: its options, and the transformations they make. */
export interface Group {
  /** The options of the optimizer, overridden by those of the group. */
  readonly options: object;
  /** Whether `tx` was given for this group, in place of that of the class. */
  readonly isOwn: boolean;
  /** The transformation of clipped gradients. */
  readonly tx: GradientTransformation;
  /** The clipping of gradients. */
  readonly clip: GradientTransformation | undefined;
  /** `clip`, then `tx`. */
  readonly clipped: GradientTransformation;
  /** Whether `clip` bounds the norm. */
  readonly clipsNorm: boolean;
  /** Both, where another group bounds the norm: all gradients count in it. */
  readonly counted: {
    /** See {@linkcode Group.clip}. */
    readonly clip: GradientTransformation;
    /** See {@linkcode Group.clipped}. */
    readonly clipped: GradientTransformation;
  };
}

/**
 * The group that `own` options make.
 *
 * @param name The class of the optimizer.
 * @param options Those of the optimizer.
 * @param own Those of the group.
 * @param defaultTx The transformation of the class, from options without the rate
 * and clipping, and from the rate as it was given.
 */
export function makeGroup<O extends OptimizerOptions>(
  name: string,
  options: O,
  { tx: ownTx, ...own }: GroupOptions<O>,
  defaultTx: (options: O, lr: O["lr"]) => GradientTransformation,
): Group {
  const action = `create ${name}`, all = { ...options, ...own };
  const { lr, gradClipNorm, gradClipValue, ...rest } = all;
  checkOptions<OptimizerOptions>(
    action,
    { lr, gradClipNorm, gradClipValue },
    OPTIMIZER_RULES,
  );
  if (ownTx) {
    check(action, "tx", ownTx, transformation);
    for (const [option, value] of Object.entries(own)) {
      if (Object.hasOwn(OPTIMIZER_RULES, option)) continue;
      const rule = "part of tx where tx is given";
      refuse(action, option, rule, value, TypeError);
    }
  }
  const clip = clips({ gradClipNorm, gradClipValue });
  const counted = countedClips({ gradClipNorm, gradClipValue });
  const tx = ownTx ?? defaultTx(rest as unknown as O, lr);
  return {
    options: Object.freeze(ownTx ? { ...all, tx: ownTx } : all),
    isOwn: ownTx !== undefined,
    tx,
    clip: clip.length > 0 ? chain(...clip) : undefined,
    clipped: chain(...clip, tx),
    clipsNorm: Boolean(gradClipNorm),
    counted: { clip: chain(...counted), clipped: chain(...counted, tx) },
  };
}

/** Whether some groups bound the norm of all gradients, and others do not. */
export function mixesNorms(groups: readonly Group[]): boolean {
  return groups.some(({ clipsNorm }) => clipsNorm) &&
    !groups.every(({ clipsNorm }) => clipsNorm);
}
