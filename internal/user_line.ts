/**
 * The line of the user's own code in a stack. Internal.
 *
 * @module
 */

/** Folders of the library's repository that hold programs, not the library. */
const PROGRAMS = /^(tests|examples|bench|docs|scripts|runs)\//;

/**
 * The first place in `stack` that is neither in the library nor in what it is made of;
 * `""` if there is none.
 */
export function userLine(stack: string): string {
  // Bundlers would look for a file at `new URL("..", import.meta.url)`.
  const here = import.meta.url;
  const root = new URL("..", here).href;
  for (const line of stack.split("\n").slice(1)) {
    const [place] = /[\w+.-]+:\/\/\S+:\d+:\d+/.exec(line) ?? [];
    if (place === undefined || /tensorflow|tfjs|^ext:|^node:/.test(place)) {
      continue;
    }
    const isOurs = place.startsWith(root) &&
      !PROGRAMS.test(place.slice(root.length));
    if (!isOurs) return place;
  }
  return "";
}
