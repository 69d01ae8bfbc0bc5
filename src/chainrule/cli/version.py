"""The version of the package."""

import sys

__all__ = ["VERSION"]

# The package above knows it, but importing it from here would be upward.
VERSION = str(getattr(sys.modules["chainrule"], "__version__", "unknown"))
