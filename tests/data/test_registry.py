"""Data sets by name, file or folder."""

import pytest

from chainrule.data import load
from chainrule.data.recognition import FILES, FOLDERS
from chainrule.errors import ArgumentError, DataError
from tests.data.samples import write_mnist, write_random_cifar10, write_random_cifar100

NAMES = "    data sets  cifar10, cifar100, digits, fashion-mnist, mnist"


def test_a_name_loads_the_bundled_digits():
    assert load("digits")[0].name == "digits"


def test_a_folder_is_recognized_by_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert load(write_mnist(tmp_path / "a"))[0].name == "mnist"
    write_random_cifar10(tmp_path / "b", 1)
    assert load(str(tmp_path / "b"))[0].name == "cifar10"
    assert load("cifar10", tmp_path / "b")[1].name == "cifar10"
    (tmp_path / "c").mkdir()
    write_random_cifar100(tmp_path / "c", 1)
    assert load(tmp_path / "c")[0].name == "cifar100"
    (tmp_path / "My-Fashion").mkdir()
    assert load(write_mnist(tmp_path / "My-Fashion"))[0].classes[0] == "T-shirt/top"


def test_an_unpacked_official_archive_is_recognized_by_its_folder(tmp_path):
    (tmp_path / "cifar-10-batches-bin").mkdir()
    write_random_cifar10(tmp_path / "cifar-10-batches-bin", 1)
    assert load(tmp_path)[0].name == load(tmp_path / "cifar-10-batches-bin")[0].name == "cifar10"


def test_a_folder_with_two_sets_needs_a_name(tmp_path):
    write_random_cifar10(write_mnist(tmp_path), 1)
    with pytest.raises(ArgumentError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"load: the folder holds files of cifar10 and mnist\n\n"
        f"    folder  {tmp_path}\n\n"
        f'  Say which one: load("cifar10", folder="{tmp_path}").'
    )


def test_a_folder_without_a_set_is_explained(tmp_path):
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        "load: no known data set lies in this folder\n\n"
        f"    folder    {tmp_path}\n"
        "    cifar10   data_batch_1.bin …\n"
        "    cifar100  train.bin …\n"
        "    mnist     train-images-idx3-ubyte …\n"
        f"    classes   a subfolder each, with files {' '.join(FOLDERS)}\n"
        "    lines     a file of text for each class"
    )


def test_a_file_of_an_unknown_kind_is_explained(tmp_path):
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(DataError) as caught:
        load(tmp_path / "a.docx")
    assert str(caught.value) == (
        "load: the ending of the file is not known\n\n"
        f"    file     {tmp_path}/a.docx\n"
        f"    endings  {' '.join(FILES)}"
    )


@pytest.mark.parametrize("given", ["mnst", "MNIST", "m-nist"])
def test_a_misspelled_name_gets_a_suggestion(given):
    with pytest.raises(ArgumentError) as caught:
        load(given)
    assert str(caught.value) == (
        f"load: '{given}' is neither a data set nor a file nor a folder\n\n{NAMES}\n\n"
        '  Did you mean "mnist"?'
    )


@pytest.mark.parametrize("given", ["imagenet", "nowhere/mnist", "a" * 5000])
def test_an_unknown_name_or_folder_gets_the_list(given):
    with pytest.raises(ArgumentError) as caught:
        load(given)
    assert (
        str(caught.value)
        == f"load: {given!r} is neither a data set nor a file nor a folder\n\n{NAMES}"
    )


def test_the_bundled_digits_take_no_folder(tmp_path):
    with pytest.raises(ArgumentError) as caught:
        load("digits", tmp_path)
    assert str(caught.value) == (
        f"load: digits is bundled and takes no folder\n\n    folder  {tmp_path}"
    )


def test_a_folder_with_a_file_of_lines_for_each_class_is_recognized(tmp_path):
    (tmp_path / "reviews.pos").write_text("good\nvery good\n")
    (tmp_path / "reviews.neg").write_text("bad\n")
    data, test = load(tmp_path)
    assert (len(data), test) == (3, None)
    assert data.preparation["kind"] == "lines"
