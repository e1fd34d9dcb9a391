"""PyTorch's training step: torch_steps.py WORKLOAD nn|cell|compile THREADS."""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

# So many that no model learns them by heart: denormal gradients are slow.
BATCHES = 128

workload, how, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        cell = how == "cell"
        self.rnn = nn.LSTMCell(32, 128) if cell else nn.LSTM(32, 128, batch_first=True)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        if how != "cell":
            return self.out(self.rnn(x)[0][:, -1])
        h = c = x.new_zeros(len(x), 128)
        for t in range(x.shape[1]):
            h, c = self.rnn(x[:, t], (h, c))
        return self.out(h)


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10),
    )


WORKLOADS = {
    "tiny": (lambda: mlp(32, 32, 32, 32, 32), (8, 32), 32),
    "mlp": (lambda: mlp(784, 256, 128, 10), (32, 784), 10),
    "cnn": (cnn, (32, 1, 28, 28), 10),
    "lstm": (Lstm, (32, 64, 32), 10),
}
make, shape, classes = WORKLOADS[workload]
model = make()
x, y = torch.randn(BATCHES, *shape), torch.randint(classes, (BATCHES, shape[0]))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)


def loss(x, y):
    return F.cross_entropy(model(x), y)


if how == "compile":
    loss = torch.compile(loss)


def step(i):
    optimizer.zero_grad(set_to_none=True)
    value = loss(x[i % BATCHES], y[i % BATCHES])
    value.backward()
    optimizer.step()
    return value


step(0).item()
print(json.dumps({"name": f"torch {torch.__version__} {how}"}), flush=True)
for line in sys.stdin:
    cpu, wall = time.process_time(), time.perf_counter()
    for i in range(int(line)):
        last = step(i)
    last.item()
    print(json.dumps({
        "cpu": 1e3 * (time.process_time() - cpu),
        "wall": 1e3 * (time.perf_counter() - wall),
    }), flush=True)
