"""What the public checkers say, word for word."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.testing import assert_close, check_gradients, check_transpose
from tests.errors.raised import message


def test_numbers_that_differ_are_named_with_their_place() -> None:
    actual = {"w": cr.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": cr.tensor(1.0)}
    expected = {"w": np.array([[1.0, 2.5], [3.0, 4.001]]), "b": np.array(1.0)}
    assert message(AssertionError, lambda: assert_close(actual, expected)) == (
        "assert_close: w: 2 of 4 elements differ\n"
        "\n"
        "    at [0, 1]  actual 2  expected 2.5  difference 0.5\n"
        "    at [1, 1]  actual 4  expected 4.001  difference 0.001\n"
        "\n"
        "  Allowed are 1e-07 + 1e-07·|expected|."
    )


def test_a_number_and_a_nan_differ() -> None:
    assert message(AssertionError, lambda: assert_close(cr.tensor(1.0), np.nan, rtol=0.1)) == (
        "assert_close: 1 of 1 elements differ\n"
        "\n"
        "    here  actual 1  expected nan  difference nan\n"
        "\n"
        "  Allowed are 0.1 + 0.1·|expected|."
    )


def test_shapes_and_structures_that_differ() -> None:
    assert message(AssertionError, lambda: assert_close(cr.ones((2, 1)), np.ones(2))) == (
        "assert_close: actual has shape [2, 1], expected [2]"
    )
    assert message(AssertionError, lambda: assert_close([cr.ones(2)], (np.ones(2),))) == (
        "assert_close: the trees differ\n"
        "\n"
        "    actual  PyTreeSpec([*])\n"
        "    expected  PyTreeSpec((*,))"
    )


def test_what_is_close() -> None:
    assert_close(cr.tensor([np.nan, np.inf, 1.0]), np.array([np.nan, np.inf, 1.0 + 1e-9]))
    assert_close(cr.tensor([1.0], dtype="float32"), np.array([1.000001]))
    assert_close((1, cr.tensor([True])), (1, np.array([True])))
    assert_close(cr.ones((0, 2)), np.ones((0, 2)))
    for left, right in ((1, 2), (True, False), (np.inf, -np.inf), (2**53, 2**53 + 2)):
        with pytest.raises(AssertionError):
            assert_close(left, right)


def half(x: Any) -> Any:
    """Give x², with the derivative x instead of 2x: half of it is hidden from differentiation."""
    return x * x.detach()


def test_a_wrong_derivative_is_found_in_forward_mode() -> None:
    text = message(AssertionError, lambda: check_gradients(half, cr.tensor(3.0)))
    first, _, place, _, rule = text.split("\n")
    assert first == "check_gradients: order 1: 0: 1 of 1 elements differ"
    assert place.startswith("    here  jvp ")
    assert "  central differences " in place
    assert rule.startswith("  Allowed are ")


def test_a_wrong_second_derivative_is_found_in_both_modes() -> None:
    @cr.custom_derivative(lambda inputs, _, tangents: 3.0 * half(inputs[0]) * tangents[0])
    def wrong(x: Any) -> Any:
        return x * x * x

    check_gradients(wrong, cr.tensor(2.0), orders=1)
    for mode in ("forward", "reverse"):
        text = message(
            AssertionError, lambda m=mode: check_gradients(wrong, cr.tensor(2.0), modes=(m,))
        )
        assert text.startswith(f"check_gradients: order 2 of {mode} mode")


def test_nothing_to_differentiate() -> None:
    assert message(ArgumentError, lambda: check_gradients(lambda x: x, cr.tensor(1))) == (
        "check_gradients: no argument is floating-point"
    )
    assert message(ArgumentError, lambda: check_gradients(lambda x: x > 0, 1.0)) == (
        "check_gradients: no result is floating-point"
    )


def test_trees_of_arguments_and_results() -> None:
    parameters = {"w": cr.tensor([[1.0, 2.0]]), "b": [cr.tensor(0.5), 3]}

    def f(p: Any, x: Any, n: int) -> Any:
        return {"y": cr.sin(p["w"] @ x) + p["b"][0] * n, "n": n, "i": cr.argmax(x)}

    check_gradients(f, parameters, np.array([0.3, -0.2]), 2)
    check_transpose(f, parameters, np.array([0.3, -0.2]), 2)
    check_gradients(f, parameters, np.array([0.3, -0.2], np.float32), 2, modes=["reverse"])
