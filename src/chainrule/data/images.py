"""Image files to pixels, all of one size.

Decoding and resizing run without Python's lock, so threads share the work.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, TypeVar

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.files import open_regular
from chainrule.data.order import require_integer
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError, DataError
from chainrule.runtime.processors import processors

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SUFFIXES", "Mode", "check_form", "read_images", "read_size"]

Mode: TypeAlias = Literal["resize", "crop"]
Box: TypeAlias = tuple[float, float, float, float]
Result = TypeVar("Result")

SUFFIXES = frozenset(
    {*(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"), *(".tif", ".tiff", ".ppm", ".pgm")}
)
# Only these, whatever a file's name says: Pillow would hand PostScript to another program.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_MOST_PIXELS = 2**26  # of one image, as stored: 256 MB while it is decoded
_ORIENTATION = 0x0112  # the EXIF tag: how the camera was held
_WITH_TAGS = ("exif", "xmp")  # the parts of a JPEG's header that may hold it
_TURNS = {  # what undoes each of its values
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_GAP = 1.5  # decode a JPEG to no less than this times its final size: resizing still averages
_SMALL = 2**22  # bytes: such files are read at once, since a decoder asks for little pieces
_MOST_THREADS = 8


def read_images(
    paths: Sequence[str | PathLike[str]],
    size: Sequence[int],
    mode: Mode = "resize",
    channels: int = 3,
) -> Array:
    """Decode image files to uint8 pixels of one size: `n c h w`.

    size      (height, width)
    mode      "resize" stretches each image; "crop" keeps its proportions, and cuts off what
              is left over at two sides, half at each
    channels  1 gray, 3 red green blue, 4 with alpha. Without alpha, images lie on white

    The EXIF orientation is heeded, palettes are looked up, 16 bits become 8, and of several
    frames the first is taken.

    Raises:  DataError: a file is missing, no image, broken, or has more than 2²⁶ pixels. The
             message names the file. ArgumentError: size, mode or channels cannot be meant.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.pgm"
    >>> _ = path.write_bytes(b"P5 2 1 255 " + bytes([10, 200]))
    >>> read_images([path], size=(1, 2), channels=1).tolist()
    [[[[10, 200]]]]
    """
    check_form("read_images", size, mode, channels)
    height, width = size
    result = np.empty((len(paths), channels, height, width), np.uint8)

    def decode(rows: range) -> None:
        for row in rows:
            result[row] = _decode(paths[row], (height, width), mode, channels)

    threads = min(processors(), _MOST_THREADS, len(paths))
    if threads < 2:
        decode(range(len(paths)))
        return result
    with ThreadPoolExecutor(threads) as pool:
        # Striped: images that follow one another are often alike in size, so in effort too.
        list(pool.map(decode, [range(start, len(paths), threads) for start in range(threads)]))
    return result


def check_form(caller: str, size: Any, mode: str, channels: int) -> None:
    """Check what images shall become.

    Raises:  ArgumentError: size, mode or channels cannot be meant.
    """
    if not isinstance(size, Sequence) or isinstance(size, str) or len(size) != 2:
        details = {"size": repr(size), "possible": "(height, width)"}
        raise ArgumentError(explanation(f"{caller}: size cannot be used", details))
    for name, value in zip(("height", "width"), size, strict=True):
        require_integer(caller, name, value, 1, 2**15)
    if mode not in ("resize", "crop"):
        details = {"mode": repr(mode), "possible": '"resize", "crop"'}
        raise ArgumentError(explanation(f"{caller}: there is no such mode", details))
    if channels not in _MODES:
        details = {"channels": repr(channels), "possible": "1 gray, 3 color, 4 with alpha"}
        raise ArgumentError(explanation(f"{caller}: channels cannot be used", details))


def read_size(path: Path) -> tuple[int, int]:
    """The height and width of an image as it is seen.

    Raises:  DataError: it is no image, or broken.
    """
    return _with_image(path, _seen_size)


def _seen_size(image: "Image") -> tuple[int, int]:
    on_its_side = _orientation(image) >= 5  # this may load the image, and that may turn it
    width, height = image.size
    return (width, height) if on_its_side else (height, width)


def _with_image(path: str | PathLike[str], work: Callable[["Image"], Result]) -> Result:
    """Open an image and do something with it. Whatever goes wrong, the error names the file."""
    from PIL import Image, UnidentifiedImageError

    with open_regular("image", path) as file:
        try:
            with Image.open(_small_at_once(file), formats=_FORMATS) as image:
                pixels = image.width * image.height
                if pixels > _MOST_PIXELS:
                    fact = f"it has {pixels:,} pixels; at most {_MOST_PIXELS:,} are decoded"
                    raise ValueError(fact)
                return work(image)
        except UnidentifiedImageError as cause:
            raise _broken(path, f"it is not one of {', '.join(_FORMATS)}") from cause
        except Exception as cause:  # Pillow's decoders raise nearly everything on broken files
            raise _broken(path, str(cause) or type(cause).__name__) from cause


def _small_at_once(file: BinaryIO) -> BinaryIO:
    size = os.fstat(file.fileno()).st_size
    return BytesIO(file.read(size)) if size <= _SMALL else file


def _broken(path: str | PathLike[str], reason: str) -> DataError:
    details = {"file": path, "reason": reason}
    return DataError(explanation("image: the file cannot be decoded", details))


def _decode(path: str | PathLike[str], size: tuple[int, int], mode: Mode, channels: int) -> Array:
    return _with_image(path, lambda image: _pixels(image, size, mode, channels))


def _pixels(image: "Image", size: tuple[int, int], mode: Mode, channels: int) -> Array:
    """The pixels as `c h w`. The image is turned last: then the fewest of them are moved."""
    from PIL.Image import Resampling, Transpose

    orientation = _orientation(image)
    width, height = size if orientation >= 5 else size[::-1]
    _draft(image, (width, height), mode, channels)
    box = _box(image.size, (width, height), mode)
    small = _plain(image, channels)
    if small.size != (width, height):
        small = small.resize((width, height), Resampling.BILINEAR, box=box, reducing_gap=3.0)
    small = _without_alpha(small, channels)
    if orientation in _TURNS:
        small = small.transpose(Transpose[_TURNS[orientation]])
    return np.frombuffer(small.tobytes(), np.uint8).reshape(*size, channels).transpose(2, 0, 1)


def _orientation(image: "Image") -> int:
    if image.format not in ("JPEG", "MPO"):
        image.load()  # PNG may have the tag after the pixels; TIFF turns itself, and drops it
    elif image.info.keys().isdisjoint(_WITH_TAGS):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a camera's notes may be broken while the picture is whole
        return 1


def _draft(image: "Image", size: tuple[int, int], mode: Mode, channels: int) -> None:
    """Have a JPEG decoded at a half, a quarter or an eighth, if that is still more than enough."""
    left, top, right, bottom = _box(image.size, size, mode)
    least = (
        math.ceil(_GAP * size[0] * image.width / (right - left)),
        math.ceil(_GAP * size[1] * image.height / (bottom - top)),
    )
    image.draft("L" if channels == 1 else None, least)


def _box(there: tuple[int, int], size: tuple[int, int], mode: Mode) -> Box:
    """The part of the image that is used: left, top, right, bottom."""
    width, height = float(there[0]), float(there[1])
    if mode == "crop":
        scale = min(width / size[0], height / size[1])
        width, height = scale * size[0], scale * size[1]
    left, top = (there[0] - width) / 2, (there[1] - height) / 2
    return left, top, left + width, top + height


def _plain(image: "Image", channels: int) -> "Image":
    """The image without a palette, in 8 bits; with its alpha channel, if it has one."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers")
    if image.mode.startswith("I"):
        values = np.clip(np.asarray(image), 0, 2**16 - 1) >> 8
        image = Image.fromarray(values.astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else _MODES[channels]
    return image if image.mode == mode else image.convert(mode)


def _without_alpha(image: "Image", channels: int) -> "Image":
    """Lay an image with an alpha channel on white, unless the channel is wanted."""
    from PIL import Image

    if image.mode == _MODES[channels]:
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert(_MODES[channels])
