/**
 * Checks what `deno publish` would upload: that it is accepted, has nothing that
 * users do not need, and is small.
 *
 * @module
 */
import { gzipSync } from "node:zlib";

const ROOT = new URL("../", import.meta.url);
/**
 * The largest size of the compressed files, about what is uploaded: the library grows, and
 * this tells when something large comes in that does not belong there.
 */
const LIMIT = 1e6;
const UNWANTED = /^(tests|bench|scripts|docs|examples|\.ci)\//;

const { stderr, success } = await new Deno.Command(Deno.execPath(), {
  args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
  cwd: ROOT,
  env: { NO_COLOR: "1" },
}).output();
const output = new TextDecoder().decode(stderr);
if (!success) {
  console.error(output);
  Deno.exit(1);
}

const contents: Uint8Array<ArrayBuffer>[] = [];
const problems: string[] = [];
for (const [, url] of output.matchAll(/^\s+(file:\/\/\S+) \(/gm)) {
  const path = url!.slice(ROOT.href.length);
  contents.push(await Deno.readFile(new URL(url!)));
  if (UNWANTED.test(path)) problems.push(`${path} must not be published`);
}
const all = new Uint8Array(await new Blob(contents).arrayBuffer());
const compressed = gzipSync(all).length;
const size = (bytes: number) => `${Math.round(bytes / 1000)} kB`;
if (contents.length === 0) problems.push("the list of files could not be read");
if (compressed > LIMIT) {
  problems.push(
    `the package must be at most ${size(LIMIT)} compressed: current size is ${
      size(compressed)
    }`,
  );
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) Deno.exit(1);
console.log(
  `The package has ${contents.length} files, ${size(all.length)}, ${
    size(compressed)
  } compressed`,
);
