"""Files that come from Python, for the programs in tests/newcomer.

    /tmp/venv/bin/python scripts/golden/newcomer.py

writes passengers.csv as pandas does, with quotes and missing fields, and the weights and
outputs of a PyTorch model as safetensors. Made with pandas 3.1.1, torch 2.13 and
safetensors 0.8.0.
"""

import pathlib

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "newcomer"

r, n = np.random.default_rng(1), 400
sex = r.choice(["male", "female"], n, p=[0.6, 0.4])
place = r.choice([1, 2, 3], n, p=[0.25, 0.2, 0.55])
age = np.round(np.clip(r.normal(30, 14, n), 1, 80))
fare = np.round(np.exp(r.normal(4.4 - 0.8 * place, 0.5)), 2)
port = r.choice(["S", "C", "Q"], n, p=[0.7, 0.2, 0.1]).astype(object)
odds = -1.2 + 4 * (sex == "female") - 1.2 * (place - 2) - 0.03 * (age - 30)
table = pd.DataFrame({
    "PassengerId": range(1, n + 1),
    "Survived": (r.random(n) < 1 / (1 + np.exp(-odds))).astype(int),
    "Pclass": place,
    "Name": [f'Doe, "J." {i}' for i in range(n)],
    "Sex": sex,
    "Age": age,
    "Fare": fare,
    "Embarked": port,
})
table.loc[r.random(n) < 0.2, "Age"] = np.nan
table.loc[r.random(n) < 0.01, "Embarked"] = np.nan
table.to_csv(OUT / "csv" / "passengers.csv", index=False)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 6, 3, padding=1, stride=2), nn.GELU())
        self.dense = nn.Linear(6 * 2 * 2, 8)
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        maps = self.features(x)
        _, last = self.gru(maps.flatten(2).transpose(1, 2))
        return self.head(torch.cat([self.dense(maps.flatten(1)), last[-1]], 1))


torch.manual_seed(0)
net = Net()
for _ in range(20):  # running statistics
    net(torch.randn(8, 3, 8, 8) * 2 + 1)
net.eval()
x = torch.randn(4, 3, 8, 8)
save_file(net.state_dict(), OUT / "torch" / "net.safetensors")
save_file({"x": x, "y": net(x).detach()}, OUT / "torch" / "example.safetensors")
