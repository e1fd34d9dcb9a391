"""Learning rates by torch and braintools, for tests/optim/schedulers_test.ts.

    pip install torch==2.13.0 braintools==0.3.0
    python scripts/golden/schedulers.py

Each case names one of our classes and its options, and has the rates that the
other library gives at each of 1,000 epochs of stepping one by one.
What neither library has is a closed form written here from its paper.
"""

import gzip
import json
import math
import pathlib
import random
import warnings

import jax

jax.config.update("jax_enable_x64", True)

import brainstate  # noqa: E402
import braintools.optim as bt  # noqa: E402
import torch  # noqa: E402
from torch.optim import lr_scheduler as ts  # noqa: E402

brainstate.environ.set(precision=64)
warnings.filterwarnings("ignore")

N = 1000

random.seed(5)
# Falls, levels off, and is noisy throughout.
METRICS = [
    round(1 / (1 + e / 60) + 0.05 * random.random(), 3) for e in range(N)
]
# The same, for mode "max": rises.
RISING = [round(2 - metric, 3) for metric in METRICS]

# The functions that the test gives the same names.
FUNCTIONS = {
    "harmonic": lambda e: 1 / (1 + 0.01 * e),
    "wave": lambda e: 1.5 + math.sin(0.1 * e),
    "shrink": lambda e: 0.99 if e % 3 else 1.001,
    "steady": lambda e: 0.995,
    "settle": lambda e: 1 - 1 / (e + 1) ** 2,
    "half_each": lambda cycle: 0.5 ** (cycle - 1),
}

cases = []


def camel(name):
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


OURS = {"T_max": "tMax", "T_0": "t0", "T_mult": "tMult"}


def ours(options):
    """Options by our names; a function by its name."""
    return {
        OURS.get(key, camel(key)): {"function": value}
        if key in ("lr_lambda", "scale_fn")
        else value
        for key, value in options.items()
    }


def add(name, options, source, rates, metrics=None):
    case = {"class": name, "options": options, "source": source}
    if metrics:
        case["metrics"] = "rising" if metrics is RISING else "falling"
    case["rates"] = rates
    cases.append(case)


# torch ------------------------------------------------------------------------


def sgd(lr):
    lrs = lr if isinstance(lr, list) else [lr]
    groups = [{"params": [torch.zeros(1)], "lr": lr} for lr in lrs]
    return torch.optim.SGD(groups, lr=1.0)


def replay(optimizer, scheduler, metrics=None, steps=N):
    rates = []
    for e in range(steps):
        lrs = [float(group["lr"]) for group in optimizer.param_groups]
        rates.append(lrs if len(lrs) > 1 else lrs[0])
        if e < steps - 1:
            optimizer.step()
            scheduler.step(metrics[e]) if metrics else scheduler.step()
    return rates


def metrics_for(options):
    return RISING if options.get("mode") == "max" else METRICS


def torch_options(options):
    return {
        key: FUNCTIONS[value] if key in ("lr_lambda", "scale_fn") else value
        for key, value in options.items()
    }


def by_torch(name, base_lr, options, variant=None, metrics=None):
    optimizer = sgd(base_lr)
    scheduler = getattr(ts, name)(optimizer, **torch_options(options))
    rates = replay(optimizer, scheduler, metrics)
    mine = {"baseLr": base_lr, **ours(options)}
    if variant:
        mine["variant"] = variant
    add(name, mine, "torch", rates, metrics)


for base_lr, size, gamma in [(1.0, 30, 0.5), ([0.1, 0.03], 7, 0.9), (3e-4, 250, 0.1)]:
    by_torch("StepLR", base_lr, {"step_size": size, "gamma": gamma})
for base_lr, milestones, gamma in [
    (1.0, [30, 60, 90], 0.1),
    ([0.1, 0.03], [3, 5, 5, 900], 0.5),
    (3e-4, [], 0.5),
]:
    by_torch(
        "MultiStepLR",
        base_lr,
        {"milestones": milestones, "gamma": gamma},
    )
for base_lr, gamma in [(1.0, 0.99), ([0.1, 0.03], 0.999), (3e-4, 1.001)]:
    by_torch("ExponentialLR", base_lr, {"gamma": gamma})
for base_lr, t_max, eta_min in [(1.0, 50, 0.1), ([0.1, 0.03], 333, 0.0), (3e-4, 1000, 1e-5)]:
    by_torch("CosineAnnealingLR", base_lr, {"T_max": t_max, "eta_min": eta_min}, "torch")
for base_lr, total, power in [(1.0, 500, 1.0), ([0.1, 0.03], 999, 2.0), (3e-4, 5, 0.5)]:
    by_torch("PolynomialLR", base_lr, {"total_iters": total, "power": power})
