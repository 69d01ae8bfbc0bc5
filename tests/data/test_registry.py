"""Data sets by name or by folder."""

import pytest

from chainrule.data import load
from chainrule.errors import ArgumentError, DataError
from tests.data.samples import write_mnist, write_random_cifar10

NAMES = "    data sets  cifar10, digits, mnist"


def test_a_name_loads_the_bundled_digits():
    assert load("digits")[0].name == "digits"


def test_a_folder_is_recognized_by_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert load(write_mnist(tmp_path / "a"))[0].name == "mnist"
    write_random_cifar10(tmp_path / "b", 1)
    assert load(str(tmp_path / "b"))[0].name == "cifar10"
    assert load("cifar10", tmp_path / "b")[1].name == "cifar10"


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
        f"    folder   {tmp_path}\n"
        "    cifar10  data_batch_1.bin …\n"
        "    mnist    train-images-idx3-ubyte …"
    )


@pytest.mark.parametrize("given", ["mnst", "MNIST", "m-nist"])
def test_a_misspelled_name_gets_a_suggestion(given):
    with pytest.raises(ArgumentError) as caught:
        load(given)
    assert str(caught.value) == (
        f"load: '{given}' is neither a data set nor a folder\n\n{NAMES}\n\n"
        '  Did you mean "mnist"?'
    )


@pytest.mark.parametrize("given", ["imagenet", "nowhere/mnist", "a" * 5000])
def test_an_unknown_name_or_folder_gets_the_list(given):
    with pytest.raises(ArgumentError) as caught:
        load(given)
    assert str(caught.value) == f"load: {given!r} is neither a data set nor a folder\n\n{NAMES}"


def test_a_name_without_its_folder_says_what_to_pass():
    with pytest.raises(DataError) as caught:
        load("cifar10")
    assert str(caught.value) == (
        "load: cifar10 needs the folder of its files\n\n"
        "    files  data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, "
        "data_batch_5.bin, test_batch.bin\n\n"
        '  Pass the folder that holds the files: load("cifar10", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )


def test_the_bundled_digits_take_no_folder(tmp_path):
    with pytest.raises(ArgumentError) as caught:
        load("digits", tmp_path)
    assert str(caught.value) == (
        f"load: digits is bundled and takes no folder\n\n    folder  {tmp_path}"
    )
