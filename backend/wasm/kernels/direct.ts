/**
 * Convolutions and their gradients without a matrix of patches: windows are read where
 * they are, in images with their padding.
 *
 * ```text
 * y[p, f]      = sum over k of x[p + k] w[k, f]
 * dw[k, f]     = sum over p of x[p + k] dy[p, f]
 * dx[p, c]     = sum over k, f of dy[p - k, f] w[k, c, f]
 * ```
 *
 * Each sum has one order, whatever the number of threads.
 *
 * @module
 */
import type * as tf from "@tensorflow/tfjs-core";
import { inMemory, MULTIPLICATIONS, partsOf } from "../machine/functions.ts";
import { MOST_PARTS } from "../machine/workers.ts";
import { free, output, pointer } from "../machine/registry.ts";
import { filterTiles, sumArrays, TILE_ROWS } from "./direct_filter.ts";
import { BIAS, forward, MOST_RUNS, RELU } from "./direct_forward.ts";
import { padded, paddedGeometry } from "./direct_padding.ts";
import { COLUMNS, packPanels, panelBytes } from "./direct_panels.ts";
import {
  elementsOf,
  type Geometry,
  geometryWords,
  type Windows,
  windowsIn,
} from "./windows.ts";

/** Positions that a part is a multiple of: whole tiles. */
const POSITIONS = 30;

/** The stretches of memory that a window is, and how many floats each has. */
function runsOf(g: Geometry): { runs: number; length: number } {
  return g.dilationWidth === 1
    ? { runs: g.depth * g.height, length: g.width * g.channels }
    : { runs: g.depth * g.height * g.width, length: g.channels };
}

/** Filters as a matrix whose rows are in `places`: steps in bytes. */
interface FilterMatrix {
  readonly from: number;
  readonly bias: number;
  readonly places: number;
  readonly rows: number;
  readonly placeStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
  readonly columns: number;
}

/** The products of all windows with a matrix. */
function convolveWith(
  x: tf.TensorInfo,
  windows: Windows,
  matrix: FilterMatrix,
  relu: boolean,
  y: tf.TensorInfo,
): void {
  const { images, geometry } = windows, { columns, bias } = matrix;
  const K = matrix.places * matrix.rows, bytes = panelBytes(K);
  const count = Math.ceil(columns / COLUMNS);
  const panels = output([count * bytes / 4]), wide = padded(x, windows);
  packPanels.ranges(count, 2 * K * columns, (first, end) => ({
    ...matrix,
    to: pointer(panels) + first * bytes,
    first,
    end,
  }));
  const sizes = inMemory(geometryWords(paddedGeometry(geometry)));
  const total = images * windowsIn(geometry);
  forward.ranges(
    total,
    total * K * columns / MULTIPLICATIONS,
    (first, end) => ({
      x: pointer(wide ?? x),
      panels: pointer(panels),
      y: pointer(y) + 4 * first * columns,
      geometry: sizes,
      first,
      end,
      filters: columns,
      flags: (bias ? BIAS : 0) | (relu ? RELU : 0),
      top: geometry.top,
      bottom: geometry.top + geometry.inHeight,
    }),
    POSITIONS,
  );
  free(panels);
  if (wide) free(wide);
}

/** Whether a convolution can be done so. */
export function isDirect(g: Geometry): boolean {
  const { runs, length } = runsOf(g);
  return runs <= MOST_RUNS && length > 0;
}

/** A convolution; `filter` is `[...size, channels, filters]`. */
export function directConvolve(
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  windows: Windows,
  filters: number,
  bias: tf.TensorInfo | undefined,
  relu: boolean,
  y: tf.TensorInfo,
): void {
  const { depth, height, width, channels } = windows.geometry;
  convolveWith(
    x,
    windows,
    {
      from: pointer(filter),
      bias: bias ? pointer(bias) : 0,
      places: depth * height * width,
      rows: channels,
      placeStep: 4 * channels * filters,
      rowStep: 4 * filters,
      columnStep: 4,
      columns: filters,
    },
    relu,
    y,
  );
}

/** The windows over `dy` that give the gradient in the input: its own, turned round. */
function turned(g: Geometry, filters: number): Geometry {
  return {
    ...g,
    inDepth: g.outDepth,
    inHeight: g.outHeight,
    inWidth: g.outWidth,
    outDepth: g.inDepth,
    outHeight: g.inHeight,
    outWidth: g.inWidth,
    channels: filters,
    front: (g.depth - 1) * g.dilationDepth - g.front,
    top: (g.height - 1) * g.dilationHeight - g.top,
    left: (g.width - 1) * g.dilationWidth - g.left,
  };
}

/**
 * Whether the gradient in the input can be done so: with strides of 1, and with
 * channels enough that eight at a time waste little.
 */
export function isInputDirect(g: Geometry, filters: number): boolean {
  const to = turned(g, filters);
  return isDirect(to) && g.channels >= COLUMNS / 2 &&
    g.strideDepth * g.strideHeight * g.strideWidth === 1 &&
    Math.min(to.front, to.top, to.left) >= 0;
}

/** The gradient in the input. */
export function directInputGradient(
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  { images, geometry: g }: Windows,
  filters: number,
  dx: tf.TensorInfo,
): void {
  const places = g.depth * g.height * g.width;
  const step = 4 * g.channels * filters;
  convolveWith(
    dy,
    { images, geometry: turned(g, filters) },
    {
      from: pointer(filter) + (places - 1) * step,
      bias: 0,
      places,
      rows: filters,
      placeStep: -step,
      rowStep: 4,
      columnStep: 4 * filters,
      columns: g.channels,
    },
    false,
    dx,
  );
}

/** Bytes of images that a tile goes through at a time: they stay in the second cache. */
const BLOCK = 1 << 17;
/** The most sums that are made side by side and then added, and their floats in all. */
const CHUNKS = 16, CHUNK_FLOATS = 1 << 19;
/** The least multiplications of one of them. */
const CHUNK = 500_000;

/** Whether the gradient in the filter can be done so. */
export function isFilterDirect(g: Geometry, filters: number): boolean {
  return isDirect(g) && filters >= COLUMNS;
}

/** The gradient in the filter: `dw` is `[...size, channels, filters]`. */
export function directFilterGradient(
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  windows: Windows,
  filters: number,
  dw: tf.TensorInfo,
): void {
  const { images, geometry: g } = windows, wide = padded(x, windows);
  const to = paddedGeometry(g), { runs, length } = runsOf(g);
  const perRun = Math.ceil(length / TILE_ROWS);
  const tiles = runs * perRun, floats = runs * length * filters;
  const imageBytes = 4 * elementsOf({ images: 1, geometry: to });
  const dyBytes = 4 * windowsIn(g) * filters;
  const work = images * windowsIn(g) * floats;
  // Not of the number of threads, or the bits would depend on it.
  const most = Math.min(CHUNKS, CHUNK_FLOATS / floats, work / CHUNK, images);
  const perChunk = Math.ceil(images / Math.max(1, Math.floor(most)));
  const chunks = Math.ceil(images / perChunk);
  const sums = chunks > 1 ? output([chunks * floats]) : dw;
  const wanted = Math.ceil(partsOf(work / MULTIPLICATIONS) / chunks);
  const perPart = Math.ceil(
    tiles / Math.min(wanted, Math.floor(MOST_PARTS / chunks)),
  );
  const block = Math.max(1, Math.floor(BLOCK / (imageBytes + dyBytes)));
  const geometry = inMemory(geometryWords(to));
  const parts = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const image = chunk * perChunk;
    for (let first = 0; first < tiles; first += perPart) {
      parts.push({
        x: pointer(wide ?? x) + image * imageBytes,
        dy: pointer(dy) + image * dyBytes,
        to: pointer(sums) + 4 * chunk * floats,
        geometry,
        images: Math.min(perChunk, images - image),
        block,
        first,
        end: Math.min(tiles, first + perPart),
        perRun,
        filters,
      });
    }
  }
  if (partsOf(work / MULTIPLICATIONS) > 1) filterTiles.run(...parts);
  else for (const part of parts) filterTiles.run(part);
  if (chunks > 1) {
    sumArrays.ranges(floats, chunks * floats / 4, (first, end) => ({
      from: pointer(sums),
      to: pointer(dw),
      count: chunks,
      bytes: 4 * floats,
      first,
      end,
    }), 4);
    free(sums);
  }
  if (wide) free(wide);
}
