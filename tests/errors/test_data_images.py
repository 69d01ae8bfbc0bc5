"""What the readers of images and arrays say, in full."""

import hashlib
import zipfile

import numpy as np
import pytest
from PIL import Image

from chainrule.data import cifar10, cifar100, image_folder, npz, read_images
from chainrule.data.download import Origin, fetch
from chainrule.data.images import SUFFIXES
from chainrule.data.pickled import read_pickled
from chainrule.errors import ArgumentError, DataError
from tests.data.samples import python2_pickle, write_pickled_cifar10, write_random_cifar100


def message(call, *arguments, error=DataError, **options):
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    return str(caught.value)


def pickled(tmp_path, data):
    path = tmp_path / "data_batch_1"
    path.write_bytes(data)
    return path


def test_a_pickle_that_would_run_code(tmp_path):
    path = pickled(tmp_path, b"\x80\2}q\1cos\nsystem\nU\4true\x85R.")
    assert message(read_pickled, "cifar10", path) == (
        "cifar10: the pickle names code to run\n\n"
        f"    file      {path}\n"
        "    offset    5\n"
        "    expected  one of numpy.core.multiarray _reconstruct, numpy ndarray, numpy dtype\n"
        "    found     'os system'"
    )


def test_an_instruction_that_no_official_file_has(tmp_path):
    path = pickled(tmp_path, b"\x80\2}\x93.")
    assert message(read_pickled, "cifar10", path) == (
        "cifar10: the pickle has an instruction that no official file has\n\n"
        f"    file      {path}\n"
        "    offset    3\n"
        "    expected  PROTO EMPTY_DICT EMPTY_LIST EMPTY_TUPLE MARK NONE NEWTRUE NEWFALSE BININT1 "
        "BININT2 BININT SHORT_BINSTRING BINSTRING GLOBAL APPEND APPENDS SETITEM SETITEMS TUPLE "
        "TUPLE1 TUPLE2 TUPLE3 BINPUT LONG_BINPUT BINGET LONG_BINGET REDUCE BUILD\n"
        "    found     93 STACK_GLOBAL"
    )


def test_a_pickle_of_a_later_protocol(tmp_path):
    path = pickled(tmp_path, b"\x80\4}.")
    assert message(read_pickled, "cifar10", path) == (
        "cifar10: the pickle has another protocol\n\n"
        f"    file      {path}\n"
        "    offset    0\n"
        "    expected  protocol 2, as in the official files\n"
        "    found     protocol 4"
    )


def test_a_pickle_that_ends_too_early(tmp_path):
    path = pickled(tmp_path, b"\x80\2}U\5abc")
    assert message(read_pickled, "cifar10", path) == (
        "cifar10: the file ends too early\n\n"
        f"    file      {path}\n"
        "    offset    3\n"
        "    expected  5 bytes from offset 5\n"
        "    found     3"
    )


def test_an_array_of_another_size_than_its_values(tmp_path):
    data = python2_pickle({b"data": np.zeros((2, 3072), np.uint8)})
    path = pickled(tmp_path, data.replace(b"K\2M\0\x0c", b"K\3M\0\x0c"))
    assert message(read_pickled, "cifar10", path) == (
        "cifar10: an array has another size than its values\n\n"
        f"    file      {path}\n"
        f"    offset    {len(data) - 3}\n"
        "    expected  3 × 3072\n"
        "    found     6144 bytes"
    )


def test_a_pickle_with_a_label_that_has_no_class(tmp_path):
    labels = np.array([0, 1, 2, 3, 4, 5])
    folder = write_pickled_cifar10(tmp_path, np.zeros((6, 3072), np.uint8), labels)
    entries = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [3, 12]}
    (folder / "data_batch_4").write_bytes(python2_pickle(entries))
    assert message(cifar10, folder) == (
        "cifar10: no such class\n\n"
        f"    file      {folder}/data_batch_4\n"
        "    entry     labels\n"
        "    expected  a label 0 to 9\n"
        "    found     12 for image 1"
    )


def test_a_fine_label_that_has_no_class(tmp_path):
    folder = write_random_cifar100(tmp_path, 3)[0]
    data = bytearray((folder / "test.bin").read_bytes())
    data[3074 + 1] = 100
    (folder / "test.bin").write_bytes(data)
    assert message(cifar100, folder) == (
        "cifar100: no such class\n\n"
        f"    file      {folder}/test.bin\n"
        "    offset    3075\n"
        "    expected  a label 0 to 99\n"
        "    found     100 in record 1"
    )
    assert message(cifar100, folder, labels="all", error=ArgumentError) == (
        "cifar100: there are no such labels\n\n"
        "    labels    'all'\n"
        '    possible  "fine", "coarse"'
    )


