"""Tables in text files: every kind of column, every way to be broken, and bounded memory."""

import csv as format_
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import TableEncoding, csv, read_csv, refit
from chainrule.errors import ChainruleError, DataError
from tests.data.samples import fault_of

FLOWERS = "length,color,kind\n1.5,red,rose\n2.5,blue,iris\n2,red,rose\n"


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_numbers_stay_and_texts_become_one_hot(tmp_path):
    data = csv(write(tmp_path, FLOWERS), "kind")
    assert data.classes == ("iris", "rose")
    assert data.targets.tolist() == [1, 0, 1]
    assert data.inputs[:].tolist() == [[1.5, 0, 1], [2.5, 1, 0], [2, 0, 1]]
    assert data.preparation["categories"] == {"color": ["blue", "red"]}
    assert data.preparation["label"] == "kind"


def test_categories_can_be_codes(tmp_path):
    path = write(tmp_path, FLOWERS)
    assert csv(path, "kind", form="codes").inputs[:].tolist() == [[1.5, 2], [2.5, 1], [2, 2]]
    only = csv(path, "kind", form="codes", ignore=["length"])
    inputs, _ = next(only.batches(3))
    assert inputs.dtype == np.int32
    assert inputs.tolist() == [[2], [1], [2]]


@pytest.mark.parametrize(
    "text",
    [
        "a;b;y\n1;x,y;u\n2;z;v\n",
        "a\tb\ty\n1\tx,y\tu\n2\tz\tv\n",
        "a|b|y\r\n1|x,y|u\r\n2|z|v\r\n",
        '\ufeffa,b,y\n1,"x,y",u\n\n2,z,v',
        '"a", b ,y\n 1 ,"x,y", u\n2,z,v\n\n',
    ],
)
def test_delimiters_marks_quotes_blanks_and_line_ends_are_understood(tmp_path, text):
    table = read_csv(write(tmp_path, text))
    assert [column.name for column in table.columns] == ["a", "b", "y"] or '"a"' in text
    assert table.numbers.tolist() == [[1], [2]]
    assert table.columns[1].categories == ("x,y", "z")


@pytest.mark.parametrize("divider", [";", "\t", "|"])
def test_decimal_commas_are_read_where_commas_do_not_divide(tmp_path, divider):
    text = "a;b;y\n1,5;x,y;u\n-2;0,5;v\n3,25e-1;z;u\n".replace(";", divider)
    table = read_csv(write(tmp_path, text))
    assert table.numbers.tolist() == [[1.5], [-2.0], [0.325]]
    assert table.columns[1].categories == ("0.5", "x,y", "z")


def test_a_first_row_with_a_decimal_comma_is_no_header(tmp_path):
    table = read_csv(write(tmp_path, "1,5;u\n2,5;v\n"))
    assert table.numbers.tolist() == [[1.5], [2.5]]
    table = read_csv(write(tmp_path, "1,5;0,5\n2,5;-1,5\n"))
    assert table.numbers.tolist() == [[1.5, 0.5], [2.5, -1.5]]


def test_commas_beside_decimal_points_are_no_decimal_commas(tmp_path):
    table = read_csv(write(tmp_path, "a;b\n1.5;u,v\n2.5;1,2\n"))
    assert table.numbers.tolist() == [[1.5], [2.5]]
    assert table.columns[1].categories == ("1,2", "u,v")


def test_a_first_row_with_a_number_is_no_header(tmp_path):
    table = read_csv(write(tmp_path, "1,a\n2,b\n"))
    assert [column.name for column in table.columns] == ["0", "1"]
    assert len(table) == 2
    named = read_csv(write(tmp_path, "2019,2020\n1,2\n"), header=True)
    assert [column.name for column in named.columns] == ["2019", "2020"]


def test_labels_are_texts_integers_or_quantities(tmp_path):
    path = write(tmp_path, "x,n,q\n1,10,0.5\n2,9,1\n3,10,2\n")
    assert csv(path, "n").classes == ("9", "10")
    assert csv(path, "n").targets.tolist() == [1, 0, 1]
    assert csv(path, "q").targets.dtype == np.float32
    assert csv(path, -1).classes is None
    assert csv(path, "n", target="number").targets.tolist() == [10, 9, 10]


HOLES = "size,color,kind\n1,red,a\n,blue,b\n5,,a\n6,red,b\nNA,red,a\n"


@pytest.mark.parametrize(
    ("missing", "sizes", "colors"),
    [
        ("mean", [1, 4, 5, 6, 4], [1, 0, 1, 1, 1]),
        ("median", [1, 5, 5, 6, 5], [1, 0, 1, 1, 1]),
        ("most-frequent", [1, 1, 5, 6, 1], [1, 0, 1, 1, 1]),
        ("drop", [1, 6], [1, 1]),
    ],
)
def test_missing_values_are_filled_or_dropped(tmp_path, missing, sizes, colors):
    data = csv(write(tmp_path, HOLES), "kind", missing=missing)
    assert data.inputs[:][:, 0].tolist() == sizes
    assert data.inputs[:][:, -1].tolist() == colors


def test_statistics_are_those_of_the_training_part_after_refit(tmp_path):
    whole = csv(write(tmp_path, HOLES), "kind", missing="mean")
    train, test = refit(whole.take([0, 2]), whole.take([1, 3, 4]))
    assert train.preparation["numbers"] == {"size": 3.0}
    assert train.preparation["categories"] == {"color": ["red"]}
    assert train.preparation["label"] == "kind"
    assert test.inputs[:].tolist() == [[3, 0], [6, 1], [3, 1]]  # blue is unknown now: zeros
    assert refit(cr.data.digits()[0])[0].inputs.shape == (1437, 64)  # nothing to refit


