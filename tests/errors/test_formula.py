"""Whole messages of explain, check, compare and of their commands."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from pathlib import Path

import click
import pytest

import chainrule as cr
from chainrule.cli.program import facts_of, function, given_axes, variable
from chainrule.errors import FormulaError
from chainrule.formula.comparing.compare import compare
from tests.errors.raised import message

PROGRAM = """
import chainrule as cr

def loss(w: "d", X: "n d"):
    return cr.sum(X @ w)

def score(w: "d"):
    return cr.exp(w)
"""


def loss(w: "d", X: "n d"):
    return cr.sum(X @ w)


def outputs(w: "d"):
    return cr.exp(w)


def test_compare_names_the_parameters() -> None:
    with pytest.raises(FormulaError) as told:
        compare(loss, "v")
    assert str(told.value) == "compare: loss has no parameter 'v' with axes; it has w, X"


def test_compare_wants_a_number() -> None:
    with pytest.raises(FormulaError) as told:
        compare(outputs, "w")
    assert str(told.value) == (
        "compare: outputs gives shape [5], not a number\n\n"
        "  The ways are compared on gradients; sum or average the result."
    )


def test_a_derivative_without_a_formula_says_through_what_it_goes() -> None:
    def through(A: "d d"):
        return cr.sum(cr.linalg.cholesky(A))

    with pytest.raises(FormulaError) as told:
        cr.explain(through, "A", facts={"A": "spd"})
    assert str(told.value) == (
        "the derivative goes through cholesky, which has no formula\n\n"
        "  Its numbers: cr.grad, cr.jacobian and cr.hessian."
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_a_function_that_is_not_there(program: Path) -> None:
    with pytest.raises(click.UsageError) as told:
        function(f"{program}:los")
    assert told.value.message == f"{program} has no function 'los'\n\n  Did you mean loss?"


def test_a_function_that_resembles_none(program: Path) -> None:
    with pytest.raises(click.UsageError) as told:
        function(f"{program}:xyz")
    assert told.value.message == f"{program} has no function 'xyz'\n\n  There are: loss, score."


def test_a_file_with_several_functions_needs_a_name(program: Path) -> None:
    with pytest.raises(click.UsageError) as told:
        function(str(program))
    assert told.value.message == (
        f"{program} has the functions loss, score; say which, as in {program}:loss"
    )


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(click.UsageError) as told:
        function("nowhere.py:loss")
    assert told.value.message == "there is no file nowhere.py"


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("1")
    with pytest.raises(click.UsageError) as told:
        function(str(path))
    assert told.value.message == f"{path} is no Python program: its name does not end in .py"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "import chainrule\nx = 1 / 0\n",
            ":2: ZeroDivisionError: division by zero\n\n    x = 1 / 0",
        ),
        ("def f(:\n    pass\n", ":1: SyntaxError: invalid syntax\n\n    def f(:"),
        (
            "import nowhere_to_be_found\n",
            (
                ":1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"
                "\n\n    import nowhere_to_be_found"
            ),
        ),
        ("raise SystemExit('no')\n", ":1: SystemExit: no\n\n    raise SystemExit('no')"),
    ],
)
def test_an_error_in_the_program_has_its_own_line(tmp_path: Path, text, expected) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(FormulaError) as told:
        function(f"{path}:f")
    assert str(told.value) == f"{path}{expected}"


def test_a_program_leaves_no_bytecode_and_sees_its_neighbors(tmp_path: Path) -> None:
    (tmp_path / "neighbor_of_model.py").write_text("SIZE = 3\n")
    (tmp_path / "model_with_neighbor.py").write_text(
        "from neighbor_of_model import SIZE\ndef f(w: 'd'):\n    return SIZE\n"
    )
    assert function(f"{tmp_path / 'model_with_neighbor.py'}:f")(0) == 3
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_variable_that_is_not_there() -> None:
    with pytest.raises(click.UsageError) as told:
        variable(loss, "v")
    assert told.value.message == "--wrt: loss has no parameter 'v'\n\n  It has: w, X."


def test_a_fact_that_is_not_there() -> None:
    with pytest.raises(click.UsageError) as told:
        facts_of(["X=symetric"], ["w", "X"])
    assert told.value.message == "--fact: there is no fact 'symetric'\n\n  Did you mean symmetric?"


def test_a_fact_about_nothing() -> None:
    with pytest.raises(click.UsageError) as told:
        facts_of(["Z=symmetric"], ["w", "X"])
    assert told.value.message == "--fact: there is no parameter 'Z'\n\n  It has: w, X."


@pytest.mark.parametrize("fact", ["spd", "symmetric", "orthogonal", "invertible"])
def test_a_fact_about_a_square_matrix(fact: str) -> None:
    with pytest.raises(FormulaError) as told:
        cr.explain(lambda X: cr.sum(X**2), "X", axes={"X": "n d"}, facts={"X": fact})
    assert str(told.value) == (
        f'explain: {fact} is a fact about a square matrix, and X has the axes "n d"'
    )


def test_a_fact_of_another_form() -> None:
    with pytest.raises(click.UsageError) as told:
        facts_of(["symmetric"], ["w", "X"])
    assert told.value.message == "--fact: 'symmetric' is not of the form W=symmetric"


def test_axes_are_read() -> None:
    assert given_axes(["w=d", 'X="n d"'], ["w", "X"]) == {"w": "d", "X": "n d"}


def test_an_axis_named_like_a_parameter() -> None:
    def pooled(X: "n c h w", w: "c"):
        return cr.sum(cr.mean(X, axis=(2, 3)) @ w)

    assert message(FormulaError, cr.explain, pooled, "X") == (
        "explain: w is a parameter of pooled and the name of an axis, and the formula has it as a "
        "number\n\n  Give one of them another name."
    )


def test_an_axis_named_like_a_parameter_is_no_matter_where_its_size_is_not_used() -> None:
    def summed(X: "n w", w: "n"):
        return cr.sum(X.T @ w)

    assert str(cr.explain(summed, "w")).startswith("∂summed/∂w = X𝟏")
