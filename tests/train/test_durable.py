"""The durable writer: order of flushes, refusing disks, modes, torn lines, stale leftovers."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.train import checkpoint, durable
from chainrule.train.durable import append_line, publish_folder, read_bytes, write_bytes
from tests.train import kill_driver

CALLS = ("write", "fsync", "replace", "rename", "mkdir", "open")


class Disk:
    """Counts calls to ``os`` and refuses the one of a given number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail_at: int, code: int) -> None:
        self.count = 0
        for name in CALLS:
            real: Callable[..., Any] = getattr(os, name)
            monkeypatch.setattr(os, name, self._wrap(real, fail_at, code))

    def _wrap(self, real: Callable[..., Any], fail_at: int, code: int) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count == fail_at:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **options)

        return call


def refused_everywhere(action: Callable[[], object], code: int = errno.ENOSPC) -> list[str]:
    """Run the action with a disk that refuses its first call, then its second and so on."""
    messages: list[str] = []
    while True:
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, len(messages) + 1, code)
            try:
                action()
            except CheckpointError as error:
                messages.append(str(error))
                continue
        return messages


def test_a_full_disk_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    messages = refused_everywhere(lambda: write_bytes(path, b"new"))
    assert len(messages) == 6
    assert messages[1] == (
        f"cannot write {path} (3 bytes): No space left on device\n\n"
        f"  {path} is as it was before.\n"
        f"  Free space on the disk that holds {tmp_path}, then run again."
    )
    # The last two fail after the rename, while the folder is flushed.
    assert all(" is as it was before." in message for message in messages[:4])
    assert all("in place and whole, but may not survive" in message for message in messages[4:])
    assert kill_driver.names(tmp_path) == ["file"]


def test_a_failure_before_the_rename_keeps_the_old_contents(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for fail_at in (1, 2, 3, 4):
        write_bytes(path, b"old")
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, fail_at, errno.EIO)
            with pytest.raises(CheckpointError):
                write_bytes(path, b"new")
        assert path.read_bytes() == b"old"
        assert kill_driver.names(tmp_path) == ["file"]


def test_an_interrupt_while_writing_removes_the_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert kill_driver.names(tmp_path) == []


def test_a_full_disk_while_a_folder_is_published_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        durable.write_new(folder / "a", b"1")
        (folder / "sub").mkdir()
        durable.write_new(folder / "sub" / "b", b"2")

    target = tmp_path / "target"
    for fail_at in range(1, 15):
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, fail_at, errno.ENOSPC)
            with pytest.raises(CheckpointError, match="cannot"):
                publish_folder(target, build)
        assert kill_driver.names(tmp_path) == []
    publish_folder(target, build)
    assert (target / "sub" / "b").read_bytes() == b"2"


def test_a_full_disk_during_a_save_keeps_the_checkpoints_that_were_there(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, kill_driver.content(1), best=True)
    messages = refused_everywhere(lambda: checkpoint.save(tmp_path, kill_driver.content(2)))
    assert len(messages) > 20
    assert all("No space left on device" in message for message in messages)
    assert checkpoint.load(tmp_path).warnings == ()
    assert not [name for name in kill_driver.names(tmp_path) if durable.is_partial(name)]


def test_every_file_is_flushed_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[tuple[str, str]] = []
    real_sync, real_rename, real_replace = os.fsync, os.rename, os.replace

    def sync(handle: int) -> None:
        events.append(("fsync", Path(f"/proc/self/fd/{handle}").readlink().name))
        real_sync(handle)

    def moved(real: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def move(old: Any, new: Any) -> None:
            events.append(("rename", Path(new).name))
            real(old, new)

        return move

    if not Path("/proc/self/fd").exists():
        pytest.skip("the names of open files are read from /proc")
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", moved(real_rename))
    monkeypatch.setattr(os, "replace", moved(real_replace))
    publish_folder(tmp_path / "new", lambda folder: (folder / "a").write_bytes(b"1") and None)
    write_bytes(tmp_path / "file", b"1")
    kinds = [(kind, "partial" if durable.is_partial(name) else name) for kind, name in events]
    assert kinds == [
        ("fsync", "a"),
        ("fsync", "partial"),
        ("rename", "new"),
        ("fsync", tmp_path.name),
        ("fsync", "partial"),
        ("rename", "file"),
        ("fsync", tmp_path.name),
    ]


def test_a_write_that_the_system_cuts_short_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data)[:7]))
    write_bytes(tmp_path / "file", b"0123456789" * 5)
    append_line(tmp_path / "lines", "a longer line")
    assert (tmp_path / "file").read_bytes() == b"0123456789" * 5
    assert (tmp_path / "lines").read_bytes() == b"a longer line\n"


