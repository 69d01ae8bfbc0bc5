r"""LaTeX in derivations: \frac{2}{n} X^\top (Xw - y) becomes (2/n) Xᵀ(Xw − y), which is then read.

What a command means is looked up; what none of the tables knows is an error that names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from chainrule.algebra.signs import GREEK, raised
from chainrule.formula.reading.tokens import SUB, below, located

__all__ = ["typed_lines", "unlatexed"]

_TOKEN: Final = re.compile(
    r"\\[A-Za-z]+\*?|\\\\|\\.|[A-Za-z]+|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL
)
_IS_LATEX: Final = re.compile(r"\\|[\^_]\{|^\s*\$.*\$\s*$")
_SIGNS: Final = {
    **GREEK, "varepsilon": "ε", "varphi": "φ",
    "cdot": "·", "times": "·", "odot": "⊙", "circ": "⊙", "oslash": "⊘", "otimes": "⊗",
    "partial": "∂", "nabla": "∇", "ge": "≥", "geq": "≥", "le": "≤", "leq": "≤", "gt": ">",
    "ne": "≠", "neq": "≠",
    "lt": "<", "top": "ᵀ", "intercal": "ᵀ", "prime": "ᵀ", "lVert": "‖", "rVert": "‖", "Vert": "‖",
    "|": "‖", "lvert": "|", "rvert": "|", "vert": "|", "{": "(", "}": ")", "lbrack": "[",
    "rbrack": "]", "%": "", "_": "_", "infty": "∞", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈",
    "rceil": "⌉",
}  # fmt: skip
_SPACES: Final = frozenset({",", ";", ":", "!", " ", "quad", "qquad", "\n", "limits", "nolimits"})
_NOTHING: Final = frozenset(
    {"left", "right", "[", "]", "(", ")", "displaystyle", "textstyle", "nonumber", "middle"}
    | {f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")}
)
_WORDS: Final = "log ln exp sin cos tan sinh cosh tanh det max min arcsin arccos arctan"
_FUNCTIONS: Final = frozenset(_WORDS.split())
_FONTS: Final = (
    "mathbf mathrm mathit mathsf mathbb mathcal mathtt boldsymbol bm vec text textbf textrm "
    "underline operatorname operatorname*"
)
_STYLES: Final = frozenset(_FONTS.split())
_ACCENTS: Final = frozenset({"hat", "bar", "tilde", "widehat", "widetilde", "overline", "dot"})
_FRACTIONS: Final = frozenset({"frac", "tfrac", "dfrac"})
_TURNED: Final = frozenset({"T", "ᵀ", "t"})
_LINES: Final = re.compile(r"(aligned|align|equation|gather|gathered|split)\*?")
_MATRICES: Final = frozenset({"matrix", "bmatrix", "pmatrix", "smallmatrix"})
_CLOSED: Final = "\\}"
_SIMPLE: Final = re.compile(r"[\w∂]+")
_LIMITS: Final = re.compile(r"(Σ|sum|max|min|prod)_\{[^}]*<[^}]*\}")  # of prints: Σ_{u,v<2}
_SUMMED: Final = ("Σ", "sum", "max", "min", "prod")
_INDEX: Final = re.compile(r"\w\s*[-+−]\s*\w|⌊|[0-9]\s*,|,\s*[0-9]|[0-9][a-z]")
"""An index that is a sum of labels, as in X_{n,i+u}."""
_NAME_END: Final = re.compile(r"[A-Za-zͰ-Ͽℓ]+[0-9]*$")


def unlatexed(text: str, is_name: Callable[[str], bool]) -> str:
    r"""The text without LaTeX; as it is where there is none. Lines that end in \\ become lines.

    is_name  whether a word is a name that the derivation may use: W_{q} may be Wq, or row q of W

    Raises:  FormulaError: a command that is not known, with a caret below it; braces that are open.
    """
    return "\n".join(line for line, _ in typed_lines(text, is_name)) if _is_latex(text) else text


def typed_lines(text: str, is_name: Callable[[str], bool]) -> list[tuple[str, str]]:
    """The lines of a text without LaTeX, each with what was typed; see ``unlatexed``."""
    if not _is_latex(text):
        return [(line, line) for line in text.splitlines()]
    return _Translation(text, is_name).all()


def _is_latex(text: str) -> bool:
    return _IS_LATEX.search(_LIMITS.sub("", text)) is not None


class _Translation:
    """One pass over the tokens of a text."""

    def __init__(self, text: str, is_name: Callable[[str], bool]) -> None:
        self.text, self.is_name = text, is_name
        self.tokens = list(_TOKEN.finditer(text))
        self.place = 0

    def all(self) -> list[tuple[str, str]]:
        """The lines that are not empty, each with what was typed."""
        lines, made, begin = [], "", 0
        while self.place < len(self.tokens):
            made = self._then(made, self._take())
            end = self.tokens[self.place - 1].end()
            *done, made = made.split("\n")
            lines += [(line, self.text[begin:end]) for line in done]
            begin = end if done else begin
        lines.append((made, self.text[begin:]))
        shown = [(" ".join(line.split()), " ".join(typed.split())) for line, typed in lines]
        return [(line, typed) for line, typed in shown if line]

    def _next(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.place += 1
        return token

    def _skip_spaces(self) -> None:
        while self._next().isspace():
            self.place += 1

    def _until(self, closing: str) -> str:
        """Everything up to a closing brace, which is taken, or to the end."""
        made, opened = "", self.place - 1
        while self.place < len(self.tokens):
            token = self._take()
            if token == closing:
                return made
            made = self._then(made, token)
        if closing:
            raise self._error("this brace is never closed", opened)
        return made

    def _then(self, made: str, token: str) -> str:
        if token in "^_":
            self._skip_spaces()
            return self._raised(made) if token == "^" else self._lowered(made)
        if token == "'":
            return f"{made}ᵀ"
        return _joined(made, self._one(token))

    def _one(self, token: str) -> str:
        """What a token means, with the arguments that it takes."""
        if token == "{":
            return _bracketed(self._until("}"))
        if token == "&" == self._next():
            return self._aside()
        if token in ("$", "&"):
            return " "
        if not token.startswith("\\"):
            return token
        return self._command(token[1:])

    def _aside(self) -> str:
        """What stands in a further column, the shape or a remark, which is passed over."""
        while self._next() not in ("", "\\\\", "\\end"):
            self.place += 1
        return " "

    def _command(self, name: str) -> str:
        if name == "\\":
            return "\n"
        if name in _SPACES:
            return " "
        if name in _NOTHING:
            if name in ("left", "right") and self._next() == ".":
                self.place += 1
            return ""
        if name in _SIGNS or name in _FUNCTIONS:
            return _SIGNS.get(name, name)
        if name in _FRACTIONS:
            return _fraction(self._argument(), self._argument())
        if name == "sqrt":
            return f"√({self._argument()})"
        if name == "sum":
            return self._sum()
        if name in _STYLES:
            inside = self._argument().strip()
            return self._indicator() if inside == "1" else "𝟎" if inside == "0" else inside
        if name in _ACCENTS:
            return self._accented(self._argument(), name)
        place = self.place - 1
        kind = self._argument() if name in ("begin", "end") else ""
        if kind in _MATRICES:
            return self._matrix(place)
        if _LINES.fullmatch(kind):
            return " "
        raise self._error(f"\\{name} is not known", place)

    def _matrix(self, opened: int) -> str:
        """[A, B] or [A; B], up to the end of the matrix."""
        made = "["
        while (token := self._take()) != "\\end":
            if not token:
                raise self._error("this matrix is never closed", opened)
            sign = {"&": ", ", "\\\\": "; "}.get(token)
            made = made + sign if sign else self._then(made, token)
        self._argument()
        return f"{made}]"

    def _error(self, message: str, place: int) -> Exception:
        token = self.tokens[place]
        return located(message, self.text, token.start(), token.end())

    def _argument(self) -> str:
        r"""What stands in braces, or the next sign: \frac12 is one half."""
        self._skip_spaces()
        token = self._take()
        if token == "{":
            return self._until("}")
        if len(token) > 1 and not token.startswith("\\"):
            found = self.tokens[self.place - 1]
            self.place -= 1
            self.tokens[self.place : self.place + 1] = [
                m for m in map(_at(self.text), range(found.start(), found.end())) if m
            ]
            return self._take()
        return self._one(token)

    def _indicator(self) -> str:
        r"""𝟏, or [Z > 0] of \mathbb{1}[Z > 0], \mathbf{1}\{Z > 0\} and \mathbf{1}_{Z > 0}."""
        before = self.place
        while self._next()[1:] in _NOTHING - {"[", "("} or self._next().isspace():
            self.place += 1
        sign = self._next()
        if sign == "[":
            return ""
        if sign == "\\{":
            self.place += 1
            return f"[{self._until(_CLOSED)}]"
        if sign == "_":
            self.place += 1
            inside = self._argument()
            if set(inside) & set("<>=≤≥"):
                return f"[{inside}]"
        self.place = before
        return "𝟏"

    def _accented(self, inside: str, accent: str) -> str:
        r"""\hat{y} is the y_hat or yhat that there is."""
        plain = accent.removeprefix("wide")
        found = [n for n in (f"{inside}_{plain}", f"{inside}{plain}") if self.is_name(n)]
        return [*found, f"{inside}_{plain}"][0]

    def _sum(self) -> str:
        """Σᵢ, without the bounds: every label runs along its axis."""
        labels = ""
        self._skip_spaces()
        while self._next() in ("_", "^", "\\limits", "\\nolimits"):
            sign = self._take()
            inside = self._argument() if sign in "_^" else ""
            if sign == "_" and "<" in inside:  # Σ_{u,v<2}
                return f"Σ_{{{inside}}} "
            if sign == "_":
                labels = "".join(re.sub(r"=.*|\s", "", part) for part in inside.split(","))
            self._skip_spaces()
        return f"Σ{_below(labels)} " if labels else "Σ"

    def _raised(self, made: str) -> str:
        inside = re.sub(r"\s+", "", self._argument()).replace("−", "-")
        if inside in _TURNED:
            return f"{made}ᵀ"
        if inside in ("-T", "-ᵀ"):
            return f"{made}⁻ᵀ"
        power = inside.removeprefix("⊙")
        if re.fullmatch(r"-?[0-9]+", power):
            dot = "∘" if power != inside else ""
            return made + dot + raised(power)
        return f"{made}^({inside})"

    def _lowered(self, made: str) -> str:
        typed = self._argument()
        inside = re.sub(r"[\s,]+", "", typed)
        name = _NAME_END.search(made)
        if name is not None:
            for whole in (name[0] + inside, f"{name[0]}_{inside}"):
                if self.is_name(whole):
                    return made[: name.start()] + _apart(made[: name.start()]) + whole + " "
        if made.endswith(_SUMMED) and "<" in typed:
            return f"{made}_{{{typed}}}"
        if _INDEX.search(typed) and (name is None or name[0] != "e"):
            return f"{made}[{typed}]"
        if made.endswith("‖"):
            return f"{made}_F" if inside == "F" else made  # ‖x‖₂ is ‖x‖
        return made + _below(inside)


def _at(text: str) -> Callable[[int], re.Match[str] | None]:
    """The single sign at a place, as a token."""
    sign = re.compile(".", re.DOTALL)
    return lambda place: sign.match(text, place)


def _below(labels: str) -> str:
    """Labels below a sign, with a space after those that have no sign of their own."""
    return below(labels) or f"_{labels} "


def _joined(one: str, two: str) -> str:
    return one + (_apart(one) if two[:1].isalnum() and len(two) > 1 else "") + two


def _apart(text: str) -> str:
    """A space after a letter, which a name would swallow."""
    return " " if text[-1:].isalpha() and text[-1:] not in SUB else ""


def _bracketed(inside: str) -> str:
    return inside if _SIMPLE.fullmatch(inside) or inside[:1] == "ᵀ" else f"({inside})"


def _fraction(top: str, bottom: str) -> str:
    """A fraction in brackets, since what follows does not belong below it; ∂L/∂W stays itself."""
    above, below = (p if _SIMPLE.fullmatch(p) else f"({p})" for p in (top.strip(), bottom.strip()))
    if top.lstrip().startswith("∂") or re.fullmatch(r"d\w+/d\w+", f"{above}/{below}"):
        return f"{top.strip()}/{bottom.strip()}"
    return f"({above}/{below})"
