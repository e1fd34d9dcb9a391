/** An environment variable, if reading it is permitted without asking. */
export function variable(name: string): string | undefined {
  return mayUse(name) ? Deno.env.get(name) || undefined : undefined;
}

/** Whether an environment variable may be read without asking. */
export function mayUse(variable: string): boolean {
  const query = { name: "env", variable } as const;
  const { state } = globalThis.Deno?.permissions.querySync(query) ?? {};
  return state === "granted";
}
