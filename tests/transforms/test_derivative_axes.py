"""A Jacobian is square where there are as many results as arguments, whatever their axes."""

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError
from tests.transforms.structures import drawn

A, B, C = drawn(1, 4, 4), drawn(2, 6, 6), drawn(3, 24, 24)

FUNCTIONS: dict[str, tuple[Callable[[cr.Tensor], cr.Tensor], tuple[int, ...]]] = {
    "a product, transposed": (lambda x: (A @ x @ B).T, (4, 6)),
    "a transposed copy": (lambda x: x.T, (4, 6)),
    "flat": (lambda x: 3 * cr.reshape(x, (24,)), (4, 6)),
    "numbers, transposed": (lambda x: cr.exp(x).T, (4, 6)),
    "numbers in other rows": (lambda x: cr.reshape(cr.exp(x), (8, 3)), (4, 6)),
    "a full matrix of flat places": (lambda x: C @ cr.reshape(x, (24,)), (4, 6)),
    "a vector to a matrix": (lambda x: cr.reshape(C @ x, (4, 6)), (24,)),
    "rows, transposed": (lambda x: (cr.softmax(x, axis=-1) + 2 * x).T, (4, 6)),
    "a sum of products, transposed": (lambda x: (x @ B + x**3).T, (4, 6)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_solutions_diagonal_and_trace_are_those_of_its_matrix(name: str) -> None:
    f, shape = FUNCTIONS[name]
    found = cr.jacobian(f)(drawn(4, *shape))
    matrix = np.asarray(found.dense()).reshape(24, 24)
    g = drawn(5, *found.dense().shape[: -len(shape)])
    flat = np.asarray(g).reshape(-1)
    for damping in (0.0, 0.5):
        solved = found.solve(g, damping=damping)
        assert solved.shape == shape
        expected = np.linalg.solve(matrix + damping * np.eye(24), flat)
        np.testing.assert_allclose(np.asarray(solved).reshape(-1), expected, rtol=1e-9, atol=1e-11)
    diagonal = np.asarray(found.diag())
    assert diagonal.shape == shape
    np.testing.assert_allclose(diagonal.reshape(-1), np.diag(matrix), atol=1e-13)
    np.testing.assert_allclose(found.trace().item(), np.trace(matrix), atol=1e-12)


def test_several_arguments_and_results_need_only_as_many_elements() -> None:
    def f(a: cr.Tensor, b: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        flat = cr.concat([cr.reshape(a, (6,)), b])
        made = C[:10, :10] @ flat + flat**3
        return made[:5], made[5:]

    found = cr.jacobian(f, (0, 1))(drawn(6, 2, 3), drawn(7, 4))
    matrix = np.asarray(found.matrix())
    g = drawn(8, 10)
    np.testing.assert_allclose(
        np.asarray(found.solve(g)), np.linalg.solve(matrix, np.asarray(g)), rtol=1e-9
    )
    np.testing.assert_allclose(np.asarray(found.diag()), np.diag(matrix))


def test_a_large_product_is_solved_by_its_factors() -> None:
    left, right = drawn(9, 60, 60) + 8 * np.eye(60), drawn(10, 70, 70) + 8 * np.eye(70)
    found = cr.jacobian(lambda x: (left @ x @ right).T)(drawn(11, 60, 70))
    g = drawn(12, 70, 60)
    expected = np.linalg.solve(left, np.linalg.solve(right.T, np.asarray(g)).T)
    np.testing.assert_allclose(np.asarray(found.solve(g)), expected, rtol=1e-8, atol=1e-10)


def test_a_matrix_that_is_not_like_its_argument_has_no_eigenvalues_that_are_known_to_be_real() -> (
    None
):
    with pytest.raises(ArgumentError, match="not known to be symmetric"):
        cr.jacobian(lambda x: x.T)(drawn(13, 2, 3)).eigs()