def test_an_encoding_survives_json_and_encodes_a_table_read_later(tmp_path):
    import json

    data = csv(write(tmp_path, HOLES), "kind", missing="mean")
    encoding = TableEncoding.from_json(json.loads(json.dumps(data.preparation)))
    later = read_csv(
        write(tmp_path, "color,size\ngreen,\nblue,7\n"),
        numbers=encoding.numbers,
        categories=encoding.categories,
    )
    assert encoding(later, np.arange(2)).tolist() == [[4, 0, 0], [7, 1, 0]]


def test_a_table_larger_than_memory_lies_in_a_nameless_file(tmp_path):
    path = write(tmp_path, "x,y\n" + "".join(f"{i}.5,{i % 2}\n" for i in range(20_000)))
    table = read_csv(path, in_memory=1000)
    assert isinstance(table.numbers, np.memmap)
    assert table.numbers[-1].tolist() == [19_999.5, 1]
    assert not table.numbers.flags.writeable


MEMORY = """
import resource, sys
import chainrule as cr
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = cr.data.read_csv(sys.argv[1], in_memory=2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, table.numbers.nbytes // 1024)
"""


def test_reading_takes_memory_for_some_rows_only(tmp_path):
    row = ",".join(f"{i}.25" for i in range(40)) + "\n"
    path = write(tmp_path, row * 60_000)
    command = [sys.executable, "-c", MEMORY, str(path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    grown, kept = map(int, out.stdout.split())
    assert kept > 18_000
    assert grown < 60_000 + kept  # the pages of the temporary file count as ours while mapped


def test_a_lone_typing_mistake_among_numbers_is_not_taken_for_categories(tmp_path):
    path = write(tmp_path, "x,y\n" + "1,a\n" * 30 + "1O,b\n")
    with pytest.raises(DataError, match="a cell is not a number"):
        csv(path, "y")
    assert csv(path, "y", categories=["x"]).inputs.shape == (31, 2)
    assert csv(path, "y", missing_texts=["1O"], missing="drop").inputs.shape == (30, 1)


NAMES = st.text("abc ,;\"'\n\r\té1.", min_size=0, max_size=6)


@given(rows=st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=1, max_size=12))
def test_what_the_standard_library_writes_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = format_.writer(file)
        writer.writerow(["a", "b", "c"])
        writer.writerows(rows)
    table = read_csv(path, delimiter=",", header=True, categories="abc")
    expected = [[cell.strip() for cell in row] for row in rows]
    codes = [[table.columns[k].categories[c] if c >= 0 else "" for k, c in enumerate(row)]
             for row in table.codes]  # fmt: skip
    missing = read_csv.__kwdefaults__["missing_texts"]
    assert codes == [["" if cell in missing else cell for cell in row] for row in expected]


PIECES = st.sampled_from(
    ["1", "-2.5", "1e400", "nan", "a", '"', '""', '"a,b"', ",", ",", ";", "\n", "\n", "\r\n", "\t",
     "\0", "é", "\ufeff", "_", "1_0", " ", "?", "NA", "∞", "inf", "x" * 200]
)  # fmt: skip


@given(text=st.lists(PIECES, max_size=40).map("".join), cut=st.integers(0, 3))
def test_whatever_the_file_holds_it_is_read_or_a_fault_is_named(tmp_path_factory, text, cut):
    path = tmp_path_factory.mktemp("fuzz") / "t.csv"
    data = text.encode()
    path.write_bytes(data[: len(data) - cut])
    fault = fault_of(ChainruleError, lambda: csv(path, -1, missing="mean").inputs[:])
    assert fault is None or fault.startswith(("csv: ", "table: "))


@given(data=st.binary(max_size=60))
def test_whatever_the_bytes_are_a_fault_is_named(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "t.csv"
    path.write_bytes(data)
    fault_of(ChainruleError, lambda: csv(path, 0, missing="most-frequent").inputs[:])


@pytest.mark.parametrize(("name", "least"), [("iris", 0.93), ("wine", 0.94), ("cancer", 0.94)])
def test_a_table_of_scikit_learn_is_learned(tmp_path, name, least):
    datasets = pytest.importorskip("sklearn.datasets")
    loaders = {"iris": "load_iris", "wine": "load_wine", "cancer": "load_breast_cancer"}
    bunch = getattr(datasets, loaders[name])()
    path = tmp_path / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = format_.writer(file)
        writer.writerow([*bunch.feature_names, "kind"])
        pairs = zip(bunch.data.tolist(), bunch.target_names[bunch.target], strict=True)
        writer.writerows([[*row, kind] for row, kind in pairs])
    train, test = csv(path, "kind").split(0.7, seed=0)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([train.inputs[:], test.inputs[:]]), axis=0),
        np.sort(bunch.data.astype(np.float32), axis=0),
    )
    train, test = refit(train, test)
    train, test = train.standardize(), test.standardize(by=train)
    with cr.nn.seed(0):
        model = cr.nn.linear(train.shape[0], len(train.classes))
    fitted = cr.fit(model, train, optimizer=cr.optim.Adam(0.03), epochs=60, batch=32)
    assert cr.train.evaluate(fitted.model, test).accuracy >= least


def test_a_table_is_loaded_by_its_ending_and_its_label_is_asked_for(tmp_path):
    path = write(tmp_path, FLOWERS)
    fault = fault_of(ChainruleError, lambda: cr.data.load(path))
    assert fault.startswith("csv: which column is to be predicted?")


def test_a_single_number_beside_a_typing_mistake_is_one_cell(tmp_path):
    with pytest.raises(DataError, match="a number, as in 1 other cell\n"):
        read_csv(write(tmp_path, "a,y\n1,u\n1O,v\n"), numbers=["a"])
