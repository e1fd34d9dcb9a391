/**
 * Which files of the project are pages of the site, and where.
 *
 * @module
 */
import { basename, extname } from "node:path/posix";

/** Where the pages of the guide come in the navigation; others come last. */
const GUIDE = [
  "first_model",
  "layers",
  "data",
  "images_and_sequences",
  "loop",
  "optimizers",
  "schedules",
  "minimize",
  "gradients",
  "checkpoints",
  "memory",
  "models",
  "webgpu",
  "several_machines",
  "custom_rules",
  "custom_kernels",
];

/** Pages of `docs/` by their place in the navigation. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Coming from": [
    "guide/from_pytorch",
    "guide/from_keras",
    "guide/from_optax",
    "braintools",
    "guide/from_tfjs",
  ],
  "Faster": ["compiled_steps", "speed", "profiling", "mixed_precision"],
  "Shown": [
    "gallery",
    "char_gpt",
    "optimizers_on_a_gpt",
    "convergence",
    "browsers",
  ],
  "The project": [
    "/ARCHITECTURE",
    "/CONTRIBUTING",
    "/CHANGELOG",
    "/bench/results",
  ],
};

/** A group of the navigation: files of the project. */
export interface Group {
  readonly title: string;
  readonly files: readonly string[];
}

/** The groups of the navigation for the Markdown files of the project. */
export function navigation(files: readonly string[]): Group[] {
  const named = Object.entries(GROUPS).map(([title, names]) => ({
    title,
    files: names.map((name) =>
      name.startsWith("/") ? `${name.slice(1)}.md` : `docs/${name}.md`
    ),
  }));
  const taken = new Set(named.flatMap(({ files }) => files));
  const place = (file: string) => {
    const i = GUIDE.indexOf(basename(file, ".md"));
    return i < 0 ? GUIDE.length : i;
  };
  const guide = files
    .filter((file) => file.startsWith("docs/") && !taken.has(file))
    .sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return [{ title: "Guide", files: guide }, ...named];
}

const PICTURES = new Set([".svg", ".png", ".jpg", ".webp", ".gif"]);

/** Whether a file is a picture, which pages show. */
export function isPicture(file: string): boolean {
  return PICTURES.has(extname(file));
}

/**
 * The path of a file on the site: `docs/` is its root, and the README its first
 * page. What is neither Markdown nor a picture is a page that shows the file.
 */
export function sitePath(file: string): string {
  if (file === "README.md") return "index.md";
  if (file.startsWith("docs/") && (file.endsWith(".md") || isPicture(file))) {
    return file.slice("docs/".length);
  }
  if (isPicture(file)) return `pictures/${file}`;
  if (file.endsWith(".md")) return `project/${file.toLowerCase()}`;
  // VitePress takes an extension within a name for that of the page.
  return `source/${file.replaceAll(".", "_")}.md`;
}

/** The title of a page: its first heading. */
export function titleOf(markdown: string, file: string): string {
  const [, title] = /^# (.+)$/m.exec(markdown) ?? [];
  if (!title) throw new Error(`Cannot show ${file}: it has no heading`);
  return title.replaceAll("`", "");
}

/** A page that shows a file. */
export function sourcePage(file: string, text: string): string {
  const language = { ".log": "text" }[extname(file)] ?? extname(file).slice(1);
  const fence = "`````";
  return `# ${basename(file)}\n\n\`${file}\`\n\n` +
    `${fence}${language}\n${text.trimEnd()}\n${fence}\n`;
}

/** A page that lists the files of a folder; links are relative to a file in it. */
export function folderPage(folder: string, names: readonly string[]): string {
  const lines = names.map((name) => `- [${name}](${name})`);
  return `# ${basename(folder)}\n\n${lines.join("\n")}\n`;
}
