"""Sentiment of film reviews from embeddings: ten-fold cross-validation on rt-polarity.

5,331 positive and 5,331 negative sentences (Pang and Lee, 2005). A sentence is the mean of the
embeddings of its words and pairs of words, dropout, and a linear map to two scores. The vocabulary
is that of each fold's nine training parts. The folder of rt-polarity.pos and rt-polarity.neg is
read from the environment variable TEXT.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import numpy as np

import chainrule as cr
from benchmarks.timing import machine, table

FOLDER = Path(os.environ.get("TEXT", "../shared/data/text"))
FOLDS = 10
WIDTH = 8
EPOCHS = 4
ASKED = 75.0


def sentiment_model(vocabulary: int, seed: int) -> cr.nn.Sequential:
    """Make the model: its embeddings start by N(0, 0.1²)."""
    with cr.nn.seed(seed):
        start = cr.nn.initialization.normal(0.1)
        return cr.nn.Sequential(
            cr.nn.EmbeddingBag(vocabulary, WIDTH, weight_init=start),
            cr.nn.Dropout(0.5),
            cr.nn.Linear(WIDTH, 2),
        )


def fold_accuracy(whole: cr.data.Dataset, folds: list[np.ndarray], number: int) -> float:
    """Train on all folds but one, and test on that."""
    rest = np.concatenate([fold for k, fold in enumerate(folds) if k != number])
    train, test = cr.data.refit(whole.take(np.sort(rest)), whole.take(np.sort(folds[number])))
    assert train.preparation is not None
    model = sentiment_model(len(train.preparation["vocabulary"]), number)
    optimizer = cr.optim.Adam(0.02)
    fitted = cr.fit(model, train, optimizer=optimizer, epochs=EPOCHS, batch=128, seed=number)
    accuracy = cr.train.evaluate(fitted.model, test).accuracy
    assert accuracy is not None
    return 100 * accuracy


def main() -> None:
    """Print the table."""
    files = {sign: FOLDER / f"rt-polarity.{sign}" for sign in ("neg", "pos")}
    start = time.perf_counter()
    whole = cr.data.text_lines(files, ngrams=2, min_count=2)
    folds = np.array_split(np.random.default_rng(0).permutation(len(whole)), FOLDS)
    found = [fold_accuracy(whole, folds, number) for number in range(FOLDS)]
    seconds = time.perf_counter() - start
    print(f"\n{machine()}\n")
    rows = [["rt-polarity, ten folds", "mean accuracy", "lowest", "highest", "asked", "time"]]
    mean = f"{statistics.mean(found):.2f} ± {statistics.stdev(found):.2f} %"
    ends = [f"{min(found):.2f}", f"{max(found):.2f}", f"{ASKED} %"]
    rows.append(["mean of embeddings of words and pairs", mean, *ends, f"{seconds:.0f} s"])
    print(table(rows), "\n")


if __name__ == "__main__":
    main()
