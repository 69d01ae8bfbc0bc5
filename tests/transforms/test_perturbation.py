"""Nested derivatives do not confuse their perturbations, and long programs stay cheap.

The examples are those of Siskind and Pearlmutter, "Perturbation confusion and referential
transparency" (2005) and of Manzyuk, Pearlmutter, Radul, Rush and Siskind, "Perturbation confusion
in forward automatic differentiation of higher-order functions" (2019).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.testing import assert_close

Function = Callable[..., Any]


def forward(f: Function) -> Function:
    """d/dx f by forward mode."""
    return lambda x: cr.jvp(f, (x,), (cr.ones_like(x),))[1]


def pulled(f: Function) -> Function:
    """d/dx f by vjp."""
    return lambda x: cr.vjp(f, x)[1](cr.tensor(1.0))[0]


def mapped(f: Function) -> Function:
    """d/dx f inside vmap over a stack of one."""
    return lambda x: cr.vmap(cr.grad(f))(x.reshape((1,)))[0]


def compiled(f: Function) -> Function:
    """d/dx f inside jit."""
    return cr.jit(cr.grad(f))


def whole(f: Function) -> Function:
    """d/dx f as the one block of a Jacobian."""
    return lambda x: cr.jacobian(f)(x).dense()


def batched_forward(f: Function) -> Function:
    """d/dx f by forward mode, with the direction batched."""
    return lambda x: cr.vmap(lambda t: cr.jvp(f, (x,), (t,))[1])(cr.ones((1,)))[0]


MODES = {
    "grad": cr.grad,
    "jvp": forward,
    "vjp": pulled,
    "vmap": mapped,
    "jit": compiled,
    "jacobian": whole,
    "direction": batched_forward,
}
each_mode = pytest.mark.parametrize("d", MODES.values(), ids=MODES)
each_pair = pytest.mark.parametrize(
    ("outer", "inner"),
    [pytest.param(a, b, id=f"{m}-{n}") for m, a in MODES.items() for n, b in MODES.items()],
)


# ---------------------------------------------------------------- Siskind and Pearlmutter 2005


@each_pair
def test_the_example_of_2005_is_one(outer: Function, inner: Function) -> None:
    """d/dx (x · d/dy (x + y) at y = 1) at x = 1: confused, it is 2."""
    found = outer(lambda x: x * inner(lambda y: x + y)(cr.tensor(1.0)))(cr.tensor(1.0))
    assert found.item() == 1.0


@each_pair
def test_an_inner_derivative_at_the_outer_variable(outer: Function, inner: Function) -> None:
    """d/dx (x · d/dy (x y²) at y = x) = d/dx 2x³ = 6x²."""
    found = outer(lambda x: x * inner(lambda y: x * y * y)(x))(cr.tensor(3.0))
    assert found.item() == 54.0


@each_pair
def test_the_inner_function_ignores_its_own_variable(outer: Function, inner: Function) -> None:
    """d/dy (x · x) is 0, though it depends on the outer variable."""
    found = outer(lambda x: x + inner(lambda y: x * x + 0.0 * y)(x))(cr.tensor(3.0))
    assert found.item() == 1.0


@each_mode
def test_the_same_function_is_differentiated_at_two_levels(d: Function) -> None:
    """d/dx (f′(x) · x) = f″(x) x + f′(x), with f = sin."""
    found = d(lambda x: d(cr.sin)(x) * x)(cr.tensor(0.7))
    assert_close(found, -math.sin(0.7) * 0.7 + math.cos(0.7), rtol=1e-14)


# ---------------------------------------------------------------- Manzyuk et al. 2019


@each_mode
def test_a_derivative_of_a_function_that_returns_functions(d: Function) -> None:
    """The shift s(u) = f ↦ (x ↦ f(x + u)): differentiated twice by u at 0 it gives f″.

    Confusion makes the paper's D (D s 0) h y equal 0.
    """

    def shifted_derivative(f: Function) -> Function:
        return lambda x: d(lambda u: f(x + u))(cr.tensor(0.0))

    found = shifted_derivative(shifted_derivative(cr.exp))(cr.tensor(1.0))
    assert_close(found, math.e, rtol=1e-14)


@each_mode
def test_a_closure_that_escapes_into_the_outer_level(d: Function) -> None:
    """d/dx d/dy (x y + x² y²) through functions made at the outer level."""

    def at(x: Any) -> Function:
        return lambda y: x * y + x * x * y * y

    found = d(lambda x: d(at(x))(cr.tensor(2.0)))(cr.tensor(3.0))
    assert found.item() == 1.0 + 4 * 3.0 * 2.0


# ---------------------------------------------------------------- to order four, mixed


def derivative(modes: tuple[str, ...], f: Function) -> Function:
    for mode in modes:
        f = MODES[mode](f)
    return f


FOURTH = [
    ("grad",) * 4,
    ("jvp",) * 4,
    ("grad", "jvp", "grad", "jvp"),
    ("jvp", "grad", "jvp", "grad"),
    ("grad", "vmap", "jvp", "vjp"),
    ("jit", "grad", "jit", "jvp"),
    ("vmap", "jit", "vjp", "vmap"),
    ("jacobian", "jvp", "jacobian", "grad"),
    ("direction", "grad", "direction", "vmap"),
]


@pytest.mark.parametrize("modes", FOURTH, ids="-".join)
def test_derivatives_to_order_four_in_mixed_modes(modes: tuple[str, ...]) -> None:
    """f = sin(x) eˣ has the fourth derivative −4 f."""
    x = cr.tensor(0.3)
    exact = [
        (math.sin(0.3) + math.cos(0.3)) * math.exp(0.3),
        2 * math.cos(0.3) * math.exp(0.3),
        2 * (math.cos(0.3) - math.sin(0.3)) * math.exp(0.3),
        -4 * math.sin(0.3) * math.exp(0.3),
    ]
    for order in range(1, 5):
        found = derivative(modes[:order], lambda x: cr.sin(x) * cr.exp(x))(x)
        assert_close(found, exact[order - 1], rtol=1e-12)


@each_pair
def test_three_levels_with_a_middle_one_that_reads_both(outer: Function, inner: Function) -> None:
    """d/dx d/dy d/dz (x y² z³) = 2 y · 3 z² at x = 1, y = 2, z = 3."""

    def level_x(x: Any) -> Any:
        return inner(lambda y: outer(lambda z: x * y * y * z * z * z)(cr.tensor(3.0)))(
            cr.tensor(2.0)
        )

    assert_close(outer(level_x)(cr.tensor(1.0)), 2 * 2 * 3 * 9.0, rtol=1e-14)


def test_vmap_over_the_outer_variable_of_a_nested_derivative() -> None:
    xs = cr.tensor([1.0, 2.0, 3.0])
    found = cr.vmap(cr.grad(lambda x: x * cr.grad(lambda y: x * y * y)(x)))(xs)
    assert found.tolist() == [6.0, 24.0, 54.0]


def test_a_hessian_by_both_orders_of_modes() -> None:
    def f(x: Any) -> Any:
        return (cr.sin(x) * x[0] * cr.exp(x[1] * x[2])).sum()

    x = cr.tensor([0.3, -0.5, 0.8])
    reverse_reverse = cr.jacobian(cr.grad(f), mode="reverse")(x).dense()
    basis = cr.eye(3)
    forward_reverse = cr.vmap(lambda v: cr.jvp(cr.grad(f), (x,), (v,))[1])(basis)
    reverse_forward = cr.vmap(lambda v: cr.grad(lambda x: cr.jvp(f, (x,), (v,))[1])(x))(basis)
    assert_close(forward_reverse, reverse_reverse, rtol=1e-12)
    assert_close(reverse_forward, reverse_reverse, rtol=1e-12)
    assert_close(cr.hessian(f)(x).dense(), reverse_reverse, rtol=1e-12)


def test_a_derivative_inside_a_loop_inside_a_derivative() -> None:
    """Newton's iteration for √a, each step with grad inside: d√a/da = 1 / (2√a)."""

    def root(a: Any) -> Any:
        x = a
        for _ in range(8):
            residual, slope = cr.value_and_grad(lambda x: x * x - a)(x)
            x = x - residual / slope
        return x

    for d in MODES.values():
        assert_close(d(root)(cr.tensor(2.0)), 0.5 / math.sqrt(2.0), rtol=1e-12)


