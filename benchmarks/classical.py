"""The classical models beside scikit-learn and SciPy: the same data, the same result, alternating.

Logistic regression of the MNIST pixels (float32, penalty ½‖W‖²/C), each solver of scikit-learn at
the first tolerance, of 10⁻⁴, 10⁻⁵ …, that comes within 10⁻⁶ of the least loss. Gaussian naive
Bayes on the same pixels, fit and predict. Multinomial naive Bayes on rt-polarity, ten folds.
Logarithms of densities, as they come and under jit. Name the folders with MNIST and TEXT, the
rounds with CLASSICAL_ROUNDS, C with CLASSICAL_C, and only some of the tables with CLASSICAL.
CLASSICAL_ROWS takes only so many images, to see that everything runs.
"""

from __future__ import annotations

import gzip
import os
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.timing import alternate, machine, median, ratio, table
from chainrule import probability as pr
from chainrule.classical import GaussianNaiveBayes, LogisticRegression, MultinomialNaiveBayes

MNIST = Path(os.environ.get("MNIST", "../shared/data/mnist"))
TEXT = Path(os.environ.get("TEXT", "../shared/data/text"))
ROUNDS = int(os.environ.get("CLASSICAL_ROUNDS", "3"))
ROWS = int(os.environ.get("CLASSICAL_ROWS", "60000"))
C = float(os.environ.get("CLASSICAL_C", "0.01"))
SAME = 1e-6


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels between 0 and 1 as rows of float64, and digits."""
    pixels, digits = (
        np.frombuffer(
            gzip.decompress((MNIST / f"{part}-{name}-ubyte.gz").read_bytes()),
            np.uint8,
            offset=offset,
        )
        for name, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return pixels.reshape(len(digits), -1)[:ROWS] / 255, digits[:ROWS]


# ---------------------------------------------------------------- logistic regression


def loss_of(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """The loss in float64, of any model with coef_ and intercept_."""
    scores = x @ model.coef_.T.astype(np.float64) + model.intercept_
    top = scores.max(axis=1)
    each = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
    return float((each - scores[np.arange(len(y)), y]).sum() + (model.coef_**2).sum() / 2 / C)


def solver(name: str, tolerance: float) -> Any:
    """An estimator of scikit-learn."""
    from sklearn.linear_model import LogisticRegression as Peer

    return Peer(C=C, solver=name, tol=tolerance, max_iter=10_000)


def timed(make: Callable[[], Any], x: np.ndarray, y: np.ndarray) -> tuple[float, Any]:
    """Seconds to fit, and what was fitted."""
    start = time.perf_counter()
    model = make().fit(x, y)
    return time.perf_counter() - start, model


def logistic() -> None:
    """Print the table of logistic regression."""
    wide, y = mnist("train")
    x = wide.astype(np.float32)
    least = loss_of(LogisticRegression(1 / C, tol=1e-9).fit(x, y), wide, y)
    makers: dict[str, Callable[[], Any]] = {
        "chainrule, tol=1e-7": lambda: LogisticRegression(1 / C, tol=1e-7)
    }
    for name in ("lbfgs", "newton-cg"):
        for power in range(4, 9):
            _, model = timed(lambda: solver(name, 10.0**-power), x, y)  # noqa: B023
            if loss_of(model, wide, y) <= least * (1 + SAME):
                label = f"scikit-learn, {name}, tol=1e-{power}"
                makers[label] = lambda name=name, power=power: solver(name, 10.0**-power)  # type: ignore[misc]
                break
    makers["chainrule, as it comes"] = lambda: LogisticRegression(1 / C)
    makers["scikit-learn, lbfgs, as it comes"] = lambda: solver("lbfgs", 1e-4)
    times: dict[str, list[float]] = {name: [] for name in makers}
    losses: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, make in makers.items():
            seconds, model = timed(make, x, y)
            times[name].append(seconds)
            losses[name] = loss_of(model, wide, y)
    rows = [[f"logistic regression, MNIST, C = {C:g}", "median s", "loss", "of the least", "times"]]
    for name, seconds in times.items():
        middle, low, high = ratio(seconds, times["chainrule, tol=1e-7"])
        excess = f"1 + {losses[name] / least - 1:.0e}"
        spread = f"{middle:.2f} ({low:.2f}–{high:.2f})"
        rows.append([name, f"{median(seconds):.2f}", f"{losses[name]:.3f}", excess, spread])
    print(table(rows), "\n")


# ---------------------------------------------------------------- naive Bayes


def gaussian() -> None:
    """Print the table of Gaussian naive Bayes."""
    from sklearn.naive_bayes import GaussianNB

    (x, y), (new, true) = mnist("train"), mnist("t10k")
    found: dict[str, np.ndarray] = {}

    def run(name: str, make: Callable[[], Any]) -> Callable[[], object]:
        def work() -> None:
            found[name] = make().fit(x, y).predict(new)

        return work

    work = {
        "chainrule": run("chainrule", GaussianNaiveBayes),
        "scikit-learn": run("peer", GaussianNB),
    }
    times = alternate(work, ROUNDS, 0)
    rows = [
        [
            f"Gaussian naive Bayes, MNIST: fit {len(x):,}, predict {len(new):,}",
            "median s",
            "accuracy",
        ]
    ]
    for name, key in (("chainrule", "chainrule"), ("scikit-learn", "peer")):
        share = 100 * (found[key] == true).mean()
        rows.append([name, f"{median(times[name]):.2f}", f"{share:.2f} %"])
    middle, low, high = ratio(times["scikit-learn"], times["chainrule"])
    same = 100 * (found["chainrule"] == found["peer"]).mean()
    rows.append(
        [
            f"ratio; {same:.2f} % of the predictions equal",
            f"{middle:.2f} ({low:.2f}–{high:.2f})",
            "",
        ]
    )
    print(table(rows), "\n")


def polarity() -> None:
    """Print the accuracy of multinomial naive Bayes on rt-polarity."""
    from scipy.sparse import csr_array

    files = {sign: TEXT / f"rt-polarity.{sign}" for sign in ("neg", "pos")}
    rows = [
        ["rt-polarity, ten folds, multinomial naive Bayes", "accuracy", "lowest", "highest", "s"]
    ]
    for ngrams in (1, 2):
        start = time.perf_counter()
        whole = cr.data.text_lines(files, ngrams=ngrams, min_count=1)
        words, labels = next(iter(whole.batches(len(whole))))
        words, labels = np.asarray(words), np.asarray(labels)
        line, place = np.nonzero(words)  # 0 fills lines up
        counts = csr_array((np.ones(len(line)), (line, words[line, place])))
        folds = np.array_split(np.random.default_rng(0).permutation(len(labels)), 10)
        shares = []
        for fold in folds:
            rest = np.setdiff1d(np.arange(len(labels)), fold)
            seen = np.flatnonzero(counts[rest].sum(axis=0))  # the vocabulary of this fold
            model = MultinomialNaiveBayes().fit(counts[rest][:, seen], labels[rest])
            shares.append(100 * model.score(counts[fold][:, seen], labels[fold]))
        middle = f"{np.mean(shares):.2f} ± {np.std(shares, ddof=1):.2f} %"
        ends = [f"{min(shares):.2f}", f"{max(shares):.2f}"]
        name = "words" if ngrams == 1 else "words and pairs of words"
        rows.append([name, middle, *ends, f"{time.perf_counter() - start:.1f}"])
    print(table(rows), "\n")


# ---------------------------------------------------------------- densities


def densities() -> None:
    """Print how many times as fast as SciPy's the logarithms of densities are."""
    import scipy.stats as st

    sizes = (10_000, 100_000, 1_000_000)
    heading = "log density, times as fast as scipy.stats: as it comes, jit"
    rows = [[heading, *(f"{n:,}" for n in sizes)]]
    generator = np.random.default_rng(0)
    cells: dict[str, list[str]] = {}
    for n in sizes:
        x, u = generator.standard_normal(n), generator.uniform(0.01, 0.99, n)
        g, k, b = (
            generator.gamma(2.3, size=n),
            generator.poisson(3.7, n),
            generator.integers(0, 2, n),
        )
        vectors, shares = x.reshape(-1, 8), generator.dirichlet([1.5, 2.0, 0.7], n // 3)
        spread = np.cov(generator.standard_normal((8, 50)))
        alpha = np.array([1.5, 2.0, 0.7])
        pairs: dict[str, tuple[Any, Any, np.ndarray]] = {
            "Normal": (pr.Normal(0.7, 1.4), st.norm(0.7, 1.4).logpdf, x),
            "Laplace": (pr.Laplace(0.7, 1.4), st.laplace(0.7, 1.4).logpdf, x),
            "Uniform": (pr.Uniform(-1.0, 2.5), st.uniform(-1, 3.5).logpdf, x),
            "Exponential": (pr.Exponential(1.7), st.expon(scale=1 / 1.7).logpdf, g),
            "Gamma": (pr.Gamma(2.3, 1.7), st.gamma(2.3, scale=1 / 1.7).logpdf, g),
            "Beta": (pr.Beta(2.2, 3.1), st.beta(2.2, 3.1).logpdf, u),
            "Bernoulli": (pr.Bernoulli(probability=0.3), st.bernoulli(0.3).logpmf, b),
            "Poisson": (pr.Poisson(3.7), st.poisson(3.7).logpmf, k),
            "MultivariateNormal, d = 8": (
                pr.MultivariateNormal(np.zeros(8), spread),
                st.multivariate_normal(np.zeros(8), spread).logpdf,
                vectors,
            ),
            "Dirichlet, k = 3": (
                pr.Dirichlet(alpha),
                lambda s: st.dirichlet.logpdf(s.T, alpha),  # noqa: B023
                shares,
            ),
        }
        for name, (ours, theirs, values) in pairs.items():
            given = cr.tensor(values)
            work = {
                "ours": partial(ours.log_density, given),
                "jit": partial(cr.jit(ours.log_density), given),
                "theirs": partial(theirs, values),
            }
            for way in ("ours", "jit"):
                np.testing.assert_allclose(np.asarray(work[way]()), theirs(values), rtol=1e-9)
            times = alternate(work, 7, 0.01)
            ratios = [ratio(times["theirs"], times[way]) for way in ("ours", "jit")]
            cells.setdefault(name, []).append(
                ", ".join(f"{middle:.1f} ({low:.1f}–{high:.1f})" for middle, low, high in ratios)
            )
    print(table([*rows, *([name, *cell] for name, cell in cells.items())]), "\n")


def main() -> None:
    """Print all tables."""
    warnings.filterwarnings("ignore", module="sklearn")
    print(f"\n{machine()}\n")
    for part in os.environ.get("CLASSICAL", "gaussian polarity densities logistic").split():
        {"gaussian": gaussian, "polarity": polarity, "densities": densities, "logistic": logistic}[
            part
        ]()


if __name__ == "__main__":
    main()
