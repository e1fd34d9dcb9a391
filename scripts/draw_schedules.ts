/**
 * Draws every scheduler, from the schedulers themselves, to `docs/schedules.svg`:
 * `deno task schedules`.
 *
 * @module
 */
import {
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialDecayLR,
  ExponentialLR,
  InverseSqrtLR,
  LambdaLR,
  LinearLR,
  type LRScheduler,
  MultiplicativeLR,
  MultiStepLR,
  OneCycleLR,
  PiecewiseConstantSchedule,
  PolynomialLR,
  ReduceLROnPlateau,
  SequentialLR,
  StepLR,
  WarmupCosineSchedule,
  WarmupScheduler,
  WSDSchedule,
} from "../optim/schedulers/mod.ts";

/** Epochs in a panel. */
const EPOCHS = 200;

/** One panel: a curve, or several with names. */
interface Panel {
  readonly title: string;
  readonly caption: string;
  readonly curves: Readonly<Record<string, LRScheduler>>;
  /** The epoch at which the names of the curves end: there is room for them. */
  readonly legendEnd: number;
}

function panel(
  title: string,
  caption: string,
  curves: LRScheduler | Record<string, LRScheduler>,
  legendEnd = EPOCHS,
): Panel {
  const isOne = typeof curves.lrAt === "function";
  return {
    title,
    caption,
    curves: (isOne ? { "": curves } : curves) as Record<string, LRScheduler>,
    legendEnd,
  };
}

/** Stops getting better twice. */
function metricAt(epoch: number): number {
  if (epoch < 40) return 1 - epoch / 100;
  return epoch < 90 ? 0.6 : Math.max(0.3, 0.6 - (epoch - 90) / 100);
}

function replayed(scheduler: ReduceLROnPlateau): ReduceLROnPlateau {
  while (scheduler.lastEpoch < EPOCHS) {
    scheduler.step(metricAt(scheduler.lastEpoch));
  }
  return scheduler;
}

const baseLr = 1;

