"""References for nn: layers, activations and losses, in float64.

    /opt/golden/bin/python scripts/golden/nn.py

writes tests/golden/nn_layers.json, nn_rnn.json, nn_activations.json and nn_losses.json.
Made with torch 2.13.0. Layers are torch's own, with inputs and weights brought from
our layout (channels last, weights [in, out], kernels [..., in, out]) into torch's
inside the differentiated function, so gradients come out in our layout. What torch
does not have (RMSNorm's eps, brainstate's cells) is its formula.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(7)


def rand(*shape):
    """Normal numbers of few digits, which float32 need not round much."""
    return torch.round(torch.randn(shape, generator=generator) * 256) / 256


def plain(x):
    """A tensor as shape and values."""
    values = [float(f"{v:.8g}") for v in x.detach().reshape(-1).tolist()]
    return {"shape": list(x.shape), "values": values}


def first(x, spatial):
    """Channels from last to first."""
    return x.permute(0, spatial + 1, *range(1, spatial + 1))


def last(x, spatial):
    """Channels from first to last."""
    return x.permute(0, *range(2, spatial + 2), 1)


def kernel(w, spatial):
    """[..., in, out] to [out, in, ...]."""
    return w.permute(spatial + 1, spatial, *range(spatial))


layers = []


def layer(name, args, fn, x, params=None, dtype=None, fit=None, after=None, **options):
    """One case: output, and the gradients of sum(output * dy)."""
    params = {k: v.clone().requires_grad_(True) for k, v in (params or {}).items()}
    leaf = x.clone()
    if dtype is None:
        leaf.requires_grad_(True)
    y = fn(leaf, params)
    dy = rand(*y.shape)
    (y * dy).sum().backward()
    layers.append({
        "layer": name,
        "args": args,
        "options": options,
        **({"fit": fit} if fit is not None else {}),
        **({"dtype": dtype} if dtype else {}),
        "x": plain(x),
        "params": {k: plain(v) for k, v in params.items()},
        "y": plain(y),
        "dy": plain(dy),
        **({"dx": plain(leaf.grad)} if dtype is None else {}),
        "grads": {k: plain(v.grad) for k, v in params.items()},
        **({"after": {k: plain(v) for k, v in after.items()}} if after else {}),
    })


# Dense
layer("Linear", [3, 4], lambda x, p: x @ p["weight"] + p["bias"],
      rand(5, 3), {"weight": rand(3, 4), "bias": rand(4)})
layer("Linear", [3, 2], lambda x, p: x @ p["weight"],
      rand(2, 4, 3), {"weight": rand(3, 2)}, bias=False)
layer("LoRA", [3, 4, 2], lambda x, p: x @ (p["base.weight"] + 2 * p["down"] @ p["up"]) + p["base.bias"],
      rand(5, 3), {"base.weight": rand(3, 4), "base.bias": rand(4), "down": rand(3, 2), "up": rand(2, 4)}, alpha=4)


# Convolutions
def same(n, k, s, d):
    total = max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def conv(spatial, size, cin, cout, k, stride=1, padding="same", dilation=1, groups=1, bias=True, **_):
    f = [F.conv1d, F.conv2d, F.conv3d][spatial - 1]
    if padding == "same":
        pads = [same(n, k, stride, dilation) for n in size]
    elif padding == "valid":
        pads = [(0, 0)] * spatial
    else:
        pads = [(q, q) if isinstance(q, int) else tuple(q)
                for q in ([padding] * spatial if isinstance(padding, int) else padding)]

    def fn(x, p):
        flat = [c for pair in reversed(pads) for c in pair]
        y = f(F.pad(first(x, spatial), flat), kernel(p["weight"], spatial), p.get("bias"),
              stride=stride, dilation=dilation, groups=groups)
        return last(y, spatial)

    options = {k2: v for k2, v in dict(stride=stride, padding=padding, dilation=dilation,
                                        groups=groups, bias=bias).items()
               if v != dict(stride=1, padding="same", dilation=1, groups=1, bias=True)[k2]}
    params = {"weight": rand(*[k] * spatial, cin // groups, cout)}
    if bias:
        params["bias"] = rand(cout)
    layer(f"Conv{spatial}d", [cin, cout, k], fn, rand(2, *size, cin), params, **options)


conv(1, [7], 2, 3, 3)
conv(1, [8], 4, 6, 3, stride=2, padding=1, groups=2)
conv(1, [9], 2, 3, 3, padding="valid", dilation=2)
conv(2, [5, 6], 2, 3, 3)
conv(2, [6, 5], 2, 3, 2, stride=2, bias=False)
conv(2, [6, 6], 3, 4, 3, stride=2, padding=[[1, 0], [2, 1]])
conv(2, [7, 7], 2, 2, 3, dilation=2)
conv(2, [5, 5], 4, 4, 3, groups=2)
conv(2, [5, 5], 3, 6, 3, groups=3)  # depthwise with a multiplier of 2
conv(2, [6, 6], 3, 3, 3, stride=2, groups=3)
conv(3, [4, 5, 3], 2, 3, 2)
conv(3, [5, 4, 5], 2, 2, 3, stride=2, padding=1)
conv(3, [4, 4, 4], 2, 2, 2, dilation=2, padding="valid")
conv(3, [3, 3, 3], 4, 2, 2, groups=2)


def transposed(spatial, size, cin, cout, k, stride, padding, output_padding=0, groups=1, dilation=1):
    f = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][spatial - 1]

    def fn(x, p):
        w = p["weight"]  # [..., in, out / groups] to [in, out / groups, ...]
        w = w.permute(spatial, spatial + 1, *range(spatial))
        y = f(first(x, spatial), w, p["bias"], stride=stride, padding=0 if padding == "valid" else padding,
              output_padding=output_padding, groups=groups, dilation=dilation)
        return last(y, spatial)

    options = {"stride": stride, "padding": padding}
    if output_padding:
        options["outputPadding"] = output_padding
    if groups > 1:
        options["groups"] = groups
    if dilation != 1:
        options["dilation"] = dilation
    layer(f"ConvTranspose{spatial}d", [cin, cout, k], fn, rand(2, *size, cin),
          {"weight": rand(*[k] * spatial, cin, cout // groups), "bias": rand(cout)}, **options)


transposed(1, [4], 2, 3, 3, 2, 1, 1)
transposed(1, [5], 2, 2, 4, 2, "valid")
transposed(2, [3, 4], 2, 3, 3, 2, 1, 1)
transposed(2, [3, 3], 4, 2, 2, 2, "valid", groups=2)
transposed(2, [4, 3], 2, 2, 3, 1, 1)  # the same as "same"
layers[-1]["options"] = {"stride": 1}


# Pools. Normal inputs of few digits may tie: spread them.
def spread(*shape):
    n = math.prod(shape)
    return (torch.randperm(n, generator=generator).reshape(shape) - n / 2) / 8


for spatial, size in [(1, [7]), (2, [6, 5]), (3, [4, 5, 4])]:
    maxes = [F.max_pool1d, F.max_pool2d, F.max_pool3d][spatial - 1]
    means = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][spatial - 1]
    amax = [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d][spatial - 1]
    amean = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][spatial - 1]
    x = spread(2, *size, 2) - 20
    layer(f"MaxPool{spatial}d", [2], lambda x, p: last(maxes(first(x, spatial), 2), spatial), x)
    layer(f"MaxPool{spatial}d", [3], lambda x, p: last(maxes(first(x, spatial), 3, 2, 1), spatial),
          x, stride=2, padding=1)
    layer(f"AvgPool{spatial}d", [2], lambda x, p: last(means(first(x, spatial), 2), spatial), x)
    layer(f"AvgPool{spatial}d", [3], lambda x, p: last(
        means(first(x, spatial), 3, 2, 1, count_include_pad=False), spatial), x, stride=2, padding=1)
    for target in [1, 3]:
        layer(f"AdaptiveMaxPool{spatial}d", [target],
              lambda x, p: last(amax(first(x, spatial), target), spatial), x)
        layer(f"AdaptiveAvgPool{spatial}d", [target],
              lambda x, p: last(amean(first(x, spatial), target), spatial), x)

# Normalizations
for spatial, size in [(0, []), (1, [3]), (2, [3, 2]), (3, [2, 2, 2])]:
    x = rand(4, *size, 3) * 2 + 1
    params = {"weight": rand(3), "bias": rand(3)}
    mean, var = rand(3), rand(3).abs() + 0.5
    axes = tuple(range(spatial + 1))
    batch = x.mean(axes), x.var(axes, unbiased=False)
    layer(f"BatchNorm{spatial}d", [3], lambda x, p: last(
        F.batch_norm(first(x, spatial), None, None, p["weight"], p["bias"], True, eps=1e-5), spatial),
        x, params, fit=True, momentum=0.9,
        after={"runningMean": 0.9 * 0 + 0.1 * batch[0], "runningVar": 0.9 * 1 + 0.1 * batch[1]})
    layer(f"BatchNorm{spatial}d", [3], lambda x, p: last(
        F.batch_norm(first(x, spatial), mean, var, p["weight"], p["bias"], False, eps=1e-3), spatial),
        x, params, fit=False, eps=1e-3, after={"runningMean": mean, "runningVar": var})
layer("BatchNorm0d", [3], lambda x, p: F.batch_norm(x, None, None, None, None, True, eps=1e-5),
      rand(5, 3), fit=True, affine=False)
layer("LayerNorm", [3], lambda x, p: F.layer_norm(x, [3], p["weight"], p["bias"], 1e-6),
      rand(4, 3), {"weight": rand(3), "bias": rand(3)})
layer("LayerNorm", [[2, 3]], lambda x, p: F.layer_norm(x, [2, 3], None, None, 1e-3),
      rand(4, 2, 3), scale=False, bias=False, eps=1e-3)
layer("RMSNorm", [3], lambda x, p: F.rms_norm(x, [3], p["weight"], 1e-6), rand(4, 3), {"weight": rand(3)})
layer("RMSNorm", [[2, 3]], lambda x, p: F.rms_norm(x, [2, 3], None, 1e-3), rand(4, 2, 3), scale=False, eps=1e-3)
layer("GroupNorm", [6], lambda x, p: last(F.group_norm(first(x, 2), 2, p["weight"], p["bias"], 1e-6), 2),
      rand(2, 3, 2, 6), {"weight": rand(6), "bias": rand(6)}, numGroups=2)
layer("GroupNorm", [4], lambda x, p: last(F.group_norm(first(x, 1), 1, None, None, 1e-3), 1),
      rand(2, 3, 4), numGroups=1, scale=False, bias=False, eps=1e-3)
layer("InstanceNorm", [3], lambda x, p: last(
    F.instance_norm(first(x, 2), weight=p["weight"], bias=p["bias"], eps=1e-6), 2),
    rand(2, 3, 3, 3), {"weight": rand(3), "bias": rand(3)})
layer("InstanceNorm", [2], lambda x, p: last(F.instance_norm(first(x, 1), eps=1e-2), 1),
      rand(2, 4, 2), scale=False, bias=False, eps=1e-2)

# Shapes
for size, factor in [([3, 2], 2), ([2, 3], [1, 3])]:
    pair = factor if isinstance(factor, list) else [factor, factor]
    layer("Upsample", [factor], lambda x, p: last(F.interpolate(first(x, 2), scale_factor=pair), 2),
          rand(2, *size, 2))
    layer("Upsample", [factor], lambda x, p: last(F.interpolate(
        first(x, 2), scale_factor=pair, mode="bilinear", align_corners=False), 2),
        rand(2, *size, 2), mode="bilinear")
layer("Flatten", [], lambda x, p: x.flatten(1), rand(2, 3, 2))
layer("Flatten", [], lambda x, p: x.flatten(1), rand(3, 2))

# Embeddings
tokens = torch.tensor([[1, 0, 3], [3, 3, 2]])
layer("Embedding", [4, 3], lambda x, p: F.embedding(x.long(), p["weight"]), tokens, {"weight": rand(4, 3)}, dtype="int32")
weight = rand(4, 3)
weight[3] = 0
layer("Embedding", [4, 3], lambda x, p: F.embedding(x.long(), p["weight"], padding_idx=3), tokens,
      {"weight": weight}, dtype="int32", paddingIdx=3)


# Recurrent cells (brainstate's formulas)
def rnn(name, gates, step, reverse=False):
    n, h = 3, 2

    def fn(x, p):
        state = {"h": torch.zeros(x.shape[0], h), "c": torch.zeros(x.shape[0], h)}
        ys = []
        for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
            state = {**state, **step(x[:, t], state, p)}
            ys.append(state["h"])
        return torch.stack(ys[::-1] if reverse else ys, 1)

    params = {}
    for path, outputs in gates.items():
        params[f"cell.{path}.weight"] = rand(n + h, outputs * h)
        params[f"cell.{path}.bias"] = rand(outputs * h)
    layer(f"RNN {name}", [n, h], fn, rand(2, 4, n), params, **({"reverse": True} if reverse else {}))


def affine(x, h, p, path):
    return torch.cat([x, h], 1) @ p[f"cell.{path}.weight"] + p[f"cell.{path}.bias"]


def vanilla(x, s, p):
    return {"h": torch.tanh(affine(x, s["h"], p, "gates"))}


def gru(x, s, p):
    r, z = torch.sigmoid(affine(x, s["h"], p, "gates")).chunk(2, 1)
    c = torch.tanh(affine(x, r * s["h"], p, "candidate"))
    return {"h": (1 - z) * s["h"] + z * c}


def mgu(x, s, p):
    f = torch.sigmoid(affine(x, s["h"], p, "gates"))
    c = torch.tanh(affine(x, f * s["h"], p, "candidate"))
    return {"h": (1 - f) * s["h"] + f * c}


def lstm(x, s, p):
    i, g, f, o = affine(x, s["h"], p, "gates").chunk(4, 1)
    c = torch.sigmoid(f + 1) * s["c"] + torch.sigmoid(i) * torch.tanh(g)
    return {"h": torch.sigmoid(o) * torch.tanh(c), "c": c}


for reverse in [False, True]:
    rnn("VanillaRNNCell", {"gates": 1}, vanilla, reverse)
    rnn("GRUCell", {"gates": 2, "candidate": 1}, gru, reverse)
    rnn("MGUCell", {"gates": 1, "candidate": 1}, mgu, reverse)
    rnn("LSTMCell", {"gates": 4}, lstm, reverse)

# Attention: torch.nn's own module
def attention(name, causal=False, padded=False, prefix=""):
    d, heads = 4, 2
    parts = ["query", "key", "value", "out"]
    params = {f"{prefix}{part}.{kind}": rand(d, d) if kind == "weight" else rand(d)
              for part in parts for kind in ["weight", "bias"]}
    keep = torch.tensor([[1.0, 1, 1], [1, 1, 0]])

    def fn(x, p):
        w = lambda part: p[f"{prefix}{part}.weight"].T
        b = lambda part: p[f"{prefix}{part}.bias"]
        t = x.transpose(0, 1)
        mask = torch.triu(torch.full((3, 3), -math.inf), 1) if causal else None
        y, _ = F.multi_head_attention_forward(
            t, t, t, d, heads, torch.cat([w("query"), w("key"), w("value")]),
            torch.cat([b("query"), b("key"), b("value")]), None, None, False, 0.0, w("out"), b("out"),
            attn_mask=mask, key_padding_mask=(keep == 0) if padded else None, need_weights=False)
        return y.transpose(0, 1)

    return d, heads, params, fn


for causal, padded in [(False, False), (True, False), (False, True)]:
    d, heads, params, fn = attention("MultiHeadAttention", causal, padded)
    layer("MultiHeadAttention", [d, heads], fn, rand(2, 3, d), params,
          **({"causal": True} if causal else {}), **({"keyMask": [[1, 1, 1], [1, 1, 0]]} if padded else {}))

for causal in [False, True]:
    d, heads, params, attend = attention("TransformerBlock", causal, prefix="attention.")
    for norm in ["attentionNorm", "denseNorm"]:
        params[f"{norm}.weight"], params[f"{norm}.bias"] = rand(d), rand(d)
    hidden = 4 * d if not causal else 6
    params["expand.weight"], params["expand.bias"] = rand(d, hidden), rand(hidden)
    params["contract.weight"], params["contract.bias"] = rand(hidden, d), rand(d)

    def block(x, p):
        a = attend(F.layer_norm(x, [d], p["attentionNorm.weight"], p["attentionNorm.bias"], 1e-6), p)
        x = x + a
        n = F.layer_norm(x, [d], p["denseNorm.weight"], p["denseNorm.bias"], 1e-6)
        return x + F.gelu(n @ p["expand.weight"] + p["expand.bias"]) @ p["contract.weight"] + p["contract.bias"]

    layer("TransformerBlock", [d, heads], block, rand(2, 3, d), params,
          **({"causal": True, "hiddenSize": hidden} if causal else {}))

# Parametric activations
layer("PReLU", [], lambda x, p: F.prelu(x, p["weight"]), rand(4, 3), {"weight": torch.tensor([0.25])})
layer("PReLU", [], lambda x, p: F.prelu(first(x, 1), p["weight"]).permute(0, 2, 1), rand(2, 2, 3),
      {"weight": rand(3)}, numParameters=3)
layer("GLU", [], lambda x, p: F.glu(x), rand(3, 4))
layer("GLU", [], lambda x, p: F.glu(x), rand(2, 2, 6))

# Activations: value, derivative and second derivative, at kinks too.
points = torch.tensor([-30.0, -7, -4, -3, -2, -1.25, -1, -0.75, -0.5, -0.125, 0,
                       0.125, 0.5, 0.75, 1, 1.25, 2, 3, 4, 6, 7, 30])
activations = []


def activation(name, f, args=(), kinks=(), x=points):
    elementwise = x is points
    y = f(x)
    dy = torch.ones_like(y) if elementwise else rand(*y.shape)
    v = torch.ones_like(x) if elementwise else rand(*x.shape)

    def derivative(at):
        leaf = at.clone().requires_grad_(True)
        return torch.autograd.grad((f(leaf) * dy).sum(), leaf)[0]

    h = 1e-5  # torch lacks some second derivatives
    d1, d2 = derivative(x), (derivative(x + h * v) - derivative(x - h * v)) / (2 * h)
    activations.append({
        "name": name, "args": list(args), "kinks": list(kinks), "x": plain(x), "y": plain(y),
        "dy": plain(dy), "v": plain(v), "d1": plain(d1), "d2": plain(d2),
    })


activation("relu", F.relu, kinks=[0])
activation("relu6", F.relu6, kinks=[0, 6])
activation("leakyRelu", F.leaky_relu, kinks=[0])
activation("leakyRelu", lambda x: F.leaky_relu(x, 0.25), [0.25], kinks=[0])
activation("elu", F.elu, kinks=[0])
activation("elu", lambda x: F.elu(x, 0.5), [0.5], kinks=[0])
activation("celu", F.celu, kinks=[0])
activation("celu", lambda x: F.celu(x, 2), [2], kinks=[0])
activation("selu", F.selu, kinks=[0])
activation("gelu", F.gelu)
activation("gelu", lambda x: F.gelu(x, approximate="tanh"), [{"approximate": True}])
activation("silu", F.silu)
activation("mish", F.mish)
activation("sigmoid", torch.sigmoid)
activation("logSigmoid", F.logsigmoid)
activation("tanh", torch.tanh)
activation("tanhshrink", F.tanhshrink)
activation("softplus", lambda x: torch.logaddexp(x, torch.zeros_like(x)))
activation("squareplus", lambda x: (x + torch.sqrt(x * x + 4)) / 2)
activation("squareplus", lambda x: (x + torch.sqrt(x * x + 1)) / 2, [1])
activation("softsign", F.softsign, kinks=[0])
activation("hardsigmoid", F.hardsigmoid, kinks=[-3, 3])
activation("hardswish", F.hardswish, kinks=[-3, 3])
activation("hardtanh", F.hardtanh, kinks=[-1, 1])
activation("hardtanh", lambda x: F.hardtanh(x, -2, 0.5), [{"min": -2, "max": 0.5}], kinks=[-2, 0.5])
activation("hardshrink", F.hardshrink, kinks=[-0.5, 0.5])
activation("hardshrink", lambda x: F.hardshrink(x, 1), [1], kinks=[-1, 1])
activation("softshrink", F.softshrink, kinks=[-0.5, 0.5])
activation("softshrink", lambda x: F.softshrink(x, 1), [1], kinks=[-1, 1])
activation("threshold", lambda x: F.threshold(x, 0.5, -2), [0.5, -2], kinks=[0.5])
activation("sparsePlus", lambda x: torch.where(x <= -1, 0 * x, torch.where(x >= 1, x, (x + 1) ** 2 / 4)), kinks=[-1, 1])
activation("sparseSigmoid", lambda x: (F.hardtanh(x) + 1) / 2, kinks=[-1, 1])
rows = rand(3, 4)
activation("softmax", lambda x: F.softmax(x, -1), x=rows)
activation("softmin", lambda x: F.softmin(x, -1), x=rows)
activation("logSoftmax", lambda x: F.log_softmax(x, -1), x=rows)
activation("glu", lambda x: F.glu(x, -1), x=rows)
activation("glu", lambda x: F.glu(x, 0), [0], x=rand(4, 3))

# Losses
losses = []


def loss(name, f, predictions, targets, tensors=None, dtype=None, **options):
    cases = {}
    leaf = predictions.clone().requires_grad_(True)
    y = f(leaf, targets)
    dy = rand(*y.shape)
    (g,) = torch.autograd.grad((y * dy).sum(), leaf)
    losses.append({
        "name": name, "options": options, "tensors": {k: plain(v) for k, v in (tensors or {}).items()},
        "predictions": plain(predictions), "targets": plain(targets), **({"dtype": dtype} if dtype else {}),
        "y": plain(y), "dy": plain(dy), "dx": plain(g), **cases,
    })


logits, labels = rand(5, 4) * 3, torch.tensor([0, 3, 2, 2, 1])
dense = F.softmax(rand(5, 4), -1)
weights = rand(4).abs() + 0.25
sparse = dict(dtype="int32")
ce = lambda **o: lambda x, t: F.cross_entropy(x, t, **o)
for reduction in ["none", "sum", "mean"]:
    loss("softmaxCrossEntropy", ce(reduction=reduction), logits, labels, **sparse, reduction=reduction)
    loss("softmaxCrossEntropy", ce(reduction=reduction), logits, dense, reduction=reduction)
    loss("softmaxCrossEntropy", ce(reduction=reduction, weight=weights), logits, labels,
         {"classWeights": weights}, **sparse, reduction=reduction)
    loss("softmaxCrossEntropy", ce(reduction=reduction, ignore_index=2), logits, labels,
         **sparse, reduction=reduction, ignoreIndex=2)
    loss("softmaxCrossEntropy", ce(reduction=reduction, ignore_index=2, weight=weights, label_smoothing=0.2),
         logits, labels, {"classWeights": weights}, **sparse, reduction=reduction, ignoreIndex=2, labelSmoothing=0.2)
    loss("softmaxCrossEntropy", ce(reduction=reduction, label_smoothing=0.1), logits, dense,
         reduction=reduction, labelSmoothing=0.1)
loss("softmaxCrossEntropy", ce(reduction="mean", label_smoothing=0.1), logits * 20, labels,
     **sparse, reduction="mean", labelSmoothing=0.1)
loss("softmaxCrossEntropy", ce(reduction="mean", weight=weights), logits, dense,
     {"classWeights": weights}, reduction="mean")
sequence = rand(2, 3, 4)
loss("softmaxCrossEntropy", lambda x, t: F.cross_entropy(x.permute(0, 2, 1), t, reduction="none"),
     sequence, torch.tensor([[0, 1, 2], [3, 3, 0]]), **sparse, reduction="none")
logp = F.log_softmax(logits, -1)
for reduction in ["none", "mean"]:
    nll = lambda x, t: F.nll_loss(x, t, reduction=reduction, weight=weights)
    loss("nllLoss", nll, logp, labels, {"classWeights": weights}, **sparse, reduction=reduction)
    loss("nllLoss", lambda x, t: F.nll_loss(x, t, reduction=reduction), logp, labels, **sparse, reduction=reduction)

a, b = rand(4, 3), rand(4, 3)
b[0] = a[0]  # errors of 0
for reduction in ["none", "sum", "mean"]:
    loss("squaredError", lambda x, t: F.mse_loss(x, t, reduction=reduction), a, b, reduction=reduction)
    loss("absoluteError", lambda x, t: F.l1_loss(x, t, reduction=reduction), a, b, reduction=reduction)
    loss("huberLoss", lambda x, t: F.huber_loss(x, t, reduction=reduction, delta=0.5), a, b, reduction=reduction, delta=0.5)
loss("huberLoss", lambda x, t: F.huber_loss(x, t, reduction="none"), a, b)
loss("l2Loss", lambda x, t: (x - t) ** 2 / 2, a, b)
loss("l2Loss", lambda x, t: ((x - t) ** 2 / 2).mean(), a, b, reduction="mean")
loss("logCosh", lambda x, t: torch.log(torch.cosh(x - t)), a, b)
loss("logCosh", lambda x, t: torch.log(torch.cosh(x - t)).mean(), a * 30, b, reduction="mean")

binary = torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0.25, 1], [1, 1, 0]])
bce = F.binary_cross_entropy_with_logits
extreme = a.clone()
extreme[0] = torch.tensor([0.0, 80, -80])
for reduction in ["none", "mean"]:
    loss("sigmoidBinaryCrossEntropy", lambda x, t: bce(x, t, reduction=reduction), extreme, binary, reduction=reduction)
    loss("sigmoidBinaryCrossEntropy", lambda x, t: bce(x, t, reduction=reduction, pos_weight=torch.tensor(3.0)),
         a, binary, reduction=reduction, positiveWeight=3)
    loss("binaryCrossEntropy", lambda x, t: F.binary_cross_entropy(x, t, reduction=reduction),
         torch.sigmoid(a), binary, reduction=reduction)


def focal(x, t, alpha, gamma):
    p = torch.sigmoid(x)
    pt = p * t + (1 - p) * (1 - t)
    return bce(x, t, reduction="none") * (1 - pt) ** gamma * (alpha * t + (1 - alpha) * (1 - t))


loss("sigmoidFocalLoss", lambda x, t: focal(x, t, 0.25, 2), a, binary)
loss("sigmoidFocalLoss", lambda x, t: focal(x, t, 0.5, 3).mean(), a, binary, alpha=0.5, gamma=3, reduction="mean")
for reduction in ["none", "mean"]:
    red = {"none": lambda y: y, "mean": torch.mean}[reduction]
    loss("cosineDistance", lambda x, t: red(1 - F.cosine_similarity(x, t, -1)), a, b * 2, reduction=reduction)
    hard = dense.clone()
    hard[0] = torch.tensor([0.0, 1, 0, 0])
    loss("klDivergence", lambda x, t: red(F.kl_div(x, t, reduction="none").sum(-1)), logp, hard, reduction=reduction)
    sides = torch.sign(b) + (b == 0)
    loss("hingeLoss", lambda x, t: red(torch.clamp(1 - t * x, min=0)), a * 2 + 0.01, sides, reduction=reduction)

speech = rand(2, 6, 4)
for reduction, blank, t, spoken, lengths in [
    ("none", 0, [6, 6], [[1, 1, 3], [2, 3, 1]], [3, 3]),
    ("sum", 3, [6, 4], [[0, 1, 1], [2, 0, 0]], [3, 1]),
]:
    loss("ctcLoss", lambda x, y: F.ctc_loss(F.log_softmax(x, -1).transpose(0, 1), y, torch.tensor(t),
                                            torch.tensor(lengths), blank=blank, reduction=reduction),
         speech, torch.tensor(spoken), **sparse, reduction=reduction, blank=blank, inputLengths=t, labelLengths=lengths)

single, layers = layers, []


# Recurrent networks: torch.nn.LSTM and torch.nn.GRU
def torch_lstm(p, path, n):
    """Our gates i, g, f, o with f + 1 and one bias; torch's i, f, g, o with two."""
    i, g, f, o = p[f"{path}.cell.gates.weight"].chunk(4, 1)
    weight = torch.cat([i, f, g, o], 1)
    i, g, f, o = p[f"{path}.cell.gates.bias"].chunk(4)
    bias = torch.cat([i, f + 1, g, o])
    return weight[:n].T, weight[n:].T, bias, torch.zeros_like(bias)


