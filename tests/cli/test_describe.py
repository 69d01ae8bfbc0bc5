"""``chainrule describe``: what it says of tables, images, arrays and texts, against NumPy."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from chainrule.cli import statistics
from chainrule.cli.statistics import gather, sparkline
from tests.cli.command import told
from tests.data.samples import write_mnist

pytestmark = pytest.mark.usefixtures("here")


def numbers(count: int = 300) -> np.ndarray:
    dice = np.random.default_rng(0)
    return dice.standard_normal((count, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, -2.0]


def test_a_table_is_described_column_by_column(capsys):
    rows = numbers()
    lines = ["height,width,color"]
    for k, (a, b, _) in enumerate(rows):
        lines.append(f"{'' if k % 30 == 0 else a},{b},{('red', 'blue', 'red', '')[k % 4]}")
    Path("t.csv").write_text("\n".join(lines))
    found = json.loads(told(capsys, "describe", "t.csv", "--json"))
    assert found["examples"] == 300
    assert found["tallies"] == {"color": {"counts": {"red": 150, "blue": 75}, "missing": 75}}
    height, width = found["columns"]
    there = np.delete(rows[:, 0], np.arange(0, 300, 30))
    assert (height["name"], height["count"], height["missing"]) == ("height", 290, 10)
    assert height["mean"] == pytest.approx(there.mean())
    assert width["deviation"] == pytest.approx(rows[:, 1].std(ddof=1))
    quarters = [width["first_quartile"], width["median"], width["third_quartile"]]
    assert quarters == pytest.approx(np.quantile(rows[:, 1], [0.25, 0.5, 0.75]))
    assert (width["minimum"], width["maximum"]) == (rows[:, 1].min(), rows[:, 1].max())
    assert width["bars"] == np.histogram(rows[:, 1], len(width["bars"]))[0].tolist()


def test_what_is_printed_of_a_table(capsys):
    Path("t.csv").write_text("n,kind\n1,a\n2,b\n3,a\n4,\n")
    assert told(capsys, "describe", "t.csv") == (
        "t: 4 rows of 2 columns\n"
        "\n"
        "kind       count   share\n"
        "a              2  50.0 %  ████████████████████████\n"
        "b              1  25.0 %  ████████████\n"
        "(missing)      1  25.0 %\n"
        "\n"
        "   count  missing  mean    std  min   25%  median   75%  max  histogram\n"
        "n      4        0   2.5  1.291    1  1.75     2.5  3.25    4  "
        "█       █       █      █\n"
    )


def test_a_column_of_names_is_not_listed(capsys):
    Path("t.csv").write_text("id\n" + "\n".join(f"name {k}" for k in range(2000)))
    lines = told(capsys, "describe", "t.csv").splitlines()
    assert [line.split()[0] for line in lines[3:6]] == ["name", "name", "name"]
    assert lines[6].startswith("… 1,997 more")


def test_images_are_described_by_color_from_the_counts_of_their_bytes(capsys):
    dice = np.random.default_rng(1)
    images = dice.integers(0, 200, (40, 5, 6, 3)).astype(np.uint8)
    images[:, 0, 0] = 7
    np.savez("i.npz", inputs=images, targets=np.arange(40) % 4, classes=list("abcd"))
    found = json.loads(told(capsys, "describe", "i.npz", "--json"))
    assert found["tallies"]["class"]["counts"] == dict.fromkeys("abcd", 10)
    assert [column["name"] for column in found["columns"]] == ["red", "green", "blue"]
    for k, column in enumerate(found["columns"]):
        part = images[..., k].astype(float)
        assert column["mean"] == pytest.approx(part.mean())
        assert column["deviation"] == pytest.approx(part.std(ddof=1))
        quarters = [column["first_quartile"], column["median"], column["third_quartile"]]
        assert quarters == np.quantile(part, [0.25, 0.5, 0.75]).tolist()
        assert sum(column["bars"]) == part.size
    assert found["remarks"] == ["3 of 90 numbers are the same in every example."]


def test_a_folder_of_a_named_set_and_its_test_part(tmp_path: Path, capsys):
    (tmp_path / "files").mkdir()
    write_mnist(tmp_path / "files")
    first = told(capsys, "describe", "files").splitlines()[0]
    assert re.fullmatch(
        r"mnist: \d+ images of \d+ × \d+ × 1 uint8 to train on, and \d+ to test, which are not "
        "described",
        first,
    )


def test_digits_are_described_where_nothing_is_said(capsys):
    assert told(capsys, "describe").startswith("digits: 1,437 images of 8 × 8 × 1 uint8")


def test_numbers_and_their_targets(capsys):
    x = numbers()
    np.savez("n.npz", inputs=x, targets=x @ [1.0, 2.0, 3.0])
    found = json.loads(told(capsys, "describe", "n.npz", "--json"))
    assert [column["name"] for column in found["columns"]] == ["[0]", "[1]", "[2]", "target"]
    assert found["columns"][1]["mean"] == pytest.approx(x[:, 1].mean())


def test_a_stack_of_large_examples_is_described_as_a_whole(capsys):
    np.save("m.npy", np.arange(2 * 100.0).reshape(2, 100))
    (column,) = json.loads(told(capsys, "describe", "m.npy", "--json"))["columns"]
    assert (column["name"], column["count"], column["median"]) == ("values", 200, 99.5)


def test_a_text_is_described_by_its_tokens(capsys):
    Path("t.txt").write_text("abab " * 400)
    found = json.loads(told(capsys, "describe", "t.txt", "--json"))
    assert set(found["tallies"]["token"]["counts"]) == {"a", "b", " "}
    assert found["tallies"]["token"]["counts"]["a"] == pytest.approx(
        2 * found["tallies"]["token"]["counts"][" "], abs=2
    )


# ---------------------------------------------------------------- more than fits


def test_numbers_beyond_what_is_held_are_within_a_thousandth(monkeypatch):
    monkeypatch.setattr(statistics, "MOST_HELD", 500)
    x = numbers(5000)
    x[::10, 0] = np.nan
    found = gather(["a", "b", "c"], np.array_split(x, 37))
    assert not any(column.is_exact for column in found)
    for k, column in enumerate(found):
        there = x[~np.isnan(x[:, k]), k]
        assert (column.count, column.missing) == (len(there), 5000 - len(there))
        assert column.mean == pytest.approx(there.mean())
        assert column.deviation == pytest.approx(there.std(ddof=1))
        for share, value in ((0.25, column.first_quartile), (0.75, column.third_quartile)):
            near = np.quantile(there, [share - 0.002, share + 0.002])
            assert near[0] - 2e-3 * abs(near[0]) <= value <= near[1] + 2e-3 * abs(near[1])
        assert sum(column.bars) == pytest.approx(len(there), rel=0.01)


def test_what_is_not_finite_or_not_there():
    (found,) = gather(["a"], [np.array([[np.inf], [1.0], [np.nan]])])
    assert (found.count, found.missing, found.maximum) == (2, 1, np.inf)
    (none,) = gather(["a"], [np.full((3, 1), np.nan)])
    assert (none.count, none.missing, none.bars) == (0, 3, ())
    assert none.as_json()["mean"] is None
    assert gather([], [np.zeros((4, 0))]) == []
    (one,) = gather(["a"], [np.full((5, 1), 2.0)])
    assert (one.deviation, sum(one.bars)) == (0.0, 5)


def test_the_greatest_bar_is_full_and_the_least_is_seen():
    assert sparkline([0, 1, 10_000]) == " ▁█"
    assert sparkline([]) == ""
