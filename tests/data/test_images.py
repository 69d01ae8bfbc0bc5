"""Image files of any kind become uint8 pixels of one size."""

import io
import os
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from chainrule.data import images, read_images
from chainrule.errors import ArgumentError, DataError

GRADIENT = np.stack(np.broadcast_arrays(*np.ogrid[0:200:8, 0:250:10], 77), -1).astype(np.uint8)


def saved(tmp_path, name, image, **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp", "gif"])
def test_lossless_formats_keep_every_pixel(tmp_path, suffix):
    pixels = GRADIENT // 16 * 16 if suffix == "gif" else GRADIENT
    image = Image.fromarray(pixels[:6, :9])
    path = saved(tmp_path, f"a.{suffix}", image, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(read_images([path], (6, 9))[0], pixels[:6, :9].transpose(2, 0, 1))


def test_resizing_stretches_and_cropping_keeps_the_proportions(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255  # the middle third
    path = saved(tmp_path, "a.png", Image.fromarray(wide))
    assert (read_images([path], (10, 10), "crop")[..., 1:-1] == 255).all()
    stretched = read_images([path], (20, 30))[0, 0]
    assert (stretched[:, :9] == 0).all()
    assert (stretched[:, 11:19] == 255).all()


@pytest.mark.parametrize("mode", ["resize", "crop"])
@pytest.mark.parametrize("shape", [(40, 64), (64, 40), (7, 5)])
def test_pixels_are_those_of_pillow(tmp_path, mode, shape):
    generator = np.random.default_rng(0)
    image = Image.fromarray(generator.integers(0, 256, (*shape, 3), dtype=np.uint8))
    path = saved(tmp_path, "a.png", image)
    if mode == "crop":
        expected = ImageOps.fit(image, (12, 16), Image.Resampling.BILINEAR)
    else:
        expected = image.resize((12, 16), Image.Resampling.BILINEAR)
    found = read_images([path], (16, 12), mode)[0].transpose(1, 2, 0).astype(int)
    assert np.abs(found - np.asarray(expected)).max() <= 8  # by halves first, where it is large


def test_a_large_jpeg_decoded_in_part_looks_as_if_decoded_whole(tmp_path):
    y, x = np.mgrid[0:400, 0:600]
    smooth = np.stack([x * 255 // 599, y * 255 // 399, (x + y) * 255 // 998], -1).astype(np.uint8)
    image = Image.fromarray(smooth)
    path = saved(tmp_path, "a.jpg", image, quality=95)
    for mode in ("resize", "crop"):
        found = read_images([path], (32, 32), mode)[0].transpose(1, 2, 0).astype(int)
        fit = ImageOps.fit(image, (32, 32), Image.Resampling.BILINEAR)
        whole = fit if mode == "crop" else image.resize((32, 32), Image.Resampling.BILINEAR)
        assert np.abs(found - np.asarray(whole)).mean() < 1.5


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_the_camera_is_heeded(tmp_path, suffix, orientation):
    blocks = np.kron(np.array([[0, 100], [180, 255]], np.uint8), np.ones((16, 24), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.stack([blocks] * 3, -1))
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path, f"a.{suffix}", image, exif=exif, **options)
    expected = ImageOps.exif_transpose(Image.open(path))
    for mode in ("resize", "crop"):
        found = read_images([path], (expected.height, expected.width), mode, 1)[0, 0].astype(int)
        assert np.abs(found - np.asarray(expected.convert("L"))).max() <= 12  # JPEG's own loss


def test_every_kind_of_pixel_becomes_gray_color_or_alpha(tmp_path):
    gray = Image.fromarray(np.full((4, 4), 200, np.uint8))
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 51))  # a fifth of red
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    cases = {
        "gray": (gray, {}, (200, 200, 200, 255)),
        "bits": (gray.convert("1"), {}, (255, 255, 255, 255)),
        "rgba": (half, {}, (255, 204, 204, None)),
        "gray_alpha": (half.convert("LA"), {}, (219, 219, 219, None)),
        "palette": (palette, {}, (10, 20, 30, 255)),
        "clear": (palette, {"transparency": 1}, (255, 255, 255, None)),
        "deep": (Image.fromarray(np.full((4, 4), 200 * 257, np.uint16)), {}, (200, 200, 200, 255)),
    }
    for name, (image, options, expected) in cases.items():
        path = saved(tmp_path, f"{name}.png", image, **options)
        found = read_images([path], (4, 4))[0, :, 0, 0]
        np.testing.assert_allclose(found, expected[:3], atol=1, err_msg=name)
        gray_value = np.dot([0.299, 0.587, 0.114], expected[:3])
        assert abs(int(read_images([path], (4, 4), channels=1)[0, 0, 0, 0]) - gray_value) <= 2, name
        if expected[3] is not None:
            assert read_images([path], (4, 4), channels=4)[0, 3].min() == expected[3], name
    assert (read_images([tmp_path / "rgba.png"], (4, 4), channels=4)[0, 3] == 51).all()


def test_a_print_in_four_inks_becomes_color(tmp_path):
    path = saved(tmp_path, "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    red, green, blue = read_images([path], (8, 8))[0, :, 4, 4]
    assert red > 240
    assert max(green, blue) < 15


def noise(tmp_path, side, count):
    """PNG files that cannot be made smaller: `side`² bytes."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, side, side), dtype=np.uint8)
    images = [Image.fromarray(array) for array in pixels]
    return pixels, [saved(tmp_path, f"{k}.png", image) for k, image in enumerate(images)]


@pytest.mark.parametrize(("side", "threads"), [(30, 1), (100, 3)])
def test_threads_share_large_files_and_keep_their_order(tmp_path, monkeypatch, side, threads):
    pixels, paths = noise(tmp_path, side, 20)
    workers = set()
    decode = images._decode

    def watched(*arguments):
        if threading.get_ident() not in workers:
            workers.add(threading.get_ident())
            met.wait(600)  # until each of them has begun
        return decode(*arguments)

    met = threading.Barrier(threads)
    monkeypatch.setattr(images, "processors", lambda: 3)
    monkeypatch.setattr(images, "_decode", watched)
    found = read_images(paths, (side, side), channels=1)
    np.testing.assert_array_equal(found[:, 0], pixels)
    assert len(workers) == threads


def test_no_files_and_one_file_are_read_too(tmp_path):
    assert read_images([], (2, 2)).shape == (0, 3, 2, 2)
    pixels, paths = noise(tmp_path, 100, 1)
    np.testing.assert_array_equal(read_images(paths, (100, 100), channels=1)[:, 0], pixels)


def bomb():
    """A PNG of 20,000 × 20,000 black pixels, in a few bytes that promise it."""
    small = io.BytesIO()
    Image.new("1", (8, 8)).save(small, "png")
    data = bytearray(small.getvalue())
    data[16:24] = (20_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",  # Pillow would start Ghostscript
        bomb(),
        b"P5 9000 9000 255 ",
    ],
)
def test_what_is_no_image_of_a_reasonable_size_is_refused(tmp_path, data):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.png"):
        read_images([path], (2, 2))


def test_a_folder_or_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path, tmp_path / "pipe.png", tmp_path / "nothing.png"):
        with pytest.raises(DataError):
            read_images([path], (2, 2))


@pytest.mark.parametrize(
    "form",
    [
        {"size": (0, 2)},
        {"size": (2.5, 2)},
        {"size": 32},
        {"size": "32"},
        {"size": (1, 2, 3)},
        {"size": (2, 2), "mode": "fill"},
        {"size": (2, 2), "channels": 2},
    ],
)
def test_a_form_that_cannot_be_meant_is_refused(form):
    with pytest.raises(ArgumentError):
        read_images([], **form)
