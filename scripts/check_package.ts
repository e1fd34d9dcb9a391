/**
 * Checks what `deno publish` would upload: that it is accepted, has no tests, and
 * is smaller than 1 MB.
 *
 * @module
 */
const ROOT = new URL("../", import.meta.url);
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

let bytes = 0;
const problems: string[] = [];
for (const [, url] of output.matchAll(/^\s+(file:\/\/\S+) \(/gm)) {
  const path = url!.slice(ROOT.href.length);
  bytes += (await Deno.stat(new URL(url!))).size;
  if (UNWANTED.test(path)) problems.push(`${path} must not be published`);
}
const size = `${Math.round(bytes / 1000)} kB`;
if (bytes === 0) problems.push("the list of files could not be read");
if (bytes > LIMIT) problems.push(`${size} are too many: at most 1000 kB`);

for (const problem of problems) console.error(problem);
if (problems.length > 0) Deno.exit(1);
console.log(`The package has ${size}`);