def torch_gru(p, path, n):
    """Our z is 1 - torch's; the state's own bias is in the candidate only."""
    r, z = p[f"{path}.cell.gates.weight"].chunk(2, 1)
    weight = torch.cat([r, -z, p[f"{path}.cell.candidate.weight"]], 1)
    r, z = p[f"{path}.cell.gates.bias"].chunk(2)
    bias = torch.cat([r, -z, p[f"{path}.cell.candidate.bias"]])
    state = p[f"{path}.cell.stateBias"]
    return weight[:n].T, weight[n:].T, bias, torch.cat([torch.zeros_like(r), torch.zeros_like(z), state])


def stacked(name, inputs, hidden, depth=1, bidirectional=False, mask=None, last=False):
    directions = ["forward", "backward"][:2 if bidirectional else 1]
    torch_of, module = (torch_lstm, torch.nn.LSTM) if name == "LSTM" else (torch_gru, torch.nn.GRU)
    net = module(inputs, hidden, depth, batch_first=True, bidirectional=bidirectional)
    params = {}
    for direction in directions:
        for i in range(depth):
            n = inputs if i == 0 else hidden * len(directions)
            cell = f"{direction}.{i}.cell"
            for part, outputs in ({"gates": 4} if name == "LSTM" else {"gates": 2, "candidate": 1}).items():
                params[f"{cell}.{part}.weight"] = rand(n + hidden, outputs * hidden) / 2
                params[f"{cell}.{part}.bias"] = rand(outputs * hidden)
            if name == "GRU":
                params[f"{cell}.stateBias"] = rand(hidden)

    def fn(x, p):
        weights = {}
        for d, direction in enumerate(directions):
            for i in range(depth):
                n = inputs if i == 0 else hidden * len(directions)
                names = [f"{kind}_l{i}{'_reverse' if d else ''}" for kind in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]]
                weights.update(zip(names, torch_of(p, f"{direction}.{i}", n)))
        pack = x
        if mask is not None:
            lengths = torch.tensor(mask).sum(1)
            pack = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, h = torch.func.functional_call(net, weights, (pack,))
        h = h[0] if name == "LSTM" else h
        if last:
            return torch.cat(list(h[-len(directions):]), 1)
        if mask is None:
            return y
        return torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]

    options = {
        **({"layers": depth} if depth > 1 else {}),
        **({"bidirectional": True} if bidirectional else {}),
        **({"lastOnly": True} if last else {}),
        **({"resetAfter": True} if name == "GRU" else {}),
        **({"mask": mask} if mask is not None else {}),
    }
    layer(name, [inputs, hidden], fn, rand(3, 5, inputs), params, **options)


