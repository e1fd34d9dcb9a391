/**
 * The style of a page.
 *
 * @module
 */
import { colorStyle } from "./palette.ts";

/** The style sheet, for light and dark themes, wide screens and phones. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --dim: #59636e; --edge: #d1d9e0; --lift: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e9ed; --dim: #9da7b3; --edge: #353c45; --lift: #20252b; } }
${colorStyle()}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; background: var(--paper); color: var(--ink); overflow-wrap: break-word; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
h3 { font-size: 0.95rem; margin: 0 0 0.3rem 0.2rem; }
p { margin: 0.3rem 0 1rem; color: var(--dim); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.6rem 1rem; margin: 1rem 0; }
dt { color: var(--dim); font-size: 0.8rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.table { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--edge); }
tbody th { position: sticky; left: 0; background: var(--paper); }
td.number { text-align: right; }
tr.best th, tr.best td { font-weight: 600; }
.badge { margin-left: 0.5rem; padding: 0 0.4rem; border: 1px solid currentColor; border-radius: 1rem; font-size: 0.75rem; }
.swatch { display: inline-block; width: 0.7rem; height: 0.7rem; border-radius: 2px; margin-right: 0.4rem; }
.swatch.dashed { background-image: linear-gradient(90deg, transparent 38%, var(--paper) 38% 62%, transparent 62%); }
.bar { display: inline-block; height: 0.7rem; border-radius: 2px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 1rem; margin-top: 1rem; align-items: start; }
figure { position: relative; margin: 0; border: 1px solid var(--edge); border-radius: 8px; padding: 0.7rem; }
figure > svg { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y; user-select: none; font: 12px system-ui, sans-serif; fill: currentColor; }
.grid { stroke: currentColor; stroke-opacity: 0.15; fill: none; }
.lines path { vector-effect: non-scaling-stroke; }
.lines [stroke-opacity] { stroke-opacity: 0.35; }
@media (prefers-color-scheme: dark) { .lines [stroke-opacity] { stroke-opacity: 0.5; } }
.crowded .lines [stroke-opacity] { display: none; }
.cursor { stroke: currentColor; stroke-opacity: 0.5; }
.band { fill-opacity: 0.12; }
.legend { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; padding: 0.2rem 0 0 0.2rem; }
.legend button { font: inherit; font-size: 0.8rem; color: inherit; background: none; border: 0; padding: 0.1rem 0; cursor: pointer; text-align: left; }
.legend button[aria-pressed=false] { text-decoration: line-through; opacity: 0.6; }
.tip { position: absolute; z-index: 1; pointer-events: none; padding: 0.3rem 0.6rem; border: 1px solid var(--edge); border-radius: 6px; background: var(--lift); font-size: 0.8rem; width: max-content; max-width: calc(100% - 2rem); font-variant-numeric: tabular-nums; }
.tip[hidden] { display: none; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: 1rem 0.8rem; font-size: 0.8rem; }
.examples.wide { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
.examples img { display: block; width: 100%; image-rendering: pixelated; border: 1px solid var(--edge); }
.examples .text { border: 1px solid var(--edge); border-radius: 6px; padding: 0.4rem; max-height: 8.5rem; overflow: auto; }
pre { white-space: pre-wrap; border: 1px solid var(--edge); border-radius: 8px; padding: 1rem; }
@media (max-width: 700px) {
  body { margin: 1rem auto; padding: 0 0.75rem; }
  figure > svg { font-size: 18px; }
  figure > svg .axes text { font-size: 17px; }
  th, td { padding: 0.3rem 0.4rem; }
  tbody th { white-space: normal; min-width: 7rem; }
  .charts { gap: 0.75rem; }
}
`;
