"""The bundled digits."""

import numpy as np
import pytest

from chainrule.data import digits


def test_the_split_is_fixed_and_stratified():
    train, test = digits()
    assert (len(train), len(test)) == (1437, 360)
    assert np.bincount(test.targets).tolist() == [36, 36, 35, 37, 36, 37, 36, 36, 35, 36]
    np.testing.assert_array_equal(train.inputs, digits()[0].inputs)


def test_the_values_are_those_of_the_source():
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    source = datasets.load_digits()
    rows = np.concatenate([np.c_[part.inputs, part.targets] for part in digits()])
    expected = np.c_[source.data, source.target].astype(int)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, expected))


def test_batches_lie_between_0_and_1():
    inputs, _ = next(digits()[0].batches(1437))
    assert (inputs.min(), inputs.max()) == (0, 1)


def test_the_source_and_its_license_are_named():
    train, _ = digits()
    assert "10.24432/C50P49" in train.citation
    assert "CC BY 4.0" in train.citation
