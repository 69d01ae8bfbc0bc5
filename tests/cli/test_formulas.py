"""explain, check and compare on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chainrule.cli.commands import run as run_here
from tests.cli.command import chainrule

PROGRAM = """
import chainrule as cr


def loss(W: "d k", X: "n d", Y: "n k"):
    P = cr.softmax(X @ W, axis=1)
    return -cr.sum(Y * cr.log(P))


def least_squares(w: "d", X: "n d", y: "n"):
    return cr.sum((X @ w - y) ** 2)


def form(x, A):
    return x @ A @ x


def broken(w: "d"):
    return w + None
"""


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, which is faster."""

    def run(*arguments: str, cwd: Path) -> tuple[int, str, str]:
        monkeypatch.chdir(cwd)
        code = run_here(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("formulas")
    (place / "program.py").write_text(PROGRAM)
    return place


def test_explain_prints_a_formula(folder: Path) -> None:
    code, out, err = chainrule("explain", "program.py:loss", "--fact", "Y=onehot", cwd=folder)
    assert (code, err) == (0, "")
    assert " ".join(out.split()).startswith("∂L/∂W = Xᵀ(P − Y) d×k")
    assert "\x1b" not in out
    assert [p.name for p in folder.iterdir()] == ["program.py"]


def test_explain_differentiates_twice(folder: Path, command: Run) -> None:
    code, out, _ = command(
        "explain", "program.py:least_squares", "--wrt", "w", "--order", "2", cwd=folder
    )
    assert code == 0
    assert "= 2XᵀX" in out


def test_explain_writes_the_steps(folder: Path, command: Run) -> None:
    short = command("explain", "program.py:loss", cwd=folder)[1]
    code, out, _ = command("explain", "program.py:loss", "--steps", cwd=folder)
    assert code == 0
    assert len(out.splitlines()) > len(short.splitlines())


def test_explain_prints_latex(folder: Path, command: Run) -> None:
    code, out, _ = command("explain", "program.py:least_squares", "--latex", cwd=folder)
    assert code == 0
    assert "X^{\\top}" in out


def test_axes_and_facts_are_given_for_a_program_without_annotations(
    folder: Path, command: Run
) -> None:
    code, out, _ = command(
        "explain", "program.py:form", "--axes", "x=n", "--axes", "A=n n", "--fact", "A=symmetric",
        cwd=folder,
    )  # fmt: skip
    assert code == 0
    assert "= 2Ax" in out


def test_an_error_in_the_function_has_its_line(folder: Path, command: Run) -> None:
    code, out, err = command("explain", "program.py:broken", cwd=folder)
    assert (code, out) == (1, "")
    assert err == (
        "FormulaError: program.py:19: DTypeError: add: expected a Tensor, an array or a number, "
        "not NoneType\n\n    return w + None\n"
    )


def test_a_misspelt_function_is_misuse(folder: Path, command: Run) -> None:
    code, out, err = command("explain", "program.py:los", cwd=folder)
    assert (code, out) == (2, "")
    assert err == ("chainrule explain: program.py has no function 'los'\n\n  Did you mean loss?\n")


def test_check_accepts_a_right_derivation(folder: Path, command: Run) -> None:
    code, out, _ = command(
        "check", "program.py:loss", "X.T @ (P - Y)", "--fact", "Y=onehot", cwd=folder
    )
    assert (code, out[:6]) == (0, "Right:")


def test_check_refuses_a_wrong_derivation(folder: Path, command: Run) -> None:
    code, out, _ = command(
        "check", "program.py:least_squares", "--wrt", "w", "X.T @ (y - X @ w)", cwd=folder
    )
    assert code == 1
    assert out.startswith("Right up to the factor −2.")


def test_check_points_at_an_unknown_name(folder: Path, command: Run) -> None:
    code, out, err = command("check", "program.py:least_squares", "X.T @ q", cwd=folder)
    assert (code, out) == (1, "")
    assert "^" in err


def test_compare_prints_a_table(folder: Path, command: Run) -> None:
    code, out, _ = command("compare", "program.py:least_squares", cwd=folder)
    assert code == 0
    rows = [line.split()[0] for line in out.splitlines()[2:6]]
    assert rows == ["symbolic", "numerical", "forward", "reverse"]


def test_compare_takes_a_rule_and_exits_1_if_it_is_wrong(folder: Path, command: Run) -> None:
    code, out, _ = command(
        "compare", "program.py:least_squares", "--rule", "X.T @ (X @ w - y)", cwd=folder
    )
    assert code == 1
    assert out.splitlines()[2].split()[:1] == ["manual"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs")
    code, _, err = chainrule(
        "train", "digits", "--model", "mlp:16", "--epochs", "1", "--steps-per-epoch", "2",
        "--l2", "0.001", "--out", "run", cwd=place,
    )  # fmt: skip
    assert code == 0, err
    return place


def test_explain_prints_the_formulas_of_a_run(trained: Path, command: Run) -> None:
    code, out, err = command("explain", "run", cwd=trained)
    assert (code, err) == (0, "")
    assert out.startswith("run: mlp:16, 1,210 parameters\n")
    assert [line for line in out.splitlines() if line and not line.startswith(" ")][1:] == [
        "score", "loss", "gradients", "update",
    ]  # fmt: skip
    plain = " ".join(out.split())
    assert "Z1 = X W1ᵀ + b1 n×h1" in plain
    assert "H1 = relu(Z1) n×h1" in plain
    assert "S = H1 W2ᵀ + b2 n×classes" in plain
    for name in ("W1", "b1", "W2", "b2"):
        assert f"∂L/∂{name} = " in plain
    assert plain.count("agrees with automatic differentiation") == 4
    assert "0.002" in plain  # the penalty of the run


def test_explain_prints_one_gradient_of_a_run(trained: Path, command: Run) -> None:
    code, out, _ = command("explain", "run", "--wrt", "layers.2.bias", cwd=trained)
    assert code == 0
    assert "∂L/∂b2" in out
    assert "∂L/∂W1" not in out


def test_explain_knows_the_parameters_of_a_run(trained: Path, command: Run) -> None:
    code, _, err = command("explain", "run", "--wrt", "W9", cwd=trained)
    assert code == 2
    assert err == (
        "chainrule explain: --wrt: the model has no parameter 'W9'\n\n"
        "  It has: W1 (layers.0.weight), b1 (layers.0.bias), W2 (layers.2.weight), "
        "b2 (layers.2.bias).\n"
    )
