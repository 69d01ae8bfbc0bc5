"""What all tests share: one thread for BLAS, a cache of machine code, golden files, a browser."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.patience import LIMIT

# No example fails because a machine is slow, nor because it is slow at drawing one.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Set before NumPy is imported: several test processes share the cores, so BLAS takes one each.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell starts what goes on in its background with Ctrl-C ignored, and children inherit that: the
# tests that send it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit the folder, and share it
    _CACHE = tempfile.mkdtemp(prefix="chainrule-tests-")
    os.environ["CHAINRULE_CACHE"] = _CACHE
    atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)

# Most tests are about what a program computes, not about what runs it, and to compile each of some
# ten thousand small programs takes longer than to interpret it. Where machine code matters, tests
# ask for it: by the fixture ``runtime``, or by where they lie.
os.environ.setdefault("CHAINRULE_RUNTIME", "reference")
NATIVE = (
    "codegen",
    "runtime",
    "properties",
    "test_tiny.py",
    "train/test_fit.py",
    "train/test_resume.py",
    "train/test_strides.py",
    "errors/test_native.py",
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from the tests: to look through all takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of this name, or write it with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text + "\n"

    return compare


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start a browser; a test that asks for it is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET], timeout=LIMIT * 1000
        )
        yield opened
        opened.close()


@pytest.fixture
def new_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Give pages with options such as a viewport, in which nothing runs out of time."""
    contexts = []

    def opened(**options: Any) -> Any:
        contexts.append(chromium.new_context(**options))
        contexts[-1].set_default_timeout(LIMIT * 1000)
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(autouse=True, scope="module")
def machine_code(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the tests that lie in some places run machine code."""
    place = request.path.relative_to(Path(__file__).parent).as_posix()
    with pytest.MonkeyPatch.context() as monkeypatch:
        if place.startswith(NATIVE):
            monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
            _finish()
        yield


@pytest.fixture(params=["native", "reference"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let jit run programs as machine code, then with NumPy."""
    name: str = request.param
    monkeypatch.setenv("CHAINRULE_RUNTIME", name)
    if name == "native":
        _finish()
    return name


def _finish() -> None:
    """Wait until calls can be machine code, which they else become at some time later."""
    from chainrule.runtime import call_code

    call_code.finish()
