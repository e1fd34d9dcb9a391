/**
 * NumPy's files of arrays.
 *
 * @module
 */
export type { NpyArray, NpyData } from "./elements.ts";
export {
  decodeNpy,
  decodeNpz,
  encodeNpy,
  encodeNpz,
  readNpy,
  readNpz,
} from "./npy.ts";
