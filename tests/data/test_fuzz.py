"""Whatever bytes a reader meets, it reads them or raises DataError, in bounded memory and time."""

import gzip
import io
import shutil
import tarfile
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from chainrule.data import cifar10, mnist, npz, read_idx, read_images
from chainrule.data.archive import unpack
from chainrule.data.cifar import CIFAR10_FILES
from chainrule.data.pickled import read_pickled
from chainrule.errors import DataError
from tests.data.fuzzing import damaged, read_quietly
from tests.data.samples import idx_bytes, python2_pickle, write_mnist, write_random_cifar10

PLAIN = idx_bytes(np.arange(24).reshape(4, 3, 2) % 10)
PACKED = gzip.compress(PLAIN, mtime=0)
ONES = gzip.compress(idx_bytes(np.ones((2, 2)), 0x0E), mtime=0)
FILES = [PLAIN, PACKED, idx_bytes(np.arange(10)), ONES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@given(st.one_of(damaged(FILES), st.binary(max_size=200)))
@example(bytes([0, 0, 0x0E, 32]) + b"\xff" * 128)
@example(gzip.compress(bytes([0, 0, 0x0E, 32]) + b"\xff" * 128, mtime=0))
@example(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 0]) + bytes(10**6)))
@example(b"\x1f\x8b\x08\x08" + b"a" * 10**5)
@example(bytes([0, 0, 8, 32]) + bytes(4) + b"\xff" * 124)
def test_the_idx_reader_raises_only_data_errors(folder, data):
    (folder / "a.idx").write_bytes(data)
    read_quietly(read_idx, folder / "a.idx")


@pytest.mark.parametrize("file", FILES, ids=["plain", "packed", "numbers", "ones"])
def test_the_idx_reader_meets_every_truncation(folder, file):
    for size in range(len(file)):
        (folder / "a.idx").write_bytes(file[:size])
        with pytest.raises(DataError):
            read_idx(folder / "a.idx")


@given(
    name=st.sampled_from(["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]), data=damaged(FILES)
)
def test_mnist_raises_only_data_errors(tmp_path_factory, name, data):
    folder = write_mnist(tmp_path_factory.mktemp("mnist"), 4, 4)
    (folder / name).write_bytes(data)
    read_quietly(mnist, folder)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_random_cifar10(tmp_path_factory.mktemp("cifar10"), 2)[0]


@given(
    name=st.sampled_from(CIFAR10_FILES),
    size=st.integers(0, 3 * 3073),
    flips=st.lists(st.integers(0, 8 * 2 * 3073 - 1), max_size=4),
)
def test_cifar10_raises_only_data_errors(records, name, size, flips):
    path = records / name
    good = path.read_bytes()
    data = bytearray(good)
    for place in flips:
        data[place // 8] ^= 1 << place % 8
    try:
        path.write_bytes((bytes(data) + good)[:size])
        read_quietly(cifar10, records)
    finally:
        path.write_bytes(good)


PIXELS = np.arange(2 * 150).reshape(2, 150).astype(np.uint8)
PICKLE = python2_pickle({b"labels": [1, 70000], b"data": PIXELS, b"names": [b"a", b"b" * 200]})
OPCODES = [bytes([code]) for code in b"\x80}])(N\x88\x89KMJUTcaesut\x85\x86\x87qrhjRb.i\x93\x81"]
PARTS = [b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\ndtype\n"]


@given(
    st.one_of(
        damaged([PICKLE]),
        st.lists(st.sampled_from([*OPCODES, *PARTS, b"\0", b"\1", b"u1"])).map(b"".join),
        st.binary(max_size=200),
    )
)
@example(b"\x80\2" + b"]q\0h\0a" * 1000)
@example(b"\x80\2" + b"(" * 5000 + b"t" * 5000)
def test_the_reader_of_pickles_raises_only_data_errors(folder, data):
    (folder / "data_batch_1").write_bytes(data)
    read_quietly(lambda path: read_pickled("cifar10", path), folder / "data_batch_1")


def test_the_reader_of_pickles_meets_every_truncation(folder):
    for size in range(len(PICKLE)):
        (folder / "data_batch_1").write_bytes(PICKLE[:size])
        with pytest.raises(DataError):
            read_pickled("cifar10", folder / "data_batch_1")


def npz_bytes(save):
    file = io.BytesIO()
    save(file, inputs=np.arange(24.0).reshape(6, 4), targets=np.arange(6) % 2, classes=["a", "b"])
    return file.getvalue()


ARCHIVES = [npz_bytes(np.savez), npz_bytes(np.savez_compressed)]


@given(st.one_of(damaged(ARCHIVES), st.binary(max_size=200)))
def test_the_reader_of_npz_raises_only_data_errors(folder, data):
    (folder / "a.npz").write_bytes(data)
    with warnings.catch_warnings():  # NumPy warns of a header that Python 2 could have written
        warnings.simplefilter("ignore", UserWarning)
        read_quietly(npz, folder / "a.npz")


@pytest.mark.parametrize("file", ARCHIVES, ids=["stored", "compressed"])
def test_the_reader_of_npz_meets_every_truncation(folder, file):
    for size in [*range(0, len(file), 11), *range(len(file) - 22, len(file))]:
        (folder / "a.npz").write_bytes(file[:size])
        with pytest.raises(DataError):
            npz(folder / "a.npz")


def image_bytes(suffix, mode="RGB", **options):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(file, suffix, **options)
    return file.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6
IMAGES = [
    *(image_bytes(suffix) for suffix in ("png", "bmp", "gif", "webp", "tiff", "ppm")),
    image_bytes("jpeg", exif=EXIF),
    image_bytes("jpeg", "CMYK"),
    image_bytes("png", "P"),
    image_bytes("png", "LA", exif=EXIF),
    image_bytes("tiff", compression="tiff_lzw"),
]


@given(st.one_of(damaged(IMAGES), st.binary(max_size=200)))
def test_the_reader_of_images_raises_only_data_errors(folder, data):
    (folder / "a.img").write_bytes(data)
    with warnings.catch_warnings():  # Pillow warns of broken notes beside a whole picture
        warnings.simplefilter("ignore")
        read_quietly(lambda path: read_images([path], (4, 5), "crop"), folder / "a.img")


def tar_bytes():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("a", "inner/b", "n" * 150):
            info = tarfile.TarInfo(name)
            info.size = 5
            tar.addfile(info, io.BytesIO(b"12345"))
    return file.getvalue()


TAR = tar_bytes()


@given(damaged([TAR]), damaged([gzip.compress(TAR, mtime=0)]), st.booleans())
def test_the_unpacker_raises_only_data_errors(folder, tar, packed, inside):
    (folder / "a.tar.gz").write_bytes(gzip.compress(tar) if inside else packed)
    out = folder / "out" / "inner"
    try:
        read_quietly(lambda path: unpack(path, out, 10**5), folder / "a.tar.gz")
        assert sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) < 10**6
        assert [path.name for path in out.parent.iterdir()] in ([], ["inner"])
    finally:
        shutil.rmtree(out.parent, ignore_errors=True)