const PANELS: readonly Panel[] = [
  panel(
    "ConstantLR",
    "a third for 60 epochs",
    new ConstantLR({ baseLr, totalIters: 60 }),
  ),
  panel(
    "LinearLR",
    "a tenth to all in 120 epochs",
    new LinearLR({ baseLr, startFactor: 0.1, totalIters: 120 }),
  ),
  panel(
    "StepLR",
    "halved every 40 epochs",
    new StepLR({ baseLr, stepSize: 40, gamma: 0.5 }),
  ),
  panel(
    "MultiStepLR",
    "halved at 30, 60, 140",
    new MultiStepLR({ baseLr, milestones: [30, 60, 140], gamma: 0.5 }),
  ),
  panel(
    "ExponentialLR",
    "0.98 every epoch",
    new ExponentialLR({ baseLr, gamma: 0.98 }),
  ),
  panel("ExponentialDecayLR", "halved in 40 epochs, from 20 on, to 0.15", {
    smooth: decay(false),
    staircase: decay(true),
  }),
  panel("PolynomialLR", "to 0 in 160 epochs", {
    "power 1": new PolynomialLR({ baseLr, totalIters: 160 }),
    "power 3": new PolynomialLR({ baseLr, totalIters: 160, power: 3 }),
  }),
  panel("CosineAnnealingLR", "to 0.1 in 80 epochs", {
    braintools: annealing("braintools"),
    torch: annealing("torch"),
  }, 118),
  panel(
    "CosineAnnealingWarmRestarts",
    "20 epochs, each time twice as long",
    new CosineAnnealingWarmRestarts({ baseLr, t0: 20, tMult: 2 }),
  ),
  panel("CyclicLR", "triangular, 20 up and 40 down", cycle("triangular")),
  panel("CyclicLR", "triangular2, 20 up and 40 down", cycle("triangular2")),
  panel("CyclicLR", "exp_range, gamma 0.99", cycle("exp_range")),
  panel("OneCycleLR", "180 steps, cos", {
    torch: new OneCycleLR({ maxLr: 1, totalSteps: 180 }),
    braintools: new OneCycleLR({
      maxLr: 1,
      totalSteps: 180,
      variant: "braintools",
    }),
  }),
  panel("OneCycleLR", "180 steps, linear", {
    "two phases": new OneCycleLR({
      maxLr: 1,
      totalSteps: 180,
      annealStrategy: "linear",
    }),
    "three phases": new OneCycleLR({
      maxLr: 1,
      totalSteps: 180,
      annealStrategy: "linear",
      divFactor: 5,
      threePhase: true,
    }),
  }),
  panel(
    "WarmupScheduler",
    "0.1 to 1 in 40 epochs",
    new WarmupScheduler({ baseLr, warmupEpochs: 40, warmupStartLr: 0.1 }),
  ),
  panel(
    "WarmupCosineSchedule",
    "up in 40 steps, down to 0.1 at 180",
    new WarmupCosineSchedule({
      baseLr,
      warmupSteps: 40,
      totalSteps: 180,
      etaMin: 0.1,
    }),
  ),
  panel("WSDSchedule", "up in 20 steps, down from 120 to 180", {
    "1-sqrt": wsd("1-sqrt"),
    linear: wsd("linear"),
    cosine: wsd("cosine"),
  }),
  panel(
    "InverseSqrtLR",
    "up in 20 steps",
    new InverseSqrtLR({ baseLr, warmupSteps: 20 }),
  ),
  panel(
    "PiecewiseConstantSchedule",
    "0.5, 1, 0.2 from 0, 50, 120",
    new PiecewiseConstantSchedule({
      boundaries: [50, 120],
      values: [0.5, 1, 0.2],
    }),
  ),
  panel(
    "LambdaLR",
    "1 / (1 + e / 40)",
    new LambdaLR({ baseLr, lrLambda: (e) => 1 / (1 + e / 40) }),
  ),
  panel(
    "MultiplicativeLR",
    "0.8 in every tenth epoch",
    new MultiplicativeLR({
      baseLr,
      lrLambda: (e) => e % 10 ? 1 : 0.8,
    }),
  ),
  panel(
    "ReduceLROnPlateau",
    "metric flat from 40 to 90, and from 120",
    replayed(new ReduceLROnPlateau({ baseLr, factor: 0.5, patience: 20 })),
  ),
  panel(
    "ChainedScheduler",
    "LinearLR · StepLR · CosineAnnealingLR",
    new ChainedScheduler({
      schedulers: [
        new LinearLR({ baseLr, startFactor: 0.1, totalIters: 30 }),
        new StepLR({ baseLr, stepSize: 80, gamma: 0.6 }),
        new CosineAnnealingLR({ baseLr, tMax: 180 }),
      ],
    }),
  ),
  panel(
    "SequentialLR",
    "up to 0.5, CyclicLR, ExponentialLR",
    new SequentialLR({
      schedulers: [
        new WarmupScheduler({ baseLr: 0.5, warmupEpochs: 40 }),
        new CyclicLR({ baseLr: 0.5, maxLr: 1, stepSizeUp: 15 }),
        new ExponentialLR({ baseLr: 0.5, gamma: 0.97 }),
      ],
      milestones: [40, 130],
    }),
  ),
];

function decay(staircase: boolean): ExponentialDecayLR {
  return new ExponentialDecayLR({
    baseLr,
    decaySteps: 40,
    decayRate: 0.5,
    transitionBegin: 20,
    endValue: 0.15,
    staircase,
  });
}

function annealing(variant: "torch" | "braintools"): CosineAnnealingLR {
  return new CosineAnnealingLR({ baseLr, tMax: 80, etaMin: 0.1, variant });
}

function cycle(mode: "triangular" | "triangular2" | "exp_range"): CyclicLR {
  return new CyclicLR({
    baseLr: 0.1,
    maxLr: 1,
    stepSizeUp: 20,
    stepSizeDown: 40,
    mode,
    gamma: 0.99,
  });
}

