/**
 * Sequences of different lengths.
 *
 * @module
 */
export {
  bucketByLength,
  type BucketOf,
  type BucketOptions,
  type BucketSource,
  type BucketTensor,
  type MappedBucketOptions,
} from "./bucket.ts";
export { type PadOptions, padSequences, type Sequences } from "./pad.ts";
