"""Two processes that want the same files download them once, and both read them whole."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.patience import LIMIT

DATA = bytes(range(256)) * 1000
SOURCE = Path(__file__).parents[2] / "src"
READ = """
import sys
from chainrule.data.download import Origin, fetch
print("begins", flush=True)
folder = fetch("some", Origin(sys.argv[1], {"a.bin": (int(sys.argv[2]), sys.argv[3])}))
print((folder / "a.bin").stat().st_size)
"""


class Patient(BaseHTTPRequestHandler):
    """Sends DATA when both processes are there."""

    asked: list[str]
    gate: threading.Event

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.gate.wait(LIMIT)
        self.wfile.write(DATA)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Patient.asked, Patient.gate = [], threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Patient)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    Patient.gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_two_processes_download_once(address: str, tmp_path: Path) -> None:
    more = {"CHAINRULE_CACHE": str(tmp_path), "PYTHONPATH": str(SOURCE), "NO_PROXY": "127.0.0.1"}
    arguments = [address, str(len(DATA)), hashlib.sha256(DATA).hexdigest()]
    command = [sys.executable, "-c", READ, *arguments]
    both = [
        subprocess.Popen(
            command, env={**os.environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in both if process.stdout] == [b"begins\n"] * 2
    Patient.gate.set()
    ends = [process.communicate(timeout=LIMIT)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert ends == [f"{len(DATA)}\n".encode()] * 2
    assert Patient.asked == ["/a.bin"]
    assert (tmp_path / "some" / "a.bin").read_bytes() == DATA
