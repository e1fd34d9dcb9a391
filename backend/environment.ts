import { nodeProcess } from "../internal/system/builtin.ts";
import { deno } from "../internal/system/system.ts";

/** An environment variable, if reading it is permitted without asking. */
export function variable(name: string): string | undefined {
  if (!deno) return nodeProcess()?.env[name] || undefined;
  return mayUse(name) ? deno.env.get(name) || undefined : undefined;
}

/** Whether Deno lets an environment variable be used without asking. */
export function mayUse(variable: string): boolean {
  const query = { name: "env", variable } as const;
  return deno?.permissions.querySync(query).state === "granted";
}
