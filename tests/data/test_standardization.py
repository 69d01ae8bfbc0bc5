"""Statistics in chunks equal those of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Dataset, Standardization
from chainrule.data.rows import Rows
from chainrule.errors import ArgumentError, DataError


@given(st.integers(1, 4000), st.integers(1, 200), st.integers(0, 9))
def test_chunks_give_the_mean_and_deviation_of_the_whole(count, width, seed):
    values = np.random.default_rng(seed).integers(0, 256, (count, width), dtype=np.uint8)
    fitted = Standardization.fit(values)
    deviation = values.std(axis=0)
    np.testing.assert_allclose(fitted.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, np.where(deviation, deviation, 1), rtol=1e-12)


def test_all_values_together_have_one_mean_and_one_deviation():
    values = np.random.default_rng(0).normal(3, 2, (500, 7, 2)) + np.arange(7)[:, None]
    fitted = Standardization.fit(values, per="all")
    np.testing.assert_allclose([fitted.mean, fitted.std], [values.mean(), values.std()])


@given(st.integers(1, 60), st.sampled_from(["u1", "f4", "f8", "i8"]), st.integers(0, 9))
def test_each_channel_has_one_mean_and_one_deviation(count, dtype, seed):
    values = np.random.default_rng(seed).normal(90, 30, (count, 2, 3, 4)).astype(dtype)
    for axis in range(3):
        others = tuple(a for a in range(4) if a != axis + 1)
        fitted = Standardization.fit(values, "channel", axis)
        assert fitted.shape == (2, 3, 4)
        exact = values.astype(np.float64)
        for found, expected in (
            (fitted.mean, exact.mean(others, keepdims=True)),
            (fitted.std, exact.std(others, keepdims=True)),
        ):
            np.testing.assert_allclose(found[None], np.broadcast_to(expected, (1, 2, 3, 4)))


def test_channels_of_images_are_found_in_either_layout():
    values = np.random.default_rng(0).normal(size=(9, 2, 3, 4))
    rows = Dataset(values.reshape(9, 24), np.zeros(9), image_shape=(2, 3, 4))
    planes = Dataset(
        values.transpose(0, 3, 1, 2).reshape(9, 24), np.zeros(9), None, "", "", (2, 3, 4), "CHW"
    )
    for data, axis in ((rows, -1), (planes, 1)):
        scaled = next(data.standardize(per="channel").as_images().batches(9))[0]
        others = tuple(a for a in range(4) if a != axis % 4)
        np.testing.assert_allclose(scaled.mean(others), 0, atol=1e-6)
        np.testing.assert_allclose(scaled.std(others), 1, rtol=1e-6)


@pytest.mark.parametrize("per", ["channel", "all"])
def test_what_is_constant_over_a_channel_becomes_zero(per):
    values = np.full((1000, 3, 5), 0.1)
    fitted = Standardization.fit(values, per, 0)
    assert (fitted.std == 1).all()
    np.testing.assert_array_equal(fitted(values), 0)


def test_a_mapped_file_is_measured_in_pieces(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3000, 500), dtype=np.uint8)
    values.tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.uint8, "r", shape=(3000, 500))
    fitted = Standardization.fit(mapped)
    np.testing.assert_allclose(fitted.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, values.std(axis=0), rtol=1e-12)


def test_a_small_deviation_survives_a_large_mean_over_many_pieces():
    values = 1e8 + np.random.default_rng(0).normal(0, 1e-3, (400_000, 1))
    np.testing.assert_allclose(Standardization.fit(values).std, values.std(axis=0), rtol=1e-9)


def test_rows_of_several_files_are_measured_like_one_array():
    values = np.random.default_rng(0).normal(size=(50, 3))
    apart = Standardization.fit(Rows((values[:20], values[20:])))
    np.testing.assert_array_equal(apart.std, Standardization.fit(values).std)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1, 1e-9])
def test_a_constant_feature_becomes_zero(value):
    values = np.full((100_000, 2), value)
    values[::2, 1] += 1
    fitted = Standardization.fit(values)
    assert fitted.std[0] == 1
    assert fitted.std[1] == pytest.approx(0.5)
    np.testing.assert_allclose(fitted(values)[:, 0], 0, atol=1e-6)


def test_a_large_mean_is_taken_off_before_rounding_to_float32():
    values = 1e9 + np.array([[0.0], [1.0], [2.0]])
    expected = (values - values.mean()) / values.std()
    np.testing.assert_allclose(Standardization.fit(values)(values), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["u1", "i1", ">i2", ">i4", "i8", "f2", ">f4", "f8", "?"])
def test_every_type_comes_out_as_c_contiguous_float32(dtype):
    values = np.asfortranarray(np.array([[0, 1, 1], [1, 0, 1]], dtype))
    result = Standardization(0, 2)(values)
    assert result.dtype == np.float32
    assert result.dtype.isnative
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, values.astype(float) / 2)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (0, 0, "Standardization: std must be greater than 0\n\n    mean  0\n    std   0"),
        (
            [0, np.nan],
            1,
            (
                "Standardization: mean and std must be finite\n\n"
                "    mean  [2], nan to nan\n"
                "    std   1"
            ),
        ),
        (
            [0, 1],
            [1, 1, 3],
            (
                "Standardization: mean and std must have the same shape\n\n"
                "    mean  [2], 0 to 1\n"
                "    std   [3], 1 to 3"
            ),
        ),
    ],
)
def test_statistics_that_cannot_be_meant_are_refused(mean, std, message):
    with pytest.raises(ArgumentError) as caught:
        Standardization(mean, std)
    assert str(caught.value) == message


def test_an_unknown_per_is_refused():
    with pytest.raises(ArgumentError) as caught:
        Standardization.fit(np.ones((2, 2)), per="pixel")
    assert str(caught.value) == (
        "standardize: unknown value of per\n\n"
        "    given     'pixel'\n"
        '    possible  "feature", "channel", "all"'
    )


def test_no_examples_cannot_be_measured():
    with pytest.raises(DataError, match=r"^standardize: there are no examples to measure$"):
        Standardization.fit(np.ones((0, 2)))
