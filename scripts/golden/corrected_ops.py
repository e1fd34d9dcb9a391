"""Values of the operations that tf.ts corrects, from numpy and torch in float64.

    /opt/golden/bin/python scripts/golden/corrected_ops.py > tests/golden/corrected_ops.json
"""

import json
import math

import numpy as np
import torch

torch.set_default_dtype(torch.float64)


def values(*shape, seed=0):
    """The same numbers as `values` in tests/gradients/golden_test.ts."""
    n = math.prod(shape)
    i = np.arange(n)
    return (((i * 7 + seed * 3) % 23) / 8 - 1.3).reshape(shape)


def rounded(x):
    return [round(float(v), 7) for v in np.asarray(x).ravel()]


cases = []


def case(op, options, shapes, y):
    y = np.asarray(y)
    if np.iscomplexobj(y):
        y = np.stack([y.real, y.imag])
    cases.append({"op": op, "options": options, "shapes": shapes,
                  "shape": list(y.shape), "y": rounded(y)})


for equation, *shapes in [
    ("ij,jk->ik", [2, 3], [3, 4]),
    ("ij,jk->ki", [2, 3], [3, 4]),
    ("ij,k->ik", [2, 3], [2]),
    ("ij,k->kj", [2, 3], [2]),
    ("bhqd,bhkd->bhqk", [2, 2, 3, 4], [2, 2, 5, 4]),
    ("bqhd,bkhd->bhqk", [2, 3, 2, 4], [2, 5, 2, 4]),
    ("ijk,kl->ijl", [2, 3, 4], [4, 2]),
    ("i,i->", [5], [5]),
    ("ij->ji", [2, 3]),
    ("ijk->j", [2, 3, 4]),
    ("ij,ij->ij", [2, 3], [2, 3]),
    ("ij,jk,kl->il", [2, 3], [3, 4], [4, 2]),
]:
    xs = [values(*shape, seed=i) for i, shape in enumerate(shapes)]
    case("einsum", [equation], shapes, np.einsum(equation, *xs))

for a, b in [
    ([3, 1, 2, 2], [3, 4, 2, 3]),
    ([2, 1, 2, 3], [1, 3, 3, 2]),
    ([2, 1, 2, 2, 1], [3, 1, 1, 2]),
    ([4, 2, 3], [3, 2]),
    ([2, 3], [5, 3, 2]),
]:
    case("matMul", [], [a, b], values(*a) @ values(*b, seed=1))

x = values(4, 5, 6)
for begin, end, strides, y in [
    ([1, 0, 0], [2, 5, 6], [1, 2, 3], x[1, 0:5:2, 0:6:3]),
    ([0, 3, 5], [4, 4, 0], [3, 1, -2], x[0:4:3, 3, 5:0:-2]),
    ([3, 4, 2], [0, 0, 3], [-1, -2, 1], x[3:0:-1, 4:0:-2, 2]),
]:
    shrink = sum(1 << i for i in range(3) if end[i] == begin[i] + 1 and strides[i] == 1)
    case("stridedSlice", [begin, end, strides, 0, 0, 0, 0, shrink], [[4, 5, 6]], y)

for shape, axis in [([4], -1), ([3, 4], -1), ([3, 4], -2), ([2, 3, 4], -2)]:
    case("cumsum", [axis], [shape], np.cumsum(values(*shape), axis))
    case("cumprod", [axis], [shape], np.cumprod(values(*shape), axis))

for shape in [[8], [2, 6], [2, 3, 5]]:
    case("rfft", [], [shape], np.fft.rfft(values(*shape)))
    case("fft", [], [shape, shape],
         np.fft.fft(values(*shape) + 1j * values(*shape, seed=1)))
    case("ifft", [], [shape, shape],
         np.fft.ifft(values(*shape) + 1j * values(*shape, seed=1)))

for shape in [[3, 4], [2, 3, 5]]:
    t = torch.tensor(values(*shape))
    case("logSoftmax", [], [shape], torch.log_softmax(t, -1).numpy())
    case("logSigmoid", [], [shape], torch.nn.functional.logsigmoid(t).numpy())

for size, window, stride, dilation, padding in [
    (7, 3, 1, 2, 2), (7, 3, 2, 1, 1), (6, 2, 1, 3, 0),
]:
    x, w = values(2, 2, size, size + 1), values(4, 1, window, window, seed=1)
    y = torch.nn.functional.conv2d(
        torch.tensor(x), torch.tensor(w), stride=stride, padding=padding,
        dilation=dilation, groups=2)
    case("depthwiseNCHW", [stride, padding, dilation],
         [[2, 2, size, size + 1], [4, 1, window, window]], y.numpy())

print(json.dumps(cases, separators=(",", ":")))
