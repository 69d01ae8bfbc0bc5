"""Arrays of three and more axes: every definition says in which order its labels are."""

# ruff: noqa: F722, ANN — the annotations are names of axes

import chainrule as cr
from chainrule.formula import explain


def test_what_is_turned_and_what_is_not_stand_with_their_labels() -> None:
    def f(X: "n c i j", W: "n c i j"):
        T = cr.permute_dims(X, (0, 2, 3, 1)) - 1
        D = cr.where(cr.permute_dims(W, (0, 2, 3, 1)) > 0, T, -2 * T)
        return cr.sum(D**2)

    told = explain(f, "X")
    assert "Dₙᵢⱼc = [Wₙcᵢⱼ > 0] Tₙᵢⱼc − 2 · [Wₙcᵢⱼ ≤ 0] Tₙᵢⱼc" in str(told)


def test_functions_along_axes_say_along_which() -> None:
    def f(X: "n c i j", W: "n c i j"):
        Q = cr.softmax(cr.permute_dims(X, (0, 2, 3, 1)))
        R = cr.max(cr.permute_dims(X, (0, 2, 3, 1)), axis=1)
        return cr.sum(W * cr.permute_dims(Q, (0, 3, 1, 2))) + cr.sum(R**2)

    told = explain(f, "X")
    assert "Qₙᵢⱼc = softmax_c(Xₙcᵢⱼ)" in told.unicode
    assert "Rₙⱼc = maxᵢ(Xₙcᵢⱼ)" in told.unicode
    assert "{Q}_{n i j c} &= {\\operatorname{softmax}}_{c}(X_{n c i j})" in told.latex
    assert "softmaxₗ(Xₙₗᵢⱼ)" in explain(f, "X", expand=True).unicode


def test_steps_have_the_labels_too() -> None:
    def f(X: "n c i j"):
        T = cr.permute_dims(cr.tanh(X), (0, 2, 3, 1))
        Q = cr.tanh(cr.permute_dims(T, (3, 2, 1, 0)))
        return cr.sum(Q**3)

    told = str(explain(f, "X", steps=True))
    assert " 2  T in Q_cjin = tanh(Tₙᵢⱼc)" in told
    assert "δTₙᵢⱼc = (1 − (Q_cjin)²) δQ_cjin" in told
    assert "incoming  δTₙᵢⱼc = (1 − (Q_cjin)²) δQ_cjin" in told