for base_lr, start, end, total in [
    (1.0, 1 / 3, 1.0, 5),
    ([0.1, 0.03], 0.01, 1.0, 500),
    (3e-4, 1.0, 0.0, 999),
]:
    by_torch(
        "LinearLR",
        base_lr,
        {"start_factor": start, "end_factor": end, "total_iters": total},
    )
for base_lr, factor, total in [(1.0, 1 / 3, 5), ([0.1, 0.03], 0.5, 500), (3e-4, 0.25, 1)]:
    by_torch("ConstantLR", base_lr, {"factor": factor, "total_iters": total})
for base_lr, t_0, t_mult, eta_min in [
    (1.0, 10, 1, 0.0),
    ([0.1, 0.03], 3, 2, 0.001),
    (3e-4, 7, 3, 1e-5),
]:
    by_torch(
        "CosineAnnealingWarmRestarts",
        base_lr,
        {"T_0": t_0, "T_mult": t_mult, "eta_min": eta_min},
    )
for base_lr, f in [(1.0, "harmonic"), ([0.1, 0.03], "wave"), (3e-4, "steady")]:
    by_torch("LambdaLR", base_lr, {"lr_lambda": f})
for base_lr, f in [(1.0, "shrink"), ([0.1, 0.03], "settle"), (3e-4, "steady")]:
    by_torch("MultiplicativeLR", base_lr, {"lr_lambda": f})
for base_lr, options in [
    (1.0, {"factor": 0.5, "patience": 10}),
    ([0.1, 0.03], {"factor": 0.7, "patience": 3, "cooldown": 6, "threshold": 0.01, "threshold_mode": "abs", "min_lr": [0.001, 0.002]}),
    (3e-4, {"mode": "max", "factor": 0.9, "patience": 15, "cooldown": 1, "eps": 1e-6}),
    (1.0, {"mode": "max", "factor": 0.9, "patience": 2, "threshold": 0.02}),
    (1.0, {"mode": "max", "factor": 0.9, "patience": 5, "cooldown": 2, "threshold": 0.02, "threshold_mode": "abs"}),
]:
    by_torch("ReduceLROnPlateau", base_lr, options, "torch", metrics_for(options))

for base_lr, max_lr, options in [
    (0.1, 1.0, {"step_size_up": 3, "step_size_down": 6}),
    ([0.1, 0.03], [1.0, 0.2], {"step_size_up": 40, "mode": "triangular2"}),
    (1e-3, 1e-2, {"step_size_up": 20, "step_size_down": 100, "mode": "exp_range", "gamma": 0.999}),
    (1e-3, 1e-2, {"step_size_up": 8, "scale_fn": "half_each"}),
]:
    optimizer = sgd(base_lr)
    scheduler = ts.CyclicLR(
        optimizer, base_lr, max_lr, cycle_momentum=False, **torch_options(options)
    )
    add(
        "CyclicLR",
        {"baseLr": base_lr, "maxLr": max_lr, **ours(options)},
        "torch",
        replay(optimizer, scheduler),
    )

for max_lr, options in [
    (1.0, {"total_steps": 1000}),
    ([0.1, 0.03], {"epochs": 20, "steps_per_epoch": 37, "anneal_strategy": "linear", "pct_start": 0.1}),
    (1e-2, {"total_steps": 1000, "three_phase": True, "div_factor": 10.0, "final_div_factor": 100.0}),
    (1e-2, {"total_steps": 15}),
]:
    optimizer = sgd(max_lr)
    scheduler = ts.OneCycleLR(optimizer, max_lr, cycle_momentum=False, **options)
    add(
        "OneCycleLR",
        {"maxLr": max_lr, **ours(options)},
        "torch",
        # At its last epoch, total_steps, torch's formula has left its range.
        replay(optimizer, scheduler, steps=scheduler.total_steps),
    )


def of(name, base_lr, **options):
    """A scheduler inside another: ours as data, and torch's."""
    return (
        {"class": name, "options": {"baseLr": base_lr, **ours(options)}},
        lambda optimizer: getattr(ts, name)(optimizer, **torch_options(options)),
    )


def composed(name, base_lr, members, **options):
    optimizer = sgd(base_lr)
    theirs = [make(optimizer) for _, make in members]
    scheduler = (
        ts.ChainedScheduler(theirs, optimizer)
        if name == "ChainedScheduler"
        else ts.SequentialLR(optimizer, theirs, **options)
    )
    add(
        name,
        {"schedulers": [spec for spec, _ in members], **options},
        "torch",
        replay(optimizer, scheduler),
    )


composed(
    "ChainedScheduler",
    1.0,
    [
        of("ConstantLR", 1.0, factor=0.1, total_iters=20),
        of("ExponentialLR", 1.0, gamma=0.99),
    ],
)
composed(
    "ChainedScheduler",
    [0.1, 0.03],
    [
        of("LinearLR", [0.1, 0.03], start_factor=0.1, total_iters=50),
        of("StepLR", [0.1, 0.03], step_size=100, gamma=0.5),
        of("PolynomialLR", [0.1, 0.03], total_iters=2000, power=2.0),
    ],
)
composed(
    "ChainedScheduler",
    3e-4,
    [
        of("MultiStepLR", 3e-4, milestones=[100, 300], gamma=0.3),
        of("MultiplicativeLR", 3e-4, lr_lambda="settle"),
    ],
)
composed(
    "SequentialLR",
    1.0,
    [
        of("ConstantLR", 1.0, factor=0.1, total_iters=20),
        of("ExponentialLR", 1.0, gamma=0.99),
    ],
    milestones=[20],
)
composed(
    "SequentialLR",
    [0.1, 0.03],
    [
        of("LinearLR", [0.1, 0.03], start_factor=0.1, total_iters=50),
        of("CosineAnnealingLR", [0.1, 0.03], T_max=500, eta_min=0.001),
        of("ConstantLR", [0.1, 0.03], factor=0.01, total_iters=10000),
    ],
    milestones=[50, 550],
)
composed(
    "SequentialLR",
    3e-4,
    [
        of("LinearLR", 3e-4, start_factor=0.5, total_iters=100),
        of("StepLR", 3e-4, step_size=100, gamma=0.5),
        of("PolynomialLR", 3e-4, total_iters=300, power=2.0),
    ],
    milestones=[100, 600],
)

# braintools -------------------------------------------------------------------


def by_braintools(name, options, metrics=None, variant=None):
    mine = ours(options)
    if variant:
        mine["variant"] = variant
    if name == "ReduceLROnPlateau":
        mine["eps"] = 0  # braintools takes the option, and does not read it
    scheduler = getattr(bt, name)(**options)
    rates = []
    for e in range(N):
        lrs = [float(lr) for lr in scheduler.current_lrs.value]
        rates.append(lrs if len(lrs) > 1 else lrs[0])
        scheduler.step(metrics[e]) if metrics else scheduler.step()
    add(name, mine, "braintools", rates, metrics)


by_braintools("StepLR", {"base_lr": [1.0, 0.1], "step_size": 4, "gamma": 0.9})
by_braintools("MultiStepLR", {"base_lr": 1.0, "milestones": [3, 5, 5, 9], "gamma": 0.5})
by_braintools("ExponentialLR", {"base_lr": 1.0, "gamma": 0.995})
for options in [
    {"base_lr": 1.0, "decay_steps": 40, "decay_rate": 0.5, "transition_begin": 30},
    {"base_lr": [0.1, 0.03], "decay_steps": 100, "decay_rate": 0.5, "staircase": True, "end_value": 0.005},
    {"base_lr": 1e-3, "decay_steps": 400, "decay_rate": 2.0, "end_value": 5e-3},
]:
    by_braintools("ExponentialDecayLR", options)
for options in [
    {"base_lr": 1.0, "T_max": 10, "eta_min": 0.1},
    {"base_lr": [0.1, 0.03], "T_max": 333},
    {"base_lr": 3e-4, "T_max": 1000, "eta_min": 1e-5},
]:
    by_braintools("CosineAnnealingLR", options)
by_braintools("PolynomialLR", {"base_lr": 1.0, "total_iters": 10, "power": 2.0})
for options in [
    {"base_lr": 1.0, "warmup_epochs": 5, "warmup_start_lr": 0.1},
    {"base_lr": [0.1, 0.03], "warmup_epochs": 500},
    {"base_lr": 3e-4, "warmup_epochs": 0},
]:
    by_braintools("WarmupScheduler", options)
