"""Every exception that chainrule raises on purpose.

ChainruleError
├── SubscriptError   (ValueError)   an einsum expression does not parse or fit
├── ShapeError       (ValueError)   sizes, ranks or axes do not fit
│   └── AxisError    (IndexError)   an axis that does not exist
├── DTypeError       (TypeError)    element types do not fit
├── ArgumentError    (ValueError)   any other argument that cannot be meant
├── IndexingError    (IndexError)   an index that does not fit its axis
├── GradientError    (ValueError)   a derivative that does not exist or would be lost silently
├── RecordingError   (RuntimeError) a value that is not known while recording, or a leaked Tensor
├── DonatedError     (RuntimeError) a Tensor that was given away is used again
├── FormulaError     (ValueError)   a formula or derivation that does not parse or fit
├── DataError        (ValueError)   a data file or table that is broken or does not fit
├── CheckpointError  (ValueError)   a checkpoint or run folder that is broken or does not fit
├── CapacityError    (MemoryError)  a result that would not fit in memory
├── NonFiniteError   (ArithmeticError) training met an infinite or undefined number
└── CompileError     (RuntimeError) machine code could not be made

Each one is also the built-in exception that a caller would expect, so ``except ValueError``
keeps working for code that does not know chainrule.
"""

from typing import Any


class ChainruleError(Exception):
    """The base of every exception that chainrule raises on purpose."""


class SubscriptError(ChainruleError, ValueError):
    """An einsum expression does not parse, or its operands do not fit it."""


class ShapeError(ChainruleError, ValueError):
    """Sizes, ranks or axes do not fit together."""


class AxisError(ShapeError, IndexError):
    """An axis does not exist; the array API standard asks for an IndexError."""


class DTypeError(ChainruleError, TypeError):
    """Element types do not fit together, or an operation is not defined for one."""


class ArgumentError(ChainruleError, ValueError):
    """An argument has a value that cannot be meant."""


class IndexingError(ChainruleError, IndexError):
    """An index does not fit the axis that it selects from."""


class GradientError(ChainruleError, ValueError):
    """A derivative does not exist here, or would be lost without notice."""


class RecordingError(ChainruleError, RuntimeError):
    """A value is not known while recording, or a Tensor outlived its recording."""


class DonatedError(ChainruleError, RuntimeError):
    """A Tensor whose memory was given away is used again."""


class FormulaError(ChainruleError, ValueError):
    """A formula or a derivation does not parse, or does not fit the function."""


class DataError(ChainruleError, ValueError):
    """A data file or a table is broken, or does not fit what was asked."""


class CheckpointError(ChainruleError, ValueError):
    """A checkpoint or a run folder is broken, or does not fit the model."""


class CapacityError(ChainruleError, MemoryError):
    """A result would not fit in memory; nothing was computed."""


class NonFiniteError(ChainruleError, ArithmeticError):
    """Training met an infinite or undefined number; nothing was updated with it.

    model  the model of the last good step, where there is one
    rows   the row numbers of the batch, where there is one
    """

    model: Any = None
    rows: Any = None


class CompileError(ChainruleError, RuntimeError):
    """Machine code for a program could not be made."""