def test_a_pullback_used_inside_another_transform() -> None:
    """The pullback of an outer vjp, differentiated by its cotangent, is linear in it."""
    x = cr.tensor([1.0, 2.0])
    _, pull = cr.vjp(lambda x: x * x, x)
    found = cr.grad(lambda c: (pull(c)[0] * x).sum())(cr.tensor([1.0, 1.0]))
    assert found.tolist() == [2.0, 8.0]


# ---------------------------------------------------------------- repeated use, empty axes, dtypes


def test_the_same_value_in_every_position() -> None:
    x = cr.tensor([0.5, -1.5])
    assert cr.grad(lambda x: (x * x * x).sum())(x).tolist() == [0.75, 6.75]
    assert cr.grad(lambda x: (x + x + x).sum())(x).tolist() == [3.0, 3.0]
    assert cr.grad(lambda x: (x - x).sum())(x).tolist() == [0.0, 0.0]
    assert cr.grad(lambda x: (x / x).sum())(x).tolist() == [0.0, 0.0]
    both = cr.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x)
    assert [g.tolist() for g in both] == [x.tolist(), x.tolist()]


def test_a_value_that_the_result_ignores_has_gradient_zero() -> None:
    found = cr.grad(lambda x, y: (y * y).sum())(cr.ones((2, 3)), cr.ones(2))
    assert found.tolist() == [[0.0] * 3] * 2
    _, tangent = cr.jvp(lambda x: cr.ones(3), (cr.ones(2),), (cr.ones(2),))
    assert tangent.tolist() == [0.0] * 3


