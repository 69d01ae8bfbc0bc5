"""Downloads from a server on this machine: whole, broken off, wrong, refused, or not at all."""

import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chainrule.data import download, load
from chainrule.data.download import Origin, cache_folder, fetch
from chainrule.errors import DataError
from tests.data.samples import write_mnist, write_random_cifar10
from tests.patience import LIMIT, wait_until

DATA = bytes(range(256)) * 2000


class Handler(BaseHTTPRequestHandler):
    """Serves the server's files; `cuts` says after how many bytes each answer breaks off.

    While the server's gate is closed, the second half does not come.
    """

    def do_GET(self):
        server = self.server
        name = self.path.strip("/")
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        server.requests.append((name, start))
        if name not in server.files:
            self.send_error(404)
            return
        data = server.files[name]
        if start and not server.has_ranges:
            start = 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else len(data)
        end = min(start + cut, len(data))
        half = (start + end) // 2
        self.wfile.write(data[start:half])
        server.gate.wait(LIMIT)
        self.wfile.write(data[half:end])
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # the client was killed, as the test wants it


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server(("127.0.0.1", 0), Handler)
    running.files, running.requests, running.cuts = {"a.bin": DATA}, [], []
    running.has_ranges, running.gate = True, threading.Event()
    running.gate.set()
    running.base = f"http://127.0.0.1:{running.server_port}/"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.gate.set()
    running.shutdown()
    running.server_close()
    thread.join()


def origin(server, most=0, **wrong):
    files = {
        name: (len(data), wrong.get("sha256", hashlib.sha256(data).hexdigest()))
        for name, data in server.files.items()
    }
    return Origin(server.base, files, most)


def test_a_set_appears_whole_and_is_downloaded_once(server, tmp_path):
    folder = fetch("some", origin(server))
    assert folder == tmp_path / "cache" / "some"
    assert (folder / "a.bin").read_bytes() == DATA
    fetch("some", origin(server))
    assert server.requests == [("a.bin", 0)]
    assert sorted(p.name for p in folder.parent.iterdir()) == [".some.lock", "some"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server):
    server.cuts = [98_304, 49_152]
    assert (fetch("some", origin(server)) / "a.bin").read_bytes() == DATA
    starts = [start for _, start in server.requests]
    assert starts == [0, 98_304, 147_456]


def test_it_goes_on_in_a_later_process_too(server, tmp_path):
    server.cuts = [8192, 8192, 8192]
    with pytest.raises(DataError):
        fetch("some", origin(server))
    assert not (tmp_path / "cache" / "some").exists()
    fetch("some", origin(server))
    assert [start for _, start in server.requests] == [0, 8192, 16_384, 24_576]


def test_a_server_without_ranges_begins_again(server):
    server.has_ranges, server.cuts = False, [98_304]
    assert (fetch("some", origin(server)) / "a.bin").read_bytes() == DATA
    assert [start for _, start in server.requests] == [0, 98_304]


def test_a_file_that_was_replaced_between_two_parts_is_downloaded_again(server):
    expected = origin(server)
    server.cuts, server.files["a.bin"] = [98_304, 0], bytes(len(DATA))
    with pytest.raises(DataError):
        fetch("some", expected)
    server.files["a.bin"] = DATA
    assert (fetch("some", expected) / "a.bin").read_bytes() == DATA


def test_a_file_with_another_sha256_never_counts(server, tmp_path):
    with pytest.raises(DataError, match="not the file that it should be"):
        fetch("some", origin(server, sha256="0" * 64))
    partial = tmp_path / "cache" / ".some.partial"
    assert list(partial.iterdir()) == []
    assert not (tmp_path / "cache" / "some").exists()


def test_a_server_that_sends_without_end_is_stopped(server, tmp_path):
    expected = origin(server)
    server.files["a.bin"] = bytes(10**8)
    with pytest.raises(DataError, match="not the file that it should be"):
        fetch("some", expected)


def test_a_refusal_names_the_address(server):
    expected = origin(server)
    server.files.clear()
    with pytest.raises(DataError, match="the server answers 404 Not Found"):
        fetch("some", expected)
    assert len(server.requests) == 1


