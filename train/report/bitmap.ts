/**
 * Pictures of numbers, as addresses that hold the picture itself.
 *
 * @module
 */

/** Height, width, and channels: 1 is gray, 3 are red, green and blue. */
type ImageShape = readonly [height: number, width: number, channels: 1 | 3];

/** The shape of an image that values of `shape` are; undefined if they are none. */
export function imageShapeOf(
  shape: readonly number[],
): ImageShape | undefined {
  const [height = 0, width = 0, channels = 1] = shape;
  const isImage = height > 3 && width > 3 && shape.length <= 3 &&
    (channels === 1 || channels === 3);
  return isImage ? [height, width, channels as 1 | 3] : undefined;
}

/**
 * A bitmap file (BMP, 24 bits a pixel, rows from the top) as a `data:` address.
 *
 * Values from 0 to 1, or from 0 to 255, are shown as they are; others are scaled, so that
 * the smallest is black and the largest white.
 */
export function bitmapAddress(
  values: readonly number[],
  [height, width, channels]: ImageShape,
): string {
  const level = levels(values);
  const stride = Math.ceil(3 * width / 4) * 4;
  const bytes = new Uint8Array(54 + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true); // where the pixels begin
  view.setUint32(14, 40, true); // the size of the rest of the header
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true); // rows from the top
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * channels;
      const at = 54 + row * stride + 3 * column;
      for (let c = 0; c < 3; c++) {
        // Blue comes first.
        bytes[at + c] = level(values[from + (channels === 3 ? 2 - c : 0)]!);
      }
    }
  }
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:image/bmp;base64,${btoa(text)}`;
}

/** The function from a value to a level from 0 to 255. */
function levels(values: readonly number[]): (value: number) => number {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const [from, to] = low < 0 || high > 255
    ? [low, high]
    : [0, high > 1 ? 255 : 1];
  const range = to - from || 1;
  return (value) => Math.round(255 * (value - from) / range);
}
