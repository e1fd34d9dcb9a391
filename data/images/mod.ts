/**
 * Images from files.
 *
 * @module
 */
export {
  decodeImage,
  type DecodeImageOptions,
  type ImagePixels,
} from "./decode.ts";
export { ImageBatches } from "./image_batches.ts";
export { imageFolder, type ImageFolderOptions } from "./image_folder.ts";
export { type ImageBatch, ImageFolder } from "./labeled_images.ts";
export { readImage, type ReadImageOptions } from "./read_image.ts";
export { type ImageSize, resizeImage, type ResizeOptions } from "./resize.ts";
