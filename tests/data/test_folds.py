"""Splits and folds are partitions, of the sizes asked for, fair to every class."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Dataset
from chainrule.data.folds import part_sizes, round_table

LABELS = st.lists(st.integers(0, 4), min_size=3, max_size=80).map(np.array)
WEIGHTS = st.lists(st.integers(1, 9), min_size=2, max_size=5)


def numbered(labels):
    """A data set whose inputs are its row numbers."""
    return Dataset(np.arange(len(labels))[:, None], np.asarray(labels))


def rows_of(part):
    return part.inputs[:, 0].tolist()


def counts_of(part, classes=5):
    return np.bincount(part.targets, minlength=classes)


@given(LABELS, WEIGHTS, st.integers(0, 9), st.booleans())
def test_a_split_is_a_partition_and_stratified_within_one_of_each_class(
    labels, weights, seed, stratified
):
    fractions = tuple(weight / sum(weights) for weight in weights)
    exact = np.array(fractions) * len(labels)
    if exact.min() < 1:
        return
    parts = numbered(labels).split(fractions, seed, stratified)
    assert sorted(row for part in parts for row in rows_of(part)) == list(range(len(labels)))
    sizes = np.array([len(part) for part in parts])
    assert (abs(sizes - exact) < 1).all()
    assert all(rows_of(part) == sorted(rows_of(part)) for part in parts)
    if stratified:
        shares = np.outer(np.bincount(labels, minlength=5), sizes) / len(labels)
        assert (abs(np.transpose([counts_of(part) for part in parts]) - shares) < 1).all()


@given(LABELS, st.integers(2, 10), st.integers(0, 9), st.booleans())
def test_folds_partition_the_rows_and_are_alike(labels, k, seed, stratified):
    k = min(k, len(labels))
    pairs = list(numbered(labels).folds(k, seed, stratified))
    assert len(pairs) == k
    held_out = [row for _, validation in pairs for row in rows_of(validation)]
    assert sorted(held_out) == list(range(len(labels)))
    for train, validation in pairs:
        assert sorted(rows_of(train) + rows_of(validation)) == list(range(len(labels)))
    sizes = [len(validation) for _, validation in pairs]
    assert max(sizes) - min(sizes) <= 1
    if stratified:
        counts = np.array([counts_of(validation) for _, validation in pairs])
        assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=12),
    st.lists(st.integers(1, 60), min_size=2, max_size=6),
)
def test_a_rounded_table_keeps_its_sums_and_is_within_one(rows, weights):
    rows = np.array(rows)
    total = rows.sum()
    if not total:
        return
    columns = np.bincount(np.arange(total) % sum(weights), minlength=sum(weights))
    columns = np.add.reduceat(columns, np.cumsum([0, *weights[:-1]]))
    rounded = round_table(rows, columns)
    np.testing.assert_array_equal(rounded.sum(axis=1), rows)
    np.testing.assert_array_equal(rounded.sum(axis=0), columns)
    assert (abs(rounded - np.outer(rows, columns) / total) < 1).all()


def test_many_classes_are_split_in_three_exactly():
    counts = np.random.default_rng(0).integers(1, 50, 3000)
    sizes = np.array(part_sizes(int(counts.sum()), (0.7, 0.2, 0.1)))
    rounded = round_table(counts, sizes)
    np.testing.assert_array_equal(rounded.sum(axis=0), sizes)
    assert (abs(rounded - np.outer(counts, sizes) / counts.sum()) < 1).all()


def test_splits_and_folds_are_pure_functions_of_their_seed():
    data = numbered(np.arange(60) % 3)
    for draw in (
        lambda seed: [rows_of(part) for part in data.split((0.5, 0.3, 0.2), seed)],
        lambda seed: [rows_of(part) for _, part in data.folds(4, seed)],
    ):
        assert draw(1) == draw(1)
        assert draw(1) != draw(2)


def test_the_folds_are_the_same_on_every_machine():
    parts = [rows_of(part) for _, part in numbered([0, 0, 1, 1, 0, 1]).folds(3, seed=7)]
    assert parts == [[4, 5], [1, 3], [0, 2]]


def test_float_targets_and_labels_of_positions_are_split_plainly():
    for targets in (np.zeros(10), np.zeros((10, 3), np.int64), np.zeros((10, 2), np.float32)):
        data = Dataset(np.arange(10)[:, None], targets)
        assert [len(part) for part in data.split((0.6, 0.2, 0.2))] == [6, 2, 2]
        assert [len(part) for _, part in data.folds(5)] == [2] * 5
        assert len(data.split(0.5)[0]) == 5


def test_parts_are_standardized_by_the_training_part_alone():
    data = Dataset(np.arange(20.0)[:, None], np.arange(20) % 2)
    for train, validation in data.folds(4, seed=1):
        scaled = validation.standardize(by=train)
        expected = (validation.inputs - train.inputs.mean()) / train.inputs.std()
        np.testing.assert_allclose(next(scaled.batches(5))[0], expected, rtol=1e-6)