lengths = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
for name in ["LSTM", "GRU"]:
    stacked(name, 3, 4, depth=2, bidirectional=True, mask=lengths)
    stacked(name, 3, 2)
    stacked(name, 2, 3, depth=3)
    stacked(name, 3, 2, bidirectional=True)
    stacked(name, 2, 2, depth=2, mask=lengths)
    stacked(name, 2, 2, depth=2, bidirectional=True, last=True)
    stacked(name, 2, 2, depth=2, bidirectional=True, mask=lengths, last=True)


# A minimal gated unit whose gate comes after the product.
def mgu_after(x, s, p):
    f = torch.sigmoid(affine(x, s["h"], p, "gates"))
    w, n = p["cell.candidate.weight"], x.shape[1]
    c = torch.tanh(x @ w[:n] + p["cell.candidate.bias"] + f * (s["h"] @ w[n:] + p["cell.stateBias"]))
    return {"h": (1 - f) * s["h"] + f * c}


def after(x, p):
    state, ys = {"h": torch.zeros(x.shape[0], 2)}, []
    for t in range(x.shape[1]):
        state = mgu_after(x[:, t], state, p)
        ys.append(state["h"])
    return torch.stack(ys, 1)


layer("RNN MGUCell", [3, 2], after, rand(2, 4, 3), {
    "cell.gates.weight": rand(5, 2), "cell.gates.bias": rand(2), "cell.candidate.weight": rand(5, 2),
    "cell.candidate.bias": rand(2), "cell.stateBias": rand(2)}, resetAfter=True)