@pytest.mark.parametrize("shape", [(0,), (1,), (0, 3), (3, 0), (1, 1), (1, 0, 2), ()])
def test_empty_and_single_axes(shape: tuple[int, ...]) -> None:
    def f(x: Any) -> Any:
        return (cr.sin(x) * x).sum() + cr.exp(x).sum()

    x = cr.full(shape, 0.5)
    slope = math.cos(0.5) * 0.5 + math.sin(0.5) + math.exp(0.5)
    for gradient in (cr.grad(f)(x), cr.jit(cr.grad(f))(x)):
        assert_close(gradient, np.full(shape, slope), rtol=1e-14)
    product = cr.jvp(cr.grad(f), (x,), (cr.ones(shape),))[1]
    assert product.shape == shape
    stack = cr.full((2, *shape), 0.5)
    assert_close(cr.vmap(cr.grad(f))(stack), np.full((2, *shape), slope), rtol=1e-14)


def test_matrix_products_over_an_empty_axis_are_zero() -> None:
    x, y = cr.ones((2, 0)), cr.ones((0, 3))
    assert (x @ y).tolist() == [[0.0] * 3] * 2
    gradients = cr.grad(lambda x, y: (x @ y).sum(), argnums=(0, 1))(x, y)
    assert [g.shape for g in gradients] == [(2, 0), (0, 3)]


def test_integers_and_booleans_have_no_gradient() -> None:
    with pytest.raises(TypeError) as raised:
        cr.grad(lambda x: x * 1.0)(3)
    assert str(raised.value) == (
        "grad: argument 0 is an int, and derivatives are taken with respect to floating-point "
        "numbers; write 3.0"
    )
    for value, dtype in ((cr.tensor([1, 2]), "int64"), (cr.tensor([True]), "bool")):
        with pytest.raises(TypeError) as raised:
            cr.grad(lambda x: (x * 1.0).sum())(value)
        assert str(raised.value) == (
            f"grad: argument 0 has dtype {dtype}, and derivatives are taken with respect to "
            "floating-point numbers\n\n"
            "  Convert it with .astype(cr.float64), or pick other arguments with argnums."
        )


def test_integers_and_booleans_beside_the_differentiated_argument() -> None:
    x = cr.tensor([1.0, 2.0, 3.0])
    index, mask = cr.tensor([0, 0, 2]), cr.tensor([True, False, True])
    assert cr.grad(lambda x, i: x[i].sum())(x, index).tolist() == [2.0, 0.0, 1.0]
    found = cr.grad(lambda x, m: cr.where(m, x * x, 0.0).sum())(x, mask)
    assert found.tolist() == [2.0, 0.0, 6.0]
    assert cr.grad(lambda x: (x * cr.floor(x).astype("int64")).sum())(x).tolist() == [1, 2, 3]


# ---------------------------------------------------------------- leaked Tensors


@pytest.mark.parametrize(
    ("kind", "transformed"),
    [
        ("grad", cr.grad),
        ("jvp", forward),
        ("vmap", lambda f: lambda x: cr.vmap(f)(x.reshape((1,)))),
        ("jit", cr.jit),
    ],
    ids=lambda p: p if isinstance(p, str) else "",
)
def test_a_leaked_tensor_raises_when_it_is_used(kind: str, transformed: Function) -> None:
    kept = []

    def leaks(x: Any) -> Any:
        kept.append(x * 2.0)
        return x * x

    transformed(leaks)(cr.tensor(3.0))
    with pytest.raises(RuntimeError) as raised:
        kept[0] + 1.0
    assert str(raised.value) == (
        f"this Tensor was made inside {kind} and is used after it has ended\n\n"
        f"  Return it from the function that {kind} transforms (auxiliary results: has_aux=True),\n"
        "  or keep a number with .detach() while the value is known."
    )


def test_a_leaked_mask_that_indexes_raises() -> None:
    kept = []
    cr.grad(lambda x: kept.append(x > 0) or x * x)(cr.tensor(3.0))
    with pytest.raises(RuntimeError, match="made inside grad and is used after it has ended"):
        cr.tensor(1.0)[kept[0]]


def test_a_tensor_leaked_into_another_recording_raises() -> None:
    kept = []
    cr.grad(lambda x: kept.append(x) or x * x)(cr.tensor(3.0))
    with pytest.raises(RuntimeError, match="made inside grad and is used after it has ended"):
        cr.grad(lambda x: x * kept[0])(cr.tensor(1.0))
    with pytest.raises(RuntimeError, match="made inside grad and is used after it has ended"):
        cr.grad(lambda x: kept[0])(cr.tensor(1.0))
