"""THE LIST of optimizers, and where some are after 20 steps on ½ wᵀAw − bᵀw, in float64.

The numbers are those of torch 2.13; tests/peers compares every step with the PyTorch that is there.
"""

from typing import Any

import numpy as np

import chainrule as cr
from chainrule import optim, schedule

A = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 0.5]]
B = [1.0, -2.0, 0.5]
START = [1.0, 2.0, -3.0]

OPTIMIZERS: dict[str, optim.Optimizer] = {
    "plain": optim.SGD(0.1),
    "momentum": optim.SGD(0.1, momentum=0.9),
    "nesterov": optim.SGD(0.1, momentum=0.9, nesterov=True),
    "decayed": optim.SGD(0.1, momentum=0.5, weight_decay=0.05),
    "adam": optim.Adam(0.1),
    "adam, large eps": optim.Adam(0.1, beta1=0.8, beta2=0.95, eps=0.1),
    "adamw": optim.AdamW(0.1, weight_decay=0.2),
    "rmsprop": optim.RMSProp(0.05),
    "rmsprop with momentum": optim.RMSProp(0.02, decay=0.9, eps=1e-3, momentum=0.8),
    "rmsprop, centered": optim.RMSProp(0.05, decay=0.9, momentum=0.5, centered=True),
    "adagrad": optim.Adagrad(0.5),
    "adagrad from 0.1": optim.Adagrad(0.5, initial=0.1, eps=1e-3),
}
WEIGHTS = {
    "plain": [0.7569236302462025, -1.5189930203125979, -0.3028962629476101],
    "momentum": [1.0161661106258288, -4.124813767826495, 4.959248470247665],
    "nesterov": [1.4414494064879804, -3.8927579113572257, 4.157081666007458],
    "decayed": [1.0684554269629283, -2.518120628530807, 1.3031711898336065],
    "adam": [0.07491312564610675, 0.1017603931134672, -1.0491528825943146],
    "adam, large eps": [0.2499338515141942, 0.18135253673539334, -1.1903313205382329],
    "adamw": [0.18699872228352726, -0.21831259042027684, -0.42106519622799315],
    "rmsprop": [0.738232483678965, -1.1126318748222626, 0.26822296248163685],
    "rmsprop with momentum": [0.3991120343492164, -0.15129125862240048, -0.7450036655847593],
    "rmsprop, centered": [0.7738968410391062, -1.4143501836899592, 0.6297905587391863],
    "adagrad": [0.7229350031979065, -1.060055881800661, 0.21464297252902226],
    "adagrad from 0.1": [0.7209362823089815, -1.0544965906468424, 0.19645312618012628],
}
FALLING = schedule.cosine(0.05, 30, warmup=3)
# Every optimizer and every wrapper, at least once; what each of them must do is in test_contract.
ALL: dict[str, optim.Optimizer] = {
    **OPTIMIZERS,
    "decoupled": optim.SGD(0.1, momentum=0.5, weight_decay=0.05, decoupled=True),
    "rmsprop, all of it": optim.RMSProp(
        FALLING, momentum=0.5, centered=True, eps=1e-3, weight_decay=0.1
    ),
    "adagrad with decay": optim.Adagrad(FALLING, weight_decay=0.1),
    "lion": optim.Lion(FALLING, weight_decay=0.1),
    "muon": optim.Muon(FALLING, weight_decay=0.1),
    "muon, as adamw": optim.Muon(0.01, nesterov=False, adjustment="match_rms_adamw"),
    "clipped": optim.Clipped(optim.Adam(FALLING), norm=0.5, value=0.4),
    "accumulated": optim.Accumulated(optim.AdamW(0.01), every=3),
    "averaged": optim.Averaged(optim.SGD(FALLING, momentum=0.9), decay=0.8),
    "plateau": optim.ReduceOnPlateau(optim.RMSProp(FALLING), factor=0.5, patience=0),
    "grouped": optim.Grouped({"*.bias": optim.SGD(0.01), "*": optim.Lion(0.01)}),
    "all at once": optim.ReduceOnPlateau(
        optim.Averaged(
            optim.Accumulated(
                optim.Clipped(
                    optim.Grouped({"*bias": optim.Adagrad(0.1), "*": optim.Muon(0.02)}), norm=1.0
                ),
                every=2,
            ),
            decay=0.9,
        ),
        factor=0.5,
        patience=0,
    ),
}


def small_model() -> dict[str, Any]:
    """Matrices, a vector, a stack of filters and a number, of two dtypes."""
    draw = np.random.default_rng(0).standard_normal
    return {
        "first": {"weight": cr.tensor(draw((4, 3)), dtype="float32"), "bias": cr.tensor(draw(4))},
        "second": [cr.tensor(draw((2, 4))), cr.tensor(draw((2, 3, 2)), dtype="float32")],
        "scale": {"bias": cr.tensor(draw(()))},
    }


def slope(model: Any, seed: int) -> Any:
    """Gradients of a bowl with a little noise: different at every step."""
    draw = np.random.default_rng(seed)
    return cr.tree.map_(
        lambda w: 0.5 * w + cr.tensor(draw.standard_normal(w.shape), dtype=w.dtype), model
    )