def test_a_replaced_file_keeps_its_mode_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    path = tmp_path / "file"
    old_mask = os.umask(0o027)
    try:
        write_bytes(path, b"1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_bytes(path, b"2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(old_mask)


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    for data in (b"1", b"2"):
        write_bytes(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "elsewhere" / "file").read_bytes() == data


def test_what_is_not_a_regular_file_is_neither_replaced_nor_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(CheckpointError, match="not a regular file"):
            write_bytes(tmp_path / name, b"1")
        with pytest.raises(CheckpointError, match=f"{name} is not a regular file"):
            read_bytes(tmp_path / name)


def test_read_bytes_names_a_missing_and_a_too_long_file(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"12345")
    with pytest.raises(CheckpointError, match=r"^long has 5 bytes, at most 4 are expected$"):
        read_bytes(tmp_path / "long", limit=4)
    with pytest.raises(CheckpointError, match=r"^none is missing$"):
        read_bytes(tmp_path / "none")


def test_a_missing_folder_and_a_read_only_one_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file"
    with pytest.raises(CheckpointError) as caught:
        write_bytes(path, b"1")
    assert str(caught.value) == (
        f"cannot write {path} (1 byte): No such file or directory\n\n"
        f"  {path} is as it was before.\n"
        f"  The folder {path.parent} must exist."
    )
    message = refused_everywhere(lambda: write_bytes(tmp_path / "file", b"1"), errno.EACCES)[0]
    assert message.endswith(f"Make {tmp_path} writable for this user, or choose another folder.")


def test_publish_folder_never_replaces_anything(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="File exists"):
        publish_folder(tmp_path / "empty", lambda folder: None)
    assert kill_driver.names(tmp_path) == ["empty"]


def test_what_build_raises_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "a").write_bytes(b"1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_folder(tmp_path / "target", build)
    assert kill_driver.names(tmp_path) == []


@pytest.mark.parametrize("torn", [b"x", b'{"epoch": 3, "lo', b"\0" * 4096, b"y" * 3_000_000])
def test_a_torn_last_line_is_removed_by_the_next(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "lines"
    append_line(path, "one")
    append_line(path, "zwei ü")
    with path.open("ab") as file:
        file.write(torn)
    append_line(path, "three")
    assert path.read_bytes() == "one\nzwei ü\nthree\n".encode()


def test_a_file_that_is_one_torn_line_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"torn")
    append_line(path, "one")
    assert path.read_bytes() == b"one\n"


def test_an_append_that_the_disk_refuses_leaves_the_old_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    append_line(path, "one")
    real = os.write

    def half(handle: int, data: Any) -> int:
        if len(data) < 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, bytes(data)[:3])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(CheckpointError) as caught:
        append_line(path, "second")
    assert str(caught.value) == (
        f"cannot append to {path} (7 bytes): No space left on device\n\n"
        f"  The lines that were in {path} are unchanged.\n"
        f"  Free space on the disk that holds {tmp_path}, then run again."
    )
    assert path.read_bytes() == b"one\n"


def test_a_line_with_a_newline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="holds a newline"):
        append_line(tmp_path / "lines", "a\nb")


def test_sweep_removes_what_dead_processes_left_and_nothing_else(tmp_path: Path) -> None:
    code = "import os; print(os.getpid())"
    dead = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    own = durable.partial_path(tmp_path / "own").name
    kept = {
        own,
        f".alive.{os.getppid()}-0123456789abcdef.partial",
        "file",
        ".hidden",
        f".file.{dead}-0123.partial",
        f"file.{dead}-0123456789abcdef.partial",
    }
    stale = {
        f".file.{dead}-0123456789abcdef.partial",
        f".reused-id.{os.getpid()}-0123456789abcdef.partial",
        ".too-large.9999999999-0123456789abcdef.partial",
    }
    for name in kept | stale:
        (tmp_path / name).write_bytes(b"1")
    folder = f".folder.{dead}-0123456789abcdef.partial"
    (tmp_path / folder / "sub").mkdir(parents=True)
    (tmp_path / folder / "sub" / "a").write_bytes(b"1")
    (tmp_path / "outside").mkdir()
    link = f".link.{dead}-0123456789abcdef.partial"
    (tmp_path / link).symlink_to(tmp_path / "outside")
    removed = durable.sweep(tmp_path)
    assert {path.name for path in removed} == stale | {folder, link}
    assert set(kill_driver.names(tmp_path)) == kept | {"outside"}
    assert durable.sweep(tmp_path / "none") == ()


def test_make_folder_refuses_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    for path in (tmp_path / "file", tmp_path / "file" / "sub"):
        with pytest.raises(CheckpointError, match=f"cannot create {path}"):
            durable.make_folder(path)
    durable.make_folder(tmp_path / "a" / "b")
    durable.make_folder(tmp_path / "a" / "b")


def test_a_text_is_written_as_it_reads(tmp_path: Path) -> None:
    durable.write_text(tmp_path / "a.txt", "ünïcode")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "ünïcode"