recurrent, layers = layers, single
for size in [[2, 3, 2], [4, 3], [3]]:
    layer("Flatten", [], lambda x, p: first(x, len(size) - 1).flatten(1), rand(2, *size), order="channelsFirst")

# Cells with another activation, or another state before the first step.
def cell_from(name, gates, step, start=0.0, **options):
    n, h = 3, 2

    def fn(x, p):
        begin = torch.full((x.shape[0], h), float(start))
        state, ys = {"h": begin, "c": begin}, []
        for t in range(x.shape[1]):
            state = {**state, **step(x[:, t], state, p)}
            ys.append(state["h"])
        return torch.stack(ys, 1)

    params = {}
    for path, outputs in gates.items():
        params[f"cell.{path}.weight"] = rand(n + h, outputs * h)
        params[f"cell.{path}.bias"] = rand(outputs * h)
    if start:
        options["stateInit"] = start
    layer(f"RNN {name}", [n, h], fn, rand(2, 4, n), params, **options)


def activated(f):
    """The steps of the cells, with f in place of tanh."""
    def vanilla(x, s, p):
        return {"h": f(affine(x, s["h"], p, "gates"))}

    def gru(x, s, p):
        r, z = torch.sigmoid(affine(x, s["h"], p, "gates")).chunk(2, 1)
        return {"h": (1 - z) * s["h"] + z * f(affine(x, r * s["h"], p, "candidate"))}

    def mgu(x, s, p):
        g = torch.sigmoid(affine(x, s["h"], p, "gates"))
        return {"h": (1 - g) * s["h"] + g * f(affine(x, g * s["h"], p, "candidate"))}

    def lstm(x, s, p):
        i, g, k, o = affine(x, s["h"], p, "gates").chunk(4, 1)
        c = torch.sigmoid(k + 1) * s["c"] + torch.sigmoid(i) * f(g)
        return {"h": torch.sigmoid(o) * f(c), "c": c}

    return {"VanillaRNNCell": ({"gates": 1}, vanilla), "GRUCell": ({"gates": 2, "candidate": 1}, gru),
            "MGUCell": ({"gates": 1, "candidate": 1}, mgu), "LSTMCell": ({"gates": 4}, lstm)}


