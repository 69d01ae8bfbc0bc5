"""The messages about tables, whole."""

import sys

import numpy as np
import pytest

from chainrule.data import (
    TableEncoding,
    byte_pairs,
    csv,
    parquet,
    read_csv,
)
from chainrule.errors import ArgumentError, DataError
from tests.errors.raised import message


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.csv"


MENDED = (
    'missing="drop" leaves such rows out; "mean", "median" and "most-frequent" fill them.\n'
    "  On the command line: --missing drop."
)
CASES = {
    "empty": ("", {}, "the file is empty", {"expected": "rows", "found": "none"}, ""),
    "header only": (
        "a,b\n",
        {},
        "the table has no rows",
        {"expected": "rows of values", "found": "the header: a, b"},
        "",
    ),
    "signs between the thousands": (
        'a,y\n"1,234",u\n"12,345.5",v\n7,u\n',
        {},
        "the numbers of a column have commas",
        {"line": 2, "column": "a", "found": "'1,234'"},
        (
            "Write them with a decimal point, and without signs between the thousands.\n"
            '  If these are categories, pass categories=["a"].'
        ),
    ),
    "ragged": (
        "a,y\n1,u\n\n1,2,v\n",
        {},
        "a row has another number of cells",
        {"line": 4, "expected": "2 cells, as in the first row", "found": "3: 1,2,v"},
        "",
    ),
    "ragged after a cell of two lines": (
        'a,y\n"1\n",u\n1\n',
        {},
        "a row has another number of cells",
        {"line": 4, "expected": "2 cells, as in the first row", "found": "1: 1"},
        "",
    ),
    "twice": (
        "a,b,a\n1,2,3\n",
        {},
        "two columns have one name",
        {"line": 1, "name": "'a'", "at places": "0 and 2"},
        "",
    ),
    "a quote without end": (
        'a,y\n1,"u\n2,v\n',
        {},
        "a row cannot be read",
        {"line": 3, "found": "unexpected end of data"},
        'A cell that has the delimiter or a line end stands in quotes; a " in it is "".',
    ),
    "a hole": (
        "a,y\n1,u\n,v\nNA,u\n",
        {},
        "a cell has no value",
        {"at": "line 3", "column": "a", "without a value": "2 of 3 cells"},
        MENDED,
    ),
    "nothing but holes": (
        "a,b,y\n1,,u\n2,,v\n",
        {"missing": "mean"},
        "a cell has no value",
        {"at": "line 2", "column": "b", "without a value": "2 of 2 cells"},
        'It has no value at all: pass ignore=["b"] (--ignore).',
    ),
    "no complete row": (
        "a,b,y\n1,,u\n,2,v\n",
        {"missing": "drop"},
        "no row has a value in every column",
        {"rows": 2, "complete": 0},
        "",
    ),
    "a label without value": (
        "a,y\n1,u\n2,\n",
        {"missing": "mean"},
        "a label has no value",
        {"at": "line 3", "column": "y", "without a value": "1 of 2 cells"},
        'missing="drop" leaves such rows out. On the command line: --missing drop.',
    ),
    "infinite": (
        "a,y\n1,u\n1e39,v\n",
        {},
        "a number is infinite, or too large for float32",
        {"line": 3, "column": "a", "found": "1e39"},
        "",
    ),
    "a typing mistake": (
        "a,y\n" + "1,u\n" * 20 + "1O,v\n",
        {},
        "a cell is not a number",
        {
            "line": 22,
            "column": "a",
            "expected": "a number, as in 20 other cells",
            "found": "'1O'",
        },
        (
            'If these are categories, pass categories=["a"]; if it stands for no value, '
            'missing_texts=["1O"].'
        ),
    ),
    "too many categories": (
        "a,y\nr,u\ns,v\nt,u\n",
        {"most_categories": 2},
        "a column has too many different texts to be categories",
        {"column": "a", "expected": "at most 2 different texts", "found": "more, such as 'r', 's'"},
        'If it only names the rows, pass ignore=["a"] (--ignore); most_categories allows more.',
    ),
    "nothing to predict from": (
        "y\nu\nv\n",
        {},
        "there is nothing to predict from",
        {"label": "y", "expected": "further columns", "found": "none"},
        "",
    ),
    "a label of fractions": (
        "a,y\n1,0.5\n2,1\n",
        {"target": "classes"},
        "the label is of another kind",
        {"column": "y", "expected": "integers or texts", "found": "numbers with a fraction"},
        "",
    ),
    "a label of texts": (
        "a,y\n1,u\n2,v\n",
        {"target": "number"},
        "the label is of another kind",
        {"column": "y", "expected": "numbers", "found": "texts"},
        "",
    ),
    "a label of many integers": (
        "a,y\n" + "".join(f"1,{i}\n" for i in range(30)),
        {},
        "the label may be classes or quantities",
        {"column": "y", "found": "30 different integers in 30 rows"},
        (
            'Say what they are: target="number" for quantities, target="classes" for labels '
            "(--target)."
        ),
    ),
}


@pytest.mark.parametrize(("text", "options", "fact", "details", "rule"), CASES.values(), ids=CASES)
def test_a_broken_table(path, text, options, fact, details, rule):
    path.write_text(text)
    details = {"file": path, **details}
    width = max(map(len, details))
    rows = "".join(f"\n    {name:<{width}}  {value}" for name, value in details.items())
    expected = f"csv: {fact}\n{rows}" + (f"\n\n  {rule}" if rule else "")
    assert message(DataError, csv, path, -1, **options) == expected


