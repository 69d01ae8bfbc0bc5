"""Profiles: every kernel with its time, how often it ran, its cost and what it computes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.runtime import profile as profiles
from chainrule.runtime.limits import Limits, limits


def test_the_kernels_of_a_loop_are_counted_as_often_as_they_run():
    w = cr.tensor(np.ones((64, 64), "float32"))
    f = cr.jit(lambda c: cr.scan(lambda c, _: (cr.tanh(c @ w), None), c, None, length=7)[0])
    found = f.profile(w)
    (region,) = [r for r in found.regions if "tanh" in "".join(r.formulas)]
    assert region.times == 7
    assert region.operations == 7 * (2 * 64**3 + 64**2)
    assert region.operations == f.cost(w).operations
    assert 0 < region.seconds <= found.seconds
    assert region.least > 0
    assert "7 × %" in str(found)


def test_of_a_choice_the_side_that_ran_took_time():
    f = cr.jit(lambda x: cr.cond(cr.sum(x) > 0, lambda x: cr.exp(x), lambda x: cr.log(x), x))
    x = cr.ones((50_000,))
    times = {line: r.seconds for r in f.profile(x).regions for line in r.formulas}
    took = {word: t for line, t in times.items() for word in ("exp", "log") if f"{word}(" in line}
    assert took["exp"] > took["log"] == 1e-9  # the least that is shown


def test_a_profile_leaves_cells_as_they_are():
    count = cr.State(cr.tensor(0.0))

    @cr.jit
    def f(x):
        count.value = count.value + 1.0
        return x + count.value

    f.profile(cr.ones(3))
    assert count.value.item() == 0.0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_programs_with_a_number_of_threads_of_their_own_give_the_same_bits(threads):
    x = cr.tensor(np.random.default_rng(0).standard_normal((700, 300)).astype("float32"))
    f = lambda x: cr.softmax(x @ x.mT, axis=1)  # noqa: E731
    expected = cr.jit(f)(x).numpy().tobytes()
    assert cr.jit(f, threads=threads)(x).numpy().tobytes() == expected


def test_a_kernel_in_bf16_has_the_limit_of_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_BF16", "emulated")
    measured = Limits(operations=1e3, bytes=1e30)
    monkeypatch.setattr(
        profiles, "limits", lambda precision: measured if precision == "bf16" else limits()
    )
    w, x = np.ones((128, 128), "float32"), np.ones((64, 128), "float32")
    found = cr.jit(lambda w, x: cr.sum(x @ w), precision="bf16").profile(w, x)
    product = max(found.regions, key=lambda r: r.operations)
    assert product.least == product.operations / 1e3
