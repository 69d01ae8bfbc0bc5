"""Runs cases natively and with NumPy and compares: for one processor, named by CHAINRULE_CPU."""

import os
import sys

import numpy as np

import chainrule as cr
from chainrule import tree
from tests.cases import ALL
from tests.codegen.test_program import network

EVERY = 16


def compare(name, f, inputs):
    """Both runtimes give the same numbers up to rounding."""
    compiled = cr.jit(f)
    found = {}
    for runtime in ("native", "reference"):
        os.environ["CHAINRULE_RUNTIME"] = runtime
        found[runtime] = [t.numpy() for t in tree.flatten(compiled(*inputs))[0]]
    for a, b in zip(found["native"], found["reference"], strict=True):
        tolerance = 1e-3 if b.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)


def main() -> None:
    """Compare every 16th case and a network's step, in both floating dtypes."""
    cases = [case for case in ALL if case.batched][::EVERY]
    for case in cases:
        for dtype in ("float32", "float64"):
            compare(case.name, case.function, [cr.tensor(x) for x in case.draw(dtype)])
    generator = np.random.default_rng(0)
    shapes = ((33, 19), (19, 40), (40, 10))
    for dtype in ("float32", "float64"):
        inputs = [cr.tensor(generator.standard_normal(s).astype(dtype)) for s in shapes]
        compare("network", network, inputs)
    sys.stdout.write(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
