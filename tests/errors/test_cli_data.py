"""What ``describe`` and ``pca`` say of data and settings that cannot be meant, word for word."""

from pathlib import Path

import numpy as np
import pytest

from chainrule.cli.commands import run


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save("texts.npy", np.array(["a"]))
    np.save("nothing.npy", np.zeros((0, 3)))
    np.save("flat.npy", np.ones((5, 2)))
    Path("t.txt").write_text("some words " * 400)
    Path("one.csv").write_text("x,y\n" + "1.5,yes\n" * 20)
    Path("there").mkdir()


MESSAGES: list[tuple[int, list[str], str]] = [
    (
        2,
        ["describe", "nowhere.csv"],
        (
            "chainrule describe: load: 'nowhere.csv' is neither a data set nor a file nor a folder"
            "\n\n    data sets  cifar10, cifar100, digits, fashion-mnist, mnist\n"
        ),
    ),
    (
        2,
        ["describe", "digits", "--label", "0"],
        (
            "chainrule describe: there is no option --label\n\n"
            "  chainrule describe --help lists the options.\n"
        ),
    ),
    (
        1,
        ["describe", "objects.npy"],
        (
            "DataError: npy: objects.npy is no array that can be read: Array can't be "
            "memory-mapped: Python objects in dtype.\n"
        ),
    ),
    (
        1,
        ["describe", "texts.npy"],
        (
            "DataError: npy: texts.npy has <U1[1]\n\n"
            "  Numbers are expected, the first axis counting the examples.\n"
        ),
    ),
    (
        1,
        ["train", "one.csv", "--label", "y"],
        (
            "DataError: one: all examples are of one class, so there is nothing to tell apart\n\n"
            "    class  yes\n\n"
            "  There must be examples of another class too.\n"
        ),
    ),
    (1, ["describe", "nothing.npy"], "DataError: npy: nothing.npy has no examples\n"),
    (2, ["pca", "digits", "--out", "p"], "chainrule pca: --components is missing\n"),
    (2, ["pca", "digits", "--components", "2"], "chainrule pca: --out is missing\n"),
    (
        2,
        ["pca", "digits", "--components", "0", "--out", "p"],
        (
            "chainrule pca: --components: 0 is neither a whole number from 1 nor a share between 0 "
            "and 1\n"
        ),
    ),
    (
        2,
        ["pca", "digits", "--components", "many", "--out", "p"],
        "chainrule pca: --components: 'many' is not a number\n",
    ),
    (
        2,
        ["pca", "digits", "--components", "2", "--out", "p", "--method", "randomised"],
        "chainrule pca: --method: there is no 'randomised'\n\n  Did you mean randomized?\n",
    ),
    (
        2,
        ["pca", "digits", "--components", "2", "--out", "there"],
        "chainrule pca: --out: there exists\n\n  Give a name that is free.\n",
    ),
    (
        1,
        ["pca", "t.txt", "--components", "2", "--out", "p"],
        (
            "DataError: t: these are tokens, and components are those of quantities\n\n"
            "  Images, sounds, tables and arrays of numbers have them.\n"
        ),
    ),
    (
        1,
        ["pca", "digits", "--components", "65", "--out", "p"],
        (
            "ArgumentError: pca: 65 components are asked for; there can be 1 to 64\n\n"
            "    x  u8[1437, 64]\n\n"
            "  The centered data have a rank of at most the number of columns, and of rows less 1."
            "\n"
        ),
    ),
    (
        1,
        ["pca", "flat.npy", "--components", "1", "--out", "p"],
        (
            "ArgumentError: pca: all rows are equal, so there is no variance to explain\n\n"
            "    x  f64[5, 2]\n"
        ),
    ),
]


@pytest.mark.parametrize(("code", "arguments", "message"), MESSAGES)
def test_what_is_said(code: int, arguments: list[str], message: str, capsys) -> None:
    assert run(arguments) == code
    assert capsys.readouterr().err == message
    assert not Path("p").exists()


CLOSED: list[tuple[list[str], str]] = [
    (
        ["train", "digits", "--model", "ridge"],
        (
            "chainrule train: --model: ridge predicts quantities, and digits has classes\n\n"
            "  logistic and naive-bayes predict classes.\n"
        ),
    ),
    (
        ["train", "n.npz", "--model", "logistic"],
        (
            "chainrule train: --model: logistic predicts a class, and n has none\n\n"
            "  ridge predicts quantities.\n"
        ),
    ),
    (
        ["train", "digits", "--model", "logistic", "--lr", "0.1"],
        (
            "chainrule train: --lr: logistic is found at once, not in steps\n\n"
            "  --model linear is trained in steps.\n"
        ),
    ),
    (
        ["train", "digits", "--model", "naive-bayes", "--l2", "0.1"],
        (
            "chainrule train: --l2: naive-bayes is found at once, not in steps\n\n"
            "  --model linear is trained in steps.\n"
        ),
    ),
    (
        ["find-rate", "digits", "--model", "logistic"],
        ("chainrule find-rate: --model: logistic is found at once and has no learning rate\n"),
    ),
]


@pytest.mark.parametrize(("arguments", "message"), CLOSED)
def test_what_is_said_of_models_that_are_found_at_once(arguments, message, capsys) -> None:
    np.savez("n.npz", inputs=np.eye(4), targets=np.arange(4) / 3)
    assert run(arguments) == 2
    assert capsys.readouterr().err == message
