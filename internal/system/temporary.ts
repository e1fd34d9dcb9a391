/**
 * Names of temporary files, which tell whether their writer is still at work. Internal.
 *
 * @module
 */
import { builtin, nodeProcess } from "./builtin.ts";
import { deno, system } from "./system.ts";

/** The process and the host in the names of files of processes without locks. */
const OWNER = /(\d+)@([0-9a-f]+)-/;

/**
 * A new name. On Deno, whose files can be locked, it tells nothing; on Node and Bun,
 * which process of which host made it.
 */
export function temporaryName(prefix: string): string {
  const id = crypto.randomUUID();
  if (deno) return `${prefix}${id}`;
  return `${prefix}${nodeProcess()!.pid}@${host()}-${id}`;
}

/** The name of this host, in hexadecimal. */
function host(): string {
  const name = new TextEncoder().encode(builtin("node:os")!.hostname());
  const digits = Array.from(name, (byte) => byte.toString(16).padStart(2, "0"));
  return digits.join("").slice(0, 64);
}

/**
 * Remove a temporary file if its writer has ended before it was renamed.
 *
 * Files whose writers cannot be asked stay: those of other hosts, those of Deno for
 * Node, and those of Node for Deno.
 */
export async function removeLeftover(
  path: string,
  name: string,
): Promise<void> {
  const files = system("save a file");
  const remove = () => files.remove(path).catch(() => {});
  const [, pid, owner] = OWNER.exec(name) ?? [];
  if (!deno) {
    if (owner === host() && !isAlive(Number(pid))) await remove();
    return;
  }
  if (owner) return;
  // The file may be renamed or removed at any time.
  const options = { read: true, write: true };
  const file = await files.open(path, options).catch(() => null);
  try {
    // It is removed while it is locked: a writer that waits for the lock then sees it.
    if (await file?.tryLock(true).catch(() => false)) await remove();
  } finally {
    file?.close();
  }
}

/** Whether there is a process of this number. */
function isAlive(pid: number): boolean {
  try {
    nodeProcess()!.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is one, of somebody else.
    return (error as { readonly code?: unknown }).code === "EPERM";
  }
}
