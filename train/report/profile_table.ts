import type { Profile } from "../../profile/mod.ts";
import { backOf, escapeXml } from "./palette.ts";

/** Rows that are shown. */
const MOST_ROWS = 25;

/** A section of a report: where the time of steps went. */
export function profileSection(profile: Profile): string {
  const { rows, steps, clock, backend, time, hostTime, kernelTime } = profile;
  const perStep = (ms: number) => (ms / steps).toFixed(3);
  const onDevice = clock === "device";
  const header = [
    "kernel",
    "calls a step",
    "ms a step",
    "",
    "share",
    ...(onDevice ? ["host, ms a step"] : []),
  ];
  const lines = rows.slice(0, MOST_ROWS).map((row) => {
    const percent = `${(100 * row.share).toFixed(1)}%`;
    const cells = [
      (row.calls / steps).toFixed(1),
      perStep(row.total),
      `<span class="bar ${backOf(0)}" style="width:${
        (120 * row.share).toFixed(1)
      }px"></span>`,
      percent,
      ...(onDevice ? [perStep(row.host)] : []),
    ];
    return `<tr><th>${escapeXml(row.kernel)}</th>${
      cells.map((cell) => `<td>${cell}</td>`).join("")
    }</tr>`;
  });
  const left = rows.length - lines.length;
  return `<h2>Profile</h2>
<p>${steps} step${steps === 1 ? "" : "s"} on ${escapeXml(backend)}: ${
    perStep(time)
  } ms a step, of kernels ${
    perStep(kernelTime)
  } ms by the clock of the ${clock}, of the host outside kernels ${
    perStep(hostTime)
  } ms${left > 0 ? `; ${left} kernels are not shown` : ""}</p>
<div class="table"><table>
<thead><tr>${header.map((cell) => `<th>${cell}</th>`).join("")}</tr></thead>
<tbody>${lines.join("\n")}</tbody>
</table></div>`;
}
