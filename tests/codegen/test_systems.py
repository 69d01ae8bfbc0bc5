"""Small linear systems are machine code; what has no solution is told as NumPy's way tells it."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.statements.steps import Host, Solve, steps_of
from chainrule.errors import ArgumentError
from chainrule.testing import assert_close
from tests.codegen.guarded import natively, optimized

Array = np.ndarray


def drawn(*shape: int, dtype: str = "float64", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def kinds(f: object, *inputs: Array) -> set[type]:
    return {type(s) for s in steps_of(optimized(f, *inputs)[0])}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 2, 7, 16, 200, 256, 257, 700])
@pytest.mark.parametrize("size", [1, 2, 3, 10, 16, 17, 33, 64])
def test_the_residual_is_as_small_as_that_of_lapack(size: int, columns: int, dtype: str) -> None:
    a, b = drawn(size, size, dtype=dtype), drawn(size, columns, dtype=dtype, seed=1)
    graph, arrays = optimized(cr.linalg.solve, a, b)
    assert {type(s) for s in steps_of(graph)} == {Solve}
    (x,) = natively(graph, arrays)
    eps = np.finfo(dtype).eps
    wide = a.astype(np.float64)
    scale = np.abs(wide) @ np.abs(x) + np.abs(b)
    assert np.max(np.abs(wide @ x - b) / scale) <= 4 * size * eps


def test_rows_are_exchanged_where_a_pivot_is_zero_or_small() -> None:
    a = np.array([[0.0, 2.0, 1.0], [1e-18, 1.0, 3.0], [4.0, 1.0, 0.0]])
    b = drawn(3, 5)
    assert_close(cr.jit(cr.linalg.solve)(a, b), np.linalg.solve(a, b), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("stack", [(5,), (3, 4)])
@pytest.mark.parametrize(("size", "columns"), [(2, 1), (5, 3), (20, 300)])
def test_stacks_of_systems_are_those_of_numpy(
    stack: tuple[int, ...], size: int, columns: int
) -> None:
    a = drawn(*stack, size, size) + 3 * size * np.eye(size)
    b = drawn(*stack, size, columns, seed=1)
    graph, arrays = optimized(cr.linalg.solve, a, b)
    assert_close(natively(graph, arrays)[0], np.linalg.solve(a, b), rtol=1e-12, atol=1e-13)


def test_a_vector_is_one_column_and_the_derivatives_are_those_of_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b = drawn(6, 6) + 8 * np.eye(6), drawn(6, seed=1)

    gradient = cr.value_and_grad(lambda pair: cr.sum(cr.linalg.solve(*pair) ** 2))
    assert Host not in kinds(lambda a, b: gradient((a, b)), a, b)
    native = cr.jit(gradient)((a, b))
    monkeypatch.setenv("CHAINRULE_RUNTIME", "reference")
    assert_close(native, cr.jit(gradient)((a, b)), rtol=1e-11, atol=1e-12)


def outcome(solve: object, a: Array, b: Array) -> str:
    """The result as text, or the error."""
    try:
        return str(np.asarray(solve(a, b)))
    except ArgumentError as error:
        return str(error)


@pytest.mark.parametrize("corner", [1.0, np.nan, np.inf])
def test_what_has_no_solution_ends_as_outside_of_jit(corner: float) -> None:
    a, b = np.array([[corner, 2.0], [2.0, 4.0]]), np.ones(2)
    known = outcome(lambda a, b: cr.linalg.solve(cr.tensor(a), cr.tensor(b)), a, b)
    assert outcome(cr.jit(cr.linalg.solve), a, b) == known
    assert corner != 1 or known.startswith("solve: the matrix is singular\n")


def test_a_program_whose_matrix_is_singular_overwrites_nothing_that_was_given_to_it() -> None:
    x = cr.tensor(np.zeros((3, 3)))
    step = cr.jit(lambda x: cr.linalg.solve(x, x + 1) + x, donate=(0,))
    with pytest.raises(ArgumentError, match="singular"):
        step(x)
    np.testing.assert_array_equal(np.asarray(x), np.zeros((3, 3)))


def test_large_systems_stay_with_lapack() -> None:
    a, b = drawn(65, 65), drawn(65, 2)
    assert Host in kinds(cr.linalg.solve, a, b)
    assert_close(cr.jit(cr.linalg.solve)(a, b), np.linalg.solve(a, b), rtol=1e-9, atol=1e-9)


def test_a_loop_of_newton_steps_is_one_native_program() -> None:
    a = drawn(4, 4) + 6 * np.eye(4)

    def descend(x: cr.Tensor) -> cr.Tensor:
        def step(x: cr.Tensor, _: None) -> tuple[cr.Tensor, None]:
            return x - cr.linalg.solve(cr.tensor(a), cr.tensor(a) @ x - 1), None

        return cr.scan(step, x, None, length=3)[0]

    assert Host not in kinds(descend, np.zeros(4))
    assert_close(cr.jit(descend)(np.zeros(4)), np.linalg.solve(a, np.ones(4)), rtol=1e-12)


def test_the_listing_and_the_cost_name_the_systems() -> None:
    a, b = drawn(10, 10), drawn(10, 200)
    compiled = cr.jit(cr.linalg.solve)
    assert "k1  linear systems 10×10×200, 1 tile\n  %3 = solve(%0, %1)" in compiled.loops(a, b)
    assert cr.jit(cr.linalg.solve).cost(a, b).operations == 10 * 10 * (10 + 3 * 200)


@pytest.mark.parametrize("columns", [1, 600])
def test_bits_do_not_depend_on_the_number_of_threads(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = drawn(7, 30, 30), drawn(7, 30, columns)
    made = []
    for threads in ("1", "2"):
        monkeypatch.setenv("CHAINRULE_THREADS", threads)
        made.append(np.asarray(cr.jit(lambda a, b: cr.linalg.solve(a, b))(a, b)).tobytes())
    assert made[0] == made[1]
