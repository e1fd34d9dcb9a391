import { random } from "@braintape/braintape";

/** The ten digits, each of five rows of three dots. */
const FONT = [
  "#### ## ## ####",
  "  #  #  #  #  #",
  "###  #####  ###",
  "###  ####  ####",
  "# ## ####  #  #",
  "####  ###  ####",
  "####  #### ####",
  "###  #  #  #  #",
  "#### ##### ####",
  "#### ####  ####",
];

/** Pictures of 12 by 12 pixels from 0 to 255, of a digit on noise, and which it is. */
export function digits(
  count: number,
  seed: number,
): { pixels: Uint8Array; labels: Int32Array } {
  const stream = new random.RandomState(seed);
  const draw = (below: number) => stream.words(1)[0]! % below;
  const labels = Int32Array.from({ length: count }, () => draw(10));
  const pixels = Uint8Array.from({ length: 144 * count }, () => draw(80));
  labels.forEach((label, i) => {
    const corner = 144 * i + 12 * (2 + draw(3)) + 3 + draw(3);
    for (let dot = 0; dot < 15; dot++) {
      const at = corner + 12 * Math.floor(dot / 3) + dot % 3;
      if (FONT[label]![dot] === "#") pixels[at] = 120 + draw(136);
    }
  });
  return { pixels, labels };
}
