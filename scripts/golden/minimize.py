"""References for optim's searches and optim.minimize: tests/golden/minimize.json.

    python scripts/golden/minimize.py [counts]

Needs scipy 1.17, cma 4.5 and nevergrad 1.0.12.

- cmaes: constants, and a run of pycma with the same samples; pycma's own step-size
  constants, which differ from those of Hansen's tutorial, are replaced by the latter.
- fold: pycma's transformation of bounds.
- nelderMead: every point that scipy's method evaluates.
- trials: scipy's mutation and binomial crossover.
- counts: evaluations that scipy, pycma and nevergrad need for the same functions.
"""
import json
import math
import pathlib
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import cma  # noqa: E402
import nevergrad as ng  # noqa: E402
import scipy  # noqa: E402
from cma.boundary_handler import BoundTransform  # noqa: E402
from scipy import optimize  # noqa: E402
from scipy.optimize._differentialevolution import (  # noqa: E402
    DifferentialEvolutionSolver,
)

OUT = pathlib.Path(__file__).parents[2] / "tests/golden/minimize.json"


def rosenbrock(x):
    x = np.asarray(x)
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def rastrigin(x):
    x = np.asarray(x)
    return float(10 * len(x) + np.sum(x * x - 10 * np.cos(2 * np.pi * x)))


def ackley(x):
    x = np.asarray(x)
    return float(
        -20 * np.exp(-0.2 * np.sqrt(np.mean(x * x)))
        - np.exp(np.mean(np.cos(2 * np.pi * x)))
        + 20 + np.e
    )


def styblinski_tang(x):
    x = np.asarray(x)
    return float(np.sum(x**4 - 16 * x * x + 5 * x) / 2)


def goldstein_price(x):
    x, y = x
    a = 1 + (x + y + 1) ** 2 * (
        19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y)
    b = 30 + (2 * x - 3 * y) ** 2 * (
        18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y)
    return float(a * b)


# Function, number of elements, bounds, least value. No minimum is in the middle, where
# some searches start.
FUNCTIONS = {
    "Rosenbrock": (rosenbrock, 10, (-5, 10), 0.0),
    "Rastrigin": (rastrigin, 5, (-4.4, 5.8), 0.0),
    "Ackley": (ackley, 5, (-28, 35), 0.0),
    "Styblinski-Tang": (styblinski_tang, 5, (-5, 5), -39.16616570377142 * 5),
    "Goldstein-Price": (goldstein_price, 2, (-2, 2), 3.0),
}


def pycma_run(n, popsize, generations, active):
    """A run of pycma, and the samples that it drew."""
    options = dict(seed=7, verbose=-9, popsize=popsize, updatecovwait=0,
                   CMA_active=active)
    es = cma.CMAEvolutionStrategy([0.5] * n, 0.3, options)
    mueff = es.sp.weights.mueff
    es.adapt_sigma.cs = (mueff + 2) / (n + mueff + 5)
    es.adapt_sigma.damps = (
        1 + 2 * max(0, math.sqrt((mueff - 1) / (n + 1)) - 1)
        + es.adapt_sigma.cs)
    w = np.array(es.sp.weights)
    w = np.concatenate([w, np.zeros(popsize - len(w))])
    run = dict(
        n=n, populationSize=popsize, active=active, weights=w.tolist(),
        mueff=mueff, c1=es.sp.c1, cmu=es.sp.cmu, cc=es.sp.cc,
        cs=es.adapt_sigma.cs, ds=es.adapt_sigma.damps,
        # pycma starts a little beside the identity.
        covariance=np.array(es.sm.C).ravel().tolist(),
        vectors=np.array(es.sm.B).ravel().tolist(),
        deviations=np.array(es.sm.D).tolist(), generations=[])
    for _ in range(generations):
        before = dict(mean=es.mean.copy(), sigma=es.sigma)
        points = es.ask()
        steps = [(x - before["mean"]) / before["sigma"] for x in points]
        values = [rosenbrock(3 * x) for x in points]
        es.tell(points, values)
        run["generations"].append(dict(
            steps=np.concatenate(steps).tolist(), values=values,
            mean=es.mean.tolist(), sigma=es.sigma, pathC=es.pc.tolist(),
            pathSigma=es.adapt_sigma.ps.tolist(),
            covariance=np.array(es.sm.C).ravel().tolist()))
    return run