layers = recurrent
for name, (gates, step) in activated(F.softsign).items():
    cell_from(name, gates, step, activation="softsign")
for name, (gates, step) in activated(torch.tanh).items():
    cell_from(name, gates, step, start=0.5)
for name, (gates, step) in activated(F.silu).items():
    cell_from(name, gates, step, start=-0.25, activation="silu")
layers = single

# Transposed convolutions of volumes, and with cells apart.
transposed(3, [2, 3, 2], 2, 3, 3, 2, 1, 1)
transposed(3, [2, 2, 3], 4, 2, 2, 2, "valid", groups=2, dilation=[2, 1, 2])
transposed(1, [4], 2, 3, 3, 1, 1, 2, dilation=3)
transposed(2, [3, 4], 2, 3, 3, 2, 1, 1, dilation=2)
transposed(2, [3, 3], 4, 2, 2, 2, "valid", groups=2, dilation=[1, 3])


# Masks of weights
def mask(*shape):
    return (torch.rand(shape, generator=generator) < 0.6).double()


m = mask(3, 4)
layer("Linear", [3, 4], lambda x, p: x @ (p["weight"] * m) + p["bias"],
      rand(5, 3), {"weight": rand(3, 4), "bias": rand(4)}, weightMask=m.tolist())
m = mask(3, 3, 2, 3)
layer("Conv2d", [2, 3, 3], lambda x, p: last(F.conv2d(
    F.pad(first(x, 2), [1, 1, 1, 1]), kernel(p["weight"] * m, 2), p["bias"]), 2),
    rand(2, 4, 5, 2), {"weight": rand(3, 3, 2, 3), "bias": rand(3)}, weightMask=m.tolist())
