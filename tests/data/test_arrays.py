"""The user's own arrays: what is accepted, and what is said about the rest."""

import numpy as np
import pytest

from chainrule.data import from_arrays
from chainrule.errors import DataError


def test_integers_become_labels_with_names():
    data = from_arrays([[1.0], [2.0]], [0, 2])
    assert data.classes == ("0", "1", "2")
    assert data.targets.dtype == np.int64


def test_booleans_become_two_classes():
    data = from_arrays([[1.0], [2.0]], [True, False])
    assert data.classes == ("0", "1")
    assert data.targets.tolist() == [1, 0]


def test_floats_stay_quantities():
    data = from_arrays([[1, 2], [3, 4]], [[0.5, 1.0], [2.0, 3.0]])
    assert data.classes is None
    assert data.targets.dtype == np.float32


def test_each_position_may_have_a_label():
    tokens, following = np.array([[3, 1], [4, 1]]), np.array([[1, 0], [0, 1]])
    data = from_arrays(tokens, following)
    assert data.classes == ("0", "1")
    inputs, targets = next(data.batches(2))
    assert (inputs.tolist(), targets.tolist()) == (tokens.tolist(), following.tolist())


def test_later_changes_of_the_users_array_do_not_reach_the_data():
    inputs = np.ones((2, 2))
    data = from_arrays(inputs, [0, 1])
    inputs[:] = 7
    assert (data.inputs == 1).all()
    assert not data.inputs.flags.writeable


def test_a_read_only_array_is_not_copied(tmp_path):
    inputs = np.ones((2, 2))
    inputs.flags.writeable = False
    assert from_arrays(inputs, [0, 1]).inputs is inputs
    (tmp_path / "x").write_bytes(bytes(4))
    mapped = np.memmap(tmp_path / "x", np.uint8, "r", shape=(2, 2))
    assert from_arrays(mapped, [0, 1]).inputs is mapped


ONES = np.ones((3, 2))
CASES = {
    "lengths": (
        ONES,
        [0, 1],
        {},
        "3 examples, but 2 targets\n\n    inputs   float64[3, 2]\n    targets  int64[2]",
    ),
    "one axis": (
        [1.0, 2.0],
        [0, 1],
        {},
        (
            "inputs need at least two axes\n\n"
            "    inputs  float64[2]\n\n"
            "  Examples are rows. If each is a single number, pass inputs[:, None]."
        ),
    ),
    "empty": (np.ones((0, 2)), [], {}, "there are no examples\n\n    inputs  float64[0, 2]"),
    "not an array": (3, [0], {}, "inputs are not an array\n\n    inputs  int"),
    "ragged": (
        [[1.0, 2.0], [1.0, 2.0], [1.0]],
        [0, 1, 2],
        {},
        (
            "the rows of inputs have different shapes\n\n"
            "    examples  3\n"
            "    row 0     2 values\n"
            "    row 2     1 value"
        ),
    ),
    "a row that is none": (
        [[1.0, 2.0], 1.0],
        [0, 1],
        {},
        (
            "the rows of inputs have different shapes\n\n"
            "    examples  2\n"
            "    row 0     2 values\n"
            "    row 1     a single number"
        ),
    ),
    "text": (
        np.array([[1, "a"], [2, 3]], object),
        [0, 1],
        {},
        (
            "inputs are not numbers\n\n"
            "    inputs              object[2, 2]\n"
            "    at row 0, column 1  'a'"
        ),
    ),
    "text targets": (
        ONES,
        ["cat", "dog", "cat"],
        {},
        (
            "targets are not numbers\n\n"
            "    targets   <U3[3]\n"
            "    at row 0  'cat'\n\n"
            "  Number the classes: classes, labels = numpy.unique(targets, return_inverse=True)."
        ),
    ),
    "NaN": (
        [[1.0, 2.0], [3.0, np.nan]],
        [0, 1],
        {},
        (
            "inputs hold a value that is not finite\n\n"
            "    inputs              float64[2, 2]\n"
            "    at row 1, column 1  nan"
        ),
    ),
    "infinite target": (
        ONES,
        [0.0, -np.inf, 1.0],
        {},
        "targets hold a value that is not finite\n\n    targets   float64[3]\n    at row 1  -inf",
    ),
    "too large": (
        np.full((1, 1, 2), 1e39),
        [0],
        {},
        (
            "inputs hold a value that is too large for float32\n\n"
            "    inputs                   float64[1, 1, 2]\n"
            "    at row 0, column (0, 0)  1e+39"
        ),
    ),
    "negative label": (
        ONES,
        [0, -1, 1],
        {},
        (
            "label -1 at row 1 has no class\n\n"
            "    targets   int64[3]\n"
            "    possible  0 to 65535\n\n"
            "  Labels count from 0. Quantities to predict must be floats."
        ),
    ),
    "label of a position without a class": (
        np.array([[5, 6], [7, 8]]),
        [[0, 1], [2, 1]],
        {"classes": ["no", "yes"]},
        (
            "label 2 at row 1, column 0 has no class\n\n"
            "    targets   int64[2, 2]\n"
            "    possible  0 to 1\n\n"
            "  Labels count from 0. Quantities to predict must be floats."
        ),
    ),
    "label without a class": (
        ONES,
        [0, 1, 2],
        {"classes": ["no", "yes"]},
        (
            "label 2 at row 2 has no class\n\n"
            "    targets   int64[3]\n"
            "    possible  0 to 1\n\n"
            "  Labels count from 0. Quantities to predict must be floats."
        ),
    ),
    "one-hot": (
        ONES,
        [[0, 1], [1, 0], [0, 1]],
        {},
        ("the labels are one-hot\n\n    targets  int64[3, 2]\n\n  Pass targets.argmax(axis=1)."),
    ),
    "float labels": (
        ONES,
        [0.0, 1.0, 0.0],
        {"classes": ["no", "yes"]},
        (
            "float targets cannot have classes\n\n"
            "    targets  float32[3]\n\n"
            "  Class labels are integers: pass targets.astype(int)."
        ),
    ),
}


@pytest.mark.parametrize(("inputs", "targets", "options", "message"), CASES.values(), ids=CASES)
def test_broken_tables_are_explained(inputs, targets, options, message):
    with pytest.raises(DataError) as caught:
        from_arrays(inputs, targets, **options)
    assert str(caught.value) == f"from_arrays: {message}"


def test_the_remedy_for_text_labels_works():
    classes, labels = np.unique(["cat", "dog", "cat"], return_inverse=True)
    assert from_arrays(ONES, labels, classes=classes).classes == ("cat", "dog")
