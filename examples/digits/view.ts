/**
 * What the page shows.
 *
 * @module
 */
/// <reference lib="dom" />
import { SIZE } from "./pad.ts";

/** The element of an id. */
export function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

/** Draw a digit of 28 by 28 pixels from 0 to 1. */
export function drawDigit(canvas: HTMLCanvasElement, pixels: Float32Array) {
  canvas.width = canvas.height = SIZE;
  const paper = canvas.getContext("2d")!;
  const image = paper.createImageData(SIZE, SIZE);
  for (const [i, pixel] of pixels.entries()) {
    image.data.set([255 * pixel, 255 * pixel, 255 * pixel, 255], 4 * i);
  }
  paper.putImageData(image, 0, 0);
}

/** Show digits in a row, each with a caption. */
export function showDigits(
  id: string,
  digits: readonly (readonly [pixels: Float32Array, caption: string])[],
): void {
  element(id).replaceChildren(...digits.map(([pixels, caption]) => {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    drawDigit(canvas, pixels);
    const text = document.createElement("figcaption");
    text.textContent = caption;
    figure.append(canvas, text);
    return figure;
  }));
}

/** Show ten bars, one for each digit; `null` empties them. */
export function showBars(probabilities: ArrayLike<number> | null): void {
  const bars = element("bars");
  if (bars.children.length === 0) {
    bars.append(...Array.from({ length: 10 }, (_, digit) => {
      const row = document.createElement("li");
      const bar = document.createElement("span");
      row.append(`${digit}`, bar);
      return row;
    }));
  }
  const values = probabilities ? Array.from(probabilities) : [];
  const best = values.indexOf(Math.max(...values));
  for (const [digit, row] of [...bars.children].entries()) {
    const bar = row.lastElementChild as HTMLElement;
    bar.style.width = `${100 * (values[digit] ?? 0)}%`;
    row.classList.toggle("best", digit === best);
  }
}

/** Say how it goes. */
export function say(text: string, isError = false): void {
  const status = element("status");
  status.textContent = text;
  status.classList.toggle("error", isError);
}
