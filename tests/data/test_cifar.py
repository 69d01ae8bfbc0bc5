"""CIFAR-10's binary layout: what is read, in how little memory, and what is said if broken."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import cifar10
from chainrule.errors import DataError
from tests.data.samples import real, write_cifar10, write_random_cifar10


@pytest.fixture
def small(tmp_path):
    return write_random_cifar10(tmp_path, 7)


def test_the_five_training_files_follow_one_another(small):
    folder, pixels, labels = small
    train, test = cifar10(folder)
    np.testing.assert_array_equal(np.asarray(train.inputs), pixels[:35])
    np.testing.assert_array_equal(train.targets, labels[:35])
    np.testing.assert_array_equal(np.asarray(test.inputs), pixels[35:])
    np.testing.assert_array_equal(test.targets, labels[35:])
    assert repr(train) == "Dataset('cifar10': 35 examples of 3072 uint8 (3×32×32 CHW), 10 classes)"


def test_batches_hold_the_pixels_of_their_rows(small):
    folder, pixels, labels = small
    train, _ = cifar10(folder)
    rows = train.order(seed=3, epoch=1)[8:16]
    inputs, targets = next(train.batches(8, seed=3, epoch=1, start=1))
    np.testing.assert_array_equal(targets, labels[rows])
    np.testing.assert_array_equal(inputs, pixels[rows] / np.float32(255))


def test_real_images_are_read_from_the_official_layout(tmp_path):
    sample = np.load(real("cifar10", "lossless-sample.npz"))
    files = sorted(set(sample["batch"]), key=lambda name: ("test" in str(name), name))
    batches = np.array([files.index(name) for name in sample["batch"]])
    train, test = cifar10(write_cifar10(tmp_path, sample["pixels"], sample["label"], batches))
    assert len(train) + len(test) == 984
    np.testing.assert_array_equal(test.inputs[:], sample["pixels"][batches == 5])
    frogs = train.take(train.targets == train.classes.index("frog"))
    red, _, blue = frogs.as_images().inputs[:].reshape(-1, 3, 1024).mean(axis=(0, 2))
    assert red > blue  # frogs are photographed in green and brown, never in the sea


def test_an_epoch_takes_little_memory(tmp_path):
    write_random_cifar10(tmp_path, 4000)
    script = """
import sys
import numpy as np
from chainrule.data import cifar10

def resident(kind):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) // 1024

train, _ = cifar10(sys.argv[1])
part, _ = train.split(0.9, seed=0)
part = part.standardize()
before = resident("RssAnon")
for inputs, _ in part.batches(128, seed=0):
    pass
print(resident("RssAnon") - before, resident("VmHWM"))
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("there is no /proc/self/status to read the resident memory from")
    run = [sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    growth, most = map(int, result.stdout.split())
    assert growth < 20  # MB: a few batches of 128 × 3072 float32
    assert most < 200  # MB: Python, NumPy and the 74 MB of mapped files


def explained(fact, path, offset, expected, found):
    return (
        f"cifar10: {fact}\n\n"
        f"    file      {path}\n"
        f"    offset    {offset}\n"
        f"    expected  {expected}\n"
        f"    found     {found}"
    )


def test_an_incomplete_record_is_explained(small):
    path = small[0] / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-73])
    with pytest.raises(DataError) as caught:
        cifar10(small[0])
    assert str(caught.value) == explained(
        "a record is incomplete",
        path,
        18438,
        "3073 bytes in each",
        "3000 bytes in the last, record 6",
    )


def test_an_empty_file_is_explained(small):
    path = small[0] / "test_batch.bin"
    path.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        cifar10(small[0])
    assert str(caught.value) == explained(
        "the file is empty", path, 0, "records of 3073 bytes", "0 bytes"
    )


def test_a_label_without_a_class_is_explained(small):
    path = small[0] / "data_batch_2.bin"
    data = bytearray(path.read_bytes())
    data[2 * 3073] = 11
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        cifar10(small[0])
    assert str(caught.value) == explained(
        "no such class", path, 6146, "a label 0 to 9", "11 in record 2"
    )


def test_missing_files_are_listed(small):
    (small[0] / "data_batch_5.bin").unlink()
    (small[0] / "test_batch.bin").unlink()
    with pytest.raises(DataError) as caught:
        cifar10(small[0])
    assert str(caught.value) == (
        "cifar10: 2 of its 6 files are missing\n\n"
        f"    folder            {small[0]}\n"
        "    data_batch_5.bin  not found, nor data_batch_5\n"
        "    test_batch.bin    not found, nor test_batch\n\n"
        '  Pass the folder that holds the files: load("cifar10", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )
