"""PNG images, written with zlib alone.

Source:  w3c2025portable, sec. 5, 9 and 11
"""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {3: 2, 4: 6}


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Encode an image of height × width × (3 or 4) bytes, at least one pixel.

    >>> encode(np.zeros((2, 5, 3), np.uint8))[:8] == SIGNATURE
    True
    """
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0)
    rows = pixels.reshape(height, width * channels)
    filtered = np.pad(rows, ((0, 0), (1, 0)))  # each row starts with its filter type, 0: none
    packed = zlib.compress(filtered.tobytes(), level=4)  # 9: twice the time, 2 % less
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Encode an image as an address that needs no network.

    >>> data_uri(np.zeros((1, 1, 3), np.uint8))[:22]
    'data:image/png;base64,'
    """
    return "data:image/png;base64," + base64.b64encode(encode(pixels)).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
