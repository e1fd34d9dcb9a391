"""Weights of torch's layers in torch's layouts, and what those layers compute.

Writes tests/golden/safetensors/maps/: layers whose weights have to be split, joined,
reordered or summed to be ours, a file in 16 bits, and a file in two shards with an
index. Run from the root of the repository:

    python scripts/golden/safetensors_maps.py

Made with torch 2.13.0 and safetensors 0.8.0.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path("tests/golden/safetensors/maps")
OUT.mkdir(parents=True, exist_ok=True)
torch.manual_seed(3)
expected = {}


def save(name, module, x, y):
    save_file(module.state_dict(), OUT / f"{name}.safetensors")
    expected[name] = {"x": x.tolist(), "y": y.tolist()}


lstm = torch.nn.LSTM(3, 4, batch_first=True)
x = torch.randn(2, 5, 3)
save("lstm", lstm, x, lstm(x)[0])

attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
torch.nn.init.normal_(attention.in_proj_bias)
torch.nn.init.normal_(attention.out_proj.bias)
x = torch.randn(2, 3, 8)
save("attention", attention, x, attention(x, x, x)[0])

depthwise = torch.nn.Conv2d(4, 8, 3, groups=4)
x = torch.randn(1, 4, 5, 5)
y = depthwise(x).permute(0, 2, 3, 1)
save("depthwise", depthwise, x.permute(0, 2, 3, 1), y)

half = torch.nn.Linear(3, 2).half()
save_file(
    {"weight": half.weight, "bias": half.bias.bfloat16()},
    OUT / "half.safetensors",
)

mlp = torch.nn.Sequential(
    torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
)
weights = mlp.state_dict()
shards = {
    "model-00001-of-00002.safetensors": ["0.weight", "0.bias"],
    "model-00002-of-00002.safetensors": ["2.weight", "2.bias"],
}
for file, names in shards.items():
    save_file({name: weights[name] for name in names}, OUT / file, {"format": "pt"})
index = {
    "metadata": {"total_size": sum(w.numel() * 4 for w in weights.values())},
    "weight_map": {name: file for file, names in shards.items() for name in names},
}
(OUT / "model.safetensors.index.json").write_text(json.dumps(index) + "\n")
x = torch.randn(5, 3)
expected["mlp"] = {"x": x.tolist(), "y": mlp(x).tolist()}

(OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
