"""The notations in which formulas are printed: Unicode, LaTeX and plain ASCII."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from chainrule.formula.printing import ATOM, SCALE, Notation, Printer

__all__ = ["ASCII", "LATEX", "UNICODE", "spelled"]

_GREEK: Final = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eps": "ε",
    "zeta": "ζ", "eta": "η", "theta": "θ", "kappa": "κ", "lam": "λ", "lambda": "λ", "mu": "μ",
    "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "ell": "ℓ", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip
_LATEX_GREEK: Final = {
    letter: f"\\{word}"
    for word, letter in {**_GREEK, "lambda": "λ", "varepsilon": "ε"}.items()
    if word not in ("eps", "epsilon", "lam")
}
_SUPER: Final = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUB: Final = str.maketrans("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_UNSUB: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_VULGAR: Final = {
    Fraction(1, 2): "½", Fraction(1, 4): "¼", Fraction(3, 4): "¾", Fraction(1, 3): "⅓",
    Fraction(2, 3): "⅔",
}  # fmt: skip
_RELATIONS: Final = {">": ">", "≥": "≥", "<": "<", "≤": "≤", "=": "="}


def spelled(name: str) -> str:
    """A name as it is printed: spelled Greek becomes a letter, digits stay."""
    stem = name.rstrip("0123456789")
    return _GREEK.get(stem, stem) + name[len(stem) :]


def _number(value: Fraction | float) -> str:
    shown = f"{value:.12g}" if isinstance(value, float) else str(value)
    return shown.replace("-", "−")


# ---------------------------------------------------------------- Unicode


class _UnicodePrinter(Printer):
    """Powers become superscript digits where there are such."""

    def __call__(self, tree: object) -> str:
        return _lifted(super().__call__(tree))  # type: ignore[arg-type]


_OPEN, _CLOSE = "\x01", "\x02"


def _lifted(text: str) -> str:
    """Turn marked exponents into superscripts: x^(3) is x³, x^(p − 1) stays."""
    while _OPEN in text:
        start = text.rindex(_OPEN)
        end = text.index(_CLOSE, start)
        inner = text[start + 1 : end]
        lifted = inner.replace("−", "-")
        digits = lifted.lstrip("-").isdigit()
        raised = lifted.translate(_SUPER) if digits else f"^({inner})"
        text = text[:start] + raised + text[end + 1 :]
    return text


def _unicode_subscript(base: str, index: str) -> str:
    lowered = index.translate(_SUB)
    if len(index) == 1 or base != "K":
        return base + lowered
    done = all(a != b for a, b in zip(lowered, index, strict=True))
    return base + (lowered if done else f"_{index}")


def _inline_fraction(top: str, bottom: str, wrap_top: bool, wrap_bottom: bool) -> tuple[str, int]:
    above = f"({top})" if wrap_top else top
    below = f"({bottom})" if wrap_bottom else bottom
    return f"{above}/{below}", SCALE


UNICODE = _UnicodePrinter(Notation(
    hadamard=" ⊙ ", over=" ⊘ ", kron=" ⊗ ", dot="·", minus="−",
    ones="𝟏", zero="𝟎", eye="I", brackets="({})",
    transpose="{}ᵀ", inverse="{}⁻¹", inverse_transpose="{}⁻ᵀ",
    power="{}" + _OPEN + "{}" + _CLOSE, elementwise_power="{}∘" + _OPEN + "{}" + _CLOSE,
    root="√{}", norm="‖{}‖", frobenius="‖{}‖_F", indicator="[{}]", commutation="K", total="Σ",
    blocks="block-diagonal over {}: {}", diag="diag({})", trace="tr({})", vec="vec({})",
    relations=_RELATIONS, wide=False, name=spelled, function=str, subscript=_unicode_subscript,
    number=_number, fraction=_inline_fraction, half=_VULGAR.get,
))  # fmt: skip


# ---------------------------------------------------------------- LaTeX


def _latex_name(name: str) -> str:
    shown = spelled(name).translate(_UNSUB)
    stem = shown.rstrip("0123456789")
    digits = shown[len(stem) :]
    head, _, tail = stem.partition("_")
    base = "".join(_LATEX_GREEK.get(c, c) for c in head)
    if len(head) > 1 and not base.startswith("\\"):
        base = f"\\mathrm{{{base}}}"
    index = ",".join(part for part in (tail.replace("_", ","), digits) if part)
    return f"{base}_{{{index}}}" if index else base


def _latex_function(name: str) -> str:
    known = {"σ": "\\sigma", "log": "\\log", "exp": "\\exp", "sin": "\\sin", "cos": "\\cos",
             "tan": "\\tan", "tanh": "\\tanh", "det": "\\det", "log|·|": "\\log|\\cdot|",
    }  # fmt: skip
    return known.get(name, f"\\operatorname{{{name.replace('_', chr(92) + '_')}}}")


def _latex_fraction(top: str, bottom: str, _: bool, __: bool) -> tuple[str, int]:
    return f"\\frac{{{top}}}{{{bottom}}}", ATOM


def _latex_number(value: Fraction | float) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


LATEX = Printer(Notation(
    hadamard=" \\odot ", over=" \\oslash ", kron=" \\otimes ", dot=" \\, ", minus="-",
    ones="\\mathbf{1}", zero="\\mathbf{0}", eye="I", brackets="\\left({}\\right)",
    transpose="{}^{{\\top}}", inverse="{}^{{-1}}", inverse_transpose="{}^{{-\\top}}",
    power="{}^{{{}}}", elementwise_power="{}^{{\\circ {}}}", root="\\sqrt{{{}}}",
    norm="\\lVert {} \\rVert", frobenius="\\lVert {} \\rVert_F", indicator="\\left[{}\\right]",
    commutation="K", total="\\sum",
    blocks="\\operatorname{{blockdiag}}_{{{}}}\\left({}\\right)",
    diag="\\operatorname{{diag}}\\left({}\\right)", trace="\\operatorname{{tr}}\\left({}\\right)",
    vec="\\operatorname{{vec}}\\left({}\\right)",
    relations={">": ">", "≥": "\\ge", "<": "<", "≤": "\\le", "=": "="}, wide=True,
    name=_latex_name, function=_latex_function, subscript=lambda base, i: f"{base}_{{{i}}}",
    number=_latex_number, fraction=_latex_fraction, half=lambda _: None,
))  # fmt: skip


# ---------------------------------------------------------------- ASCII

ASCII = Printer(Notation(
    hadamard=" .* ", over=" ./ ", kron=" (x) ", dot=" * ", minus="-",
    ones="1", zero="0", eye="I", brackets="({})",
    transpose="{}^T", inverse="{}^-1", inverse_transpose="{}^-T",
    power="{}^{}", elementwise_power="{}.^{}", root="sqrt({})", norm="||{}||",
    frobenius="||{}||_F", indicator="[{}]", commutation="K", total="sum",
    blocks="block-diagonal over {}: {}", diag="diag({})", trace="tr({})", vec="vec({})",
    relations={">": ">", "≥": ">=", "<": "<", "≤": "<=", "=": "="}, wide=True,
    name=lambda name: name.translate(_UNSUB).replace("δ", "delta"),
    function=lambda name: {"σ": "sigmoid", "log|·|": "log_abs"}.get(name, name),
    subscript=lambda base, i: f"{base}_{i}", number=_latex_number, fraction=_inline_fraction,
    half=lambda _: None,
))  # fmt: skip
