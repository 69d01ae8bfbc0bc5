"""Schedules: PyTorch's numbers, jit, and what the papers promise."""

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule import schedule

# torch 2.13: CosineAnnealingLR(T_max=10, eta_min=0.01) and OneCycleLR(max_lr=0.1, total_steps=11).
COSINE = [
    0.1, 0.09779754323328192, 0.09140576474687263, 0.08145033635316129, 0.06890576474687264,
    0.05500000000000001, 0.04109423525312737, 0.028549663646838717, 0.01859423525312737,
    0.012202456766718092, 0.01,
]  # fmt: skip
ONE_CYCLE = [
    0.0040000000000000036, 0.04223411137347358, 0.09602614247226175, 0.09797465678213016,
    0.08844757247686304, 0.07260870492975284, 0.05305827080875998, 0.03300580289872949,
    0.015743251279950788, 0.0041045543206290865, 4e-07,
]  # fmt: skip
ALL = [
    schedule.constant(0.1),
    schedule.cosine(0.1, 10),
    schedule.cosine(0.1, 10, warmup=3),
    schedule.inverse_time(0.1, 0.5),
    schedule.one_cycle(0.1, 10),
    schedule.one_cycle(0.1, 1),
    schedule.one_cycle(0.1, 5, warmup=0.0),
    schedule.one_cycle(0.1, 5, warmup=1.0),
    schedule.step(0.1, 3),
    schedule.milestones(0.1, [2, 5], factor=0.5),
    schedule.exponential(0.1, 0.9),
    schedule.exponential(0.1, 0.5, steps=10),
    schedule.polynomial(0.1, 10),
    schedule.polynomial(0.1, 10, power=2.0, floor=0.01),
    schedule.warm_up(0.1, 4),
    schedule.warm_up(0.1, 4, start=0.0),
    schedule.cosine_restarts(0.1, 4),
    schedule.cosine_restarts(0.1, 4, growth=2, floor=0.01),
    schedule.chain([schedule.warm_up(0.1, 3), schedule.cosine(0.1, 7)], [3]),
    schedule.chain((schedule.constant(0.1),), ()),
    schedule.product((schedule.warm_up(1.0, 4), schedule.step(0.1, 5), 0.5)),
    schedule.product((0.1,)),
]


def values(rate: Callable[[int], cr.Tensor], count: int) -> list[float]:
    return [rate(step).item() for step in range(count)]


def test_cosine_and_one_cycle_are_those_of_torch() -> None:
    cosine, one_cycle = schedule.cosine(0.1, 10, floor=0.01), schedule.one_cycle(0.1, 11)
    np.testing.assert_allclose(values(cosine, 11), COSINE, rtol=1e-13)
    np.testing.assert_allclose(values(one_cycle, 11), ONE_CYCLE, rtol=1e-11)


def test_warm_up_is_linear_and_ends_at_the_rate() -> None:
    rates = values(schedule.cosine(0.4, 10, warmup=3), 5)
    np.testing.assert_allclose(rates[:4], [0.1, 0.2, 0.3, 0.4])
    assert rates[4] < 0.4


@pytest.mark.parametrize("rate", ALL, ids=repr)
def test_a_schedule_runs_inside_jit_and_is_float64(rate: schedule.Schedule) -> None:
    compiled = cr.jit(lambda step: rate(step))
    for step in (0, 1, 4, 9, 100):
        eager = rate(cr.tensor(step))
        assert (eager.shape, eager.dtype) == ((), cr.float64)
        assert rate(step).item() == eager.item()
        np.testing.assert_allclose(compiled(cr.tensor(step)).item(), eager.item(), rtol=1e-14)
        assert 0 <= eager.item() <= 0.1 + 1e-15
    assert compiled.recordings == 1


@pytest.mark.parametrize("rate", ALL, ids=repr)
def test_after_its_last_step_a_schedule_stays_where_it_is(rate: schedule.Schedule) -> None:
    late, later = rate(1000).item(), rate(2000).item()
    endless = (
        schedule.inverse_time, schedule.step, schedule.exponential, schedule.cosine_restarts,
        schedule.product,
    )  # fmt: skip
    assert later == late or isinstance(rate, endless)


@pytest.mark.parametrize("rate", ALL, ids=repr)
def test_the_repr_makes_the_same_schedule(rate: schedule.Schedule) -> None:
    again = eval(repr(rate), vars(schedule))  # our own repr
    assert again == rate
    assert hash(again) == hash(rate)
    assert values(again, 12) == values(rate, 12)


def test_restarts_come_at_their_very_steps() -> None:
    rate = schedule.cosine_restarts(0.1, 3, growth=3)
    starts = [0, *(3 * (3**i - 1) // 2 for i in range(1, 25))]
    assert [rate(t).item() for t in starts] == [0.1] * len(starts)
    assert all(rate(t - 1).item() < 0.08 for t in starts[1:])


def test_a_chain_asks_each_schedule_from_its_own_first_step() -> None:
    first, second, third = schedule.constant(0.3), schedule.step(0.2, 2), schedule.warm_up(0.1, 3)
    rate = schedule.chain((first, second, third), (2, 7))
    assert values(rate, 12) == values(first, 2) + values(second, 5) + values(third, 5)


def test_a_product_with_a_warm_up_is_the_warm_up_of_the_cosine_at_first() -> None:
    both = schedule.product((schedule.warm_up(1.0, 3), schedule.constant(0.4)))
    expected = values(schedule.cosine(0.4, 10, warmup=3), 4)
    np.testing.assert_allclose(values(both, 4), expected, rtol=1e-14)


def test_a_schedule_may_be_asked_for_many_steps_at_once() -> None:
    for rate in ALL:
        many = rate(cr.arange(20)).tolist()
        np.testing.assert_allclose(many, values(rate, 20), rtol=1e-14)


def test_inverse_time_satisfies_the_conditions_of_robbins_and_monro() -> None:
    rates = 1 / np.array([1 / r for r in values(schedule.inverse_time(1.0, 1.0), 2000)])
    np.testing.assert_allclose(rates, 1 / np.arange(1, 2001))
    assert np.sum(rates) > np.log(2000)  # grows without bound
    assert np.sum(rates**2) < np.pi**2 / 6


def test_schedules_compare_by_their_settings() -> None:
    assert schedule.cosine(0.1, 10) == schedule.cosine(0.1, 10) != schedule.cosine(0.1, 11)
    assert hash(schedule.constant(0.1)) == hash(schedule.constant(0.1))
