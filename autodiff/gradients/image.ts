import * as tf from "@tensorflow/tfjs-core";
import { fromInputs, type Gradients, noGradient, zeros } from "./rule.ts";
import type { Shape4D } from "./windows.ts";

type Resize = Pick<
  tf.ResizeBilinearAttrs,
  "alignCorners" | "halfPixelCenters"
>;

/** For one place of the output: which places of the input it reads, with which weights. */
type Reads = (at: number) => [from: number, weight: number][];

/**
 * Images. Resizing is linear and acts on rows and columns alone, so its
 * gradient is a product with two small matrices. tfjs' own kernels for it are
 * wrong with `halfPixelCenters`, and on the cpu for images that are not square.
 */
export const image: Gradients = {
  ResizeBilinear: fromInputs(["images"], (dy, { images }, attrs: Resize) => ({
    images: () => resizeGrad(dy, images.shape, attrs, bilinear),
  })),
  ResizeNearestNeighbor: fromInputs(
    ["images"],
    (dy, { images }, attrs: Resize) => ({
      images: () => resizeGrad(dy, images.shape, attrs, nearest),
    }),
  ),
  CropAndResize: fromInputs(
    ["image", "boxes", "boxInd"],
    (dy, { image, boxes, boxInd }, attrs: tf.CropAndResizeAttrs) => ({
      image: () => cropGrad(dy, image.shape, boxes, boxInd, attrs),
      boxes: () => {
        throw new Error(
          "Cannot differentiate CropAndResize: only the image has a gradient, not the boxes",
        );
      },
      boxInd: () => zeros(boxInd.shape),
    }),
  ),
  RotateWithOffset: fromInputs(
    ["image"],
    (dy, { image }, attrs: tf.RotateWithOffsetAttrs) => ({
      image: () => rotateGrad(dy, image.shape, attrs),
    }),
  ),
  Transform: noGradient(
    "Transform",
    "use tf.image.rotateWithOffset, cropAndResize or resizeBilinear",
  ),
};

function resizeGrad(
  dy: tf.Tensor,
  shape: number[],
  attrs: Resize,
  method: (size: number, out: number, attrs: Resize) => Reads,
): tf.Tensor {
  const [batch, height, width, channels] = shape as Shape4D;
  const [, high, wide] = dy.shape as [number, number, number];
  const rows = matrix(height, high, method(height, high, attrs));
  const columns = matrix(width, wide, method(width, wide, attrs));
  const narrow = tf.matMul(
    columns,
    tf.reshape(dy, [batch * high, wide, channels]),
  );
  return tf.reshape(
    tf.matMul(rows, tf.reshape(narrow, [batch, high, width * channels])),
    shape,
  );
}

/** `[1, size, out]`: how much each place of the input counts in each of the output. */
function matrix(size: number, out: number, reads: Reads): tf.Tensor3D {
  const values = new Float32Array(size * out);
  for (let at = 0; at < out; at++) {
    for (const [from, weight] of reads(at)) values[from * out + at]! += weight;
  }
  return tf.tensor3d(values, [1, size, out]);
}

function bilinear(size: number, out: number, attrs: Resize): Reads {
  const source = sourceOf(size, out, attrs);
  return (at) => {
    const place = source(at, 0.5);
    const low = Math.max(0, Math.floor(place));
    const high = Math.min(size - 1, Math.ceil(place));
    const fraction = place - low;
    return [[low, 1 - fraction], [Math.max(0, high), fraction]];
  };
}

function nearest(size: number, out: number, attrs: Resize): Reads {
  const source = sourceOf(size, out, attrs);
  const { alignCorners } = attrs;
  return (at) => {
    const place = source(at, 0);
    const from = alignCorners ? Math.round(place) : Math.floor(place);
    return [[Math.max(0, Math.min(size - 1, from)), 1]];
  };
}

/** The ends of boxes. */
type Four = [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];

/** Where in the input a place of the output lies; half pixels count from `shift`. */
function sourceOf(
  size: number,
  out: number,
  { alignCorners, halfPixelCenters }: Resize,
): (at: number, shift: number) => number {
  const scale = alignCorners && out > 1 ? (size - 1) / (out - 1) : size / out;
  return (at, shift) =>
    halfPixelCenters ? scale * (at + 0.5) - shift : scale * at;
}

