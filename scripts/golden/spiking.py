"""References for spiking neurons, in float64.

    python scripts/golden/spiking.py

writes tests/golden/spiking.json. Made with torch 2.13.0 and snntorch 1.0.0. The cells
are loops over the formulas of brainstate's LIF and ALIF and of Izhikevich 2003, with
torch's gradients; leaky integrate-and-fire neurons with a hard reset are compared with
snnTorch's Leaky here, and so are two of the surrogate gradients; spiking_check.py
compares the rest with brainstate.
"""

import json
import math
import pathlib

import snntorch
import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "spiking.json"
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(11)
STEPS = 24


def rand(*shape):
    """Normal numbers of few digits, which float32 need not round much."""
    return torch.round(torch.randn(shape, generator=generator) * 256) / 256


def plain(x):
    values = [float(f"{v:.9g}") for v in x.detach().reshape(-1).tolist()]
    return {"shape": list(x.shape), "values": values}


def normal(x, mean, std):
    return torch.exp(-((x - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))


def sigmoid(x, alpha=4):
    y = torch.sigmoid(alpha * x)
    return alpha * y * (1 - y)


def arctan(x, alpha=2):
    return alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2)


def super_spike(x, alpha=10):
    return 1 / (1 + alpha * x.abs()) ** 2


def triangle(x, scale=0.3, width=1):
    return scale * (width - x.abs()).clamp(min=0)


def multi_gaussian(x, h=0.15, s=6, sigma=0.5, scale=0.5):
    sides = normal(x, sigma, s * sigma) + normal(x, -sigma, s * sigma)
    return scale * ((1 + h) * normal(x, 0, sigma) - h * sides)


SLOPES = {"sigmoid": sigmoid, "arctan": arctan, "superSpike": super_spike, "triangle": triangle,
          "multiGaussian": multi_gaussian}


def spike(slope, **options):
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx, ds):
            return ds * slope(*ctx.saved_tensors, **options)

    return Spike.apply


surrogates = []
for name, choices in {
    "sigmoid": [{}, {"alpha": 1.5}],
    "arctan": [{}, {"alpha": 0.5}],
    "superSpike": [{}, {"alpha": 25}],
    "triangle": [{}, {"scale": 1, "width": 0.5}],
    "multiGaussian": [{}, {"h": 0.3}, {"s": 3}, {"sigma": 1.25}, {"scale": 2}],
}.items():
    for options in choices:
        x = torch.cat([rand(20), torch.tensor([0.0, -0.25, 0.25, 4, -4])]).requires_grad_()
        y = spike(SLOPES[name], **options)(x)
        dy = rand(25)
        (y * dy).sum().backward()
        surrogates.append({"name": name, "options": options, "x": plain(x), "y": plain(y), "dy": plain(dy),
                           "dx": plain(x.grad)})

# snnTorch's own surrogates.
for theirs, ours in [(snntorch.surrogate.atan(1.5), spike(arctan, alpha=1.5)),
                     (snntorch.surrogate.fast_sigmoid(10), spike(super_spike))]:
    x = rand(50).requires_grad_()
    assert torch.allclose(torch.autograd.grad(theirs(x).sum(), x)[0], torch.autograd.grad(ours(x).sum(), x)[0],
                          atol=1e-15)


def lif(x, spike, tau=5, dt=1, vTh=1, vReset=0, vRest=0, reset="soft", detachReset=False, margins=None,
        tauA=None, beta=None):
    """As brainstate's LIF, or ALIF with tauA and beta: the states after each step."""
    decay = math.exp(-dt / tau)
    zeros = torch.zeros_like(x[:, 0])
    h, v, a, ys = zeros, zeros + vRest, zeros, []
    for t in range(x.shape[1]):
        s = h.detach() if detachReset else h
        v = v - s * (vTh - vReset) if reset == "soft" else (1 - s) * v + s * vReset
        target = vRest + x[:, t]
        v = target + (v - target) * decay
        threshold = vTh
        if tauA is not None:
            a = (a + h) * math.exp(-dt / tauA)
            threshold = vTh + beta * a
        margins.append((v - threshold).abs().min().item())
        h = spike((v - threshold) / (vTh - vReset))
        ys.append(h)
    states = {"h": h, "v": v} if tauA is None else {"h": h, "v": v, "a": a}
    return torch.stack(ys, 1), states


def alif(x, spike, tauA=100, beta=0.1, **options):
    return lif(x, spike, tauA=tauA, beta=beta, **options)


def izhikevich(x, spike, a=0.02, b=0.2, c=-65, d=8, vTh=30, dt=0.5, margins=None):
    zeros = torch.zeros_like(x[:, 0])
    h, v, u, ys = zeros, zeros + c, zeros + b * c, []
    for t in range(x.shape[1]):
        v, u = (1 - h) * v + h * c, u + h * d
        v, u = v + dt * (0.04 * v**2 + 5 * v + 140 - u + x[:, t]), u + dt * a * (b * v - u)
        margins.append((v - vTh).abs().min().item())
        h = spike((v - vTh) / (vTh - c))
        ys.append(h)
    return torch.stack(ys, 1), {"h": h, "v": v, "u": u}


def integrator(x, spike, tau=5, dt=1, margins=None):
    h, ys = torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        h = x[:, t] + (h - x[:, t]) * math.exp(-dt / tau)
        ys.append(h)
    return torch.stack(ys, 1), {"h": h}


cells = []


def cell(name, fn, scale, shift, surrogate="triangle", settings=None, **options):
    """One case: outputs, the last state, and the gradient of sum(y dy) + sum(state dstate)."""
    settings = settings or {}
    x = (rand(2, STEPS, 3) * scale + shift).requires_grad_()
    margins = []
    y, state = fn(x, spike(SLOPES[surrogate], **settings), margins=margins, **options)
    assert all(m > 2e-4 for m in margins), (name, min(margins))
    dy = rand(*y.shape)
    dstate = {key: rand(*value.shape) for key, value in state.items()}
    loss = (y * dy).sum() + sum((value * dstate[key]).sum() for key, value in state.items())
    loss.backward()
    print(name, options, "spikes", y.detach().sum().item(), "of", y.numel(), "gradient up to", x.grad.abs().max().item())
    cells.append({"cell": name, "options": options, "surrogate": [surrogate, settings], "x": plain(x), "y": plain(y),
                  "state": {k: plain(v) for k, v in state.items()}, "dy": plain(dy),
                  "dstate": {k: plain(v) for k, v in dstate.items()}, "dx": plain(x.grad)})


cell("LeakyIntegrator", integrator, 1, 0)
cell("LeakyIntegrator", integrator, 1, 0, tau=2, dt=0.5)
cell("LIFCell", lif, 3, 1)
cell("LIFCell", lif, 3, 1, tau=12, dt=2, detachReset=True)
cell("LIFCell", lif, 3, 1, "superSpike", reset="hard")
cell("LIFCell", lif, 3, 1, "arctan", reset="hard", detachReset=True)
cell("LIFCell", lif, 20, 15, "sigmoid", vTh=-50, vReset=-62, vRest=-60)
cell("LIFCell", lif, 20, 15, "multiGaussian", vTh=-50, vReset=-62, vRest=-60, reset="hard")
cell("ALIFCell", alif, 3, 1)
cell("ALIFCell", alif, 3, 1, tauA=20, beta=0.7, settings={"scale": 1, "width": 2})
cell("ALIFCell", alif, 3, 1, "superSpike", reset="hard", beta=0.5, detachReset=True, dt=0.5, tau=3)
cell("IzhikevichCell", izhikevich, 20, 20)
cell("IzhikevichCell", izhikevich, 20, 20, "superSpike", a=0.1, b=0.25, c=-55, d=2, vTh=25, dt=0.25)

# snnTorch's own neuron, on the input of an exact step.
for gradient, slope in [(snntorch.surrogate.atan(2), arctan), (snntorch.surrogate.fast_sigmoid(10), super_spike)]:
    decay = math.exp(-1 / 5)
    leaky = snntorch.Leaky(beta=torch.tensor(decay), spike_grad=gradient, reset_mechanism="zero")
    x = (rand(2, STEPS, 3) * 3 + 1).requires_grad_()
    v, ys = torch.zeros(2, 3), []
    for t in range(STEPS):
        y, v = leaky((1 - decay) * x[:, t], v)
        ys.append(y)
    theirs = torch.stack(ys, 1)
    ours, _ = lif(x, spike(slope), reset="hard", detachReset=True, margins=[])
    dy = rand(*ours.shape)
    assert torch.equal(theirs, ours) and ours.sum() > 10
    assert torch.allclose(*[torch.autograd.grad((y * dy).sum(), x)[0] for y in [theirs, ours]], atol=1e-13)

# Times of spikes of a constant input: the examples of the docs.
def times(fn, value, steps, **options):
    y, _ = fn(torch.full((1, steps, 1), value), spike(triangle), margins=[], **options)
    return y.flatten().nonzero().flatten().tolist()


print("LIF", times(lif, 2.0, 14, tau=10), "ALIF", times(alif, 2.0, 25, beta=0.5),
      "Izhikevich", times(izhikevich, 10.0, 400))

OUT.write_text(json.dumps({"surrogates": surrogates, "cells": cells}, separators=(",", ":")) + "\n")
print(OUT.name, OUT.stat().st_size // 1024, "KiB")
