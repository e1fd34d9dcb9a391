"""Safetensors files made by Python, and a check of the one made by us.

Writes tests/golden/safetensors/*.safetensors and expected.json; then runs
safetensors_write.ts and compares what it wrote with what it should be, by way of
Python's safetensors. Run from the root of the repository:

    /opt/golden/bin/python scripts/golden/safetensors_fixtures.py

Made with torch 2.13.0 and safetensors 0.8.0.
"""

import json
import math
import subprocess
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

OUT = Path("tests/golden/safetensors")
OUT.mkdir(parents=True, exist_ok=True)

# Every kind of number that 16 bits have, of both signs.
HALVES = [0, 1, 2, 0x3FF, 0x400, 0x3C00, 0x3C01, 0x7BFF, 0x7C00, 0x3555]
BRAINS = [0, 1, 0x7F, 0x80, 0x3F80, 0x3F81, 0x7F7F, 0x7F80, 0x4049]


def bits(patterns, dtype):
    both = patterns + [p | 0x8000 for p in patterns]
    signed = [p - 0x10000 if p >= 0x8000 else p for p in both]
    return torch.tensor(signed, dtype=torch.int16).view(dtype)


dtypes = {
    "f32": torch.tensor([[0.1, -0.0, math.inf], [1e-45, -3.4e38, 7.0]]),
    "f16": bits(HALVES, torch.float16),
    "bf16": bits(BRAINS, torch.bfloat16),
    "i32": torch.tensor([-(2**31), 2**31 - 1, 0], dtype=torch.int32),
    "bool": torch.tensor([[True], [False], [True]]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
}
save_file(dtypes, OUT / "dtypes.safetensors", metadata={"format": "pt"})
save_file({"count": torch.tensor(3), "f64": torch.zeros(2, dtype=torch.float64)},
          OUT / "unreadable.safetensors")

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
save_file(model.state_dict(), OUT / "mlp.safetensors")
x = torch.randn(5, 3)

conv = torch.nn.Conv2d(2, 3, (2, 3))
save_file(conv.state_dict(), OUT / "conv.safetensors")
image = torch.randn(1, 2, 4, 5)


def numbers(tensor):
    """Float32 values by their bits, so that JSON keeps them all."""
    flat = tensor.detach().flatten()
    if tensor.dtype in (torch.float32, torch.float16, torch.bfloat16):
        return flat.to(torch.float32).view(torch.int32).tolist()
    return flat.to(torch.int32).tolist()


expected = {
    "dtypes": {
        name: {"shape": list(t.shape), "values": numbers(t)} for name, t in dtypes.items()
    },
    "mlp": {"x": x.tolist(), "y": model(x).tolist()},
    "conv": {
        # Channels last, as here.
        "x": image.permute(0, 2, 3, 1).tolist(),
        "y": conv(image).permute(0, 2, 3, 1).tolist(),
    },
}
(OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")

subprocess.run(["deno", "run", "-A", "scripts/golden/safetensors_write.ts"], check=True)
ours = {
    "linear.weight": torch.tensor([[1, 2, 3], [-0.1, 1e-30, 1e30]]).T,
    "linear.bias": torch.tensor([math.inf, -0.0, math.nan]),
    "conv.weight": torch.arange(120.0).reshape(2, 3, 4, 5).permute(3, 2, 0, 1),
    "mask": torch.tensor([True, False, True]),
    "steps": torch.tensor(-123456789, dtype=torch.int32),
    "empty.é": torch.zeros(0, 4),
}
with safe_open(OUT / "from_braintape.safetensors", "pt") as file:
    assert file.metadata() == {"format": "pt", "by": "braintape"}, file.metadata()
    assert set(file.keys()) == set(ours), file.keys()
    for name, tensor in ours.items():
        read = file.get_tensor(name)
        assert read.dtype == tensor.dtype and read.shape == tensor.shape, name
        assert numbers(read) == numbers(tensor.contiguous()), name
print("Python reads what we write")
