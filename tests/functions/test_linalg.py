"""Linear algebra at the hard points: repeated values, zeros, singular and empty matrices."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest

import chainrule as cr
from chainrule import linalg
from chainrule.errors import GradientError
from chainrule.ir.routines.divided_differences import first_difference, second_difference
from chainrule.testing import assert_close, check_gradients

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


@pytest.mark.parametrize("function", [linalg.sqrtm, linalg.logm])
@pytest.mark.parametrize("spectrum", [(2, 2, 2), (1, 1, 2), (1, 1 + 1e-9, 3), (1, 1.05, 1.07)])
def test_functions_of_repeated_and_close_eigenvalues_have_derivatives(
    function: Callable[[cr.Tensor], cr.Tensor], spectrum: tuple[float, ...]
) -> None:
    turn = np.linalg.qr(np.arange(9.0).reshape(3, 3) + np.eye(3))[0]
    check_gradients(function, (turn * spectrum) @ turn.T)


def test_the_gradient_of_the_trace_of_a_matrix_function_is_its_derivative_as_a_function() -> None:
    x = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    gradient = cr.grad(lambda a: linalg.trace(linalg.logm(a)))(cr.tensor(x))
    assert_close(gradient, np.linalg.inv(x))
    assert_close(linalg.expm(linalg.logm(cr.tensor(x))), x, rtol=1e-12)
    root = linalg.sqrtm(cr.tensor(x))
    assert_close(root @ root, x, rtol=1e-12)
    assert_close(linalg.fractional_matrix_power(cr.tensor(x), 0.5), root)


@pytest.mark.parametrize("exponent", [None, 0.5, -0.5, 2.5, 3.0])
def test_divided_differences_are_accurate_at_every_distance(exponent: float | None) -> None:
    power = Decimal(exponent or 0)

    def function(x: Decimal) -> Decimal:
        return x.ln() if exponent is None else x**power

    for gap in (0.0, 1e-12, 1e-6, 1e-3, 0.01, 0.06, 0.09, 0.5, 3.0):
        points = [np.array(p) for p in (1.3, 1.3 + gap, 1.3 + 0.4 * gap)]
        found = first_difference(exponent, *points[:2]), second_difference(exponent, *points)
        with localcontext(prec=80):
            a, b, c = (Decimal(float(p)) for p in points)
            if gap:
                once = (function(a) - function(b)) / (a - b)
                twice = (once - (function(b) - function(c)) / (b - c)) / (a - c)
            elif exponent is None:
                once, twice = 1 / a, -1 / (2 * a**2)
            else:
                once, twice = power * a ** (power - 1), power * (power - 1) / 2 * a ** (power - 2)
        assert abs(found[0] / float(once) - 1) < 1e-14
        assert abs(found[1] / float(twice) - 1) < 1e-13


def test_a_singular_matrix_has_a_root_and_derivatives_that_keep_its_null_space() -> None:
    x = cr.tensor(np.diag([4.0, 1.0, 0.0]))
    assert_close(linalg.sqrtm(x), np.diag([2.0, 1.0, 0.0]))
    direction = cr.tensor([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    tangent = cr.jvp(linalg.sqrtm, (x,), (direction,))[1]
    assert_close(tangent, np.array([[0.25, 2 / 3, 0], [2 / 3, 0.5, 0], [0, 0, 0]]))


def test_complex_eigenvalues_and_vectors_satisfy_their_equation() -> None:
    x = cr.tensor([[0.0, -2.0, 1.0], [2.0, 0.0, 0.5], [0.0, 1.0, 1.0]])
    values, vectors = linalg.eig(x)
    v = vectors.real.numpy() + 1j * vectors.imag.numpy()
    λ = values.real.numpy() + 1j * values.imag.numpy()
    np.testing.assert_allclose(x.numpy() @ v, v * λ, atol=1e-14)
    assert_close(linalg.eigvals(x).real, values.real)
    assert_close(cr.grad(lambda a: cr.sum(linalg.eigvals(a).real))(x), np.eye(3), atol=1e-12)


def test_a_single_eigenvalue_beside_repeated_ones_has_a_derivative() -> None:
    x = cr.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 2.0, 3.0]])
    place = int(np.argmax(linalg.eigvals(x).real.numpy()))
    gradient = cr.grad(lambda a: linalg.eigvals(a).real[place])(x)
    assert_close(gradient, np.array([[0, 0, 0.5], [0, 0, 1.0], [0, 0, 1]]))


def test_least_squares_of_a_matrix_without_full_rank_is_the_shortest_solution() -> None:
    x, y = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]), np.array([1.0, 2.0, 3.0])
    found = linalg.lstsq(cr.tensor(x), cr.tensor(y))
    assert_close(found.solution, np.array([1.0, 1.0]))
    assert (found.rank.item(), round(found.residuals.item(), 12)) == (1, 2)
    assert_close(
        cr.grad(lambda b: cr.sum(linalg.lstsq(x, b).solution))(cr.tensor(y)), np.ones(3) / 3
    )


def test_the_projection_has_derivatives_where_singular_values_are_repeated() -> None:
    x = cr.tensor(np.eye(3)[:, :2])
    tangent = cr.jvp(linalg.projection, (x,), (cr.tensor([[0.0, 0], [0, 0], [1, 2]]),))[1]
    assert_close(tangent, np.array([[0.0, 0, 1], [0, 0, 2], [1, 2, 0]]))


def test_the_condition_number_of_a_singular_matrix_is_infinite() -> None:
    assert linalg.cond(cr.ones((2, 2)), ord=1).item() == math.inf
    assert linalg.cond(cr.tensor([[1.0, 0.0], [0.0, 0.0]])).item() == math.inf


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0)])
def test_empty_matrices_have_functions(shape: tuple[int, ...]) -> None:
    x = cr.zeros(shape)
    for function in (linalg.expm, linalg.sqrtm, linalg.logm, linalg.projection):
        assert function(x).shape == shape
    assert linalg.lu(x).L.shape == shape
    assert linalg.eigvals(x).real.shape == shape[:-1]
    assert linalg.eig(x).eigenvectors.imag.shape == shape
    assert linalg.null_space(x).shape == shape
    assert linalg.lstsq(x, x).solution.shape == shape


def test_a_wide_zero_matrix_has_the_whole_space_for_null_space() -> None:
    assert_close(cr.abs(linalg.null_space(cr.zeros((2, 3)))), np.eye(3))
    assert linalg.orth(cr.zeros((3, 2))).shape == (3, 0)


def test_stacks_are_factored_by_their_symmetric_part() -> None:
    stack = np.random.default_rng(0).standard_normal((5, 3, 3))
    stack = stack @ stack.mT + np.eye(3)
    stack = (stack + stack.mT) / 2
    same = cr.linalg.cholesky(cr.tensor(stack)).numpy()
    assert same.tobytes() == np.linalg.cholesky(stack).tobytes()
    one = stack.copy()
    one[3, 0, 2] += 0.5
    one[3, 2, 0] -= 0.5
    np.testing.assert_allclose(cr.linalg.cholesky(cr.tensor(one)).numpy(), same, rtol=1e-13)
