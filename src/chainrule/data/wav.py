"""WAV files: a RIFF file with a chunk that says what the samples are, and one that has them.

Source: ibm1991multimedia, sec. 2 (RIFF) and 3 (WAVE)
"""

import struct
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO, final

import numpy as np

from chainrule.data.fault import broken_file, read_error
from chainrule.data.files import open_regular
from chainrule.data.rows import Array
from chainrule.errors import DataError
from chainrule.wording import plural

__all__ = ["WavHeader", "read_frames", "read_wav", "wav_header"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_MOST_CHANNELS = 64
_MOST_CHUNKS = 10_000  # a file of empty chunks shall not keep us for long


@final
@dataclass(frozen=True)
class WavHeader:
    """What a WAV file holds, and where.

    rate    frames in a second; a frame has a sample of each channel
    bits    of a sample; `is_float` says whether it is a floating-point number
    offset  of the first frame in the file
    frames  their number
    """

    path: Path
    rate: int
    channels: int
    bits: int
    is_float: bool
    offset: int
    frames: int

    @property
    def frame_bytes(self) -> int:
        """The bytes of a frame."""
        return self.channels * self.bits // 8


def read_wav(path: str | PathLike[str]) -> tuple[Array, int]:
    """Read a WAV file: its channels as float32, and the frames in a second.

    x = (u − 128)/2⁷ of 8 bits, s/2¹⁵ of 16, s/2²³ of 24, s/2³¹ of 32; floating-point samples as
    they are.

    Raises:  DataError: not a WAV file of PCM or floating-point samples, or a broken one. The
             message names the offset, what is expected there and what was found.
    Source:  ibm1991multimedia

    >>> import tempfile, wave
    >>> path = Path(tempfile.mkdtemp()) / "two.wav"
    >>> with wave.open(str(path), "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())
    >>> samples, rate = read_wav(path)
    >>> samples.tolist(), rate
    ([[0.0, 0.5, -1.0]], 8000)
    """
    header = wav_header(path)
    return read_frames(header, 0, header.frames), header.rate


def wav_header(path: str | PathLike[str]) -> WavHeader:
    """Read what a WAV file holds without reading its samples.

    Raises:  DataError: as `read_wav`.
    """
    path = Path(path)
    try:
        with open_regular("wav", path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            return _parse(path, file, size)
    except OSError as cause:
        raise read_error("wav", path, cause) from cause


def _parse(path: Path, file: BinaryIO, size: int) -> WavHeader:
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        expected = '"RIFF", a size, "WAVE"'
        raise _fault("this is not a WAV file", path, 0, expected, _shown(head))
    samples, offset = None, 12
    for _ in range(_MOST_CHUNKS):
        name, length = _chunk(path, file, offset, size)
        begin = offset + 8
        if name == b"fmt ":
            samples = _format(path, file.read(min(length, 40)), begin)
        elif name == b"data":
            if samples is None:
                expected = 'the chunk "fmt " before "data"'
                raise _fault("the samples come before their format", path, offset, expected, "data")
            return _finished(path, samples, begin, length)
        offset = begin + length + length % 2
        file.seek(offset)
    raise _fault("there are too many chunks", path, 12, f"at most {_MOST_CHUNKS}", "more")


def _chunk(path: Path, file: BinaryIO, offset: int, size: int) -> tuple[bytes, int]:
    """The name and the length of the chunk at an offset."""
    head = file.read(8)
    if len(head) < 8:
        expected, found = 'a chunk "data"', plural(len(head), "byte")
        raise _fault("the file ends before its samples", path, offset, expected, found)
    name, length = head[:4], struct.unpack("<I", head[4:])[0]
    if length > size - offset - 8:
        expected = f"{length} bytes in the chunk {_shown(name)}"
        raise _fault("the file ends too early", path, size, expected, f"{size - offset - 8} bytes")
    return name, length


def _format(path: Path, chunk: bytes, offset: int) -> tuple[int, int, int, bool]:
    """Rate, channels, bits, and whether samples are floating-point numbers."""
    if len(chunk) < 16:
        expected = "at least 16 bytes"
        raise _fault("the format is too short", path, offset, expected, f"{len(chunk)} bytes")
    code, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == _EXTENSIBLE and len(chunk) >= 26:  # the real code begins an identifier of 16 bytes
        code = struct.unpack_from("<H", chunk, 24)[0]
    if bits not in _BITS.get(code, ()):
        expected = "PCM of 8, 16, 24 or 32 bits, or floating-point numbers of 32 or 64"
        found = f"format {code} of {bits} bits"
        rule = "Convert the file to PCM: ffmpeg -i old.wav -c:a pcm_s16le new.wav."
        fact = "samples of this format cannot be read"
        raise broken_file("wav", fact, path, offset, expected, found, rule)
    if not 1 <= channels <= _MOST_CHANNELS or frame != channels * bits // 8 or not rate:
        expected = f"1 to {_MOST_CHANNELS} channels of {bits // 8} bytes, and a rate"
        found = f"{plural(channels, 'channel')}, {plural(frame, 'byte')} a frame, "
        found += f"{plural(rate, 'frame')} a second"
        raise _fault("the format contradicts itself", path, offset, expected, found)
    return rate, channels, bits, code == _FLOAT


def _finished(
    path: Path, samples: tuple[int, int, int, bool], offset: int, length: int
) -> WavHeader:
    rate, channels, bits, is_float = samples
    frames, left = divmod(length, channels * bits // 8)
    if left:
        expected = f"{channels * bits // 8} bytes in each frame"
        found = f"{plural(left, 'byte')} in the last, frame {frames}"
        raise _fault("a frame is incomplete", path, offset + length - left, expected, found)
    if not frames:
        raise _fault("there are no samples", path, offset, "at least one frame", "none")
    return WavHeader(path, rate, channels, bits, is_float, offset, frames)


def read_frames(header: WavHeader, start: int, count: int) -> Array:
    """Read `count` frames of a file from frame `start` on, or those there are: a row a channel.

    Raises:  DataError: the file has become shorter, or a sample is not finite.
    """
    count = max(0, min(count, header.frames - start))
    at = header.offset + start * header.frame_bytes
    with open_regular("wav", header.path) as file:
        try:
            file.seek(at)
            data = file.read(count * header.frame_bytes)
        except OSError as cause:
            raise read_error("wav", header.path, cause) from cause
    if len(data) < count * header.frame_bytes:
        expected, found = f"{count * header.frame_bytes} bytes", f"{len(data)} bytes"
        fact = "the file has become shorter since it was opened"
        raise _fault(fact, header.path, at, expected, found)
    values = _decode(data, header.bits, header.is_float)
    good = np.isfinite(values)
    if not good.all():
        place = int(np.argmin(good))
        where = at + place * header.bits // 8
        found = str(values[place])
        raise _fault("a sample is not finite", header.path, where, "a finite number", found)
    return values.reshape(-1, header.channels).T


def _decode(data: bytes, bits: int, is_float: bool) -> Array:
    """Samples as float32 from −1 to 1."""
    if is_float:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is found so
            return np.frombuffer(data, f"<f{bits // 8}").astype(np.float32)
    if bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)  # the upper bytes of 32 bits
        data, bits = wide.tobytes(), 32
    values = np.frombuffer(data, f"<i{bits // 8}")
    return values.astype(np.float32) / np.float32(2 ** (bits - 1))


def _shown(data: bytes) -> str:
    text = data.decode("latin-1")
    return (
        f'"{text}"' if text.isascii() and text.isprintable() and text else data.hex(" ") or "none"
    )


def _fault(fact: str, path: Path, offset: int, expected: str, found: str) -> DataError:
    return broken_file("wav", fact, path, offset, expected, found)
