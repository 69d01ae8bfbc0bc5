"""What the README and the docs show runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# tests/formula runs every example of these two, and compares what it prints with the page.
COMPARED = {"formulas.md", "likelihood.md"}
DOCS = [page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in COMPARED]
PAGES = [ROOT / "README.md", *DOCS]
BLOCKS = [
    pytest.param(code, id=f"{page.name}:{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"(?ms)^```python\n(.*?)^```", page.read_text(encoding="utf-8")), 1
    )
]


@pytest.mark.parametrize("code", BLOCKS)
def test_an_example_runs(code: str, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, file], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_hand_written_loop_has_at_most_ten_lines_and_learns_the_digits() -> None:
    code = next(b.values[0] for b in BLOCKS if "@cr.jit" in b.values[0])
    loop = code[code.index("optimizer =") :].strip().splitlines()
    assert len(loop) <= 10
    names: dict[str, object] = {}
    exec(code, names)  # the README's own text
    accuracy = _accuracy(names["model"], names["test"])
    assert accuracy >= 0.96


def _accuracy(model, test) -> float:
    import chainrule as cr

    inputs, targets = next(test.batches(len(test)))
    right = cr.argmax(model(inputs), axis=1) == targets
    return cr.mean(right.astype(cr.float64)).item()
