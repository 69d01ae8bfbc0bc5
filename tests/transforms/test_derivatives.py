"""grad, vjp, jacobian, hessian, vmap: arguments, results and errors."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, GradientError, RecordingError, ShapeError


def test_gradients_have_the_structure_of_the_argument():
    f = lambda p: cr.sum(p["w"] * p["b"][0]) + p["b"][1]  # noqa: E731
    found = cr.grad(f)({"w": cr.ones(2), "b": (cr.tensor(3.0), cr.tensor(1.0))})
    assert found["w"].tolist() == [3.0, 3.0]
    assert [b.item() for b in found["b"]] == [2.0, 1.0]


def test_auxiliary_results_come_out_of_the_recording():
    (value, aux), gradient = cr.value_and_grad(
        lambda x: (x * x, {"twice": 2 * x, "n": 3}), has_aux=True
    )(5.0)
    assert (value.item(), gradient.item(), aux["twice"].item(), aux["n"]) == (25.0, 10.0, 10.0, 3)


def test_a_result_that_does_not_depend_on_the_argument_has_gradient_zero():
    assert cr.grad(lambda x: cr.tensor(1.0))(cr.ones(3)).tolist() == [0.0, 0.0, 0.0]


def test_control_flow_on_values_works_under_grad():
    f = lambda x: x * x if x > 0 else -x  # noqa: E731
    assert cr.grad(f)(3.0).item() == 6.0
    assert cr.grad(f)(-3.0).item() == -1.0


def test_vjp_can_be_differentiated_by_its_cotangent():
    x = cr.tensor([1.0, 2.0])
    _, pull = cr.vjp(lambda x: x * x, x)
    assert pull(x)[0].tolist() == [2.0, 8.0]
    assert cr.grad(lambda c: cr.sum(pull(c)[0] * c))(x).tolist() == [4.0, 16.0]


def test_vjp_inside_grad():
    def f(x):
        y, pull = cr.vjp(lambda x: x * x * x, x)
        return pull(y)[0]  # 3x² · x³

    assert cr.grad(f)(2.0).item() == 15 * 2.0**4


def test_jacobian_has_the_axes_of_the_result_first():
    w = cr.reshape(cr.arange(6.0), (3, 2))
    for mode in ("forward", "reverse"):
        found = cr.jacobian(lambda x: cr.matmul(w, x), mode=mode)(cr.ones(2))
        np.testing.assert_array_equal(found.dense().numpy(), w.numpy())


def test_the_hessian_of_several_arguments_is_a_block_matrix():
    f = lambda w, b: cr.sum(w * w * b)  # noqa: E731
    H = cr.hessian(f, argnums=(0, 1))(cr.tensor([1.0, 2.0]), cr.tensor(3.0))
    assert H.block("w", "w").tolist() == [[6.0, 0.0], [0.0, 6.0]]
    assert H.block("b", "w").tolist() == [2.0, 4.0]
    assert H.matrix().tolist() == [[6.0, 0.0, 2.0], [0.0, 6.0, 4.0], [2.0, 4.0, 0.0]]
    with pytest.raises(ArgumentError, match="several blocks"):
        H.dense()
    with pytest.raises(ArgumentError, match="no block 'c'; there are w, b"):
        H.block("c")


def test_a_derivative_is_used_like_an_array():
    H = cr.hessian(lambda x: cr.sum(x * x))(cr.ones(2))
    assert (H @ cr.ones(2)).tolist() == [2.0, 2.0]
    assert (H + 1)[0, 1].item() == 1.0
    assert H.shape == (2, 2)
    np.testing.assert_array_equal(np.asarray(H), 2 * np.eye(2))
    assert cr.linalg.trace(H).item() == 4.0


def test_vmap_moves_axes_and_keeps_what_is_not_mapped():
    f = cr.vmap(lambda a, b: a * b, in_axes=(1, None), out_axes=1)
    x = cr.reshape(cr.arange(6.0), (2, 3))
    assert f(x, cr.tensor([1.0, 10.0])).tolist() == [[0.0, 1.0, 2.0], [30.0, 40.0, 50.0]]


def test_a_rule_holds_for_a_result_that_depends_on_nothing():
    @cr.custom_derivative(lambda inputs, y, tangents: 2 * inputs[0] * tangents[0])
    def guessed(x):
        return cr.zeros_like(x)

    x = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    slope = cr.vmap(cr.grad(lambda v: cr.sum(guessed(v))))(x)
    np.testing.assert_array_equal(slope.numpy(), 2 * x.numpy())
    _, tangents = cr.jvp(cr.vmap(guessed), (x,), (x,))
    np.testing.assert_array_equal(tangents.numpy(), 2 * x.numpy() ** 2)


def test_vmap_of_a_derivative_of_empty_rows():
    """The log of an empty sum is −∞ whatever the row is; its tangent is one for each row still."""
    x = cr.ones((5, 0))

    def slopes(x):
        return cr.vmap(cr.grad(lambda v: cr.sum(v) * cr.logsumexp(v)))(x)

    values, tangents = cr.jvp(slopes, (x,), (x,))
    assert values.shape == tangents.shape == (5, 0)


def test_vmap_of_trees():
    f = cr.vmap(lambda p, x: p["w"] * x, in_axes=({"w": 0}, None))
    assert f({"w": cr.tensor([1.0, 2.0])}, cr.tensor(3.0)).tolist() == [3.0, 6.0]


def test_vmap_says_which_arguments_differ():
    with pytest.raises(ShapeError) as caught:
        cr.vmap(lambda a, b: a + b)(cr.ones(2), cr.ones(3))
    assert str(caught.value) == (
        "vmap: the arguments have different numbers of examples\n\n"
        "    argument 0: 2\n    argument 1: 3"
    )


def test_printing_inside_grad_shows_the_value():
    seen = []
    cr.grad(lambda x: (seen.append(repr(2 * x)), x)[1])(1.5)
    assert seen == ["Tensor(3., inside grad)"]


def mistake(call, kind, *message):
    return call, kind, "".join(message)


ERRORS = {
    "an int": mistake(
        lambda: cr.grad(lambda x: x)(3),
        DTypeError,
        "grad: argument 0 is an int, and derivatives are taken with respect to floating-point "
        "numbers; write 3.0",
    ),
    "an int Tensor": mistake(
        lambda: cr.grad(lambda x: x)(cr.tensor(3)),
        DTypeError,
        "grad: argument 0 has dtype int64, and derivatives are taken with respect to "
        "floating-point numbers\n\n"
        "  Convert it with .astype(cr.float64), or pick other arguments with argnums.",
    ),
    "a vector": mistake(
        lambda: cr.grad(lambda x: x * 2)(cr.ones(3)),
        ShapeError,
        "grad: the function returned a Tensor of shape [3], and a gradient belongs to a single "
        "number\n\n  Reduce it with .sum() or .mean(), or use cr.jacobian or cr.vjp.",
    ),
    "a pair": mistake(
        lambda: cr.grad(lambda x: (x, x))(1.0),
        ArgumentError,
        "grad: the function returned a tuple, where one number was expected\n\n"
        "  Return the loss alone, or (loss, anything else) with has_aux=True.",
    ),
    "no such argument": mistake(
        lambda: cr.grad(lambda x: x, argnums=2)(1.0),
        ArgumentError,
        "grad: argnums=2, but the function was called with 1 positional argument",
    ),
    "float": mistake(
        lambda: cr.grad(lambda x: float(x))(1.0),
        GradientError,
        "float() of a Tensor that grad differentiates would drop its derivative\n\n"
        "  Keep computing with chainrule's functions, or write .detach() to treat the value as "
        "a\n  constant.",
    ),
    "a boolean result": mistake(
        lambda: cr.grad(lambda x: x > 0)(1.0),
        DTypeError,
        "grad: the function returned bool, which has no derivative",
    ),
    "a tangent of another shape": mistake(
        lambda: cr.jvp(lambda x: x, (cr.ones(2),), (cr.ones(3),)),
        ShapeError,
        "jvp: a tangent of shape [3] for a primal of shape [2]",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_mistakes_get_a_clear_message(name):
    call, kind, message = ERRORS[name]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_a_leaked_tensor_says_where_it_came_from():
    leaked = []
    cr.grad(lambda x: (leaked.append(x * 2), x)[1])(1.0)
    assert repr(leaked[0]) == "Tensor(f64[], of a grad that has ended)"
    with pytest.raises(RecordingError) as caught:
        leaked[0] + 1
    assert str(caught.value) == (
        "this Tensor was made inside grad and is used after it has ended\n\n"
        "  Return it from the function that grad transforms (auxiliary results: has_aux=True),\n"
        "  or keep a number with .detach() while the value is known."
    )
