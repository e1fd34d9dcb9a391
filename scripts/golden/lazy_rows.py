"""Steps of torch.optim.SparseAdam in float64 (torch 2.13); writes tests/golden/lazy_rows.json:

    python scripts/golden/lazy_rows.py
"""

import json
import math
import pathlib

import torch

torch.set_default_dtype(torch.float64)
weight = torch.nn.Parameter(
    torch.tensor([[math.sin(0.5 + 3 * i + j) for j in range(3)] for i in range(5)]))
optimizer = torch.optim.SparseAdam([weight], lr=0.01, betas=(0.8, 0.9))
steps = []
for k in range(1, 13):
    rows = [i for i in range(5) if (i + k) % 5 < 2 or i == 0]
    values = [[math.cos(1.3 * k + i + 0.7 * j) for j in range(3)] for i in rows]
    weight.grad = torch.sparse_coo_tensor([rows], values, (5, 3))
    optimizer.step()
    steps.append(weight.detach().ravel().tolist())
where = pathlib.Path(__file__).parents[2] / "tests/golden/lazy_rows.json"
where.write_text(json.dumps({"steps": steps}, separators=(",", ":")) + "\n")