m = mask(3, 2, 2)
layer("ConvTranspose1d", [2, 2, 3], lambda x, p: last(F.conv_transpose1d(
    first(x, 1), (p["weight"] * m).permute(1, 2, 0), p["bias"], stride=2), 1),
    rand(2, 4, 2), {"weight": rand(3, 2, 2), "bias": rand(2)}, stride=2, padding="valid", weightMask=m.tolist())

# Groups by their size
layer("GroupNorm", [6], lambda x, p: last(F.group_norm(first(x, 2), 3, p["weight"], p["bias"], 1e-6), 2),
      rand(2, 3, 2, 6), {"weight": rand(6), "bias": rand(6)}, groupSize=2)


# Embeddings that write their weight, or divide gradients. torch writes in place, so it
# gets a copy that still belongs to the gradient.
def embedding(**options):
    names = {"maxNorm": "max_norm", "normType": "norm_type", "scaleGradByFreq": "scale_grad_by_freq",
             "paddingIdx": "padding_idx"}
    given = {names[k]: v for k, v in options.items()}
    w = rand(5, 3) * 2
    if "paddingIdx" in options:
        w[options["paddingIdx"]] = 0
    after = w.clone()
    F.embedding(tokens.long(), after, **given)
    layer("Embedding", [5, 3], lambda x, p: F.embedding(x.long(), p["weight"] + 0, **given), tokens,
          {"weight": w}, dtype="int32", **({"after": {"weight": after}} if "maxNorm" in options else {}), **options)


