import os from "node:os";

/** What the figures hold for. */
export async function machine(
  python: string | undefined,
): Promise<Record<string, string>> {
  const [cpu] = os.cpus();
  const packages = python && await versions(python);
  return {
    processor: `${cpu?.model ?? "unknown"}, ${os.cpus().length} cores`,
    system: `${os.type()} ${os.release()}`,
    Deno: `${Deno.version.deno} (V8 ${Deno.version.v8})`,
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    load: os.loadavg().map((x) => x.toFixed(2)).join(", "),
    ...(packages ? { Python: packages } : {}),
  };
}

/** Whether others use the machine: more than half a core in the last minute. */
export function isBusy(): boolean {
  return os.loadavg()[0]! > 0.5;
}

async function versions(python: string): Promise<string> {
  const names = ["torch", "jax", "optax"];
  const code = "import sys, importlib.metadata as m;" +
    `print(sys.version.split()[0], *[f"{n} {m.version(n)}" for n in ${
      JSON.stringify(names)
    }], sep=", ")`;
  const { stdout } = await new Deno.Command(python, {
    args: ["-c", code],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** Whether a command is a Python that has PyTorch, JAX and optax. */
export async function hasRivals(python: string): Promise<boolean> {
  const code = "import importlib.metadata as m;" +
    "[m.version(n) for n in ('torch', 'jax', 'optax')]";
  try {
    const { success } = await new Deno.Command(python, {
      args: ["-c", code],
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
