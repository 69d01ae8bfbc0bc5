"""What check says about a derivation that does not parse or fit, word for word."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check
from chainrule.formula.grading import program


def loss(w: "d", X: "n d", y: "n"):
    return cr.sum((X @ w - y) ** 2)


MESSAGES = [
    (
        "2 * X.T @ (X @ v - y)",
        (
            "there is no 'v'\n\n"
            "    2 * X.T @ (X @ v - y)\n"
            "                   ^\n\n"
            "  There are L, X, loss, w, y, and the sizes d, n."
        ),
    ),
    (
        "2 * X.T @ (X @ w - y",
        (
            "expected ')', which closes the '(', found the end\n\n"
            "    2 * X.T @ (X @ w - y\n"
            "                        ^"
        ),
    ),
    (
        "2Xᵀ(Xw − ) y",
        (
            "expected a number, a name or an opening bracket, found ')'\n\n"
            "    2Xᵀ(Xw − ) y\n"
            "             ^"
        ),
    ),
    ("X.T $ y", "unexpected character '$'\n\n    X.T $ y\n        ^"),
    ("", "check: the derivation is empty"),
    (
        "X.Q @ y",
        (
            "there is no attribute 'Q'\n\n    X.Q @ y\n    ^^^\n\n"
            "  There are T, shape, size and ndim."
        ),
    ),
    (
        "2/N X.T @ (X @ w - y)",
        (
            "there is no 'N'\n\n    2/N X.T @ (X @ w - y)\n      ^\n\n"
            "  Did you mean 'n'?\n  There are L, X, loss, w, y, and the sizes d, n."
        ),
    ),
    ("2e999 w", "this number is out of range\n\n    2e999 w\n    ^^^^^"),
    (
        "w * 1e-999999999",
        "this number is out of range\n\n    w * 1e-999999999\n        ^^^^^^^^^^^^",
    ),
    ("(" * 5000 + "w" + ")" * 5000, "check: the derivation is nested too deeply to be read"),
    ("w" + "ᵀ" * 5000, "check: the derivation is nested too deeply to be read"),
    (
        "a0 = w\n" + "".join(f"a{k + 1} = a{k} + a{k}\n" for k in range(60)) + "a60 − w",
        (
            "check: with all definitions put in, this line has more names, numbers and signs "
            "than the 2,000 that can be graded\n\n    a10 = a9 + a9"
        ),
    ),
    (
        "2 + exp(",
        (
            "expected a number, a name or an opening bracket, found the end\n\n    2 + exp(\n"
            "            ^"
        ),
    ),
    (
        "(X)_",
        (
            "there is no '_'\n\n    (X)_\n       ^\n\n"
            "  There are L, X, loss, w, y, and the sizes d, n."
        ),
    ),
    (r"2 \foo X", "\\foo is not known\n\n    2 \\foo X\n      ^^^^"),
    (r"\frac{2}{n", "this brace is never closed\n\n    \\frac{2}{n\n            ^"),
    ("Σⱼ Xᵢₖ yᵢ", "nothing here has the label 'j'\n\n    Σⱼ Xᵢₖ yᵢ\n       ^^^"),
    (
        "X.T @ y, w",
        ("expected an operator or the end, found ','\n\n    X.T @ y, w\n           ^"),
    ),
]


@pytest.mark.parametrize(("derivation", "message"), MESSAGES, ids=[m[0][:40] for m in MESSAGES])
def test_a_derivation_that_does_not_parse(derivation: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        check(loss, "w", derivation)
    assert str(caught.value) == message


def test_axes_of_a_result_are_those_of_an_array() -> None:
    told = check(loss, "w", 'einsum("nd,n->k", X, y)')
    assert told.message == "axis 'k' of the result is in none of the arrays"


def test_an_index_outside_of_its_sum_is_told() -> None:
    told = check(loss, "w", "Σᵢ 2 Xᵢ - (Σₖ Xᵢₖwₖ − yᵢ)")
    assert told.message == "an index stands outside of the sum over it"


@pytest.mark.parametrize("derivation", ["X[99999999999999999999]", "eye(99999999) @ w"])
def test_sizes_that_no_array_has_are_wrong(derivation: str) -> None:
    assert check(loss, "w", derivation).verdict == "wrong"


def test_a_call_without_arguments_is_told() -> None:
    assert check(loss, "w", "sum()").message == "sum takes an argument, and there is none"


def test_an_unknown_function_names_the_nearest() -> None:
    with pytest.raises(FormulaError) as caught:
        check(loss, "w", "np.outr(X, y)")
    first, *_ = str(caught.value).split("There are")
    assert first == (
        "there is no function 'outr'\n\n    np.outr(X, y)\n    ^^^^^^^^^^^^^\n\n"
        "  Did you mean 'outer'?\n  "
    )


def test_a_definition_is_checked_where_it_stands() -> None:
    with pytest.raises(FormulaError) as caught:
        check(loss, "w", "r = X @ y\n2 * X.T @ r")
    assert (
        str(caught.value)
        == "the shapes n×d and n do not fit in a product\n\n    r = X @ y\n        ^^^^^"
    )


def test_an_unknown_parameter() -> None:
    with pytest.raises(FormulaError) as caught:
        check(loss, "v", "X")
    assert str(caught.value) == "check: loss has no parameter 'v' with axes; it has w, X, y"


def product(W: "m d", U: "c m", x: "d"):
    return cr.sum((U @ (W @ x)) ** 2)


MISFITS = [
    ("[Wᵀ, Uᵀ]", "d×m and m×c cannot be joined side by side."),
    ("[W.T, U.T] @ x", "d×m and m×c cannot be joined side by side."),
    ("[W; U]", "m×d and c×m cannot be joined one below the other."),
    ("[Wᵀ, x]", "The result has the shape d×(m+1), the derivative m×d."),
    ("[W, Uᵀ]", "The result has the shape m×(d+c), the derivative m×d."),
]


@pytest.mark.parametrize(("derivation", "message"), MISFITS, ids=[m[0] for m in MISFITS])
def test_what_does_not_fit_is_told_with_its_sizes(derivation: str, message: str) -> None:
    told = check(product, "W", derivation)
    assert not told
    assert str(told) == f"{message}\n   ∂product/∂W = 2UᵀUWxxᵀ"


def test_a_gradient_of_several_numbers_is_refused_rather_than_graded() -> None:
    def several(W: "m d", x: "d"):
        return W @ x

    with pytest.raises(FormulaError) as caught:
        check(several, "x", "Wᵀ")
    assert str(caught.value) == (
        "check: several gives an array of shape m, and a gradient is that of one number\n\n"
        '  order="jacobian" gives the derivative of every element; or sum it up.'
    )
    assert check(several, "x", "W", order="jacobian")


def test_where_nothing_can_be_compared_nothing_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_point", lambda *_: None)
    with pytest.raises(FormulaError) as caught:
        check(loss, "w", "3")
    assert str(caught.value) == (
        "check: at none of 25 random points is the derivative of loss known well enough to "
        "compare with"
    )