by_braintools("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 4, "mode": "triangular2"})
for options in [
    {"max_lr": 1.0, "total_steps": 1000},
    {"max_lr": 0.1, "epochs": 20, "steps_per_epoch": 37, "anneal_strategy": "linear", "pct_start": 0.1},
    {"max_lr": 1e-2, "total_steps": 15, "div_factor": 10.0, "final_div_factor": 100.0},
]:
    by_braintools("OneCycleLR", options, variant="braintools")
for options in [
    {"base_lr": 1.0, "factor": 0.5, "patience": 10, "cooldown": 4},
    {"base_lr": [0.1, 0.03], "factor": 0.7, "patience": 3, "cooldown": 6, "threshold": 0.01, "threshold_mode": "abs", "min_lr": [0.001, 0.002]},
    {"base_lr": 1.0, "mode": "max", "factor": 0.9, "patience": 5, "cooldown": 2, "threshold": 0.02, "threshold_mode": "abs"},
]:
    by_braintools("ReduceLROnPlateau", options, metrics_for(options), variant="braintools")
by_braintools("LinearLR", {"base_lr": 1.0, "start_factor": 0.1, "total_iters": 5})
by_braintools("ConstantLR", {"base_lr": 1.0, "factor": 0.5, "total_iters": 5})
by_braintools("CosineAnnealingWarmRestarts", {"base_lr": 1.0, "T_0": 3, "T_mult": 2, "eta_min": 0.1})
for options in [
    {"base_lr": 1.0, "warmup_steps": 5, "total_steps": 15, "warmup_start_lr": 0.1, "eta_min": 0.01},
    {"base_lr": [0.1, 0.03], "warmup_steps": 100, "total_steps": 900},
    {"base_lr": 3e-4, "warmup_steps": 0, "total_steps": 500, "eta_min": 1e-5},
]:
    by_braintools("WarmupCosineSchedule", options)
for options in [
    {"base_lr": 1.0, "boundaries": [4, 9], "values": [1.0, 0.5, 0.1]},
    {"base_lr": [1.0, 1.0], "boundaries": [300, 600, 900], "values": [0.1, 0.3, 0.2, 0.0]},
    {"base_lr": 1.0, "boundaries": [], "values": [0.5]},
]:
    by_braintools("PiecewiseConstantSchedule", options)

# closed forms -----------------------------------------------------------------


def by_formula(name, options, rate):
    bases = options["baseLr"]
    rates = [
        [rate(e, lr) for lr in bases] if isinstance(bases, list) else rate(e, bases)
        for e in range(N)
    ]
    add(name, options, "formula", rates)


for base_lr, warmup, start in [(1.0, 10, 0.0), ([0.1, 0.03], 400, 0.001), (3e-4, 1, 0.0)]:
    # fairseq's inverse_square_root: decay_factor = lr * sqrt(warmup); lr = decay_factor / sqrt(e)
    by_formula(
        "InverseSqrtLR",
        {"baseLr": base_lr, "warmupSteps": warmup, "warmupStartLr": start},
        lambda e, lr, w=warmup, s=start: s + e * ((lr - s) / w)
        if e < w
        else lr * w**0.5 * e**-0.5,
    )

DECAYS = {
    "linear": lambda p: 1 - p,
    "cosine": lambda p: 0.5 * (1 + math.cos(math.pi * p)),
    "1-sqrt": lambda p: 1 - math.sqrt(p),
}


def wsd(e, lr, o):
    """Hu et al. (2024), equation 1; Hägele et al. (2024), equations 1 and 2."""
    begin = o["totalSteps"] - o["decaySteps"]
    if e < o["warmupSteps"]:
        return e / o["warmupSteps"] * (lr - o["warmupStartLr"]) + o["warmupStartLr"]
    if e <= begin and e < o["totalSteps"]:
        return lr
    if e >= o["totalSteps"]:
        return o["etaMin"]
    f = DECAYS[o["decay"]]((e - begin) / o["decaySteps"])
    return f * lr + (1 - f) * o["etaMin"]


for options in [
    {"baseLr": 1.0, "warmupSteps": 10, "totalSteps": 900, "decaySteps": 200, "decay": "1-sqrt", "warmupStartLr": 0.0, "etaMin": 0.0},
    {"baseLr": [0.1, 0.03], "warmupSteps": 100, "totalSteps": 999, "decaySteps": 500, "decay": "cosine", "warmupStartLr": 0.001, "etaMin": 0.002},
    {"baseLr": 3e-4, "warmupSteps": 0, "totalSteps": 500, "decaySteps": 500, "decay": "linear", "warmupStartLr": 0.0, "etaMin": 1e-5},
    {"baseLr": 3e-4, "warmupSteps": 5, "totalSteps": 500, "decaySteps": 0, "decay": "linear", "warmupStartLr": 0.0, "etaMin": 1e-5},
]:
    by_formula(
        "WSDSchedule",
        options,
        lambda e, lr, o=options: wsd(e, lr, o),
    )

golden = {
    "made by": f"scripts/golden/schedulers.py with torch {torch.__version__}, braintools {bt.__version__ if hasattr(bt, '__version__') else '0.3.0'}",
    "falling": METRICS,
    "rising": RISING,
    "cases": cases,
}
path = pathlib.Path(__file__).parents[2] / "tests/golden/schedulers.json.gz"
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
head = json.dumps({**golden, "cases": []}, separators=(",", ":"))
text = head.replace('"cases":[]', f'"cases":[\n{lines}\n]') + "\n"
# Without a time of making, the same tables give the same file.
path.write_bytes(gzip.compress(text.encode(), mtime=0))
print(len(cases), "cases,", path.stat().st_size, "bytes")
