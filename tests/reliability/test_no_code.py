"""Loading a model, a run or a data set runs no code, whatever is in the files."""

import ast
import contextlib
import io
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.data import cifar10, csv, npz, read_idx
from chainrule.data.pickled import read_pickled
from chainrule.errors import ChainruleError
from chainrule.train import checkpoint, run
from tests.reliability.training import train

PACKAGE = Path(chainrule.__file__).parent
ROOMS = ("data", "train", "cli", "nn")
MODULES = {
    "pickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "shelve",
    "runpy",
    "imp",
}
CALLS = {"eval", "exec", "compile", "__import__", "import_module", "run_path", "run_module"}


def code_from_data(path: Path) -> Iterator[str]:
    """What in a file could turn data into code: imports, calls, and NumPy told to unpickle."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Import(names=names):
                yield from (entry.name for entry in names if entry.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                if name in CALLS and module != "re":
                    yield f"{module}.{name}"
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield "allow_pickle"


def test_no_loader_turns_data_into_code() -> None:
    files = [path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")]
    files.remove(PACKAGE / "cli" / "commands.py")  # loads commands, by the names in its own table
    assert len(files) > 100
    found = {str(path): list(code_from_data(path)) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import pickle as p", "pickle"),
        ("from marshal import loads", "marshal"),
        ("eval('1')", "eval"),
        ("import importlib\nimportlib.import_module('os')", "importlib.import_module"),
        ("np.load(path, allow_pickle=True)", "allow_pickle"),
    ],
)
def test_what_could_is_found(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(text)
    assert list(code_from_data(tmp_path / "a.py")) == [name]


class Bomb:
    """What an attacker pickles: to load it is to run a program."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def bombs(folder: Path, mark: Path) -> dict[str, Any]:
    """Files with a pickled program, each with who reads it."""
    program = pickle.dumps(Bomb(mark), protocol=2)
    packed = io.BytesIO()
    np.savez(packed, inputs=np.array([Bomb(mark)], object), targets=np.array([0]))
    with zipfile.ZipFile(folder / "raw.npz", "w") as archive:
        archive.writestr("inputs.npy", program)
    (folder / "objects.npz").write_bytes(packed.getvalue())
    (folder / "data_batch_1").write_bytes(program)
    (folder / "a.idx").write_bytes(program)
    (folder / "a.csv").write_text("a,b\n__import__('os').system('true'),1\n=cmd(),2\n")
    return {
        "raw.npz": npz,
        "objects.npz": npz,
        "data_batch_1": lambda path: read_pickled("cifar10", path),
        "a.idx": read_idx,
        "a.csv": lambda path: csv(path, "b").inputs[:],
        ".": cifar10,
    }


def test_pickled_programs_are_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for name, reader in bombs(tmp_path, mark).items():
        with contextlib.suppress(ChainruleError):
            reader(tmp_path / name)
        assert not mark.exists(), name
    pickle.loads((tmp_path / "data_batch_1").read_bytes())
    assert mark.exists()  # it would have run


def test_pickled_programs_in_a_run_are_not_run(tmp_path: Path) -> None:
    mark, folder = tmp_path / "ran", tmp_path / "run"
    train(folder, epochs=1)
    program = pickle.dumps(Bomb(mark), protocol=2)
    opened = run.open(folder)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for data in (program, struct.pack("<Q", len(program)) + program):
            path.write_bytes(data)
            for read in (
                lambda: run.open(folder),
                opened.metrics,
                opened.load_model,
                opened.description,
                lambda: checkpoint.load(opened.checkpoints),
                lambda: checkpoint.load(opened.checkpoints, "best"),
            ):
                with contextlib.suppress(ChainruleError):
                    read()
        path.write_bytes(whole)
    assert not mark.exists()


AUDIT = """
import sys
from pathlib import Path
import chainrule as cr
from chainrule.train import checkpoint, run
from chainrule.data import npz, csv
folder = Path(sys.argv[1])

def read():
    opened = run.open(folder / "run")
    opened.load_model(), opened.metrics(), opened.latest()
    checkpoint.load(opened.checkpoints, "best")
    npz(folder / "a.npz").inputs[:]
    csv(folder / "a.csv", "b").inputs[:]
    cr.data.cifar10(folder / "cifar")

read()  # what is loaded lazily is there now
seen = []
sys.addaudithook(lambda event, _: seen.append(event))
read()
# Not "compile": the header of an array is parsed as a literal, which runs nothing.
watched = ("exec", "import", "marshal.", "pickle.", "os.system", "subprocess.", "ctypes.")
print(sorted({event for event in seen if event.startswith(watched)}), "open" in seen)
"""


def test_the_interpreter_sees_no_code_loaded(tmp_path: Path) -> None:
    from tests.data.samples import write_random_cifar10

    train(tmp_path / "run", epochs=1)
    np.savez(tmp_path / "a.npz", inputs=np.ones((3, 2)), targets=np.arange(3))
    (tmp_path / "a.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "cifar").mkdir()
    write_random_cifar10(tmp_path / "cifar", 2)
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, str(tmp_path)],
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[] True\n", "")
