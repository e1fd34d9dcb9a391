/**
 * The settings of VitePress, which reads them from a copy of this file.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { slug } from "./links.ts";

export default {
  title: "Braintape",
  description: "Train neural networks in TypeScript",
  srcDir: "pages",
  outDir: "dist",
  lastUpdated: false,
  markdown: {
    anchor: { slugify: slug },
    theme: { light: "github-light", dark: "github-dark" },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Guide", link: "/guide/first_model" },
      { text: "Optimizers", link: "/optimizers/" },
      { text: "Schedulers", link: "/schedulers/" },
      { text: "Gallery", link: "/gallery" },
      { text: "API", link: "/reference" },
    ],
    sidebar: JSON.parse(readFileSync(".vitepress/navigation.json", "utf8")),
    docFooter: { prev: "Before", next: "Next" },
  },
};
