"""Image files to pixels, all of one size.

Pillow decodes and resizes without Python's lock, so threads share the work on large files.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

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
_LINES = {1: "L", 3: "RGB;L", 4: "RGBA;L"}  # line by line, the channels one after another
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
_LARGE = 2**13  # bytes: from here on, threads pay
_JUDGED = 16  # files whose sizes are looked at to see whether they do


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

    threads = _thread_count(paths)
    if threads < 2:
        decode(range(len(paths)))
        return result
    with ThreadPoolExecutor(threads) as pool:
        # Striped: images that follow one another are often alike in size, so in effort too.
        list(pool.map(decode, [range(start, len(paths), threads) for start in range(threads)]))
    return result


def _thread_count(paths: Sequence[str | PathLike[str]]) -> int:
    """How many threads decode: one, unless the files are large, judged by a few of them.

    To open a file and to hand over its pixels takes Pillow and us about 0.1 ms under Python's lock.
    Decoding a JPEG of 64 × 64 pixels (2 KB) takes 0.06 ms without it, and two threads that wait
    for one another at each call decoded 3,100 of them in a second, where one alone did 4,100. From
    about 128 × 128 (6 KB) on, decoding takes more than half of the time, so it pays to share it.
    """
    threads = min(processors(), _MOST_THREADS, len(paths))
    if threads < 2:
        return 1
    some = paths[:: -(-len(paths) // _JUDGED)]
    try:
        sizes = [Path(path).stat().st_size for path in some]
    except OSError:  # whoever opens it says what is wrong
        return 1
    return threads if sum(sizes) >= _LARGE * len(sizes) else 1


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

    with open_regular("image", path, at_once=_SMALL) as file:
        try:
            with Image.open(file, formats=_FORMATS) as image:
                _require_few_pixels(image)
                return work(image)
        except UnidentifiedImageError as cause:
            raise _broken(path, f"it is not one of {', '.join(_FORMATS)}") from cause
        except Exception as cause:  # Pillow's decoders raise nearly everything on broken files
            raise _broken(path, str(cause) or type(cause).__name__) from cause


def _require_few_pixels(image: "Image") -> None:
    pixels = image.width * image.height
    if pixels > _MOST_PIXELS:
        raise ValueError(f"it has {pixels:,} pixels; at most {_MOST_PIXELS:,} are decoded")


def _broken(path: str | PathLike[str], reason: str) -> DataError:
    details = {"file": path, "reason": reason}
    return DataError(explanation("image: the file cannot be decoded", details))


def _decode(path: str | PathLike[str], size: tuple[int, int], mode: Mode, channels: int) -> Array:
    return _with_image(path, lambda image: _pixels(image, size, mode, channels))


def _pixels(image: "Image", size: tuple[int, int], mode: Mode, channels: int) -> Array:
    """The pixels as `c h w`. The image is turned last: then the fewest of them are moved."""
    orientation = _orientation(image)
    width, height = size if orientation >= 5 else size[::-1]
    _draft(image, (width, height), mode, channels)
    small = _without_alpha(_resized(_plain(image, channels), (width, height), mode), channels)
    if orientation in _TURNS:
        small = _turned(small, _TURNS[orientation])
    lines = np.frombuffer(small.tobytes("raw", _LINES[channels]), np.uint8)
    return lines.reshape(size[0], channels, size[1]).transpose(1, 0, 2)


def _resized(image: "Image", size: tuple[int, int], mode: Mode) -> "Image":
    from PIL.Image import Resampling

    if image.size == size:
        return image
    box = _box(image.size, size, mode)
    return image.resize(size, Resampling.BILINEAR, box=box, reducing_gap=3.0)


def _turned(image: "Image", turn: str) -> "Image":
    from PIL.Image import Transpose

    return image.transpose(Transpose[turn])


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
    if image.size == size and channels != 1:
        return
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
