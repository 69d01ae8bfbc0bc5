"""What a Derivative knows of its structure, and what it does with it, against dense matrices."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, CapacityError, ShapeError
from chainrule.runtime import memory
from chainrule.transform import operators
from tests.transforms.structures import (
    BOTH,
    HESSIANS,
    JACOBIANS,
    A,
    V,
    X,
    drawn,
    rosenbrock,
)


def numbers(count: int) -> int | tuple[int, ...]:
    return tuple(range(count)) if count > 1 else 0


def structured(name: str) -> tuple[Any, np.ndarray]:
    """The Derivative, and its matrix as forward mode fills it, without any structure."""
    if name in HESSIANS:
        f, args, _ = HESSIANS[name]
        places = numbers(len(args))
        found = cr.hessian(f, places)(*args)
        plain = cr.jacobian(cr.grad(f, places), places, mode="forward")(*args)
    else:
        f, args, _ = JACOBIANS[name]
        places = numbers(len(args))
        found = cr.jacobian(f, places)(*args)
        plain = cr.jacobian(f, places, mode="reverse")(*args)
    return found, plain.matrix().numpy()


def close(left: Any, right: Any, atol: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(left), right, rtol=1e-7, atol=atol)


@pytest.mark.parametrize("name", [n for n, c in BOTH.items() if c.structure is not None])
def test_the_structure_is_found_and_told(name):
    assert structured(name)[0].structure == BOTH[name].structure


FORMULAS = {
    "logistic": "∂²f/∂w∂wᵀ = 1/8 · Xᵀdiag(σ(Xw) ⊙ (1 − σ(Xw)))X",
    "least squares": "∂²f/∂W² = 2 XᵀX ⊗ I",
    "Kronecker": "∂²f/∂W² = S ⊗ T + Sᵀ ⊗ Tᵀ",
    "both factors": (
        "∂²f/∂U² = 2 I ⊗ WᵀW\n"
        "∂²f/∂U∂W = 2((UWᵀ − M) ⊗ I + (U ⊗ Wᵀ)K₄₂)\n"
        "∂²f/∂W∂U = 2((UWᵀ − M)ᵀ ⊗ I + (W ⊗ Uᵀ)K₅₂)\n"
        "∂²f/∂W² = 2 I ⊗ UᵀU"
    ),
    "norm": "∂²f/∂x∂xᵀ = (I − xxᵀ / ‖x‖²) / ‖x‖",
    "log-sum-exp": "∂²logsumexp/∂x∂xᵀ = diag(p) − ppᵀ\n   where  p = softmax(x)",
    "linear": "∂f/∂x = I ⊗ Aᵀ",
    "two results": "∂f/∂x = I ⊗ wᵀ\n∂f/∂w = x ⊗ I\n∂f/∂x = 𝟏ᵀ ⊗ I\n∂f/∂w = 𝟎",
    "a slice": "∂²f/∂x∂xᵀ = 2 I[:, 1:]I[1:, :]",
    "a loop": "block-diagonal over axis 0: A₁",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_is_printed_in_the_names_of_the_program(name):
    assert structured(name)[0].formula == FORMULAS[name]


@pytest.mark.parametrize("name", BOTH)
def test_every_derivative_has_a_formula_or_tells_its_structure(name):
    assert structured(name)[0].formula


@pytest.mark.parametrize("name", BOTH)
def test_the_matrix_is_that_of_forward_mode(name):
    found, matrix = structured(name)
    close(found.matrix(), matrix)


@pytest.mark.parametrize("name", BOTH)
def test_products_are_those_of_the_matrix(name):
    found, matrix = structured(name)
    v = np.random.default_rng(0).standard_normal((matrix.shape[1], 3))
    close(found @ v, matrix @ v)
    close(found @ v[:, 0], matrix @ v[:, 0])
    _ = found.factors  # from now on products use what was evaluated
    close(found @ v, matrix @ v)


@pytest.mark.parametrize("name", HESSIANS)
def test_diagonal_trace_and_eigenvalues_are_those_of_the_matrix(name):
    found, matrix = structured(name)
    close(np.asarray(found.diag()).ravel(), np.diag(matrix))
    close(found.trace(), np.trace(matrix))
    values = np.linalg.eigvalsh(matrix)
    close(found.eigs(), values[::-1], 1e-9)
    close(np.sort(np.abs(found.eigs(2))), np.sort(np.abs(values))[-2:], 1e-9)


@pytest.mark.parametrize("name", HESSIANS)
def test_solutions_are_those_of_the_matrix(name):
    found, matrix = structured(name)
    g = np.random.default_rng(0).standard_normal((len(matrix), 2))
    damped = matrix + 0.7 * np.eye(len(matrix))
    close(found.solve(g, damping=0.7), np.linalg.solve(damped, g), 1e-8)
    close(found.solve(g[:, 0], damping=0.7), np.linalg.solve(damped, g[:, 0]), 1e-8)
    if np.linalg.cond(matrix) < 1e8:
        close(found.solve(g), np.linalg.solve(matrix, g), 1e-8)


@pytest.mark.parametrize("name", BOTH)
def test_a_compiled_derivative_is_the_same(name):
    f, args, _ = BOTH[name]
    transform = cr.hessian if name in HESSIANS else cr.jacobian
    compiled = cr.jit(lambda *a: transform(f, numbers(len(a)))(*a).matrix())
    close(compiled(*args), structured(name)[1])


def test_costs_are_predicted_without_computing():
    wide = cr.zeros((100_000, 10))
    H = cr.hessian(lambda U: cr.sum(U**2))(wide)
    cost = H.cost()
    assert cost.bytes == 8 * (10**6) ** 2
    assert cost.factor_bytes < 100


def test_what_does_not_fit_in_memory_says_so_before_it_starts(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 8_000_000_000)
    H = cr.hessian(lambda U: cr.sum((U @ V - 1.0) ** 2))(cr.ones((50_000, 2)))
    for ask in (H.dense, H.matrix, lambda: np.asarray(H)):
        with pytest.raises(CapacityError) as caught:
            ask()
        assert "(100000 × 100000) would take 80 GB of memory, and 8 GB are free" in str(
            caught.value
        )
    assert isinstance(caught.value, MemoryError)
    assert H.solve(cr.ones((50_000, 2))).shape == (50_000, 2)
    assert H.trace().item() == pytest.approx(2 * 50_000 * np.trace((V @ V.T).numpy()))
    assert H.eigs(3).shape == (3,)


class Large(NamedTuple):
    """A derivative that cannot be written out, what is asked of it, and what it says."""

    derivative: Callable[[], Any]
    ask: Callable[[Any], Any]
    message: str


LARGE = {
    "a matrix of float32": Large(
        lambda: cr.hessian(lambda x: cr.sum(x**2))(cr.ones(50_000, dtype=cr.float32)),
        lambda H: H.matrix(),
        "the matrix (50000 × 50000) would take 10 GB of memory, and 8 GB are free",
    ),
    "two arguments": Large(
        lambda: cr.hessian(lambda a, b: cr.sum(a**2) + cr.sum(b**2), (0, 1))(
            cr.ones((200, 100)), cr.ones(30_000)
        ),
        lambda H: H.matrix(),
        "the matrix (50000 × 50000) would take 40 GB of memory, and 8 GB are free",
    ),
    "one block of several": Large(
        lambda: cr.hessian(lambda a, b: cr.sum(a**2) + cr.sum(b**2), (0, 1))(
            cr.ones(5), cr.ones((40, 1000))
        ),
        lambda H: H.block("b", "b"),
        "the dense block (40005 × 40005) would take 12.8 GB of memory, and 8 GB are free",
    ),
    "a wide Jacobian without structure": Large(
        lambda: cr.jacobian(lambda x: cr.sort(x), mode="forward")(cr.ones(100_000)),
        lambda J: J.dense(),
        "the dense blocks (100000 × 100000) would take 80 GB of memory, and 8 GB are free",
    ),
    "Jacobians of samples": Large(
        lambda: cr.jacobian(lambda x: cr.cumulative_sum(x, axis=1))(cr.ones((20, 10_000))),
        lambda J: J.per_sample(),
        "the Jacobians of samples (200000 × 200000) would take 16 GB of memory, and 8 GB are free",
    ),
    "blocks to solve": Large(
        lambda: cr.hessian(lambda x: cr.sum(cr.tanh(x @ cr.ones((2_000, 2_000))) ** 2))(
            cr.zeros((300, 2_000))
        ),
        lambda H: H.solve(cr.ones((300, 2_000)), damping=1.0),
        "the blocks (600000 × 600000) would take 9.6 GB of memory, and 8 GB are free",
    ),
    "many vectors": Large(
        lambda: cr.hessian(lambda x: cr.sum(x**2))(cr.ones(3_000_000)),
        lambda H: H @ cr.broadcast_to(cr.ones((3_000_000, 1)), (3_000_000, 1_000)),
        "the products (3000000 × 3000000) would take 24 GB of memory, and 8 GB are free",
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_every_way_to_write_out_too_much_says_so_before_it_starts(name, monkeypatch):
    case = LARGE[name]
    found = case.derivative()
    monkeypatch.setattr(memory, "available_bytes", lambda: 8_000_000_000)
    with pytest.raises(CapacityError) as caught:
        case.ask(found)
    assert str(caught.value).startswith(case.message)


def test_a_diagonal_plus_low_rank_is_solved_in_any_size():
    x = drawn(7, 100_000)
    f = lambda x: cr.logsumexp(x) + cr.sum(x**2)  # noqa: E731
    H, g = cr.hessian(f)(x), drawn(8, 100_000)
    close(H @ H.solve(g), g.numpy())
    assert H.cost().bytes == 8 * 10**10


def spline(x: Any) -> Any:
    """A smooth curve through points of the plane: bands of blocks."""
    bend = x[2:] - 2 * x[1:-1] + x[:-2]
    return cr.sum(bend**2) + cr.sum((x - 1) ** 4) + cr.sum(cr.sum(x, axis=1) ** 2)


@pytest.mark.parametrize("shape", [(60,), (40, 1)])
def test_bands_are_solved_as_bands(shape):
    f = rosenbrock if len(shape) == 1 else spline
    x, g = 1 + drawn(7, *shape) / 10, drawn(8, *shape)
    H = cr.hessian(f)(x)
    assert H._bandwidth == (1 if len(shape) == 1 else 2)
    matrix = cr.jacobian(cr.grad(f), mode="forward")(x).matrix().numpy()
    for damping in (0.0, 0.3):
        wanted = np.linalg.solve(matrix + damping * np.eye(len(matrix)), g.numpy().ravel())
        close(H.solve(g, damping).reshape(-1), wanted, 1e-8)


def test_a_band_of_blocks_and_a_long_chain_are_solved():
    x, g = 1 + drawn(7, 50, 3) / 10, drawn(8, 50, 3)
    H = cr.hessian(spline)(x)
    assert H._bandwidth == 6
    close(H @ H.solve(g), g.numpy(), 1e-8)
    x, g = 1 + drawn(7, 200_000) / 100, drawn(8, 200_000)
    H = cr.hessian(rosenbrock)(x)
    close(H @ H.solve(g), g.numpy(), 1e-6)


def test_a_dense_derivative_is_computed_in_parts_where_its_way_is_wide(monkeypatch):
    monkeypatch.setattr(operators, "_AT_ONCE", 4096)
    f = lambda x, w: cr.sum(cr.sort(cr.tanh(cr.expand_dims(x, axis=1) * w), axis=0)[3] ** 2)  # noqa: E731
    x, w = drawn(7, 9), drawn(8, 30)
    parts = cr.hessian(f, (0, 1))(x, w).matrix()
    monkeypatch.setattr(operators, "_AT_ONCE", 1 << 28)
    close(parts, cr.hessian(f, (0, 1))(x, w).matrix().numpy())


def test_vectors_come_in_the_shape_of_the_argument_or_flat():
    H = cr.hessian(lambda p: cr.sum((X @ p["w"] + p["b"]) ** 4))
    point = {"w": drawn(7, 3), "b": cr.tensor(0.5)}
    found, v = H(point), {"w": drawn(8, 3), "b": cr.tensor(2.0)}
    product = found @ v
    flat = found @ np.r_[2.0, v["w"].numpy()]  # b before w, as the tree has them
    close(np.r_[product["b"].item(), product["w"].numpy()], flat.numpy())
    back = found.solve(product)
    close(back["w"], v["w"].numpy(), 1e-8)


def test_jacobians_of_samples():
    f = lambda x: cr.tanh(x @ A)  # noqa: E731
    x = drawn(7, 4, 5)
    J = cr.jacobian(f)(x).per_sample()
    close(J, np.stack([cr.jacobian(f)(x[n : n + 1]).dense().numpy()[0, :, 0] for n in range(4)]))
    with pytest.raises(ArgumentError) as caught:
        cr.jacobian(lambda x: A @ x)(drawn(7, 5, 2)).per_sample()
    assert str(caught.value) == (
        "per_sample: the results along axis 0 are not known to depend each on its own sample "
        "alone\n\n    structure  Kronecker(A, I)"
    )


def test_derivatives_of_structured_hessians():
    f = lambda x: cr.sum(x**4) + cr.sum(x) ** 3  # noqa: E731
    x = drawn(7, 4)
    third = cr.grad(lambda x: cr.hessian(f)(x).trace())(x)
    plain = cr.grad(lambda x: cr.linalg.trace(cr.jacobian(cr.grad(f), mode="forward")(x)))(x)
    close(third, plain.numpy())


def test_large_problems_are_solved_by_products_alone():
    x = drawn(7, 7000) * 0.1
    heights = cr.tensor(np.r_[60.0, 40.0, np.ones(6998)])
    f = lambda x: cr.sum(x[1:] * x[:-1]) + 2 * cr.sum(heights * x**2)  # noqa: E731
    H = cr.hessian(f)(x)
    g = drawn(8, 7000)
    close(H @ H.solve(g), g.numpy(), 1e-6)
    assert H.eigs(1).item() == pytest.approx(240, rel=0.01)


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a Jacobian that is not square": (
        lambda: cr.jacobian(lambda x: cr.sum(x))(cr.ones(3)).trace(),
        ShapeError,
        "trace: the derivative of result [] by x [3] is not a square matrix",
    ),
    "a right side of another shape": (
        lambda: cr.hessian(lambda x: cr.sum(x**2))(cr.ones(3)).solve(cr.ones(4)),
        ShapeError,
        "solve: the right side has shape [4], and the arguments are x [3]",
    ),
    "a right side that is not like the results": (
        lambda: cr.jacobian(lambda x: cr.reshape(x, (2, 3)))(cr.ones(6)).solve(cr.ones(2)),
        ShapeError,
        "solve: the right side has shape [2], and the results are result [2, 3]",
    ),
    "eigenvalues without symmetry": (
        lambda: cr.jacobian(lambda x: A @ x)(cr.ones(5)).eigs(),
        ArgumentError,
        (
            "eigs: the matrix is not known to be symmetric\n\n"
            "  Use cr.linalg.eigvals(J.matrix()) for complex eigenvalues."
        ),
    ),
    "too many eigenvalues": (
        lambda: cr.hessian(lambda x: cr.sum(x**2))(cr.ones(3)).eigs(4),
        ArgumentError,
        "eigs: k=4 of 3 eigenvalues",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_get_a_clear_message(name):
    call, kind, message = MISTAKES[name]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
