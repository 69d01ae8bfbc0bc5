"""Written: code that is found by the files that write its text, for as long as none changes."""

import ast
import os
import shutil
import sys
from pathlib import Path

import pytest

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.texts import module_text
from chainrule.runtime import engine, teamwork, written
from chainrule.runtime.call_text import call_text
from chainrule.runtime.engine import host_target, load, load_kept
from chainrule.runtime.written import WRITERS, Written

WRITER = "codegen/assembly/llvm.py"
PACKAGE = Path(written.__file__).parent.parent
TEXTS = {"call": call_text, "pool": lambda: teamwork.pool_text(host_target(), futex=None)}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A copy of the files that write texts, older than what was imported."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "codegen/assembly").mkdir(parents=True)
    shutil.copytree(PACKAGE / "runtime", tmp_path / "runtime")
    for name in WRITERS:
        shutil.copy(PACKAGE / "codegen/assembly" / f"{name}.py", tmp_path / "codegen/assembly")
    monkeypatch.setattr(written, "__file__", str(tmp_path / "runtime" / "written.py"))
    monkeypatch.setattr(written, "_IMPORTED", 2**63)
    written._state.cache_clear()
    yield tmp_path
    written._state.cache_clear()


def _text(value=1):
    module = Module()
    b = module.function("one", [], "i64")
    b.ret(b.number(value))
    return module_text(module)


def test_code_is_found_without_writing_its_text(files):
    text = Written("one", _text)
    assert load_kept(text, host_target()) is None
    assert not load(text, host_target()).cached
    unwritten = Written("one", lambda: pytest.fail("it was written"))
    assert load(unwritten, host_target()).cached
    assert load_kept(unwritten, host_target()).address("one")
    assert load_kept(Written("two", _text), host_target()) is None
    assert load(text, host_target()).texts == [_text()]


@pytest.mark.parametrize("name", ["runtime/giving.py", WRITER, "runtime/new.py"])
def test_a_file_that_changes_or_comes_is_noticed(files, name):
    text = Written("one", _text)
    load(text, host_target())
    with (files / name).open("a") as file:
        file.write("# more\n")
    written._state.cache_clear()
    assert load_kept(text, host_target()) is None


def test_a_file_that_changed_after_it_was_imported_does_not_say_what_runs(files, monkeypatch):
    latest = max(path.stat().st_ctime_ns for path in files.rglob("*.py"))
    monkeypatch.setattr(written, "_IMPORTED", latest)
    os.utime(files / "runtime" / "giving.py", (1, 1))  # as who copies a file with its time
    written._state.cache_clear()
    assert Written("one", _text).identity() == (_text(),)
    assert not load(Written("one", _text), host_target()).cached
    assert load(Written("other", _text), host_target()).cached


def test_where_files_cannot_be_seen_the_text_says_what_it_is(files):
    shutil.rmtree(files / "codegen")
    written._state.cache_clear()
    assert Written("one", _text).identity() == (_text(),)


@pytest.mark.parametrize("name", TEXTS)
def test_only_files_that_are_looked_at_take_part_in_writing(name):
    ran = set()
    sys.setprofile(lambda frame, event, value: ran.add(frame.f_code.co_filename))
    try:
        TEXTS[name]()
    finally:
        sys.setprofile(None)
    ours = {Path(f).relative_to(PACKAGE) for f in ran if f.startswith(str(PACKAGE))}
    seen = {Path("codegen/assembly", f"{n}.py") for n in WRITERS}
    assert {f for f in ours if f.parts[0] != "runtime"} <= seen
    assert Path(WRITER) in ours


def test_what_writers_import_from_the_compiler_is_looked_at_too():
    writers = [*(PACKAGE / "runtime").glob("team*.py"), PACKAGE / "runtime" / "call_text.py"]
    writers += [
        PACKAGE / "runtime" / f"{n}.py" for n in ("building", "giving", "matching", "shelves")
    ]
    found = set()
    for path in writers:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "chainrule.codegen"
            ):
                found.add((node.module or "").rpartition(".")[2])
    assert found <= set(WRITERS)


def test_the_processor_is_part_of_what_is_found(files):
    load(Written("one", _text), host_target())
    other = engine.target_for("x86-64-v2" if "86" in os.uname().machine else "aarch64")
    assert load_kept(Written("one", _text), other.replaced(cpu="generic")) is None
