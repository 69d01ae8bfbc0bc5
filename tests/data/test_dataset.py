"""Batches, splits and views of a data set."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Dataset, Standardization
from chainrule.data.rows import Rows
from chainrule.errors import ArgumentError, DataError


def numbered(count):
    """A data set whose targets are its row numbers."""
    return Dataset(np.arange(3 * count).reshape(count, 3), np.arange(count))


def visited(batches):
    return [targets.tolist() for _, targets in batches]


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_an_epoch_visits_every_row_once(count, batch, seed, epoch):
    data = numbered(count)
    batches = list(data.batches(batch, seed=seed, epoch=epoch))
    targets = np.concatenate([targets for _, targets in batches])
    assert sorted(targets) == list(range(count))
    np.testing.assert_array_equal(targets, data.order(seed, epoch))
    assert len(batches) == data.batch_count(batch)
    for inputs, labels in batches:
        np.testing.assert_array_equal(inputs, data.inputs[labels])


@given(st.integers(1, 60), st.integers(1, 70), st.data(), st.booleans())
def test_starting_at_k_is_skipping_k_batches(count, batch, draw, drop_last):
    data = numbered(count)
    start = draw.draw(st.integers(0, data.batch_count(batch, drop_last)))
    for seed in (None, 7):
        whole = visited(data.batches(batch, seed, epoch=2, drop_last=drop_last))
        rest = data.batches(batch, seed, epoch=2, start=start, drop_last=drop_last)
        assert visited(rest) == whole[start:]


def test_the_same_seed_and_epoch_give_the_same_order():
    data = numbered(1000)
    np.testing.assert_array_equal(data.order(3, 5), data.order(3, 5))
    orders = {tuple(data.order(seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_the_order_is_the_same_on_every_machine_and_numpy():
    assert numbered(8).order(seed=1, epoch=2).tolist() == [4, 2, 0, 6, 1, 5, 7, 3]


def test_without_a_seed_the_order_is_that_of_the_file():
    assert visited(numbered(5).batches(2)) == [[0, 1], [2, 3], [4]]
    assert visited(numbered(5).batches(2, drop_last=True)) == [[0, 1], [2, 3]]


def test_every_order_is_about_equally_likely():
    counts = np.zeros((4, 4))
    for epoch in range(2000):
        counts[np.arange(4), numbered(4).order(0, epoch)] += 1
    assert abs(counts - 500).max() < 100  # five standard deviations of a binomial


def test_a_batch_is_a_fresh_contiguous_float32_array():
    data = Dataset(np.asfortranarray(np.ones((4, 3), np.float32)), np.arange(4))
    for seed in (None, 0):
        inputs, targets = next(data.batches(4, seed))
        assert inputs.dtype == np.float32
        assert inputs.flags.c_contiguous
        assert targets.dtype == np.int64
        inputs[:], targets[:] = 9, 9
    assert (data.inputs == 1).all()
    assert (data.targets == np.arange(4)).all()


def test_bytes_stay_bytes_until_a_batch_is_taken():
    data = Dataset(np.array([[0, 255]], np.uint8), np.array([0]))
    inputs, _ = next(data.batches(1))
    assert inputs.tolist() == [[0, 1]]
    assert data.inputs.dtype == np.uint8


@pytest.mark.parametrize("dtype", ["i4", "i8", ">i4"])
def test_tokens_stay_integers(dtype):
    data = Dataset(np.array([[3, 70_000]], dtype), np.array([0]))
    inputs, _ = next(data.batches(1))
    assert inputs.dtype == np.dtype(dtype).newbyteorder("=")
    assert inputs.tolist() == [[3, 70_000]]
    inputs[:] = 0
    assert data.inputs.tolist() == [[3, 70_000]]
    scaled, _ = next(data.standardize(by=Standardization(1, 2)).batches(1))
    assert scaled.dtype == np.float32


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "?", "f2", "f8"])
def test_other_inputs_become_float32(dtype):
    inputs, _ = next(Dataset(np.array([[0, 1]], dtype), np.array([0])).batches(1))
    assert inputs.dtype == np.float32
    assert inputs.tolist() == [[0, 1]]


def test_targets_may_have_any_rank():
    for targets in (
        np.arange(12).reshape(3, 4),
        np.ones((3, 2), np.float32),
        np.arange(24).reshape(3, 2, 4),
    ):
        data = Dataset(np.zeros((3, 1)), targets)
        np.testing.assert_array_equal(next(data.take([2, 0]).batches(2))[1], targets[[2, 0]])


def test_labels_of_any_width_become_int64():
    _, targets = next(Dataset(np.zeros((2, 1)), np.array([1, 0], np.uint8)).batches(2))
    assert targets.dtype == np.int64


def test_the_windows_of_a_text_are_not_copied_when_rows_are_taken():
    text = np.arange(10_000, dtype=np.int32)
    windows = np.lib.stride_tricks.sliding_window_view(text, 1001)
    data = Dataset(windows[:, :-1], windows[:, 1:])
    train, validation = data.split(0.9, seed=1)
    assert np.shares_memory(train.inputs.parts[0], text)
    assert np.shares_memory(validation.targets.parts[0], text)
    inputs, targets = next(train.batches(64, seed=0))
    assert (inputs.dtype, targets.dtype) == (np.int32, np.int64)
    np.testing.assert_array_equal(inputs + 1, targets)
    assert train.targets.max() <= 9999


def test_the_preparation_is_kept_by_every_part():
    data = Dataset(np.zeros((4, 2)), np.arange(4), preparation={"vocabulary": ["a", "b"]})
    for part in (data.take([0]), data.split(0.5)[1], data.flattened(), data.standardize()):
        assert part.preparation == {"vocabulary": ["a", "b"]}


def channel_images(tmp_path, kind):
    """Images of 2 × 3 pixels and 4 channels that lie as HWC: an array, a mapped file, or files."""
    values = np.random.default_rng(0).integers(0, 256, (6, 2, 3, 4), dtype=np.uint8)
    if kind == "array":
        return values, values.reshape(6, 24)
    values.tofile(tmp_path / "x")
    whole = np.memmap(tmp_path / "x", np.uint8, "r", shape=(6, 24))
    return values, whole if kind == "mapped" else Rows((whole[:2], whole[2:]))


@pytest.mark.parametrize("kind", ["array", "mapped", "files"])
@pytest.mark.parametrize("standardize", [None, "feature", "channel", "all"])
def test_images_come_in_either_layout_without_a_copy(tmp_path, kind, standardize):
    values, stored = channel_images(tmp_path, kind)
    flat = Dataset(stored, np.arange(6), image_shape=(2, 3, 4), layout="HWC")
    if standardize:
        flat = flat.standardize(per=standardize)
    images = flat.as_images("CHW")
    assert (images.shape, images.layout) == ((4, 2, 3), "CHW")
    expected = next(flat.batches(6))[0].reshape(6, 2, 3, 4).transpose(0, 3, 1, 2)
    inputs, _ = next(images.batches(6))
    np.testing.assert_array_equal(inputs, expected)
    assert inputs.flags.c_contiguous
    again = images.take([4, 1]).flattened().as_images("HWC").flattened()
    np.testing.assert_array_equal(next(again.batches(2))[0], next(flat.take([4, 1]).batches(2))[0])
    if kind == "array":
        assert np.shares_memory(images.inputs, values)
    assert images.as_images().shape == images.as_images("CHW").shape == (4, 2, 3)


def test_the_test_part_is_scaled_by_the_training_part():
    train = Dataset(np.array([[0.0], [2.0]]), np.zeros(2))
    test = Dataset(np.array([[5.0]]), np.zeros(1))
    standard = test.standardize(by=train)
    assert next(standard.batches(1))[0].tolist() == [[4.0]]
    again = test.standardize(by=standard.standardization)
    assert next(again.batches(1))[0].tolist() == [[4.0]]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=80), st.integers(1, 99), st.integers(0, 9))
def test_a_stratified_split_gives_each_class_its_share(labels, percent, seed):
    labels = np.array(labels)
    size = round(percent / 100 * len(labels))
    if not 0 < size < len(labels):
        return
    data = Dataset(np.arange(len(labels))[:, None], labels)
    first, second = data.split(percent / 100, seed)
    rows = np.concatenate([first.inputs[:, 0], second.inputs[:, 0]])
    assert sorted(rows) == list(range(len(labels)))
    assert len(first) == size
    shares = np.bincount(labels) * size / len(labels)
    assert abs(np.bincount(first.targets, minlength=len(shares)) - shares).max() < 1


def test_a_split_is_a_pure_function_of_its_seed_and_keeps_the_order_of_the_file():
    data = numbered(100)
    parts = [data.split(0.3, seed, stratified=False)[0].targets for seed in (1, 1, 2)]
    np.testing.assert_array_equal(parts[0], parts[1])
    assert (parts[0] != parts[2]).any()
    assert (np.diff(parts[0]) > 0).all()


def test_a_part_of_a_mapped_file_stays_on_disk(tmp_path):
    (tmp_path / "x").write_bytes(bytes(range(200)))
    mapped = np.memmap(tmp_path / "x", np.uint8, "r", shape=(100, 2))
    data = Dataset(mapped, np.arange(100))
    part = data.split(0.5, stratified=False)[0].split(0.5, stratified=False)[1]
    assert np.shares_memory(part.inputs.parts[0], mapped)
    inputs, targets = next(part.batches(25, seed=0))
    np.testing.assert_allclose(inputs[:, 0] * 255, 2 * targets, rtol=1e-6)


def test_images_and_flat_examples_are_views_with_the_same_statistics():
    values = np.arange(24.0).reshape(2, 12)
    flat = Dataset(values, np.arange(2), image_shape=(2, 2, 3), layout="CHW").standardize()
    images = flat.as_images()
    assert images.shape == (3, 2, 2)
    assert np.shares_memory(images.inputs, values)
    inputs, _ = next(images.batches(2))
    np.testing.assert_array_equal(inputs.reshape(2, 12), next(flat.batches(2))[0])
    assert images.flattened().standardization.shape == (12,)


def test_a_data_set_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        numbered(2).name = "other"


def test_a_data_set_tells_what_it_is():
    images = Dataset(np.zeros((2, 12), np.uint8), np.zeros(2), None, "icons", image_shape=(2, 2, 3))
    assert repr(images) == ("Dataset('icons': 2 examples of 12 uint8 (2×2×3 HWC), float targets)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"targets": np.zeros(3)},
            (
                "data: 2 examples, but 3 targets\n\n"
                "    inputs   float64[2, 4]\n"
                "    targets  float64[3]"
            ),
        ),
        (
            {"layout": "CWH"},
            (
                'data: layout must be "HWC" or "CHW", not \'CWH\'\n\n'
                "    inputs   float64[2, 4]\n"
                "    targets  float64[2]"
            ),
        ),
        (
            {"shuffle": "row"},
            (
                'data: shuffle must be "rows" or "blocks", not \'row\'\n\n'
                "    inputs   float64[2, 4]\n"
                "    targets  float64[2]"
            ),
        ),
        (
            {"image_shape": (3, 3, 1)},
            (
                "data: the examples do not have the size of an image\n\n"
                "    inputs       float64[2, 4]\n"
                "    targets      float64[2]\n"
                "    image_shape  (3, 3, 1)"
            ),
        ),
        (
            {"standardization": Standardization([0, 0], 1)},
            (
                "data: the standardization was measured on examples of another shape\n\n"
                "    inputs           float64[2, 4]\n"
                "    targets          float64[2]\n"
                "    standardization  [2]"
            ),
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(DataError) as caught:
        Dataset(**({"inputs": np.zeros((2, 4)), "targets": np.zeros(2)} | arguments))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"batch": 0},
            "batch cannot be used\n\n    batch     0\n    possible  an integer from 1 on",
        ),
        (
            {"batch": 2.0},
            "batch cannot be used\n\n    batch     2.0\n    possible  an integer from 1 on",
        ),
        (
            {"batch": 2, "start": 3},
            "start cannot be used\n\n    start     3\n    possible  an integer from 0 to 2",
        ),
        (
            {"batch": 2, "seed": -1},
            (
                "seed cannot be used\n\n"
                "    seed      -1\n"
                "    possible  an integer from 0 to 18446744073709551615"
            ),
        ),
    ],
)
def test_batches_that_cannot_be_meant_are_refused_at_the_call(arguments, message):
    with pytest.raises(ArgumentError) as caught:
        numbered(4).batches(**arguments)
    assert str(caught.value) == f"batches: {message}"


@pytest.mark.parametrize("fraction", [0, 1, 1.5, -0.1, 0.01, float("nan")])
def test_a_split_with_an_empty_part_is_refused(fraction):
    with pytest.raises(ArgumentError) as caught:
        numbered(10).split(fraction)
    assert str(caught.value) == (
        f"split: fraction {fraction} leaves a part without examples\n\n"
        "    examples  10\n"
        "    possible  0 to 1"
    )


def test_examples_that_are_not_images_are_refused_as_images():
    with pytest.raises(DataError) as caught:
        numbered(2).as_images()
    assert str(caught.value) == (
        "data: these are not images\n\n    inputs   int64[2, 3]\n    targets  int64[2]"
    )
