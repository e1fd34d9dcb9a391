"""What torch's recurrent layers compute with random weights.

Writes tests/golden/models/recurrent.safetensors and recurrent.json. Run from the root of
the repository:

    python scripts/golden/recurrent_weights.py

Made with torch 2.13.0 and safetensors 0.8.0.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path("tests/golden/models")
torch.manual_seed(5)
net = torch.nn.ModuleDict({
    "lstm": torch.nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True),
    "gru": torch.nn.GRU(3, 4, 2, batch_first=True, bidirectional=True),
    "plain": torch.nn.GRU(3, 2, batch_first=True),
})
save_file({k: v.contiguous() for k, v in net.state_dict().items()}, OUT / "recurrent.safetensors")
x = torch.randn(2, 5, 3)
with torch.no_grad():
    outputs = {name: layer(x)[0].tolist() for name, layer in net.items()}
    h, c = torch.randn(4, 2, 4), torch.randn(4, 2, 4)
    y, (hn, cn) = net["lstm"](x, (h, c))
    states = {"h": h, "c": c, "y": y, "hn": hn, "cn": cn}
    states["gru"], states["gruHn"] = net["gru"](x, h)
states = {name: value.tolist() for name, value in states.items()}
(OUT / "recurrent.json").write_text(json.dumps({"x": x.tolist(), **outputs, "states": states}) + "\n")