def fold():
    transform = BoundTransform([0, 1])
    y = np.concatenate([np.linspace(-3.3, 3.3, 67), [0, 1, -0.05, 1.05, 0.05]])
    return dict(y=y.tolist(),
                x=[float(transform.transform([v])[0]) for v in y])


def nelder_mead(n, adaptive, start):
    """Rosenbrock's function on the unit cube, of which every edge stands for 4."""
    points, values = [], []

    def f(u):
        value = rosenbrock(4 * u - 2)
        points.append(u.tolist())
        values.append(value)
        return value

    simplex = np.array([start] + [
        [x + 0.1 * (k == i) for k, x in enumerate(start)] for i in range(n)])
    optimize.minimize(
        f, start, method="nelder-mead", bounds=[(0, 1)] * n,
        options=dict(initial_simplex=simplex, adaptive=adaptive, maxfev=250,
                     xatol=0, fatol=0))
    return dict(n=n, adaptive=adaptive, start=list(start), points=points,
                values=values)


def trials():
    rng = np.random.default_rng(5)
    n, count = 6, 8
    solver = DifferentialEvolutionSolver(
        rosenbrock, [(0, 1)] * n, popsize=count, rng=1)
    solver.population = rng.uniform(size=(count, n))
    rows = []
    for i in range(count):
        others = [int(j) for j in rng.permutation(count) if j != i][:3]
        solver.scale = float(rng.uniform(0.5, 1))
        takes = rng.uniform(size=n) < 0.7
        for name, mutant, parents in (
            ("best/1/bin", solver._best1(np.array(others + [0, 0])),
             [0] + others[:2]),
            ("rand/1/bin", solver._rand1(np.array(others + [0, 0])), others),
        ):
            trial = np.where(takes, mutant, solver.population[i])
            rows.append(dict(
                strategy=name, target=i, parents=parents, scale=solver.scale,
                takes=takes.tolist(), trial=trial.tolist()))
    return dict(population=solver.population.tolist(), rows=rows)


TARGET = 1e-6


class Spent(Exception):
    pass


class Reached(Exception):
    pass


def evaluations(run, f, least, budget=200_000):
    """Evaluations until a value within TARGET of the least; None if it ends before."""
    count = 0

    def counted(x, *_):
        nonlocal count
        count += 1
        value = f(np.asarray(x))
        if value <= least + TARGET:
            raise Reached
        if count >= budget:
            raise Spent
        return value

    try:
        run(counted)
    except Reached:
        return count
    except Spent:
        return None
    return None


def local(method):
    """A method of scipy from random starts, until one reaches the minimum."""
    def run(f, n, bounds, seed):
        rng = np.random.default_rng(seed)
        for _ in range(200):
            x0 = rng.uniform(*bounds, size=n)
            options = dict(maxiter=10_000)
            if method == "nelder-mead":
                options.update(xatol=1e-8, fatol=1e-10, adaptive=True,
                               maxfev=10_000)
            optimize.minimize(f, x0, method=method, options=options,
                              bounds=[bounds] * n)
    return run


def scipy_de(f, n, bounds, seed):
    optimize.differential_evolution(
        f, [bounds] * n, rng=seed, tol=0, atol=1e-12, maxiter=100_000,
        polish=False)


def pycma(f, n, bounds, seed):
    middle, width = sum(bounds) / 2, bounds[1] - bounds[0]
    for restart in range(20):
        # Increasing populations, as pycma's fmin with restarts has them.
        es = cma.CMAEvolutionStrategy(
            np.random.default_rng(seed * 100 + restart).uniform(*bounds, n),
            0.3 * width,
            dict(seed=seed * 100 + restart + 1, verbose=-9,
                 bounds=list(bounds),
                 popsize=(4 + int(3 * math.log(n))) * 2**restart))
        while not es.stop():
            points = es.ask()
            es.tell(points, [f(x) for x in points])


