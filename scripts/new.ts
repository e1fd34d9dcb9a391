/**
 * Adds an optimizer or a scheduler: its file, its export, its rows in the tests, and
 * a stub of its reference values.
 *
 *     deno task new optimizer Tiger
 *     deno task new scheduler HarmonicLR
 *
 * @module
 */
const ROOT = new URL("../", import.meta.url);

/** Text to add to a file. */
interface Addition {
  readonly file: string;
  /** The line, or the part of one, that the text goes in front of. */
  readonly before: string;
  readonly text: string;
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2").toLowerCase();
}

function additions(kind: string, name: string, stem: string): Addition[] {
  if (kind === "optimizer") {
    return [
      {
        file: "optim/mod.ts",
        before: 'export * from "./named/adabelief.ts";',
        text: `export * from "./named/${stem}.ts";\n`,
      },
      {
        file: "tests/optim/_optimizers.ts",
        before: "  // Not in the library: what it takes to add one.",
        text:
          `  ${name}: entry<optim.${name}Options>(optim.${name}, {\n    ...common,\n    ...decay,\n    // TODO: two values of each option that lead to different places.\n    beta: { values: [0.9, 0.5] },\n  }),\n`,
      },
      {
        file: "tests/optim/classes_test.ts",
        before: '  lr: [-1, NaN, "fast"],',
        text:
          `  beta: [1, -0.1], // TODO: wrong values of each option of ${name}\n`,
      },
      {
        file: "scripts/golden/optimizers.py",
        before: "class Clipped:",
        text:
          `def ${stem}(lr, beta=0.9):\n    def rule(g, p, s, t):\n        raise NotImplementedError("${name}: the rule of the paper in NumPy")\n\n    return rule\n\n\n`,
      },
      {
        file: "scripts/golden/optimizers.py",
        before: '    yield "LaProp", {"lr": 0.01}, laprop()',
        text:
          `    yield "${name}", {"lr": 0.01}, Paper(${stem}(0.01))\n    yield "${name}", {"lr": 0.01, "beta": 0.5}, Paper(${stem}(0.01, 0.5))\n\n`,
      },
    ];
  }
  return [
    {
      file: "optim/schedulers/mod.ts",
      before: 'export * from "./lambda_lr.ts";',
      text: `export * from "./${stem}.ts";\n`,
    },
    {
      file: "tests/optim/_schedulers.ts",
      before: "  LambdaLR: () => new LambdaLR(",
      text:
        `  // TODO: a setting of each option.\n  ${name}: () => new schedulers.${name}({ baseLr, gamma: 0.5 }),\n`,
    },
    {
      file: "tests/optim/schedulers_settings_test.ts",
      before: '  ["LambdaLR", {}, ',
      text:
        `  // TODO: a wrong value of each option.\n  ["${name}", { gamma: 0 }, "gamma must be a positive finite number"],\n`,
    },
    {
      file: "scripts/draw_schedules.ts",
      before: '  panel(\n    "ConstantLR",',
      text: `  panel("${name}", "TODO: a caption", new ${name}({ baseLr })),\n`,
    },
    {
      file: "scripts/draw_schedules.ts",
      before: "  LambdaLR,\n",
      text: `  ${name},\n`,
    },
    {
      file: "scripts/golden/schedulers.py",
      before: "golden = {",
      text:
        `for base_lr in [1.0, [0.1, 0.03], 3e-4]:\n    by_formula(\n        "${name}",\n        {"baseLr": base_lr},\n        lambda e, lr: NotImplemented,  # TODO: the formula of the paper\n    )\n\n`,
    },
  ];
}

const LEFT = {
  optimizer: `deno task test tests/optim tells what is left:
  1. the rule, its options and its source
  2. tests/optim: the row, and the wrong values
  3. scripts/golden/optimizers.py: the reference, then
     python scripts/golden/optimizers.py NAME`,
  scheduler: `deno task test tests/optim tells what is left:
  1. the formula, its settings and its source
  2. tests/optim: the row, and the wrong values
  3. scripts/golden/schedulers.py: the reference, then
     python scripts/golden/schedulers.py
  4. scripts/draw_schedules.ts: the panel, then deno task schedules`,
};

async function addOne(kind: "optimizer" | "scheduler", name: string) {
  const stem = snakeCase(name);
  const folder = kind === "optimizer" ? "optim/named" : "optim/schedulers";
  const file = `${folder}/${stem}.ts`;
  const template = new URL(`scripts/templates/${kind}.ts.txt`, ROOT);
  const text = (await Deno.readTextFile(template))
    .replaceAll("NAME", name)
    .replaceAll("FUNCTION", name[0]!.toLowerCase() + name.slice(1));
  await Deno.writeTextFile(new URL(file, ROOT), text, { createNew: true });
  console.log("added", file);
  const changed = [file];
  for (const { file, before, text } of additions(kind, name, stem)) {
    const url = new URL(file, ROOT), old = await Deno.readTextFile(url);
    const at = old.indexOf(before);
    if (at < 0) throw new Error(`${file} has no ${JSON.stringify(before)}`);
    await Deno.writeTextFile(url, old.slice(0, at) + text + old.slice(at));
    console.log("changed", file);
    if (file.endsWith(".ts")) changed.push(file);
  }
  const args = ["fmt", "-q", ...changed];
  await new Deno.Command("deno", { args, cwd: ROOT }).output();
  console.log(LEFT[kind].replace("NAME", name));
}

const [kind, name] = Deno.args;
if (
  (kind !== "optimizer" && kind !== "scheduler") ||
  !/^[A-Z][A-Za-z0-9]*$/.test(name ?? "")
) {
  console.error(
    "deno task new optimizer|scheduler NAME, as in: optimizer Tiger",
  );
  Deno.exit(2);
}
await addOne(kind, name!);