/**
 * A crop reads rows and columns with weights that fall off linearly, so that
 * its matrices can be made of the boxes on the device.
 */
function cropGrad(
  dy: tf.Tensor,
  shape: number[],
  boxes: tf.Tensor,
  boxInd: tf.Tensor,
  { method, cropSize: [high, wide] }: tf.CropAndResizeAttrs,
): tf.Tensor {
  const [batch, height, width, channels] = shape as Shape4D;
  const [y1, x1, y2, x2] = tf.split<tf.Tensor2D>(
    boxes as tf.Tensor2D,
    4,
    1,
  ) as Four;
  const count = boxes.shape[0]!;
  /** `[count, size, out]` */
  const weights = (
    from: tf.Tensor2D,
    to: tf.Tensor2D,
    size: number,
    out: number,
  ) => {
    const steps = out > 1
      ? tf.reshape(tf.linspace(0, 1, out), [1, out])
      : tf.fill([1, 1], 0.5);
    const place = tf.mul(
      tf.add(from, tf.mul(tf.sub(to, from), steps)),
      size - 1,
    );
    const isInside = tf.cast(
      tf.logicalAnd(tf.greaterEqual(place, 0), tf.lessEqual(place, size - 1)),
      "float32",
    );
    const apart = tf.abs(tf.sub(
      tf.reshape(
        method === "nearest" ? tf.floor(tf.add(place, 0.5)) : place,
        [count, 1, out],
      ),
      tf.reshape(tf.range(0, size), [1, size, 1]),
    ));
    return tf.mul(
      tf.relu(tf.sub(1, apart)),
      tf.reshape(isInside, [count, 1, out]),
    );
  };
  const columns = weights(x1, x2, width, wide);
  const rows = weights(y1, y2, height, high);
  const narrow = tf.matMul(
    tf.reshape(
      tf.tile(tf.reshape(columns, [count, 1, width * wide]), [1, high, 1]),
      [count * high, width, wide],
    ),
    tf.reshape(dy, [count * high, wide, channels]),
  );
  const whole = tf.matMul(
    rows,
    tf.reshape(narrow, [count, high, width * channels]),
  );
  return tf.reshape(
    tf.unsortedSegmentSum(
      tf.reshape(whole, [count, height * width * channels]),
      tf.cast(boxInd, "int32") as tf.Tensor1D,
      batch,
    ),
    shape,
  );
}

/** Pixels go back to where the rotation read them; those it filled go nowhere. */
function rotateGrad(
  dy: tf.Tensor,
  shape: number[],
  { radians, center }: tf.RotateWithOffsetAttrs,
): tf.Tensor {
  const [batch, height, width, channels] = shape as Shape4D;
  const [centerX, centerY] = tf.backend_util.getImageCenter(
    center,
    height,
    width,
  );
  const sin = Math.sin(radians);
  const cos = Math.cos(radians);
  const pixels = height * width;
  const sources = new Int32Array(pixels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const fromX = Math.round(
        (x - centerX) * cos - (y - centerY) * sin + centerX,
      );
      const fromY = Math.round(
        (x - centerX) * sin + (y - centerY) * cos + centerY,
      );
      const isInside = fromX >= 0 && fromX < width && fromY >= 0 &&
        fromY < height;
      sources[y * width + x] = isInside ? fromY * width + fromX : pixels;
    }
  }
  const byPixel = tf.transpose(
    tf.reshape(dy, [batch, pixels, channels]),
    [1, 0, 2],
  );
  const sums = tf.unsortedSegmentSum(
    tf.reshape(byPixel, [pixels, batch * channels]),
    tf.tensor1d(sources, "int32"),
    pixels + 1,
  );
  const kept = tf.slice(sums, [0, 0], [pixels, batch * channels]);
  return tf.reshape(
    tf.transpose(tf.reshape(kept, [pixels, batch, channels]), [1, 0, 2]),
    shape,
  );
}