def never(name):
    def run(f, n, bounds, seed):
        space = ng.p.Array(shape=(n,), lower=bounds[0], upper=bounds[1])
        space.random_state.seed(seed)
        budget = 20_000
        optimizer = ng.optimizers.registry[name](space, budget=budget)
        for _ in range(budget):
            x = optimizer.ask()
            optimizer.tell(x, f(x.value))
    return run


def gradient_run(method):
    """Values and gradients of scipy's methods from one start."""
    def run(f, n, bounds, seed):
        x0 = np.random.default_rng(seed).uniform(*bounds, size=n)
        kwargs = dict(bounds=[bounds] * n) if method == "l-bfgs-b" else {}
        optimize.minimize(f, x0, method=method, jac=optimize.rosen_der,
                          hess=optimize.rosen_hess, **kwargs)
    return run


def counts():
    table = {}
    runs = {
        "scipy differential_evolution": (scipy_de, 3),
        "scipy nelder-mead": (local("nelder-mead"), 3),
        "pycma": (pycma, 3),
        "nevergrad PSO": (never("PSO"), 3),
        "nevergrad OnePlusOne": (never("OnePlusOne"), 3),
        "nevergrad TwoPointsDE": (never("TwoPointsDE"), 3),
    }
    for name, (f, n, bounds, least) in FUNCTIONS.items():
        for method, (run, seeds) in runs.items():
            found = [
                evaluations(lambda g: run(g, n, bounds, seed), f, least)
                for seed in range(seeds)]
            table.setdefault(method, {})[name] = found
            print(method, name, found, flush=True)
    return table


def gradients():
    """Evaluations of value and gradient from (-1.2, 1, -1.2, 1, ...), Rosenbrock 10-d."""
    x0 = np.tile([-1.2, 1.0], 5)
    table = {}
    for method in ("l-bfgs-b", "bfgs", "newton-cg"):
        found = optimize.minimize(
            optimize.rosen, x0, method=method, jac=optimize.rosen_der,
            hess=optimize.rosen_hess if method == "newton-cg" else None)
        table[method] = dict(nEvaluations=int(found.nfev),
                             nIterations=int(found.nit), value=float(found.fun))
    return table


def bounded():
    """Minima on bounds, by scipy's l-bfgs-b."""
    cases = []
    for n, bounds, x0 in (
        (2, [(-2, 0.5), (-2, 2)], [-1.2, 1.0]),
        (4, [(1.2, 3), (-1, 1), (None, 0.3), (0, None)], [2.0, 0.5, 0.1, 0.2]),
        (10, [(-0.5, 0.7)] * 10, [0.0] * 10),
    ):
        found = optimize.minimize(
            optimize.rosen, x0, method="l-bfgs-b", jac=optimize.rosen_der,
            bounds=bounds, options=dict(ftol=1e-15, gtol=1e-10))
        cases.append(dict(x0=x0, bounds=bounds, x=found.x.tolist(),
                          value=float(found.fun), nEvaluations=int(found.nfev)))
    return cases


if __name__ == "__main__":
    # The counts take a quarter of an hour; without "counts" they stay as they are.
    old = json.loads(OUT.read_text()) if OUT.exists() else dict(counts={})
    keep = "counts" not in sys.argv
    golden = dict(
        versions=dict(scipy=scipy.__version__, cma=cma.__version__,
                      nevergrad=ng.__version__, numpy=np.__version__),
        cmaes=[pycma_run(4, 8, 12, True), pycma_run(3, 9, 12, False),
               pycma_run(7, 9, 12, True)],
        fold=fold(),
        nelderMead=[nelder_mead(2, False, [0.2, 0.75]),
                    nelder_mead(5, True, [0.2, 0.95, 0.3, 0.55, 0.1])],
        trials=trials(),
        gradients=gradients(),
        bounded=bounded(),
        counts=old["counts"] if keep else counts(),
    )
    OUT.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")
    print(OUT)
