/**
 * The handwritten digits of MNIST.
 *
 * @module
 */

/** The files of LeCun, Cortes and Burges, and their SHA-256 sums. */
const FILES = {
  "train-images-idx3-ubyte.gz":
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
  "train-labels-idx1-ubyte.gz":
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
  "t10k-images-idx3-ubyte.gz":
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
  "t10k-labels-idx1-ubyte.gz":
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
};
const MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist";

/** The folder with the files, which are downloaded if they are not there. */
export async function downloadMnist(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, expected] of Object.entries(FILES)) {
    const path = `${folder}/${name}`;
    const there = await Deno.stat(path).then(() => true, () => false);
    if (there) continue;
    const url = `${MIRROR}/${name}`;
    console.log(`downloading ${url}`);
    const bytes = await fetchBytes(url);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const sum = Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join(
      "",
    );
    if (sum !== expected) {
      throw new RangeError(
        `Cannot use ${url}: its SHA-256 must be ${expected}: current sum is ${sum}`,
      );
    }
    await Deno.writeFile(`${path}.part`, bytes);
    await Deno.rename(`${path}.part`, path); // never half a file
  }
  return folder;
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    throw new RangeError(`the server answers ${response.status}`);
  } catch (error) {
    throw new RangeError(
      `Cannot download ${url}: ${
        (error as Error).message
      }. Where there is no network, name a folder with the files of MNIST in --data-dir`,
      { cause: error },
    );
  }
}
