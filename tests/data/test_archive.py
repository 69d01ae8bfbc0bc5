"""Archives: plain files inside the folder come out, and nothing else does."""

import gzip
import io
import tarfile
import tracemalloc

import pytest

from chainrule.data.archive import unpack
from chainrule.errors import DataError


def member(name, data=b"x", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info, io.BytesIO(data)


def packed(tmp_path, *members, **options):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz", **options) as tar:
        for info, content in members:
            tar.addfile(info, content)
    return path


def below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_plain_files_come_out_with_their_folders(tmp_path):
    archive = packed(
        tmp_path, member("a", b"", tarfile.DIRTYPE), member("a/b/c.bin", b"1" * 10**6), member("d")
    )
    files = unpack(archive, tmp_path / "out", 2 * 10**6)
    assert below(tmp_path / "out") == ["a/b/c.bin", "d"]
    assert files[0].read_bytes() == b"1" * 10**6


@pytest.mark.parametrize(
    ("found", "bad"),
    [
        ("a link", member("b", b"", tarfile.SYMTYPE, "/etc/passwd")),
        ("a link", member("b", b"", tarfile.LNKTYPE, "a")),
        ("no plain file", member("b", b"", tarfile.CHRTYPE)),
        ("no plain file", member("b", b"", tarfile.FIFOTYPE)),
        ("a path that leads out of the folder", member("../b")),
        ("a path that leads out of the folder", member("/tmp/b")),
        ("a path that leads out of the folder", member("x/../../b")),
        ("a path that leads out of the folder", member("x/..")),
        ("File exists", member("a")),
        ("File exists", member("a/b")),
        ("File name too long", member("n" * 300)),
    ],
)
def test_what_could_do_harm_is_refused(tmp_path, found, bad):
    archive = packed(tmp_path, member("a"), bad, member("c"))
    with pytest.raises(DataError) as caught:
        unpack(archive, tmp_path / "out", 10**6)
    assert str(caught.value) == (
        "unpack: the archive is refused\n\n"
        f"    file    {archive}\n"
        f"    member  {bad[0].name!r}\n"
        f"    found   {found}\n\n"
        "  Only plain files that stay inside the folder are unpacked."
    )
    assert below(tmp_path) == ["a.tar.gz", "out/a"]


def test_more_bytes_than_allowed_are_refused_in_little_memory(tmp_path):
    archive = packed(tmp_path, member("zeros", bytes(30 * 10**6)))
    tracemalloc.start()
    with pytest.raises(DataError, match="more than 1000000 bytes"):
        unpack(archive, tmp_path / "out", 10**6)
    assert tracemalloc.get_traced_memory()[1] < 4 * 10**6
    tracemalloc.stop()
    assert (tmp_path / "out" / "zeros").stat().st_size < 2 * 10**6


def test_a_header_that_asks_for_all_memory_is_refused(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10**9
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(10**6)))
    with pytest.raises(DataError):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out", 10**12)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.data.archive._MOST_MEMBERS", 3)
    archive = packed(tmp_path, *(member(str(i)) for i in range(5)))
    with pytest.raises(DataError, match="more than 3 members"):
        unpack(archive, tmp_path / "out", 10**6)


@pytest.mark.parametrize("size", [0, 1, 9, 30, 60])
def test_an_archive_that_ends_too_early_is_refused(tmp_path, size):
    archive = packed(tmp_path, member("a", bytes(range(256)) * 8))
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(DataError):
        unpack(archive, tmp_path / "out", 10**6)
