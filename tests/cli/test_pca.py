"""``chainrule pca``: what it writes, against NumPy and against the function."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.data import digits
from chainrule.decomposition import pca
from tests.cli.command import told

pytestmark = pytest.mark.usefixtures("here")


FILES = {"projection.npy", "components.npz", "pca.json", "pca.html"}


def names(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def test_the_digits_get_files_images_and_a_page(capsys):
    out = told(capsys, "pca", "digits", "--components", 12, "--out", "a/b")
    data, test = digits()
    rows = data.inputs.reshape(len(data), -1)
    wanted = pca(rows, 12)
    share = 100 * float(wanted.explained_variance_ratio.numpy().sum())
    assert out.splitlines() == [
        f"digits: {len(data):,} examples of 64 numbers",
        f"12 components: {share:.2f} % of the variance, the first 15.02 %",
        "page: a/b/pca.html",
    ]
    parts = {"images", "labels.npy", "test-projection.npy", "test-labels.npy"}
    assert names("a/b") == FILES | parts
    np.testing.assert_allclose(np.load("a/b/projection.npy"), wanted.transform(rows).numpy())
    others = test.inputs.reshape(len(test), -1)
    found = np.load("a/b/test-projection.npy")
    np.testing.assert_allclose(found, wanted.transform(others).numpy())
    np.testing.assert_array_equal(np.load("a/b/test-labels.npy"), test.targets)
    stored = np.load("a/b/components.npz")
    np.testing.assert_allclose(stored["components"], wanted.components.numpy())
    about = json.loads(Path("a/b/pca.json").read_text())
    assert (about["components"], about["examples"], about["data"]) == (12, 1437, "digits")
    images = sorted(path.name for path in Path("a/b/images").iterdir())
    assert images == [f"component-{k:02}.png" for k in range(1, 13)]
    with Image.open("a/b/images/component-01.png") as image:
        assert image.size == (8, 8)
    page = Path("a/b/pca.html").read_text()
    assert "Content-Security-Policy" in page
    for title in ("Explained variance", "Components", "First two components", "Reconstructions"):
        assert f"<h2>{title}</h2>" in page


def test_a_share_of_the_variance_chooses_the_number(capsys):
    told(capsys, "pca", "digits", "--components", 0.9, "--out", "a")
    ratios = np.load("a/components.npz")["explained_variance_ratio"]
    assert ratios.sum() >= 0.9 > ratios[:-1].sum()


def test_columns_of_a_table_are_brought_to_one_deviation_and_gaps_are_filled(capsys):
    dice = np.random.default_rng(0)
    x = dice.standard_normal((60, 3)) * [1.0, 1000.0, 0.01]
    rows = [f"{a},{b},{c},{'xy'[k % 2]}" for k, (a, b, c) in enumerate(x)]
    rows[4] = rows[4].replace(rows[4].split(",")[0], "", 1)
    Path("t.csv").write_text("\n".join(["a,b,c,kind", *rows]))
    out = told(capsys, "pca", "t.csv", "--components", 2, "--out", "p")
    assert "1 missing cell got the mean, or the most frequent text, of the column" in out
    assert names("p") == FILES
    ratios = np.load("p/components.npz")["explained_variance_ratio"]
    assert ratios[0] < 0.6  # the column of thousands does not decide alone
    told(capsys, "pca", "t.csv", "--components", 2, "--out", "q", "--standardize", "none")
    assert np.load("q/components.npz")["explained_variance_ratio"][0] > 0.99


def test_columns_that_are_ignored_are_no_part(capsys):
    rows = [f"{k % 7},{k % 5},name {k}" for k in range(1200)]
    Path("t.csv").write_text("\n".join(["a,b,id", *rows]))
    told(capsys, "pca", "t.csv", "--components", 2, "--ignore", "id", "--out", "p")
    assert np.load("p/components.npz")["components"].shape == (2, 2)


def test_a_table_with_a_label_is_colored_by_it(capsys):
    rows = [f"{k % 7},{k % 5},{'no' if k % 3 else 'yes'}" for k in range(40)]
    Path("t.csv").write_text("\n".join(["a,b,told", *rows]))
    told(capsys, "pca", "t.csv", "--components", 2, "--out", "p", "--label", "told")
    assert names("p") == FILES | {"labels.npy"}
    assert set(np.load("p/labels.npy")) == {0, 1}
    assert '<span class="name">yes</span>' in Path("p/pca.html").read_text()


def test_a_mapped_file_is_read_in_pieces_and_gives_what_the_function_gives(capsys):
    x = np.random.default_rng(0).standard_normal((5000, 40)).astype(np.float32)
    np.save("m.npy", x * np.linspace(1, 2, 40, dtype=np.float32))
    told(
        capsys,
        "pca",
        "m.npy",
        "--components",
        3,
        "--out",
        "p",
        "--whiten",
        "--method",
        "covariance",
    )
    found = np.load("p/projection.npy")
    np.testing.assert_allclose(found.std(axis=0, ddof=1), 1.0, rtol=1e-4)
    wanted = pca(np.load("m.npy"), 3, whiten=True, method="covariance")
    np.testing.assert_allclose(found, wanted.transform(np.load("m.npy")).numpy(), atol=1e-4)


def test_a_seed_gives_the_same_bytes(capsys):
    for name in ("a", "b"):
        told(
            capsys, "pca", "digits", "--components", 4, "--method", "randomized", "--seed", 3,
            "--out", name,
        )  # fmt: skip
    assert Path("a/projection.npy").read_bytes() == Path("b/projection.npy").read_bytes()


def test_one_component_and_quantities_for_labels(capsys):
    x = np.random.default_rng(0).standard_normal((50, 3))
    np.savez("n.npz", inputs=x, targets=x[:, 0])
    told(capsys, "pca", "n.npz", "--components", 1, "--out", "p")
    page = Path("p/pca.html").read_text()
    assert "<h2>First component</h2>" in page
    assert "cloud ramp9" in page
