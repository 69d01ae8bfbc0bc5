"""A folder of images by class: what is listed, decoded and cached."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from chainrule.data import Dataset, image_folder, load
from chainrule.errors import ArgumentError, DataError
from tests.data.samples import real


def write(folder, **classes):
    """A folder with `count` images in each class; each image has a gray of its own."""
    value = 0
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.new("L", (4, 3), value).save(folder / name / f"{i}.png")
            value += 1
    return folder


def values(data, rows=slice(None)):
    return data.inputs[rows][:, 0, 0, 0].tolist()


def test_classes_are_the_sorted_subfolders(tmp_path):
    data = image_folder(write(tmp_path, dog=2, cat=3), channels=1)
    assert data.classes == ("cat", "dog")
    assert data.targets.tolist() == [0, 0, 0, 1, 1]
    assert values(data) == [2, 3, 4, 0, 1]
    assert repr(data) == "Dataset('images': 5 examples of 1×3×4 uint8 (1×3×4 CHW), 2 classes)"
    assert data.preparation == {"kind": "image", "size": [3, 4], "mode": "resize", "channels": 1}


def test_images_may_lie_deeper_and_other_files_are_left_out(tmp_path):
    write(tmp_path, cat=1, dog=1)
    write(tmp_path / "cat" / "more", b=1)
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / "cat" / ".hidden.png").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / "list.csv").write_text("x")
    Image.new("L", (4, 3), 9).save(tmp_path / "cat" / "LOUD.JPG")
    assert image_folder(tmp_path).targets.tolist() == [0, 0, 0, 1]


def test_only_the_rows_asked_for_are_decoded(tmp_path):
    data = image_folder(write(tmp_path, cat=3, dog=3), channels=1)
    (tmp_path / "cat" / "1.png").write_bytes(b"broken")
    assert values(data, np.array([5, 0, 0])) == [5, 0, 0]
    train, test = data.split(0.5, seed=1)
    assert sorted(train.targets.tolist() + test.targets.tolist()) == [0, 0, 0, 1, 1, 1]
    assert values(data.take([4])) == [4]
    with pytest.raises(DataError, match=r"cat/1\.png"):
        data.inputs[:]


def test_it_is_a_data_set_like_others(tmp_path):
    data = image_folder(write(tmp_path, cat=3, dog=3))
    assert data.as_images("HWC").inputs[:].shape == (6, 3, 4, 3)
    assert data.as_images("CHW").inputs[:].shape == (6, 3, 3, 4)
    assert data.flattened().inputs[1:3].shape == (2, 36)
    inputs, targets = next(data.standardize(per="all").batches(6, seed=0))
    assert inputs.dtype == np.float32
    assert abs(float(inputs.mean())) < 1e-5
    assert targets.dtype == np.int64


def test_the_size_is_that_of_the_first_image_unless_it_is_large(tmp_path):
    write(tmp_path, cat=1)
    Image.new("RGB", (300, 20)).save(tmp_path / "cat" / "1.png")
    assert image_folder(tmp_path).inputs[:].shape == (2, 3, 3, 4)
    assert image_folder(tmp_path, size=(5, 6), mode="crop").inputs[:].shape == (2, 3, 5, 6)
    (tmp_path / "cat" / "0.png").unlink()
    with pytest.raises(ArgumentError, match="size="):
        image_folder(tmp_path)


def test_the_cache_holds_the_same_pixels_and_is_mapped(tmp_path):
    folder = write(tmp_path / "images", cat=300, dog=3)
    plain, cache = image_folder(folder, channels=1), tmp_path / "cache"
    cached = image_folder(folder, channels=1, cache=cache)
    assert isinstance(cached.inputs, np.memmap)
    np.testing.assert_array_equal(cached.inputs, plain.inputs[:])
    np.testing.assert_array_equal(load_file(cache)["images"], plain.inputs[:])
    assert not cached.inputs.flags.writeable
    made = cache.stat().st_mtime_ns, cache.stat().st_ino
    image_folder(folder, channels=1, cache=cache)
    assert (cache.stat().st_mtime_ns, cache.stat().st_ino) == made


def test_the_cache_is_made_again_when_something_has_changed(tmp_path):
    folder, cache = write(tmp_path / "images", cat=3), tmp_path / "cache"
    for change in (
        lambda: None,
        lambda: Image.new("L", (4, 3), 200).save(folder / "cat" / "1.png"),
        lambda: Image.new("L", (4, 3), 100).save(folder / "cat" / "9.png"),
        lambda: (folder / "cat" / "0.png").unlink(),
        lambda: cache.write_bytes(cache.read_bytes()[:-1]),
        lambda: cache.write_bytes(b"x" * cache.stat().st_size),
    ):
        change()
        cached = image_folder(folder, channels=1, cache=cache)
        np.testing.assert_array_equal(cached.inputs, image_folder(folder, channels=1).inputs[:])
    assert image_folder(folder, channels=3, cache=cache).inputs.shape == (3, 3, 3, 4)
    assert image_folder(folder, size=(2, 2), cache=cache).inputs.shape == (3, 3, 2, 2)


def test_a_broken_image_leaves_the_old_cache_and_no_half_of_a_new_one(tmp_path):
    folder, cache = write(tmp_path / "images", cat=3), tmp_path / "cache"
    image_folder(folder, cache=cache)
    old = cache.read_bytes()
    (folder / "cat" / "2.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"2\.png"):
        image_folder(folder, cache=cache)
    assert cache.read_bytes() == old
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".cache.lock", "cache", "images"]


def test_a_cache_that_cannot_be_written_is_explained(tmp_path):
    folder = write(tmp_path / "images", cat=1)
    with pytest.raises(DataError) as caught:
        image_folder(folder, cache=tmp_path / "nowhere" / "cache")
    assert str(caught.value) == (
        "image_folder: the cache cannot be written\n\n"
        f"    file    {tmp_path}/nowhere/cache\n"
        "    reason  No such file or directory"
    )


def test_several_readers_make_one_cache(tmp_path):
    folder, cache = write(tmp_path / "images", cat=40), tmp_path / "cache"
    start = threading.Barrier(4)

    def read(_):
        start.wait()
        return values(image_folder(folder, channels=1, cache=cache))

    with ThreadPoolExecutor(4) as pool:
        assert len({tuple(found) for found in pool.map(read, range(4))}) == 1


@pytest.mark.parametrize("kind", ["missing", "empty", "no class", "class without images", "file"])
def test_a_folder_that_is_none_is_refused(tmp_path, kind):
    folder = tmp_path / "images"
    if kind == "file":
        folder.write_text("x")
    elif kind != "missing":
        folder.mkdir()
    if kind == "no class":
        Image.new("L", (2, 2)).save(folder / "0.png")
    if kind == "class without images":
        write(folder, cat=1)
        (folder / "dog").mkdir()
    with pytest.raises(DataError, match="images"):
        image_folder(folder)


def test_load_recognizes_it_alone_and_in_two_parts(tmp_path):
    alone, test = load(write(tmp_path / "alone", cat=1, dog=2))
    assert (alone.classes, test) == (("cat", "dog"), None)
    write(tmp_path / "parts" / "train", cat=3, dog=2)
    write(tmp_path / "parts" / "val", cat=1, dog=1)
    train, test = load(tmp_path / "parts")
    assert (len(train), len(test)) == (5, 2)
    write(tmp_path / "parts" / "val", eel=1)
    with pytest.raises(DataError, match="different classes"):
        load(tmp_path / "parts")


def test_real_photographs_are_read_as_they_were_compressed(tmp_path):
    archive = np.load(real("cifar10", "test-jpeg.npz"))
    jpeg, offset, label = archive["jpeg"], archive["offset"], archive["label"]
    for row in range(200):
        folder = tmp_path / f"class {label[row]}"
        folder.mkdir(exist_ok=True)
        (folder / f"{row:04}.jpg").write_bytes(jpeg[offset[row] : offset[row + 1]].tobytes())
    data = image_folder(tmp_path)
    assert isinstance(data, Dataset)
    assert (
        repr(data) == "Dataset('images': 200 examples of 3×32×32 uint8 (3×32×32 CHW), 10 classes)"
    )
    first = min(Path(tmp_path, "class 0").iterdir())
    expected = np.asarray(Image.open(first)).transpose(2, 0, 1)
    np.testing.assert_array_equal(data.inputs[0], expected)
