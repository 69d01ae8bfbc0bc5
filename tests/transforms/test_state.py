"""State cells under every transform."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import RecordingError, ShapeError

pytestmark = pytest.mark.usefixtures("runtime")


def counting(cell):
    def f(x):
        cell.value = cell.value + x
        return x * cell.value

    return f


def test_grad_writes_once_and_sees_its_own_write():
    cell = cr.State(cr.tensor(1.0))
    gradient = cr.grad(counting(cell))(3.0)
    assert gradient.item() == 4.0 + 3.0
    assert cell.value.item() == 4.0


def test_jit_writes_each_call_without_recording_again():
    cell = cr.State(cr.tensor(0.0))
    f = cr.jit(counting(cell))
    assert [f(cr.tensor(2.0)).item() for _ in range(3)] == [4.0, 8.0, 12.0]
    assert f.recordings == 1
    assert cell.value.item() == 6.0


def test_grad_of_jit_and_jit_of_grad_write_once():
    cell = cr.State(cr.tensor(0.0))
    cr.grad(cr.jit(counting(cell)))(1.0)
    assert cell.value.item() == 1.0
    cr.jit(cr.grad(counting(cell)))(cr.tensor(1.0))
    assert cell.value.item() == 2.0


def test_an_exception_commits_nothing():
    cell = cr.State(cr.tensor(0.0))

    def fails(x):
        cell.value = cell.value + x
        raise ZeroDivisionError

    for transformed in (cr.grad(fails), cr.jit(fails)):
        with pytest.raises(ZeroDivisionError):
            transformed(cr.tensor(1.0))
    assert cell.value.item() == 0.0


@pytest.mark.parametrize("transform", [cr.jacobian, cr.hessian])
def test_jacobian_and_hessian_read_but_never_write(transform):
    cell = cr.State(cr.tensor(2.0))
    transform(counting(cell))(cr.tensor(3.0))
    assert cell.value.item() == 2.0


def test_jvp_reads_but_never_writes():
    cell = cr.State(cr.tensor(2.0))
    _, tangent = cr.jvp(counting(cell), (3.0,), (1.0,))
    assert tangent.item() == 5.0 + 3.0
    assert cell.value.item() == 2.0


def test_scan_makes_a_cell_a_carry():
    cell = cr.State(cr.tensor(0.0))
    f = counting(cell)
    _, ys = cr.scan(lambda c, x: (c, f(x)), cr.tensor(0.0), cr.tensor([1.0, 2.0, 3.0]))
    assert ys.tolist() == [1.0, 6.0, 18.0]
    assert cell.value.item() == 6.0


def test_scan_inside_grad_differentiates_through_the_cell():
    def f(x):
        cell = cr.State(cr.tensor(0.0))
        g = counting(cell)
        _, ys = cr.scan(lambda c, a: (c, g(a * x)), cr.tensor(0.0), cr.tensor([1.0, 2.0]))
        return ys.sum()

    # y₀ = x·x, y₁ = 2x·(x + 2x)
    assert cr.grad(f)(2.0).item() == pytest.approx(2 * 2.0 + 12 * 2.0)


def test_cond_writes_what_the_chosen_branch_wrote():
    cell = cr.State(cr.tensor(5.0))

    def write(x):
        cell.value = x
        return x

    cr.cond(cr.tensor(False), write, lambda x: -x, cr.tensor(1.0))
    assert cell.value.item() == 5.0
    cr.cond(cr.tensor(True), write, lambda x: -x, cr.tensor(1.0))
    assert cell.value.item() == 1.0


def test_vmap_needs_to_know_how_writes_combine():
    cell = cr.State(cr.tensor(0.0))
    with pytest.raises(RecordingError, match="every example writes the same State"):
        cr.vmap(counting(cell))(cr.tensor([1.0, 2.0]))
    mean = cr.State(cr.tensor(0.0), across="mean")
    ys = cr.vmap(counting(mean))(cr.tensor([1.0, 2.0]))
    assert ys.tolist() == [1.0, 4.0]
    assert mean.value.item() == 1.5


def test_a_cell_keeps_its_shape_and_dtype():
    cell = cr.State(cr.zeros(2))
    with pytest.raises(ShapeError, match=r"f64\[2\] cannot hold f64\[3\]"):
        cell.value = cr.zeros(3)


def test_nested_grad_commits_once():
    cell = cr.State(cr.tensor(0.0))
    second = cr.grad(cr.grad(lambda x: counting(cell)(x) * x))(2.0)
    np.testing.assert_allclose(second.item(), 6 * 2.0)
    assert cell.value.item() == 2.0