def test_columns_and_settings_that_cannot_be_meant(path):
    path.write_text("size,kind\n1,a\n2,b\n")
    assert message(ArgumentError, csv, path, "kin") == (
        f"table: there is no column 'kin'\n\n    file     {path}\n    columns  size, kind\n\n"
        '  Did you mean "kind"?'
    )
    assert message(ArgumentError, csv, path) == (
        f"csv: which column is to be predicted?\n\n    file     {path}\n"
        "    columns  size, kind\n\n"
        "  Pass its name or its place: label=-1 is the last column."
    )
    assert message(ArgumentError, csv, path, "kind", missing="guess") == (
        "table: unknown value of missing\n\n    given     'guess'\n"
        "    possible  error, drop, mean, median, most-frequent"
    )
    assert message(ArgumentError, csv, path, "kind", delimiter=",,") == (
        "csv: this cannot be a delimiter\n\n    given     ',,'\n"
        '    possible  one character, such as "," or ";"'
    )
    assert message(ArgumentError, csv, path, "kind", encoding="utf-9") == (
        "csv: there is no such text encoding\n\n    given     'utf-9'\n"
        '    possible  "utf-8", "latin-1", "cp1252", …'
    )


def test_bytes_that_are_not_text(path):
    path.write_bytes(b"a,y\n1,\xe9t\xe9\n")
    assert message(DataError, csv, path, -1) == (
        "csv: this is not text in the encoding expected\n\n"
        f"    file      {path}\n    offset    6\n    expected  utf-8 text\n"
        "    found     e9 74 e9 0a (invalid continuation byte)\n\n"
        '  If the text is in another encoding, pass it: encoding="latin-1", "cp1252", …\n'
        "  For the command line, convert it: iconv -f latin1 -t utf-8 t.csv > new-t.csv"
    )
    path.write_bytes("a,y\n".encode("utf-16"))
    assert message(DataError, csv, path, -1).endswith(
        '\n\n  These are the first bytes of UTF-16: pass encoding="utf-16".'
    )


def test_an_encoding_meets_another_table(path):
    path.write_text("size,color,kind\n1,red,a\n2,blue,b\n3,red,a\n")
    data = csv(path, "kind", unknown="error")
    encoding = TableEncoding.from_json(data.preparation)
    path.write_text("color,size\ngreen,2\n,3\n")
    later = read_csv(path, numbers=["size"], categories=["color"])
    assert message(DataError, encoding, later, np.arange(1)) == (
        f"table: a category is unknown\n\n    file      {path}\n    row       0\n"
        "    column    color\n    expected  blue, red\n    found     'green'"
    )
    assert message(DataError, encoding, later, np.array([1])) == (
        f"table: a cell has no value\n\n    file    {path}\n    row     1\n"
        f"    column  color\n    first   line 3\n\n  {MENDED}"
    )
    path.write_text("color,weight\nred,2\n")
    assert message(DataError, encoding, read_csv(path), np.arange(1)) == (
        "table: the columns are not those of the encoding\n\n"
        f"    file      {path}\n    column    size\n    expected  a column of kind number\n"
        "    found     no such column\n    columns   color, weight"
    )
    assert message(DataError, TableEncoding.from_json, {"numbers": {}}) == (
        "table: these data are not the encoding of a table\n\n    fault  KeyError: 'categories'"
    )


def test_broken_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    files = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    path.write_bytes(b"")
    assert message(DataError, parquet, path, "y").startswith(
        f"parquet: the file cannot be read\n\n    file      {path}\n"
        "    expected  a Parquet file\n    found     "
    )
    files.write_table(arrow.table({"x": [[1], [2]], "y": ["a", "b"]}), path)
    assert message(DataError, parquet, path, "y") == (
        f"parquet: a column holds other things\n\n    file      {path}\n    column    x\n"
        "    expected  numbers, booleans or texts\n    found     list<element: int64>\n\n"
        '  Leave it out: ignore=["x"].'
    )
    files.write_table(arrow.table({"x": [1.0, float("inf")], "y": ["a", "b"]}), path)
    assert message(DataError, parquet, path, "y") == (
        "parquet: a number is infinite, or too large for float32\n\n"
        f"    file    {path}\n    row     1\n    column  x\n    found   inf"
    )
    files.write_table(arrow.table({"x": arrow.array([], "int64")}), path)
    assert message(DataError, parquet, path, "x") == (
        f"parquet: the table has no rows\n\n    file      {path}\n"
        "    expected  rows of values\n    found     none"
    )


@pytest.mark.parametrize(
    ("package", "extra", "reader", "call"),
    [
        ("pyarrow", "tables", "parquet", lambda path: parquet(path, "y")),
        ("tokenizers", "text", "byte_pairs", lambda path: byte_pairs(path, context=2)),
    ],
)
def test_a_package_that_is_not_installed(tmp_path, monkeypatch, package, extra, reader, call):
    (tmp_path / "t").write_text("a text " * 9)
    monkeypatch.setitem(sys.modules, package, None)
    assert message(DataError, call, tmp_path / "t") == (
        f'{reader}: this needs {package}\n\n  Install it: pip install "chainrule[{extra}]".'
    )
