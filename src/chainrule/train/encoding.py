"""JSON and named arrays as bytes, and back, checked in both directions.

What is read may come from a stranger or a failing disk, so nothing in it is trusted: sizes are
compared before they are used, the safetensors library parses, and every fault is named.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from chainrule.errors import ArgumentError, CheckpointError

Arrays = Mapping[str, npt.NDArray[Any]]

HEADER_LIMIT = 100_000_000
"""The most bytes that a safetensors header may have: the format's own limit."""

_LENGTH_BYTES = 8
_LINE_DIGITS = 16  # of the digest of one line: it guards against accidents, not against forgers
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)


def encode_json(value: Any, name: str) -> bytes:
    r"""Return a value as indented JSON that reads back as the same value.

    Tuples become lists and NumPy scalars become numbers. JSON has no infinity and no NaN.

    Raises:  ArgumentError: a value that JSON cannot hold; it is named by its path in ``name``.

    >>> encode_json({"steps": (1, 2)}, "position")
    b'{\n  "steps": [\n    1,\n    2\n  ]\n}\n'
    """
    return (json.dumps(plain(value, name), indent=2) + "\n").encode()


def decode_json(data: bytes | str, name: str) -> dict[str, Any]:
    """Return the JSON object in ``data``.

    Raises:  CheckpointError: it is not JSON, or not an object; ``name`` and the place are named.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{name} holds a JSON {type(value).__name__}, not an object")
    return value


def seal(value: dict[str, Any]) -> bytes:
    """Return JSON that carries the digest of the rest of itself, for ``unseal`` to compare."""
    return encode_json({**value, "digest": digest(encode_json(value, "record"))}, "record")


def unseal(data: bytes, name: str) -> dict[str, Any]:
    """Return the object that ``seal`` wrote; not one byte of it may be another.

    Raises:  CheckpointError: it is not JSON, or not byte for byte what ``seal`` would write.
    """
    value = decode_json(data, name)
    rest = {key: entry for key, entry in value.items() if key != "digest"}
    if not _is_sealed(rest, data):
        raise CheckpointError(f"{name} is not as it was written: its digest does not fit")
    return rest


def seal_line(value: dict[str, Any], name: str) -> str:
    """Return one line of JSON that carries the digest of the rest of itself.

    A number that is not finite becomes null.

    >>> seal_line({"step": 3}, "metrics")
    '{"step": 3, "digest": "a76b25b15faff287"}'
    """
    held = plain(value, name, null_for_nonfinite=True)
    return json.dumps({**held, "digest": digest(json.dumps(held).encode())[:_LINE_DIGITS]})


def unseal_line(line: bytes, place: str) -> dict[str, Any]:
    """Return the object that ``seal_line`` wrote; not one byte of the line may be another.

    Raises:  CheckpointError: it is no UTF-8, no JSON, or not byte for byte what was written.
    """
    try:
        text = line.decode()
        value = json.loads(text)
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{place}: the line is not UTF-8: {line[:60]!r}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{place}: the line is not JSON: {error}\n\n    {text[:80]}"
        ) from error
    if isinstance(value, dict):
        rest = {key: entry for key, entry in value.items() if key != "digest"}
        if seal_line(rest, place) == text:
            return rest
    raise CheckpointError(
        f"{place}: the line is not as it was written: its digest does not fit\n\n    {text[:80]}"
    )


def digest(data: bytes) -> str:
    """Return the sha256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def plain(value: Any, name: str, *, null_for_nonfinite: bool = False) -> Any:
    """Return a value in the types of JSON, or raise ArgumentError that names what cannot be."""
    inside = partial(plain, null_for_nonfinite=null_for_nonfinite)
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if math.isfinite(value):
                return value
            if null_for_nonfinite:
                return None
            raise ArgumentError(f"{name} is {value}, which JSON cannot hold; use None instead")
        case list() | tuple():
            return [inside(entry, f"{name}[{i}]") for i, entry in enumerate(value)]
        case dict():
            return {_key(k, name): inside(entry, f"{name}[{k!r}]") for k, entry in value.items()}
        case _:
            raise ArgumentError(f"{name} is a {type(value).__name__}, which JSON cannot hold")


def encode_tensors(arrays: Arrays, name: str) -> bytes:
    """Return named arrays in the safetensors format. The order of the names is not kept.

    Raises:  ArgumentError: a name or an element type that the format cannot hold.

    >>> sorted(decode_tensors(encode_tensors({"w": np.ones(2)}, "model"), "model"))
    ['w']
    """
    return safetensors_numpy.save({key: _dense(key, a, name) for key, a in arrays.items()})


def decode_tensors(data: bytes, name: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a safetensors file, its header checked before anything is allocated.

    Raises:  CheckpointError: the file is cut short, its header lies, or a type is unknown.
    """
    _check_header(data, name)
    try:
        return safetensors_numpy.load(data)
    except (SafetensorError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{name} is not a whole safetensors file: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{name} has the element type {error}, which is unknown") from error


def check_finite(arrays: Arrays, name: str) -> None:
    """Raise CheckpointError if a number is infinite or undefined: such weights are never saved."""
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = int(np.count_nonzero(~np.isfinite(array)))
            raise CheckpointError(
                f"{name}[{key!r}] holds values that are not finite ({count} of {array.size}); "
                "nothing was saved"
            )


def _check_header(data: bytes, name: str) -> None:
    if len(data) < _LENGTH_BYTES:
        raise CheckpointError(
            f"{name} has {len(data)} bytes; a safetensors file begins with a length of 8"
        )
    header = int.from_bytes(data[:_LENGTH_BYTES], "little")
    room = len(data) - _LENGTH_BYTES
    if header > min(room, HEADER_LIMIT):
        raise CheckpointError(
            f"{name} announces a header of {header} bytes; "
            f"{room} bytes follow and at most {HEADER_LIMIT} are allowed"
        )


def _dense(key: str, array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    # The library copies nbytes from the data pointer without a look at the strides: a transposed
    # view would be saved as other numbers.
    if key == "__metadata__" or not _is_unicode(key):
        raise ArgumentError(f"{name} has an array named {key!r}, which safetensors cannot hold")
    if not isinstance(array, (np.ndarray, np.generic)):
        raise ArgumentError(f"{name}[{key!r}] is a {type(array).__name__}, not a NumPy array")
    if array.dtype.name not in _DTYPES:
        raise ArgumentError(
            f"{name}[{key!r}] has dtype {array.dtype}; a checkpoint holds {', '.join(_DTYPES)}"
        )
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _is_sealed(rest: dict[str, Any], data: bytes) -> bool:
    try:
        return seal(rest) == data
    except ArgumentError:  # NaN: Python's parser takes it, JSON does not have it
        return False


def _key(key: Any, name: str) -> str:
    if isinstance(key, str):
        return key
    raise ArgumentError(f"{name} has the key {key!r}; the keys of a JSON object are strings")


def _is_unicode(name: object) -> bool:
    if not isinstance(name, str):
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
