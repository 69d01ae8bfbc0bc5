"""The pickled version of CIFAR: read as the binary one, and nothing in it is ever run."""

import pickle

import numpy as np
import pytest

from chainrule.data import cifar10, cifar100
from chainrule.data.pickled import read_pickled
from chainrule.errors import DataError
from tests.data.samples import (
    python2_pickle,
    write_pickled_cifar10,
    write_random_cifar10,
    write_random_cifar100,
)


def pickled(tmp_path, data):
    path = tmp_path / "data_batch_1"
    path.write_bytes(data)
    return path


def test_both_layouts_hold_the_same_images(tmp_path):
    for name in ("binary", "python"):
        (tmp_path / name).mkdir()
    _, pixels, labels = write_random_cifar10(tmp_path / "binary", 5)
    write_pickled_cifar10(tmp_path / "python", pixels, labels)
    layouts = zip(cifar10(tmp_path / "binary"), cifar10(tmp_path / "python"), strict=True)
    for binary, python in layouts:
        np.testing.assert_array_equal(binary.inputs[:], python.inputs[:])
        np.testing.assert_array_equal(binary.targets, python.targets)
        assert repr(binary) == repr(python)


def test_cifar100_has_fine_and_coarse_labels_in_both_layouts(tmp_path):
    folder, pixels, labels = write_random_cifar100(tmp_path, 120)
    (tmp_path / "cifar-100-python").mkdir()
    for part, name in enumerate(("train", "test")):
        here = slice(120 * part, 120 * (part + 1))
        entries = {b"coarse_labels": labels[here, 0].tolist(), b"data": pixels[here]}
        entries[b"fine_labels"] = labels[here, 1].tolist()
        (tmp_path / "cifar-100-python" / name).write_bytes(python2_pickle(entries))
    for kind, column, count in (("coarse", 0, 20), ("fine", 1, 100)):
        train, test = cifar100(tmp_path / "cifar-100-python", kind)
        assert len(train.classes) == count
        assert list(train.classes) == sorted(train.classes)
        np.testing.assert_array_equal(train.targets, labels[:120, column])
        np.testing.assert_array_equal(test.inputs[:], pixels[120:])
    inner, _ = cifar100(folder)  # the folder of an unpacked archive is found inside
    np.testing.assert_array_equal(inner.inputs[:], pixels[:120])
    (tmp_path / "cifar-100-python").rename(tmp_path / "elsewhere")
    binary, _ = cifar100(folder)
    np.testing.assert_array_equal(binary.targets, labels[:120, 1])


def test_what_is_read_is_what_python_would_have_unpickled(tmp_path):
    pixels = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)
    data = python2_pickle({b"labels": [3, 70000], b"data": pixels, b"n": [b"a" * 200, b"b"]})
    expected = pickle.loads(data, encoding="bytes")
    found = read_pickled("cifar10", pickled(tmp_path, data))
    assert found["labels"] == expected[b"labels"]
    assert found["n"] == expected[b"n"]
    np.testing.assert_array_equal(found["data"], expected[b"data"])
    assert not found["data"].flags.writeable


def test_columns_that_lie_one_after_another_are_put_in_order(tmp_path):
    pixels = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)
    data = python2_pickle({b"data": np.ascontiguousarray(pixels.T)})
    swapped = data.replace(b"M\0\x0cK\2\x86", b"K\2M\0\x0c\x86").replace(b"b\x89T", b"b\x88T")
    np.testing.assert_array_equal(
        read_pickled("cifar10", pickled(tmp_path, swapped))["data"], pixels
    )


class Attack:
    def __reduce__(self):
        return print, ("it ran",)


@pytest.mark.parametrize("protocol", range(6))
def test_an_object_that_would_run_code_is_refused(tmp_path, capsys, protocol):
    path = pickled(tmp_path, pickle.dumps({"data": Attack()}, protocol))
    with pytest.raises(DataError):
        read_pickled("cifar10", path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\2cos\nsystem\n(U\4trueR.",
        b"\x80\2cnumpy\nndarray\n(U\4trueR.",
        b"\x80\2cnumpy\ndtype\nU\2u1K\0K\1\x87b.",
        b"\x80\2(ios\nsystem\n.",
        b"\x80\2" + b"(" * 10**6,
        b"\x80\2" + b"]" * (2**20 + 1),
        b"\x80\2" + b"K\0" + b"\x85" * 10**5 + b".",  # a tuple 10⁵ deep
        b"\x80\2]q\0h\0a.",  # a list that holds itself
        b"\x80\2}]K\1s.",  # a list as a key
        b"\x80\2T\xff\xff\xff\xff.",
        b"\x80\2T\xff\xff\xff\x7f.",
        b"\x80\2h\0.",
        b"\x80\2}(K\1K\1u.",
        b"\x80\2(.",
        b"\x80\2.",
        b"\x80\4}.",
        b"",
    ],
)
def test_a_pickle_that_is_no_cifar_is_refused(tmp_path, data):
    with pytest.raises(DataError):
        cifar10_with(tmp_path, data)


def cifar10_with(tmp_path, data):
    pixels = np.zeros((6, 3072), np.uint8)
    folder = write_pickled_cifar10(tmp_path, pixels, np.zeros(6, int))
    (folder / "data_batch_1").write_bytes(data)
    return cifar10(folder)


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {b"data": np.zeros((2, 3071), np.uint8), b"labels": [0, 1]},
        {b"data": np.zeros((2, 3072), np.uint8)},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 10]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, b"1"]},
        {b"data": [1, 2], b"labels": [0, 1]},
    ],
)
def test_a_dictionary_of_other_things_is_refused(tmp_path, entries):
    with pytest.raises(DataError):
        cifar10_with(tmp_path, python2_pickle(entries))
