/**
 * A canvas to draw a digit on.
 *
 * @module
 */
/// <reference lib="dom" />

/** Height and width of the images that the network reads. */
export const SIZE = 28;

/** Height and width of the box that a digit fills in them, as in MNIST. */
const BOX = 20;

/** Where there is ink, and where its centre of mass lies. */
interface Ink {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
}

/** A canvas that is drawn on with a mouse, a pen or a finger. */
export class Pad {
  readonly #canvas: HTMLCanvasElement;
  readonly #paper: CanvasRenderingContext2D;
  readonly #small = new OffscreenCanvas(SIZE, SIZE);

  /** Listens to `canvas`; `changed` is called when something was drawn. */
  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.#canvas = canvas;
    this.#paper = canvas.getContext("2d", { willReadFrequently: true })!;
    this.clear();
    let last: readonly [number, number] | undefined;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = this.#place(event);
      this.#line(last, last);
      changed();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const next = this.#place(event);
      this.#line(last, next);
      last = next;
      changed();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => last = undefined);
    }
  }

  /** Wipes it. */
  clear(): void {
    const { width, height } = this.#canvas;
    this.#paper.fillStyle = "#000";
    this.#paper.fillRect(0, 0, width, height);
  }

  /**
   * The digit as in MNIST: in a box of 20 by 20, its centre of mass in the middle; null
   * if nothing is drawn.
   */
  image(): Float32Array | null {
    const ink = this.#ink();
    if (!ink) return null;
    const { left, top, width, height, x, y } = ink;
    const scale = BOX / Math.max(width, height);
    const paper = this.#small.getContext("2d", { willReadFrequently: true })!;
    paper.fillStyle = "#000";
    paper.fillRect(0, 0, SIZE, SIZE);
    paper.imageSmoothingQuality = "high";
    paper.drawImage(
      this.#canvas,
      left,
      top,
      width,
      height,
      SIZE / 2 - (x - left) * scale,
      SIZE / 2 - (y - top) * scale,
      width * scale,
      height * scale,
    );
    const { data } = paper.getImageData(0, 0, SIZE, SIZE);
    return Float32Array.from(
      { length: SIZE * SIZE },
      (_, i) => data[4 * i]! / 255,
    );
  }

  #place({ offsetX, offsetY }: PointerEvent): readonly [number, number] {
    const scale = this.#canvas.width / this.#canvas.clientWidth;
    return [offsetX * scale, offsetY * scale];
  }

  #line(from: readonly [number, number], to: readonly [number, number]) {
    const paper = this.#paper;
    paper.strokeStyle = "#fff";
    paper.lineCap = "round";
    paper.lineWidth = this.#canvas.width / 12;
    paper.beginPath();
    paper.moveTo(...from);
    paper.lineTo(...to);
    paper.stroke();
  }

  #ink(): Ink | null {
    const { width, height } = this.#canvas;
    const { data } = this.#paper.getImageData(0, 0, width, height);
    let [left, top, right, bottom] = [width, height, 0, 0];
    let [sum, x, y] = [0, 0, 0];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const ink = data[4 * (row * width + column)]!;
        if (ink === 0) continue;
        left = Math.min(left, column);
        right = Math.max(right, column + 1);
        top = Math.min(top, row);
        bottom = Math.max(bottom, row + 1);
        sum += ink;
        x += ink * (column + 0.5);
        y += ink * (row + 0.5);
      }
    }
    if (sum === 0) return null;
    const box = { left, top, width: right - left, height: bottom - top };
    return { ...box, x: x / sum, y: y / sum };
  }
}