def test_a_file_that_is_no_image(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_text("<html>not found</html>")
    assert message(read_images, [path], (2, 2)) == (
        "image: the file cannot be decoded\n\n"
        f"    file    {path}\n"
        "    reason  it is not one of JPEG, PNG, BMP, GIF, WEBP, TIFF, PPM"
    )


def test_an_image_that_ends_too_early(tmp_path):
    path = tmp_path / "a.jpg"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    found = message(read_images, [path], (2, 2))
    assert found.startswith(
        "image: the file cannot be decoded\n\n"
        f"    file    {path}\n"
        "    reason  image file is truncated"
    )


def test_an_image_that_is_missing(tmp_path):
    assert message(read_images, [tmp_path / "a.jpg"], (2, 2)) == (
        "image: the file cannot be read\n\n"
        f"    file    {tmp_path}/a.jpg\n"
        "    reason  No such file or directory"
    )


def test_an_image_with_too_many_pixels(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 9000 9000 255 ")
    assert message(read_images, [path], (2, 2)) == (
        "image: the file cannot be decoded\n\n"
        f"    file    {path}\n"
        "    reason  it has 81,000,000 pixels; at most 67,108,864 are decoded"
    )


def test_a_form_of_images_that_cannot_be_meant():
    assert message(read_images, [], 32, error=ArgumentError) == (
        "read_images: size cannot be used\n\n    size      32\n    possible  (height, width)"
    )
    assert message(read_images, [], (2, 0), error=ArgumentError) == (
        "read_images: width cannot be used\n\n"
        "    width     0\n"
        "    possible  an integer from 1 to 32768"
    )
    assert message(read_images, [], (2, 2), "fill", error=ArgumentError) == (
        "read_images: there is no such mode\n\n"
        "    mode      'fill'\n"
        '    possible  "resize", "crop"'
    )
    assert message(read_images, [], (2, 2), channels=2, error=ArgumentError) == (
        "read_images: channels cannot be used\n\n"
        "    channels  2\n"
        "    possible  1 gray, 3 color, 4 with alpha"
    )


def test_a_folder_that_is_no_folder_of_images(tmp_path):
    assert message(image_folder, tmp_path / "a") == (
        f"image_folder: there is no such folder\n\n    folder  {tmp_path}/a"
    )
    assert message(image_folder, tmp_path) == (
        f"image_folder: the folder has no subfolders\n\n    folder  {tmp_path}\n\n"
        "  Each class needs a subfolder with its images: PATH/cat/1.jpg."
    )
    (tmp_path / "cat").mkdir()
    assert message(image_folder, tmp_path) == (
        "image_folder: a class has no images\n\n"
        f"    folder  {tmp_path}/cat\n"
        f"    images  {' '.join(sorted(SUFFIXES))}"
    )
    Image.new("L", (300, 2)).save(tmp_path / "cat" / "a.png")
    assert message(image_folder, tmp_path, error=ArgumentError) == (
        "image_folder: the images are large\n\n"
        f"    file      {tmp_path}/cat/a.png\n"
        "    its size  (2, 300)\n\n"
        "  Pass what every image shall be brought to: size=(64, 64)."
    )


def test_arrays_that_are_not_in_the_file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=[1], b=[2])
    assert message(npz, path, inputs="a") == (
        "npz: the arrays are not in the file\n\n"
        f"    file        {path}\n"
        "    arrays      a, b\n"
        "    looked for  a and targets; a and y; a and target; a and labels\n\n"
        '  Say which they are: npz(path, inputs="…", targets="…").'
    )


def test_an_array_of_objects(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, inputs=np.array([None]), targets=[1])
    assert message(npz, path) == (
        "npz: an array holds Python objects, which are never unpickled\n\n"
        f"    file      {path}\n"
        "    array     inputs\n"
        "    expected  numbers\n"
        "    found     object"
    )


def test_an_array_that_promises_more_than_there_is(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, targets=[1])
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9), }"
    with zipfile.ZipFile(path, "a") as archive:
        member = b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(100)
        archive.writestr("inputs.npy", member)
    assert message(npz, path) == (
        "npz: an array has another size than its header says\n\n"
        f"    file      {path}\n"
        "    array     inputs\n"
        "    expected  9 × 9 float64 = 648 bytes\n"
        "    found     100 bytes, 169 with its header"
    )


def test_a_file_that_is_no_npz(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK")
    assert message(npz, path) == (
        "npz: the file is broken\n\n"
        f"    file      {path}\n"
        "    expected  a zip file\n"
        "    found     File is not a zip file"
    )


def test_a_download_that_is_another_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    begun = tmp_path / ".some.partial" / "a.tar.gz.partial"
    begun.parent.mkdir()
    begun.write_bytes(b"x")  # all of it is there already, so that no server is asked
    expected = hashlib.sha256(b"y").hexdigest()
    source = Origin("http://127.0.0.1:9/", {"a.tar.gz": (1, expected)}, most=100)
    monkeypatch.setattr("chainrule.data.download._ATTEMPTS", 1)
    assert message(fetch, "some", source) == (
        "some: the download is not the file that it should be\n\n"
        "    address   http://127.0.0.1:9/a.tar.gz\n"
        f"    expected  sha256 {expected}\n"
        "    found     another one; the download was deleted\n\n"
        f"  Run it again. If it stays so, unpack these files into {tmp_path}/some:\n"
        "    http://127.0.0.1:9/a.tar.gz\n"
        '  or pass the folder that holds the files: load("some", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )
