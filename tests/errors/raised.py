"""The message of what a call raises."""

from collections.abc import Callable
from typing import Any

import pytest


def message(
    kind: type[Exception], call: Callable[..., Any], *arguments: Any, **options: Any
) -> str:
    """Call something, which raises an error of this kind; give what it says."""
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    return str(caught.value)
