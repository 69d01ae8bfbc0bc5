"""Pictures are PNG files that decode to the bytes that went in."""

import struct
import zlib

import numpy as np
import pytest

from chainrule.view import picture, png


def decode(data: bytes) -> np.ndarray:
    """Read an unfiltered PNG by the standard's text, checking every checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, position + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        chunks[kind] = body
        position += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, color, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {2: 3, 6: 4}[color]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8)
    rows = rows.reshape(height, 1 + width * channels)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 4), (28, 28, 4), (5, 7, 3), (300, 1, 4)])
def test_an_image_survives_the_trip(shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(decode(png.encode(pixels)), pixels)


def test_a_weight_is_as_opaque_as_it_is_large():
    opacity = picture.weights(np.array([[0.0, 0.5, -1.0, 9.0]]), limit=1.0)[0, :, 3]
    assert opacity.tolist() == [0, 128, 255, 255]


def test_one_outlier_does_not_set_the_scale():
    image = np.ones((100, 100))
    image[0, 0] = 1e6
    assert picture.typical_limit([image]) == 1.0


def test_weights_without_a_finite_value_have_a_scale():
    assert picture.typical_limit([np.full((2, 2), np.nan)]) == 1.0
