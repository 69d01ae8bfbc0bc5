"""Linear algebra at the hard points: repeated values, zeros, singular and empty matrices."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import linalg
from chainrule.errors import GradientError
from chainrule.testing import assert_close

I3 = cr.tensor(np.eye(3))
REPEATED = cr.tensor(np.diag([1.0, 1.0, 2.0]))
ONES = cr.ones((3, 3))


def test_eigenvalues_have_derivatives_where_they_are_repeated() -> None:
    assert_close(cr.grad(lambda x: cr.sum(linalg.eigh(x).eigenvalues))(I3), np.eye(3))
    assert_close(cr.grad(lambda x: cr.sum(linalg.eigvalsh(x)))(I3), np.eye(3))
    _, tangent = cr.jvp(lambda x: linalg.eigh(x).eigenvalues, (REPEATED,), (ONES,))
    assert_close(tangent, np.ones(3))


def test_an_eigenvector_of_a_single_value_has_a_derivative_beside_a_repeated_one() -> None:
    gradient = cr.grad(lambda x: cr.sum(linalg.eigh(x).eigenvectors[:, -1]))(REPEATED)
    assert_close(gradient, np.array([[0, 0, 0.5], [0, 0, 0.5], [0.5, 0.5, 0]]))


@pytest.mark.parametrize("matrix", [I3, REPEATED])
def test_eigenvectors_of_a_repeated_value_have_no_derivative_in_either_mode(
    matrix: cr.Tensor,
) -> None:
    with pytest.raises(GradientError):
        cr.grad(lambda x: cr.sum(linalg.eigh(x).eigenvectors))(matrix)
    with pytest.raises(GradientError):
        cr.jvp(lambda x: linalg.eigh(x).eigenvectors, (matrix,), (ONES,))[1].numpy()


def test_values_that_are_equal_up_to_rounding_count_as_repeated() -> None:
    q, _ = np.linalg.qr(np.arange(9.0).reshape(3, 3) + np.eye(3))
    with pytest.raises(GradientError, match="eigenvalues 0 and 1 of the matrix are both 1"):
        cr.grad(lambda x: cr.sum(linalg.eigh(x).eigenvectors))(
            cr.tensor(q @ np.diag([1.0, 1.0, 2.0]) @ q.T)
        )


def test_the_nuclear_norm_of_the_identity_has_a_derivative() -> None:
    assert_close(cr.grad(lambda x: linalg.matrix_norm(x, ord="nuc"))(I3), np.eye(3))


def test_the_leading_columns_of_a_whole_factor_have_the_derivative_of_the_reduced_one() -> None:
    x = cr.tensor(np.arange(8.0).reshape(4, 2) ** 1.5)

    def whole(x: cr.Tensor) -> cr.Tensor:
        return cr.sum(linalg.svd(x).U[:, :2] * 2.0) + cr.sum(linalg.qr(x, mode="complete").R)

    def reduced(x: cr.Tensor) -> cr.Tensor:
        return cr.sum(linalg.svd(x, full_matrices=False).U * 2.0) + cr.sum(linalg.qr(x).R)

    assert_close(cr.grad(whole)(x), cr.grad(reduced)(x))


@pytest.mark.parametrize("order", [0, 0.5, 1, 1.5, 2, 3, 4, math.inf, -math.inf])
def test_a_norm_at_zero_has_derivative_zero_in_both_modes_and_orders(order: float) -> None:
    def norm(x: cr.Tensor) -> cr.Tensor:
        return linalg.vector_norm(x, ord=order)

    zero = cr.zeros(2)
    assert cr.grad(norm)(zero).tolist() == [0, 0]
    assert cr.jvp(norm, (zero,), (cr.tensor([1.0, 2.0]),))[1].item() == 0
    assert_close(np.asarray(cr.hessian(norm)(zero)), np.zeros((2, 2)))


def test_the_derivative_of_det_is_the_adjugate_at_every_rank() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, 3, 3))
    for rank in range(4):
        left = cr.tensor(a[:, :rank] @ b[:rank])
        n = left.numpy()
        minors = [[np.delete(np.delete(n, i, 0), j, 1) for j in range(3)] for i in range(3)]
        cofactors = [
            [(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(3)] for i in range(3)
        ]
        assert_close(cr.grad(linalg.det)(left), np.array(cofactors), atol=1e-12)
        direction = cr.tensor(b)
        _, second = cr.jvp(cr.grad(linalg.det), (left,), (direction,))
        step = 1e-5
        moved = [cr.grad(linalg.det)(cr.tensor(n + s * step * b)).numpy() for s in (1, -1)]
        assert_close(second, (moved[0] - moved[1]) / (2 * step), atol=1e-8)


def test_the_third_derivative_of_det_is_right() -> None:
    x = cr.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]])
    d = cr.tensor(np.diag([1.0, 2.0, 3.0]))

    def along(t: cr.Tensor) -> cr.Tensor:
        return linalg.det(x + t * d)

    third = cr.grad(cr.grad(cr.grad(along)))(cr.tensor(0.3))
    assert_close(third, np.array(6 * 1.0 * 2.0 * 3.0), rtol=1e-9)


def test_slogdet_of_a_singular_matrix_has_a_value() -> None:
    sign, logarithm = linalg.slogdet(cr.tensor([[1.0, 2.0], [2.0, 4.0]]))
    assert (sign.item(), logarithm.item()) == (0, -math.inf)


def test_cholesky_and_eigh_read_the_symmetric_part() -> None:
    x = np.array([[4.0, 1.0], [3.0, 5.0]])
    assert_close(linalg.cholesky(cr.tensor(x)), np.linalg.cholesky((x + x.T) / 2))
    assert_close(linalg.eigvalsh(cr.tensor(x)), np.linalg.eigvalsh((x + x.T) / 2))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 0, 2), (0, 2, 2)])
def test_empty_matrices_have_factors(shape: tuple[int, ...]) -> None:
    x, n = cr.zeros(shape), np.zeros(shape)
    assert [t.shape for t in linalg.svd(x)] == [a.shape for a in np.linalg.svd(n)]
    assert linalg.qr(x, mode="complete").Q.shape == (*shape[:-1], shape[-2])
    assert linalg.pinv(x).shape == np.linalg.pinv(n).shape
    assert linalg.matrix_rank(x).tolist() == np.zeros(shape[:-2]).tolist()
    if shape[-1] == shape[-2]:
        assert_close(linalg.det(x), np.linalg.det(n))
        assert cr.grad(lambda a: cr.sum(linalg.det(a)))(x).shape == shape
        assert linalg.solve(x, x).shape == shape


def test_pinv_and_matrix_rank_take_a_cutoff_for_each_matrix() -> None:
    x = cr.tensor(np.stack([np.diag([1.0, 0.1])] * 2))
    assert linalg.matrix_rank(x, rtol=cr.tensor([0.5, 0.01])).tolist() == [1, 2]
    assert linalg.matrix_rank(x, rtol=0.5).tolist() == [1, 1]
    assert_close(linalg.pinv(x, rtol=cr.tensor([0.5, 0.01]))[0], np.diag([1.0, 0.0]))


def test_trace_adds_small_integers_in_64_bits() -> None:
    x = cr.full((2, 2), 100, dtype="int8")
    assert linalg.trace(x).tolist() == 200
    assert linalg.trace(x).dtype is cr.int64
    assert linalg.trace(cr.ones((2, 2), dtype="uint8")).dtype is cr.uint64
    assert linalg.trace(x, dtype="float32").dtype is cr.float32


def test_no_element_of_an_eigenvector_of_a_repeated_value_has_a_derivative():
    with pytest.raises(GradientError, match="eigenvalues"):
        cr.grad(lambda a: cr.linalg.eigh(a)[1][0, 0])(cr.eye(2))