embedding(maxNorm=1)
embedding(maxNorm=1.5, normType=1)
embedding(maxNorm=2, normType=3, scaleGradByFreq=True)
embedding(maxNorm=0.5, paddingIdx=1)
embedding(scaleGradByFreq=True)
embedding(scaleGradByFreq=True, paddingIdx=3)

# Padding layers
for spatial, size in [(1, [4]), (2, [3, 4]), (3, [2, 3, 3])]:
    for name, mode in [("ReflectionPad", "reflect"), ("ReplicationPad", "replicate"), ("CircularPad", "circular"),
                       ("ConstantPad", "constant")]:
        value = {"value": 1.5} if mode == "constant" else {}
        layer(f"{name}{spatial}d", [1], lambda x, p: last(F.pad(first(x, spatial), [1] * 2 * spatial, mode), spatial),
              rand(2, *size, 2))
        pairs = [[1, 0], [2, 1], [0, 2]][:spatial]
        flat = [c for pair in reversed(pairs) for c in pair]
        layer(f"{name}{spatial}d", [pairs, *([value] if value else [])],
              lambda x, p: last(F.pad(first(x, spatial), flat, mode, **value), spatial), rand(2, *size, 2))

for name, cases in {"layers": single, "rnn": recurrent, "activations": activations, "losses": losses}.items():
    path = OUT / f"nn_{name}.json"
    path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(path.name, len(cases), "cases,", path.stat().st_size // 1024, "KiB")
