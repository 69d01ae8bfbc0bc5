"""NumPy's archives: what is read, what stays on disk, and what is refused."""

import pickle
import zipfile

import numpy as np
import pytest

from chainrule.data import load, npz
from chainrule.data.rows import is_mapped
from chainrule.errors import DataError

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


def saved(tmp_path, save=np.savez, **arrays):
    save(tmp_path / "a.npz", **arrays)
    return tmp_path / "a.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_by_name(tmp_path, save):
    path = saved(tmp_path, save, inputs=X, targets=Y, classes=["a", "b", "c"])
    data = npz(path)
    np.testing.assert_array_equal(data.inputs[:], X)
    np.testing.assert_array_equal(data.targets, Y)
    assert data.classes == ("a", "b", "c")
    assert data.name == "a"
    assert is_mapped(data.inputs) == (save is np.savez)
    assert not data.inputs.flags.writeable


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["u1", "<i4", ">i4", "<f8", ">f4", "?", "<f2"])
def test_every_number_and_order_is_kept(tmp_path, save, dtype):
    values = (np.arange(24).reshape(6, 2, 2) % 2).astype(dtype)
    path = saved(tmp_path, save, x=np.asfortranarray(values), y=Y)
    np.testing.assert_array_equal(npz(path).inputs[:], values)


def test_the_usual_pairs_are_known_and_others_can_be_named(tmp_path):
    assert len(npz(saved(tmp_path, X=X, y=Y))) == 6
    path = saved(tmp_path, a=X, b=Y, c=X[:, 0])
    assert npz(path, "a", "b").classes == ("0", "1", "2")
    assert npz(path, inputs="a", targets="c").classes is None


@pytest.mark.parametrize(
    ("shape", "image_shape", "layout"),
    [
        ((6, 4, 5), (4, 5, 1), "HWC"),
        ((6, 4, 5, 3), (4, 5, 3), "HWC"),
        ((6, 3, 4, 5), (4, 5, 3), "CHW"),
        ((6, 5, 5, 7), None, "HWC"),
        ((6, 4), None, "HWC"),
    ],
)
def test_images_are_recognized(tmp_path, shape, image_shape, layout):
    data = npz(saved(tmp_path, inputs=np.zeros(shape, np.uint8), targets=Y))
    assert (data.image_shape, data.layout) == (image_shape, layout)


def test_load_knows_the_ending(tmp_path):
    data, test = load(saved(tmp_path, inputs=X, targets=Y))
    assert (len(data), test) == (6, None)


class Attack:
    def __reduce__(self):
        return print, ("it ran",)


def test_objects_are_never_unpickled(tmp_path, capsys):
    path = saved(tmp_path, inputs=np.array([Attack()], object), targets=Y)
    with pytest.raises(DataError, match="never unpickled"):
        npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inputs.npy", pickle.dumps(Attack()))
        archive.writestr("targets.npy", pickle.dumps(Attack()))
    with pytest.raises(DataError):
        npz(path)
    assert capsys.readouterr().out == ""


def header(text):
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\3\0\0\0",
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"),
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"),
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9), }") + bytes(100),
        header(b"{'descr': '|V8', 'fortran_order': False, 'shape': (1, 1), }") + bytes(8),
        header(b"{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1, 1), }") + bytes(8),
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 10**30), }"),
        header(b"__import__('os').system('true')"),
        header(b"(" * 5000),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_array_that_is_none_is_refused(tmp_path, member, method):
    path = saved(tmp_path, targets=Y)
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("inputs.npy", member)
    with pytest.raises(DataError):
        npz(path)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"text", b"PK\5\6" + bytes(18)])
def test_a_file_that_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError):
        npz(tmp_path / "a.npz")
