"""Compares tests/golden/spiking.json with brainstate's own neurons.

    python scripts/golden/spiking_check.py

LIF and ALIF of brainpy.state (brainstate 0.5.4) must give the spikes and the last states
of all cases, and the gradients of those with a soft reset through which gradients flow;
the surrogates of braintools must give their derivatives. Writes nothing.
"""

import json
import pathlib

import jax

jax.config.update("jax_enable_x64", True)

import brainpy.state
import brainstate
import brainunit as u
import jax.numpy as jnp
import numpy as np
from braintools import surrogate

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "spiking.json"
brainstate.environ.set(precision=64)
golden = json.loads(GOLDEN.read_text())
SURROGATES = {"sigmoid": surrogate.Sigmoid, "arctan": surrogate.Arctan, "superSpike": surrogate.InvSquareGrad,
              "triangle": surrogate.ReluGrad, "multiGaussian": surrogate.MultiGaussianGrad}
DEFAULTS = {"sigmoid": {"alpha": 4}, "arctan": {"alpha": 2}, "superSpike": {"alpha": 10}, "triangle": {},
            "multiGaussian": {}}
NAMES = {"scale": "alpha"}
NEURONS = {"LIFCell": brainpy.state.LIF, "ALIFCell": brainpy.state.ALIF}


def array(x):
    return jnp.asarray(np.array(x["values"]).reshape(x["shape"]))


def spikes_of(name, options):
    given = {**DEFAULTS[name], **options}
    if name == "triangle":
        given = {NAMES.get(key, key): value for key, value in given.items()}
    return SURROGATES[name](**given)


for case in golden["surrogates"]:
    spike, dy = spikes_of(case["name"], case["options"]), array(case["dy"])
    slope = jax.grad(lambda x: (spike(x) * dy).sum())(array(case["x"]))
    np.testing.assert_allclose(slope, array(case["dx"]), rtol=1e-6, atol=1e-6)

cells = gradients = 0
for case in golden["cells"]:
    options = dict(case["options"])
    if case["cell"] not in NEURONS:
        continue
    reset, is_detached = options.pop("reset", "soft"), options.pop("detachReset", False)
    brainstate.environ.set(dt=options.pop("dt", 1) * u.ms)
    units = {"tau": ("tau", u.ms), "tauA": ("tau_a", u.ms), "vTh": ("V_th", u.mV), "vReset": ("V_reset", u.mV),
             "vRest": ("V_rest", u.mV), "beta": ("beta", u.mV)}
    given = {units[key][0]: value * units[key][1] for key, value in options.items()}
    rest = given.get("V_rest", 0 * u.mV)
    neurons = NEURONS[case["cell"]](3, spk_fun=spikes_of(*case["surrogate"]), spk_reset=reset,
                                    V_initializer=lambda shape, **_: jnp.ones(shape) * rest, **given)

    def loss(x):
        neurons.init_state(2)
        ys = []
        for t in range(x.shape[1]):
            ys.append(neurons.update(x[:, t] * u.mA))
        y = jnp.stack(ys, 1)
        state = {"h": ys[-1], "v": neurons.V.value / u.mV}
        if case["cell"] == "ALIFCell":
            state["a"] = neurons.a.value
        parts = [(value * array(case["dstate"][key])).sum() for key, value in state.items()]
        return (y * array(case["dy"])).sum() + sum(parts), (y, state)

    dx, (y, state) = jax.grad(loss, has_aux=True)(array(case["x"]))
    np.testing.assert_array_equal(y, array(case["y"]))
    for key, value in state.items():
        np.testing.assert_allclose(value, array(case["state"][key]), rtol=1e-7, atol=1e-8)
    is_theirs = reset == "soft" and not is_detached
    if is_theirs:
        np.testing.assert_allclose(dx, array(case["dx"]), rtol=1e-6, atol=1e-8)
    cells += 1
    gradients += is_theirs
print(len(golden["surrogates"]), "surrogates,", cells, "cells and", gradients,
      "gradients are those of brainstate", brainstate.__version__)
