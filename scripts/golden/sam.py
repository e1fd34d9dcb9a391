"""Steps of SAM and ASAM in float64, by pytorch_optimizer 4.1, on a loss that is not quadratic.

    python scripts/golden/sam.py      # writes tests/golden/sam.json
"""

import json
import pathlib

import pytorch_optimizer
import torch

STEPS, RECORDED = 30, [1, 2, 10, 30]


def wave(shape, seed):
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    x = torch.sin(seed + 1.7 * i + 0.3 * i * i).to(torch.float32)
    return x.to(torch.float64).reshape(shape)


def run(base, rho, adaptive, eps, **options):
    w, b = wave([3, 4], 1).requires_grad_(), wave([4], 2).requires_grad_()
    x, y = wave([6, 3], 3), wave([6, 4], 4)
    optimizer = pytorch_optimizer.SAM(
        [w, b], base, rho=rho, adaptive=adaptive, perturb_eps=eps, **options)

    def closure():
        optimizer.zero_grad()
        loss = ((torch.tanh(x @ w + b) - y) ** 2).mean()
        loss.backward()
        return loss

    steps = {}
    for k in range(1, STEPS + 1):
        closure()
        optimizer.step(closure)
        if k in RECORDED:
            values = torch.cat([w.detach().reshape(-1), b.detach()])
            steps[k] = [float(f"{v:.9g}") for v in values]
    return steps


sgd = {"lr": 0.1, "momentum": 0.9}
CASES = [
    ("Momentum 0.1", {}, run(torch.optim.SGD, 0.05, False, 1e-12, **sgd)),
    ("Momentum 0.1", {"rho": 0.5}, run(torch.optim.SGD, 0.5, False, 1e-12, **sgd)),
    ("Momentum 0.1", {"rho": 0.5, "adaptive": True},
     run(torch.optim.SGD, 0.5, True, 1e-12, **sgd)),
    ("Momentum 0.1", {"rho": 0.5, "eps": 0.1}, run(torch.optim.SGD, 0.5, False, 0.1, **sgd)),
    ("AdamW 0.01", {"rho": 0.2},
     run(torch.optim.AdamW, 0.2, False, 1e-12, lr=0.01, weight_decay=0.01)),
]
path = pathlib.Path(__file__).parents[2] / "tests/golden/sam.json"
cases = [{"base": b, "options": o, "steps": s} for b, o, s in CASES]
path.write_text(json.dumps({"made": "pytorch_optimizer 4.1, float64", "cases": cases},
                           separators=(",", ":")) + "\n")