def test_no_network_says_where_to_put_the_files(monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    address = "http://127.0.0.1:9/"  # where nobody listens
    with pytest.raises(DataError) as caught:
        fetch("some", Origin(address, {"a.bin": (1, "0" * 64)}))
    assert str(caught.value) == (
        "some: the data set is not in the cache and cannot be downloaded\n\n"
        "    address  http://127.0.0.1:9/a.bin\n"
        "    reason   Connection refused\n"
        f"    cache    {tmp_path}/some\n\n"
        "  What has arrived is kept: run it again, and the download goes on. Without a network,\n"
        f"  put these files into {tmp_path}/some:\n"
        "    http://127.0.0.1:9/a.bin\n"
        '  or pass the folder that holds the files: load("some", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )


def test_a_cache_that_cannot_be_written_is_explained(monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError) as caught:
        fetch("some", Origin("http://127.0.0.1:9/", {}))
    assert str(caught.value) == (
        "some: the cache cannot be written\n\n"
        f"    cache   {tmp_path}/cache/some\n"
        "    reason  File exists\n\n"
        "  Set CHAINRULE_CACHE to a folder that can be written, on a disk with room,\n"
        '  or pass the folder that holds the files: load("some", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )


def test_the_cache_is_where_the_system_has_it_unless_said_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("CHAINRULE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "chainrule"
    monkeypatch.setenv("CHAINRULE_CACHE", "~/here")
    assert cache_folder() == (tmp_path / "x").home() / "here"


def test_two_readers_download_once(server):
    server.gate.clear()
    both = threading.Barrier(2)

    def read(_):
        both.wait()
        return (fetch("some", origin(server)) / "a.bin").read_bytes()

    with ThreadPoolExecutor(2) as pool:
        found = pool.map(read, range(2))
        wait_until(lambda: server.requests)
        server.gate.set()
        assert list(found) == [DATA, DATA]
    assert len(server.requests) == 1


def test_a_killed_download_leaves_no_lock_and_no_half(server, tmp_path):
    server.gate.clear()
    script = (
        "import sys\nfrom chainrule.data.download import Origin, fetch\n"
        "fetch('some', Origin(sys.argv[1], {'a.bin': (int(sys.argv[2]), sys.argv[3])}))"
    )
    digest = hashlib.sha256(DATA).hexdigest()
    run = [sys.executable, "-c", script, server.base, str(len(DATA)), digest]
    process = subprocess.Popen(run, stderr=subprocess.DEVNULL)
    begun = tmp_path / "cache" / ".some.partial" / "a.bin.partial"
    wait_until(lambda: begun.exists() and begun.stat().st_size, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cache" / "some").exists()
    server.gate.set()
    folder = fetch("some", origin(server))
    assert (folder / "a.bin").read_bytes() == DATA
    assert [p.name for p in folder.iterdir()] == ["a.bin"]
    assert server.requests[-1][1] > 0


def test_an_archive_is_unpacked_and_a_bad_one_leaves_nothing(server, tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("inner/b.bin")
        info.size = len(DATA)
        tar.addfile(info, io.BytesIO(DATA))
    server.files = {"a.tar.gz": packed.getvalue()}
    with pytest.raises(DataError, match="the archive is refused"):
        fetch("some", origin(server, most=1))
    assert not (tmp_path / "cache" / "some").exists()
    folder = fetch("some", origin(server, most=10**7))
    assert (folder / "inner" / "b.bin").read_bytes() == DATA
    assert len(server.requests) == 1  # the archive was there already
    assert sorted(p.name for p in folder.parent.iterdir()) == [".some.lock", "some"]


def test_load_downloads_a_named_set_into_the_cache(server, tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    folder.mkdir()
    server.files = {
        f"{p.name}.gz": gzip.compress(p.read_bytes()) for p in write_mnist(folder).iterdir()
    }
    records = write_random_cifar10(tmp_path / "sources", 2)[0]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in records.glob("*.bin"):
            tar.add(path, f"cifar-10-batches-bin/{path.name}")
    origins = {"fashion-mnist": origin(server)}
    server.files = {**server.files, "cifar.tar.gz": packed.getvalue()}
    whole = origin(server, most=10**6)
    origins["cifar10"] = Origin(whole.base, {"cifar.tar.gz": whole.files["cifar.tar.gz"]}, 10**6)
    monkeypatch.setattr(download, "ORIGINS", origins)
    train, test = load("fashion-mnist")
    assert (len(train), len(test), train.classes[9]) == (6, 4, "Ankle boot")
    assert len(load("cifar10")[0]) == 10
    count = len(server.requests)
    assert len(load("cifar10")[1]) == 2
    assert load(tmp_path / "cache" / "fashion-mnist")[0].name == "fashion-mnist"
    assert len(server.requests) == count


def test_every_named_set_has_an_origin_with_full_checksums():
    for source in download.ORIGINS.values():
        assert source.base.endswith("/")
        for size, sha256 in source.files.values():
            assert size > 4000
            assert len(bytes.fromhex(sha256)) == 32