function wsd(shape: "1-sqrt" | "linear" | "cosine"): WSDSchedule {
  return new WSDSchedule({
    baseLr,
    warmupSteps: 20,
    totalSteps: 180,
    decaySteps: 60,
    decay: shape,
  });
}

const COLUMNS = 4;
/** A panel's size, and where its axes are in it. */
const CELL = { width: 240, height: 168 };
const PLOT = { x: 32, y: 46, width: 192, height: 92 };
const COLORS = ["#2563eb", "#ea580c", "#16a34a"];

/** The sheet. */
export function drawSchedules(): string {
  const rows = Math.ceil(PANELS.length / COLUMNS);
  const [width, height] = [COLUMNS * CELL.width + 16, rows * CELL.height + 16];
  const panels = PANELS.map((panel, i) => {
    const x = 8 + (i % COLUMNS) * CELL.width;
    const y = 8 + Math.floor(i / COLUMNS) * CELL.height;
    return `<g transform="translate(${x} ${y})">\n${drawPanel(panel)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Learning rate by epoch, for every scheduler">
<style>
text { font: 10px system-ui, "DejaVu Sans", sans-serif; fill: #57606a; }
.title { font-size: 12.5px; font-weight: 600; fill: #1f2328; }
.axis { stroke: #8c959f; fill: none; }
.grid { stroke: #eaeef2; }
.curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
</style>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${panels.join("\n")}
</svg>
`;
}

function drawPanel({ title, caption, curves, legendEnd }: Panel): string {
  const { x: left, y: top, width, height } = PLOT;
  const x = (epoch: number) => round(left + (width * epoch) / EPOCHS);
  const y = (lr: number) => round(top + height * (1 - lr));
  const names = Object.keys(curves);
  const lines = [
    `<text class="title" x="${left}" y="18">${escape(title)}</text>`,
    `<text x="${left}" y="33">${escape(caption)}</text>`,
  ];
  for (const lr of [0.5, 1]) {
    lines.push(
      `<path class="grid" d="M${left} ${y(lr)}H${left + width}"/>`,
    );
  }
  for (const lr of [0, 0.5, 1]) {
    lines.push(
      `<text class="end" x="${left - 5}" y="${y(lr) + 3.5}">${lr}</text>`,
    );
  }
  lines.push(
    `<path class="axis" d="M${left} ${top}V${top + height}H${left + width}"/>`,
  );
  for (const epoch of [0, 100, 200]) {
    lines.push(
      `<text class="middle" x="${x(epoch)}" y="${
        top + height + 14
      }">${epoch}</text>`,
    );
  }
  // The first on top: the others show where they part from it.
  for (const [i, name] of [...names.entries()].reverse()) {
    const points = Array.from(
      { length: EPOCHS + 1 },
      (_, epoch) => `${x(epoch)},${y(curves[name]!.lrAt(epoch))}`,
    );
    lines.push(
      `<polyline class="curve" stroke="${COLORS[i]}" points="${
        points.join(" ")
      }"/>`,
    );
  }
  if (names.length > 1) {
    for (const [i, name] of names.entries()) {
      lines.push(
        `<text class="end" x="${x(legendEnd)}" y="${
          top + 9 + 12 * i
        }" style="fill: ${COLORS[i]}">${escape(name)}</text>`,
      );
    }
  }
  return lines.join("\n");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** The panels of a scheduler, each as an `<svg>` in the colors of the page around. */
export function drawScheduler(name: string): string[] {
  return PANELS.filter(({ title }) => title === name).map((panel) =>
    `<svg class="schedule" viewBox="0 0 ${CELL.width} ${CELL.height}" role="img" aria-label="${name}, ${
      escape(panel.caption)
    }">\n${drawPanel(panel)}\n</svg>`
  );
}

if (import.meta.main) {
  const path = new URL("../docs/schedules.svg", import.meta.url);
  await Deno.writeTextFile(path, drawSchedules());
}
