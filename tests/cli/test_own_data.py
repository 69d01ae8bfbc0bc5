"""Data of every kind: trained on, tested, and new examples predicted."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.cli.commands import run
from chainrule.train.encoding import seal
from tests.cli.own_data import (
    write_arrays,
    write_images,
    write_lines,
    write_prices,
    write_sounds,
    write_table,
    write_text,
)

pytestmark = pytest.mark.usefixtures("here")

SHORT = ["--epochs", "3", "--batch", "8"]
WELL = ["--epochs", "15", "--lr", "0.01"]


def train(data: Path, *options: str) -> None:
    assert run(["train", str(data), *SHORT, *options, "--out", "run"]) == 0


def predicted(capsys, *files: object, code: int = 0) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run(["predict", "run", *map(str, files), "--json"]) == code
    return list(json.loads(capsys.readouterr().out))


def test_images_are_predicted_as_they_were_trained_on(tmp_path: Path, capsys):
    train(write_images(tmp_path / "colors"), "--size", "8", "--model", "mlp:16", *WELL)
    found = predicted(capsys, "colors/red/0.png", "colors/blue/1.png")
    assert [(one["example"], one["class"]) for one in found] == [
        ("colors/red/0.png", "red"),
        ("colors/blue/1.png", "blue"),
    ]
    chances = [entry["probability"] for entry in found[0]["top"]]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1)


def test_a_column_that_names_the_rows_is_pointed_out(tmp_path: Path, capsys):
    rows = "".join(f"row{i},{i % 7},{'ab'[i % 2]}\n" for i in range(50))
    (tmp_path / "t.csv").write_text("id,x,y\n" + rows)
    train(tmp_path / "t.csv", "--label", "y")
    note = "id: 36 different texts, a feature each; --ignore id leaves the column out"
    assert note in capsys.readouterr().out.splitlines()


def test_a_file_that_is_no_image_is_named_and_the_others_are_predicted(tmp_path: Path, capsys):
    folder = write_images(tmp_path / "colors")
    train(folder, "--size", "8", "--model", "mlp:16", *WELL)
    (tmp_path / "no.png").write_text("nonsense")
    (tmp_path / "cut.png").write_bytes((folder / "red" / "0.png").read_bytes()[:80])
    files = ("no.png", "colors/red/0.png", "gone.png", "cut.png", "colors/green/0.png")
    capsys.readouterr()
    assert run(["predict", "run", *files, "--top", "2"]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["example", "class", "probability", "2."]
    assert [line.split()[:2] for line in lines[1:]] == [
        ["colors/red/0.png", "red"],
        ["colors/green/0.png", "green"],
    ]
    assert err == (
        "DataError: image: the file cannot be decoded\n\n    file    no.png\n"
        "    reason  it is not one of JPEG, PNG, BMP, GIF, WEBP, TIFF, PPM\n"
        "DataError: image: the file cannot be read\n\n    file    gone.png\n"
        "    reason  No such file or directory\n"
        "DataError: image: the file cannot be decoded\n\n    file    cut.png\n"
        "    reason  image file is truncated\n"
    )


def test_the_ink_of_digits_is_counted_from_0_to_16(tmp_path: Path, capsys):
    from chainrule import data

    assert run(["train", "digits", "--epochs", "5", "--out", "run"]) == 0
    _, test = data.digits()
    for number in range(20):
        pixels = np.round(np.asarray(test.inputs[number]).reshape(8, 8) * (255 / 16))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
    found = predicted(capsys, *(f"{number}.png" for number in range(20)))
    right = [one["class"] == str(test.targets[k]) for k, one in enumerate(found)]
    assert sum(right) >= 17


def test_sounds_are_trained_on_and_predicted(tmp_path: Path, capsys):
    folder = write_sounds(tmp_path / "tones")
    train(folder, "--model", "mlp:8", *WELL)
    assert json.loads(Path("run/config.json").read_text())["sound"] == "log-mel"
    found = predicted(capsys, folder / "low" / "0.wav", folder / "high" / "1.wav")
    assert [one["class"] for one in found] == ["low", "high"]


def test_rows_of_a_table_are_predicted_by_the_encoding_of_the_training(tmp_path: Path, capsys):
    write_table(tmp_path / "flowers.csv")
    train(Path("flowers.csv"), "--label", "kind", "--epochs", "20", "--lr", "0.02")
    Path("new.csv").write_text("color,width,length\nred,-2,2\nblue,2,-2\n")
    Path("other.csv").write_text("color,widht,length\nred,-2,2\n")
    assert run(["predict", "run", "other.csv"]) == 1
    assert capsys.readouterr().err == (
        "ArgumentError: table: there is no column 'width'\n\n    file     other.csv\n"
        '    columns  color, widht, length\n\n  Did you mean "widht"?\n'
    )
    found = predicted(capsys, "new.csv")
    assert [(one["example"], one["class"]) for one in found] == [
        ("new.csv:1", "rose"),
        ("new.csv:2", "iris"),
    ]
    Path("other.csv").write_text("color,width\nred,-2\n")
    (broken,) = predicted(capsys, "other.csv", code=1)
    assert broken["example"] == "other.csv"
    assert "length" in str(broken["error"])


def test_quantities_are_predicted_as_numbers(tmp_path: Path, capsys):
    write_prices(tmp_path / "houses.csv")
    options = ("--label", "price", "--model", "linear", "--epochs", "60", "--lr", "0.1")
    train(Path("houses.csv"), *options)
    assert "test r squared " in capsys.readouterr().out
    Path("new.csv").write_text("area\n2\n")
    (found,) = predicted(capsys, "new.csv")
    assert found["prediction"] == pytest.approx([4.5], abs=0.2)
    assert run(["predict", "run", "new.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "example    prediction"
    assert run(["evaluate", "run"]) == 0
    assert capsys.readouterr().out.startswith("run on houses (16 examples): test r squared ")


def test_quantities_are_learned_in_deviations_from_their_mean(tmp_path: Path, capsys):
    """Prices of some 400,000: a bias of that size is not learned in steps of a learning rate."""
    write_prices(tmp_path / "small.csv")
    rows = [line.split(",") for line in Path("small.csv").read_text().splitlines()[1:]]
    lines = [f"{area},{100_000 * float(price):.2f}" for area, price in rows]
    Path("houses.csv").write_text("area,price\n" + "\n".join(lines) + "\n")
    train(Path("houses.csv"), "--label", "price")
    described = json.loads(Path("run/model.json").read_text())["description"]
    assert described["test_r_squared"] > 0.99
    Path("new.csv").write_text("area\n2\n")
    capsys.readouterr()
    (found,) = predicted(capsys, "new.csv")
    assert found["prediction"] == pytest.approx([450_000], rel=0.02)
    assert run(["explain", "run", "--wrt", "W3"]) == 0
    told = capsys.readouterr().out
    assert "S = scale·H3 + center" in told
    assert "∂L/∂W3 = 2scale/n · e₀(S − y)ᵀ H2" in told
    assert run(["explain", "run", "--wrt", "W1"]) == 0
    assert "values." not in capsys.readouterr().out


def test_arrays_are_trained_on_and_predicted(tmp_path: Path, capsys):
    write_arrays(tmp_path / "points.npz")
    train(Path("points.npz"), "--loss", "logistic", "--epochs", "20", "--lr", "0.02")
    np.save("new.npy", [[3.0, 0, 0], [-3.0, 0, 0]])
    found = predicted(capsys, "new.npy")
    assert [one["class"] for one in found] == ["right", "left"]
    np.save("objects.npy", np.array([{}]), allow_pickle=True)
    (refused,) = predicted(capsys, "objects.npy", code=1)
    assert "allow_pickle" in str(refused["error"])


def test_lines_of_text_are_trained_on_and_predicted(tmp_path: Path, capsys):
    train(write_lines(tmp_path / "reviews"), "--lr", "0.05")
    Path("new.txt").write_text("a dull one\n\na fine one\n")
    found = predicted(capsys, "new.txt")
    assert [(one["example"], one["class"]) for one in found] == [
        ("new.txt:1", "bad"),
        ("new.txt:3", "good"),
    ]


def test_what_follows_on_a_text_is_predicted(tmp_path: Path, capsys):
    write_text(tmp_path / "letters.txt")
    options = ("--model", "transformer:1,2,16", "--context", "8", "--lr", "0.01")
    train(Path("letters.txt"), *options, "--steps-per-epoch", "30")
    Path("start.txt").write_text("abcdab")
    (found,) = predicted(capsys, "start.txt")
    assert found["class"] == "c"
    Path("start.txt").write_text("abx")
    (unknown,) = predicted(capsys, "start.txt", code=1)
    assert "'x'" in str(unknown["error"])


def test_a_table_needs_to_know_what_is_predicted(tmp_path: Path, capsys):
    write_table(tmp_path / "flowers.csv")
    assert run(["train", "flowers.csv"]) == 2
    assert capsys.readouterr().err == (
        "chainrule train: --label is missing: which column of flowers.csv is to be predicted?\n\n"
        "  Give its name, or its place: 0 is the first, -1 the last.\n"
    )
    assert run(["train", "flowers.csv", "--label", "-1", "--epochs", "0", "--out", "run"]) == 0
    assert json.loads(Path("run/config.json").read_text())["label"] == "-1"


def test_a_table_with_gaps_numbered_rows_and_whole_quantities(tmp_path: Path, capsys):
    """Rows are named by 1,500 texts, every ninth cell is empty, and prices are whole numbers."""
    rows = [f"row {k},{'' if k % 9 == 0 else k % 40},{2 * (k % 40)}" for k in range(1500)]
    Path("prices.csv").write_text("\n".join(["name,size,price", *rows]))
    options = ["--label", "price", "--epochs", "1", "--out", "run"]
    assert run(["train", "prices.csv", *options]) == 1
    assert 'ignore=["name"] (--ignore)' in capsys.readouterr().err
    assert run(["train", "prices.csv", *options, "--ignore", "name"]) == 1
    assert "On the command line: --missing drop." in capsys.readouterr().err
    given = ["--ignore", "name", "--missing", "median", "--target", "number"]
    assert run(["train", "prices.csv", *options, *given]) == 0
    told = capsys.readouterr().out
    assert "test r squared" in told
    found = predicted(capsys, "prices.csv")
    assert len(found) == 1500
    assert len({str(found[k]["prediction"]) for k in (0, 9, 18)}) == 1  # the median stands there
    assert run(["evaluate", "run"]) == 0


def test_a_run_made_before_a_setting_was_there_is_read(tmp_path: Path, capsys):
    write_table(tmp_path / "flowers.csv")
    train(Path("flowers.csv"), "--label", "-1")
    config = json.loads(Path("run/config.json").read_text())
    Path("run/config.json").write_bytes(
        seal({name: config[name] for name in config if name not in ("missing", "digest")})
    )
    assert run(["evaluate", "run"]) == 0


def test_a_folder_may_be_divided_already(tmp_path: Path, capsys):
    write_images(tmp_path / "colors" / "train")
    write_images(tmp_path / "colors" / "test", count=2)
    train(Path("colors"), "--size", "8", "--model", "linear")
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith("32 examples to train on, 4 to validate, 6 to test")
    assert run(["train", "colors", "--test", "0.5"]) == 2
    assert capsys.readouterr().err == ("chainrule train: --test: images has a part to test on\n")


def test_a_model_for_images_needs_images(tmp_path: Path, capsys):
    write_table(tmp_path / "flowers.csv")
    assert run(["train", "flowers.csv", "--label", "kind", "--model", "resnet"]) == 1
    assert capsys.readouterr().err == (
        "DataError: flowers: these are not images, which resnet takes\n\n"
        "    example  4 features\n\n"
        "  --model mlp:512,512 takes any numbers.\n"
    )
    assert not Path("runs").exists()


@pytest.mark.parametrize("write", [write_images, write_sounds])
def test_a_model_is_tested_on_the_part_that_it_has_not_seen(
    write: Callable[[Path], Path], tmp_path: Path, capsys
):
    folder = write(tmp_path / "own")
    train(folder, "--model", "linear", *(["--size", "8"] if write is write_images else []))
    said = capsys.readouterr().out.splitlines()[-2]
    for again in ([], ["own"]):
        assert run(["evaluate", "run", *again]) == 0
        assert said in capsys.readouterr().out


def test_data_that_have_moved_are_found_again(tmp_path: Path, capsys):
    write_arrays(tmp_path / "points.npz")
    train(Path("points.npz"), "--model", "linear")
    Path("points.npz").rename("moved.npz")
    assert run(["resume", "run"]) == 2
    assert "points.npz' is neither a data set nor a file nor a folder" in capsys.readouterr().err
    assert run(["resume", "run", "--data", "moved.npz"]) == 0
    assert run(["evaluate", "run", "--data", "moved.npz"]) == 0
