"""Averages of weights and the rate of SWA in float64, by torch.optim.swa_utils.

Run with torch 2.13; writes tests/golden/swa.json:

    python scripts/golden/swa.py
"""

import json
import math
import pathlib
import warnings

import torch
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn

torch.set_default_dtype(torch.float64)
warnings.filterwarnings("ignore")
STEPS = 24


def rates(base, swa, epochs, strategy):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=base)
    schedule = SWALR(optimizer, swa, anneal_epochs=epochs, anneal_strategy=strategy)
    seen = []
    for _ in range(STEPS):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


def averages(is_included, **options):
    """The average after each step, of weights that a formula gives."""
    model = torch.nn.Linear(3, 1, bias=False)
    averaged = AveragedModel(model, **options)
    seen = []
    for k in range(STEPS):
        with torch.no_grad():
            for i in range(3):
                model.weight[0, i] = math.sin(0.9 * k + i)
        if is_included(k):
            averaged.update_parameters(model)
        seen.append(averaged.module.weight.detach().ravel().tolist())
    return seen


swa_rates = [
    {"baseLr": base, "swaLr": swa, "epochs": epochs, "decay": name,
     "rates": rates(base, swa, epochs, strategy)}
    for base, swa, epochs in [(0.1, 0.05, 10), (0.05, 0.2, 7), (0.1, 0.05, 1)]
    for name, strategy in [("cosine", "cos"), ("linear", "linear")]
]
golden = {
    "rates": swa_rates,
    "mean": averages(lambda k: k >= 5 and (k - 5) % 3 == 0),
    "moving": averages(lambda k: True, multi_avg_fn=get_ema_multi_avg_fn(0.9)),
}
where = pathlib.Path(__file__).parents[2] / "tests/golden/swa.json"
where.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
