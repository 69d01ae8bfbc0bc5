"""JSON and named arrays as bytes: the same bits back, and every fault named."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.train.encoding import (
    HEADER_LIMIT,
    decode_json,
    decode_tensors,
    encode_json,
    encode_tensors,
    seal,
    seal_line,
    unseal,
    unseal_line,
)

DTYPES = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
dtypes = st.sampled_from([np.dtype(name) for name in DTYPES])
shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
named_arrays = st.dictionaries(
    st.text(max_size=20).filter(lambda name: name != "__metadata__"),
    dtypes.flatmap(lambda dtype: npst.arrays(dtype, shapes)),
    max_size=5,
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(named_arrays)
def test_arrays_come_back_with_the_same_bits(arrays: dict[str, Any]) -> None:
    found = decode_tensors(encode_tensors(arrays, "model"), "model")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype)
        assert found[name].tobytes() == array.tobytes()


def test_arrays_of_any_memory_layout_come_back_with_the_same_values() -> None:
    grid = np.arange(24.0).reshape(2, 3, 4)
    arrays = {
        "transposed": grid.T,
        "fortran": np.asfortranarray(grid[0]),
        "reversed": grid[::-1, :, ::2],
        "broadcast": np.broadcast_to(np.float32(7), (3, 2)),
        "big-endian": grid.astype(">f8"),
        "scalar": np.float64(2.5),
    }
    found = decode_tensors(encode_tensors(arrays, "model"), "model")
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"w": np.ones(2, complex)}, r"model\['w'\] has dtype complex128; a checkpoint holds bool"),
        ({"w": np.array(["a"])}, r"model\['w'\] has dtype <U1"),
        ({"w": np.array([object()])}, r"model\['w'\] has dtype object"),
        ({"w": [1.0]}, r"model\['w'\] is a list, not a NumPy array"),
        ({"__metadata__": np.ones(1)}, "model has an array named '__metadata__'"),
        ({"\ud800": np.ones(1)}, "which safetensors cannot hold"),
        ({3: np.ones(1)}, "model has an array named 3"),
    ],
)
def test_what_the_format_cannot_hold_is_named(arrays: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        encode_tensors(arrays, "model")


def header(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x has 0 bytes; a safetensors file begins with a length of 8"),
        (b"1234567", "x has 7 bytes; a safetensors file begins with a length of 8"),
        (b"\xff" * 8, f"x announces a header of {2**64 - 1} bytes; 0 bytes follow and at most"),
        (
            (HEADER_LIMIT + 1).to_bytes(8, "little") + b"{}",
            f"x announces a header of {HEADER_LIMIT + 1} bytes; 2 bytes follow",
        ),
        (header(b"[]"), "x is not a whole safetensors file"),
        (header(b"\xff\xfe"), "x is not a whole safetensors file"),
        (header(b"[" * 5000), "x is not a whole safetensors file"),
        (
            header(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', b"1234"),
            "x is not a whole safetensors file",
        ),
        (
            header(b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'),
            "x is not a whole safetensors file",
        ),
        (
            header(b'{"a":{"dtype":"F32","shape":[0,1152921504606846976],"data_offsets":[0,0]}}'),
            None,
        ),
        (
            header(b'{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', b"12"),
            "x has the element type 'BF16', which is unknown",
        ),
    ],
)
def test_a_header_that_lies_is_named(data: bytes, message: str | None) -> None:
    if message is None:
        assert decode_tensors(data, "x")["a"].size == 0
        return
    with pytest.raises(CheckpointError) as caught:
        decode_tensors(data, "x")
    assert message in str(caught.value)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_file_is_an_error_or_arrays_but_never_a_crash(data: st.DataObject) -> None:
    arrays = {"a.weight": np.arange(6.0).reshape(2, 3), "b": np.zeros((0, 2), np.uint8)}
    damaged = bytearray(encode_tensors(arrays, "model"))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    messages: list[str] = []
    for candidate in (damaged, damaged[:cut], damaged + damaged[:cut]):
        try:
            decode_tensors(bytes(candidate), "x")
        except CheckpointError as error:
            messages.append(str(error))
    assert all(message.startswith("x ") for message in messages)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_or_arrays_but_never_a_crash(data: bytes) -> None:
    messages: list[str] = []
    for candidate in (data, header(data)):
        try:
            decode_tensors(candidate, "x")
        except CheckpointError as error:
            messages.append(str(error))
    assert all(message.startswith("x ") for message in messages)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_json_comes_back_as_the_same_value(value: dict[str, Any]) -> None:
    assert decode_json(encode_json(value, "position"), "position.json") == value
    assert unseal_line(seal_line(value, "metrics").encode(), "metrics") == value


def test_numpy_scalars_and_tuples_become_plain_json() -> None:
    value = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(1), "d": (1, 2)}
    assert json.loads(encode_json(value, "x")) == {"a": 0.5, "b": 3, "c": True, "d": [1, 2]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"b": math.nan}]}, "x['a'][1]['b'] is nan, which JSON cannot hold"),
        ({"a": np.float32(-math.inf)}, "x['a'] is -inf, which JSON cannot hold"),
        ({"a": {1, 2}}, "x['a'] is a set, which JSON cannot hold"),
        ({"a": np.ones(2)}, "x['a'] is a ndarray, which JSON cannot hold"),
        ({"a": {3: 1}}, "x['a'] has the key 3; the keys of a JSON object are strings"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_path(value: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        encode_json(value, "x")
    assert str(caught.value).startswith(message)


def test_a_line_of_metrics_writes_null_for_what_is_not_finite() -> None:
    line = seal_line({"loss": math.nan, "list": [math.inf]}, "metrics")
    assert line.startswith('{"loss": null, "list": [null], "digest": "')


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "x is not JSON: Expecting property name"),
        (b"\xff\xfe\xff", "x is not JSON: "),
        (b"[" * 100_000, "x is not JSON: "),
        (b"[1]", "x holds a JSON list, not an object"),
    ],
)
def test_broken_json_is_named(data: bytes, message: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        decode_json(data, "x")
    assert str(caught.value).startswith(message)


def test_every_changed_bit_of_a_sealed_line_is_found() -> None:
    line = seal_line({"step": 3, "loss": 0.25, "name": "ü"}, "x").encode()
    for bit in range(8 * len(line)):
        damaged = bytearray(line)
        damaged[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(CheckpointError, match=r"^x: the line is not"):
            unseal_line(bytes(damaged), "x")
    for length in range(len(line)):
        with pytest.raises(CheckpointError, match=r"^x: the line is not"):
            unseal_line(line[:length], "x")


def test_every_changed_bit_of_a_sealed_record_is_found() -> None:
    value = {"format": 1, "parts": {"a": {"size": 3, "sha256": "00ff"}}}
    sealed = seal(value)
    assert unseal(sealed, "x") == value
    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(CheckpointError, match=r"^x "):
            unseal(bytes(damaged), "x")
    for data in (sealed[:-1], sealed + b"\n", b'{"a": NaN, "digest": ""}'):
        with pytest.raises(CheckpointError, match=r"^x is not as it was written"):
            unseal(data, "x")
