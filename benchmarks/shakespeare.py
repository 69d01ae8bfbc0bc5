"""A character transformer on tinyshakespeare, in the setting in which nanoGPT trains on a CPU.

4 layers, 4 heads, width 128, context 64, batches of 12, 2,000 iterations; AdamW with β₂ = 0.99 and
weight decay 0.1, learning rate 2·10⁻³ (nanoGPT takes 10⁻³, with which this gives 1.904) after 100
iterations of warm-up, falling to 10⁻⁴ as a cosine, gradients clipped at norm 1, no dropout. nanoGPT
reports 1.88 nats of validation loss. The text is read from the folder in the environment variable
TEXT; ITERATIONS takes fewer.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import chainrule as cr
from benchmarks.timing import machine, table

FOLDER = Path(os.environ.get("TEXT", "../shared/data/text"))
ITERATIONS = int(os.environ.get("ITERATIONS", "2000"))
CONTEXT = 64
BATCH = 12
ASKED = 1.90
REPORTED = 1.88
REPORTS = 4


def optimizer() -> Any:
    """AdamW as nanoGPT sets it: weight decay for matrices only, not for normalization's scales."""
    schedule = cr.schedule.cosine(2e-3, ITERATIONS, warmup=ITERATIONS // 20, floor=1e-4)
    scales, matrices = (
        cr.optim.AdamW(schedule, beta2=0.99, weight_decay=decay) for decay in (0.0, 0.1)
    )
    return cr.optim.Clipped(cr.optim.Grouped({"*norm*": scales, "*": matrices}), norm=1.0)


def main() -> None:
    """Print the table."""
    train, test = cr.data.characters(FOLDER / "tinyshakespeare.txt", context=CONTEXT)
    assert train.classes is not None
    with cr.nn.seed(0):
        model = cr.nn.character_transformer(len(train.classes), CONTEXT, bias=False, tied=True)
    start = time.perf_counter()
    fitted = cr.fit(
        model,
        train,
        optimizer=optimizer(),
        epochs=REPORTS,
        steps_per_epoch=ITERATIONS // REPORTS,
        batch=BATCH,
    )
    trained = time.perf_counter() - start
    # Once, over the whole last tenth of the text, each character once: it takes as long as some
    # hundred iterations.
    loss = cr.train.evaluate(fitted.model, test).loss
    rows = [["iterations", "training loss", "validation loss", "asked", "nanoGPT", "training"]]
    rows += [[f"{r['step']:,}", f"{r['loss']:.3f}", "", "", "", ""] for r in fitted.history]
    rows[-1][2:] = [f"{loss:.3f}", f"{ASKED}", f"{REPORTED}", f"{trained:.0f} s"]
    print(f"\n{machine()}\n")
    print(table(rows), "\n")


if __name__ == "__main__":
    main()
