/**
 * Checks that every exported symbol is documented and fully typed.
 *
 * `deno doc --lint` alone would complain of tfjs too: of its types, which our
 * signatures mention, and of its own missing documentation, through `tf`.
 *
 * @module
 */
import { ENTRIES } from "./entries.ts";

/** Types of tfjs core that our signatures mention; all are in our `tf`. */
const TFJS =
  /private type '(Tensor[1-6]?D?|Scalar|Rank|ShapeMap|DataType|TensorContainer|TypedArray)'$/;

const { stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...ENTRIES],
  cwd: new URL("../", import.meta.url),
  env: { NO_COLOR: "1" },
}).output();

const problems = new TextDecoder().decode(stderr).split(/\n(?=error\[)/)
  .filter((text) => text.startsWith("error["))
  .filter((text) => !TFJS.test(text.split("\n")[0]!));

for (const problem of problems) console.error(problem);
if (problems.length > 0) Deno.exit(1);
console.log("Every exported symbol is documented");
