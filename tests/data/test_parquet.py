"""Tables in Parquet files, beside pyarrow's own reading of them."""

import datetime as dt
import decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import csv, parquet, read_parquet, refit
from chainrule.errors import ChainruleError, DataError
from tests.data.samples import fault_of

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def write(folder, columns, **options):
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_every_kind_of_column_is_read(tmp_path):
    columns = {
        "i": pa.array([1, None, 3], pa.int32()),
        "f": pa.array([0.5, float("nan"), 2.0], pa.float32()),
        "b": pa.array([True, False, None]),
        "d": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("2.50")]),
        "s": ["x", None, "y"],
        "c": pa.array(["u", "v", "u"]).dictionary_encode(),
        "n": pa.nulls(3),
    }
    table = read_parquet(write(tmp_path, columns))
    assert [c.kind for c in table.columns] == ["number"] * 4 + ["category"] * 2 + ["number"]
    nan = np.nan
    expected = [[1, 0.5, 1, 1.25, nan], [nan, nan, 0, nan, nan], [3, 2, nan, 2.5, nan]]
    np.testing.assert_array_equal(table.numbers, expected)
    assert table.codes.tolist() == [[0, 0], [-1, 1], [1, 0]]
    assert [c.categories for c in table.columns[4:6]] == [("x", "y"), ("u", "v")]
    assert [c.missing for c in table.columns] == [1, 1, 1, 1, 1, 0, 3]
    assert [c.missing_from for c in table.columns[:3]] == ["row 1", "row 1", "row 2"]
    assert [c.integral for c in table.columns[:4]] == [True, False, True, False]


def test_many_row_groups_with_dictionaries_of_their_own_are_one_table(tmp_path):
    texts = [f"t{i // 100}" for i in range(1000)]
    columns = {"x": np.arange(1000.0), "s": pa.array(texts).dictionary_encode()}
    table = read_parquet(write(tmp_path, columns, row_group_size=70), in_memory=500)
    assert isinstance(table.numbers, np.memmap)
    assert [table.columns[1].categories[c] for c in table.codes[:, 0]] == texts
    np.testing.assert_array_equal(table.numbers[:, 0], np.arange(1000))


def test_the_same_table_as_csv_gives_the_same_data_set(tmp_path):
    columns = {"a": [1.5, None, 3.0], "s": ["p", "q", None], "y": ["u", "v", "u"]}
    (tmp_path / "t.csv").write_text("a,s,y\n1.5,p,u\n,q,v\n3.0,,u\n")
    ours = parquet(write(tmp_path, columns), "y", missing="mean")
    other = csv(tmp_path / "t.csv", "y", missing="mean")
    np.testing.assert_array_equal(ours.inputs[:], other.inputs[:])
    assert ours.preparation == other.preparation
    assert refit(ours.take([0]), ours)[1].inputs[:].tolist() == [[1.5, 1], [1.5, 0], [3, 1]]


def test_a_column_of_dates_is_named(tmp_path):
    path = write(tmp_path, {"day": [dt.date(2020, 1, 1)], "y": ["a"]})
    with pytest.raises(DataError, match="day"):
        parquet(path, "y")


def sample(folder):
    rng = np.random.default_rng(0)
    columns = {
        "x": rng.normal(size=50),
        "s": [f"c{i % 3}" for i in range(50)],
        "y": ["a", "b"] * 25,
    }
    return write(folder, columns, row_group_size=20).read_bytes()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return sample(tmp_path_factory.mktemp("parquet"))


def test_every_truncation_is_named(tmp_path, good):
    path = tmp_path / "cut.parquet"
    for size in range(0, len(good), 7):
        path.write_bytes(good[:size])
        with pytest.raises(DataError) as caught:
            parquet(path, "y")
        assert str(caught.value).startswith("parquet: ")


@settings(max_examples=40)
@given(data=st.data())
def test_flipped_bits_are_read_or_named(tmp_path_factory, good, data):
    damaged = bytearray(good)
    for place in data.draw(st.lists(st.integers(0, 8 * len(good) - 1), min_size=1, max_size=4)):
        damaged[place // 8] ^= 1 << place % 8
    path = tmp_path_factory.mktemp("flipped") / "t.parquet"
    path.write_bytes(damaged)
    # ArgumentError as well: the name of a column may be hit
    fault_of(ChainruleError, lambda: parquet(path, "y", missing="mean").inputs[:])
