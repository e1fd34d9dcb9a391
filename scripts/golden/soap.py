"""Trajectories of SOAP in float64, by pytorch_optimizer 4.1, of gradients whose products
have full rank and eigenvalues apart, so that bases are not arbitrary.

    python scripts/golden/soap.py      # writes tests/golden/soap.json
"""

import json
import math
import pathlib

import numpy as np
import pytorch_optimizer
import torch

SHAPES = {"square": (6, 6), "cube": (2, 3, 6), "vector": (5,)}
STEPS, RECORDED = 40, [2, 3, 7, 20, 40]


def numbers(shape, k):
    """By a formula that tests/optim/soap_test.ts repeats."""
    n = math.prod(shape)
    x = [math.sin(0.37 * i * i + 1.3 * i + 2.1 * k + 0.11 * i * k) for i in range(n)]
    scale = [1 + 2 * (i % shape[-1]) + (i // shape[-1]) for i in range(n)]
    x = np.array([a * b for a, b in zip(x, scale)])
    return np.float64(np.float32(x)).reshape(shape)


def run(**options):
    params = {
        name: torch.tensor(numbers(shape, 0), requires_grad=True)
        for name, shape in SHAPES.items()
    }
    optimizer = pytorch_optimizer.SOAP(list(params.values()), lr=0.01, **options)
    steps = {}
    for k in range(1, STEPS + 1):
        for name, x in params.items():
            x.grad = torch.tensor(numbers(x.shape, k))
        optimizer.step()
        if k in RECORDED:
            steps[k] = {
                name: [float(f"{v:.9g}") for v in x.detach().numpy().reshape(-1)]
                for name, x in params.items()
            }
    return steps


CASES = [
    ({}, {}),
    ({"preconditionFrequency": 3}, {"precondition_frequency": 3}),
    ({"preconditionFrequency": 1, "shampooBeta": 0.8},
     {"precondition_frequency": 1, "shampoo_beta": 0.8}),
    ({"maxPreconditionDim": 5, "preconditionFrequency": 2},
     {"max_precondition_dim": 5, "precondition_frequency": 2}),
]

path = pathlib.Path(__file__).parents[2] / "tests/golden/soap.json"
cases = [{"options": here, "steps": run(**there)} for here, there in CASES]
path.write_text(json.dumps({"made": "pytorch_optimizer 4.1, float64", "cases": cases},
                           separators=(",", ":")) + "\n")
