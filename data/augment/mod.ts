/**
 * Random changes of images, another one for each example of a batch.
 *
 * | function | change |
 * | --- | --- |
 * | {@linkcode randomHorizontalFlip} | left and right exchanged |
 * | {@linkcode randomVerticalFlip} | top and bottom exchanged |
 * | {@linkcode randomCrop} | a window of the image, or of the padded image |
 * | {@linkcode randomShift} | moved by some pixels |
 * | {@linkcode cutout} | a square left out |
 * | {@linkcode randomBrightness} | brighter or darker |
 * | {@linkcode mixup} | mixed with another image, as are the targets |
 * | {@linkcode cutmix} | a box from another image, the targets mixed by its area |
 *
 * They belong into the option `map` of {@linkcode batches}, so that each epoch has
 * changes of its own. Random numbers come from a stream of the library, on the host:
 * a change has the same bits on every backend, and a run that is resumed from a
 * checkpoint continues with the changes that it would have had.
 *
 * @module
 */
export * from "./brightness.ts";
export * from "./crop.ts";
export * from "./cutout.ts";
export * from "./flip.ts";
export type { Images } from "./pixels.ts";
export * from "./mix.ts";
