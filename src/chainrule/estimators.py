"""What every estimator is asked for by name: its parameters, and whether it was fitted.

Estimators follow the conventions of scikit-learn, and need it only where it asks something of them:
in pipelines, searches and clones.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any, Self

from chainrule.errors import ArgumentError

__all__: list[str] = []


class Parametrized:
    """The base of estimators: ``__init__`` keeps its arguments, ``fit`` makes what ends in _."""

    @classmethod
    def _parameters(cls) -> tuple[str, ...]:
        return tuple(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters by name."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **parameters: Any) -> Self:
        """Set parameters by name.

        Raises:  ArgumentError: there is no such parameter.
        """
        known = self._parameters()
        for name, value in parameters.items():
            if name not in known:
                raise ArgumentError(
                    f"{type(self).__name__}: there is no parameter {name!r}; there are "
                    f"{', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        given = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name)
            if value is not parameter.default and repr(value) != repr(parameter.default):
                given.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    def _check_fitted(self, method: str) -> None:
        if any(map(_is_found, vars(self))):
            return
        text = f"{type(self).__name__}.{method}: this estimator has not been fitted; call fit first"
        if "sklearn" not in sys.modules:
            raise ArgumentError(text)
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(text)


def _is_found(name: str) -> bool:
    """Whether an attribute is what ``fit`` finds; the shape of X, in _in_, it notes first."""
    return name.endswith("_") and not name.startswith("_") and not name.endswith("_in_")
