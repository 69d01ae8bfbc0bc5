"""Named data sets: where they come from, and how they get into the cache.

::

    CACHE/mnist/                    a set that is whole: its folder appears by one rename
    CACHE/.mnist.partial/           what has arrived so far
    CACHE/.mnist.partial/a.partial  a file that is not whole, from which a download goes on
    CACHE/.mnist.lock               held while a process downloads; another one waits
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

from chainrule.data.archive import unpack
from chainrule.data.fault import explanation
from chainrule.errors import DataError
from chainrule.locking import held

__all__ = ["ORIGINS", "Origin", "cache_folder", "fetch"]

_PATIENCE = (10, 30)  # seconds until there is a connection, and without a byte from it
_ATTEMPTS = 3
_PIECE = 2**13  # bytes: of what arrives, less than this is lost if the connection breaks off


@final
@dataclass(frozen=True)
class Origin:
    """Where the files of a data set lie, and how each is known.

    base   what an address begins with
    files  {file name: (bytes, sha256)}
    most   for an archive, the bytes that it may have unpacked
    """

    base: str
    files: Mapping[str, tuple[int, str]]
    most: int = 0


_MNIST = {
    "train-images-idx3-ubyte.gz": (
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1-ubyte.gz": (
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3-ubyte.gz": (
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}
_FASHION = {
    "train-images-idx3-ubyte.gz": (
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "train-labels-idx1-ubyte.gz": (
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "t10k-images-idx3-ubyte.gz": (
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}
_CIFAR10 = (170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")
_CIFAR100 = (168_513_733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec")
_TORONTO = "https://www.cs.toronto.edu/~kriz/"

# MNIST's own site no longer gives its files out; this is the copy that its authors' readers use.
ORIGINS: Mapping[str, Origin] = MappingProxyType(
    {
        "mnist": Origin("https://ossci-datasets.s3.amazonaws.com/mnist/", _MNIST),
        "fashion-mnist": Origin(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", _FASHION
        ),
        "cifar10": Origin(_TORONTO, {"cifar-10-binary.tar.gz": _CIFAR10}, most=200_000_000),
        "cifar100": Origin(_TORONTO, {"cifar-100-binary.tar.gz": _CIFAR100}, most=200_000_000),
    }
)


def cache_folder() -> Path:
    """The folder of downloaded data: $CHAINRULE_CACHE, or the place that the system has for it.

    >>> cache_folder().is_absolute()
    True
    """
    given = os.environ.get("CHAINRULE_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    import pooch  # type: ignore[import-untyped]

    return Path(pooch.os_cache("chainrule")).expanduser().absolute()


def fetch(name: str, origin: Origin | None = None) -> Path:
    """The folder of a named data set in the cache. If it is not there, it is downloaded.

    A download that broke off goes on where it stopped. Each file is checked against its sha256
    before it counts, and the folder appears when all are there. A second process waits.

    Raises:  DataError: no network, an address that is gone, a file with another sha256, a full
             disk. The message says where to put the files by hand.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    source = ORIGINS[name] if origin is None else origin
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with held(folder.with_name(f".{name}.lock")):
            if not folder.is_dir():  # the process that we waited for may have brought it
                _download(name, source, folder)
    except OSError as cause:
        raise _cannot_store(name, folder, cause) from cause
    return folder


def _download(name: str, origin: Origin, folder: Path) -> None:
    partial = folder.with_name(f".{name}.partial")
    partial.mkdir(exist_ok=True)
    for file in origin.files:
        _retrieve(name, origin, file, partial, folder)
    whole = partial / "whole"
    shutil.rmtree(whole, ignore_errors=True)  # of a process that was killed here
    whole.mkdir()
    for file in origin.files:
        if origin.most:
            unpack(partial / file, whole, origin.most)
        else:
            (partial / file).replace(whole / file)
    whole.replace(folder)
    shutil.rmtree(partial, ignore_errors=True)


def _retrieve(name: str, origin: Origin, file: str, partial: Path, folder: Path) -> None:
    """Download one file, if it is not there yet: pooch checks its sha256 and puts it in place."""
    import pooch
    from requests import RequestException

    address, (size, sha256) = origin.base + file, origin.files[file]
    begun = partial / f"{file}.partial"
    for attempt in range(_ATTEMPTS):
        is_last, before = attempt == _ATTEMPTS - 1, _size(begun)
        try:
            download = _going_on(begun, size)
            pooch.retrieve(address, f"sha256:{sha256}", file, partial, downloader=download)
            return
        except RequestException as cause:
            # A connection that broke off is tried again from there, if it had brought something.
            if is_last or cause.response is not None or _size(begun) == before:
                raise _unreachable(name, origin, address, folder, cause) from cause
        except ValueError as cause:  # other contents, which are already deleted
            # Perhaps the file was replaced at its origin between two parts of it.
            if is_last or not before:
                raise _other_contents(name, origin, address, folder, sha256) from cause


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _going_on(begun: Path, size: int) -> Callable[[str, str, Any], None]:
    """What pooch downloads with: it goes on with what has begun, and never beyond the size."""

    def download(address: str, output: str, _: Any) -> None:
        import requests

        there = _size(begun)
        # Bytes as they are stored: a server that compressed them would make the ranges differ.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
        if there < size:
            with requests.get(address, headers=headers, stream=True, timeout=_PATIENCE) as response:
                response.raise_for_status()
                is_rest = response.status_code == requests.codes.partial_content
                _receive(response.iter_content(_PIECE), begun, there if is_rest else 0, size)
        begun.replace(output)

    return download


def _receive(pieces: Iterator[bytes], begun: Path, there: int, size: int) -> None:
    """Write what arrives, with a bar on a terminal, and flush it before it gets its name."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with begun.open("ab" if there else "wb") as file, bar:
        task = bar.add_task("", total=size, completed=there)
        for piece in pieces:
            file.write(piece)
            bar.advance(task, len(piece))
            if file.tell() > size:
                break  # its sha256 cannot be right
        file.flush()
        os.fsync(file.fileno())


def _unreachable(
    name: str, origin: Origin, address: str, folder: Path, cause: Exception
) -> DataError:
    response = getattr(cause, "response", None)
    if response is None:
        reason = _innermost(cause)
    else:
        reason = f"the server answers {response.status_code} {response.reason}"
    details = {"address": address, "reason": reason, "cache": folder}
    fact = f"{name}: the data set is not in the cache and cannot be downloaded"
    rule = "What has arrived is kept: run it again, and the download goes on. Without a network,\n"
    return DataError(explanation(fact, details, rule + _by_hand(name, origin, folder)))


def _innermost(cause: BaseException) -> str:
    """What the system said: requests and urllib3 wrap it several times."""
    seen: BaseException | None = cause
    while seen is not None:
        cause = seen
        inner = getattr(cause, "reason", None)
        seen = cause.__cause__ or cause.__context__
        if isinstance(inner, BaseException):
            seen = inner
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _other_contents(
    name: str, origin: Origin, address: str, folder: Path, sha256: str
) -> DataError:
    details = {"address": address, "expected": f"sha256 {sha256}"}
    details["found"] = "another one; the download was deleted"
    fact = f"{name}: the download is not the file that it should be"
    rule = "Run it again. If it stays so, "
    return DataError(explanation(fact, details, rule + _by_hand(name, origin, folder)))


def _cannot_store(name: str, folder: Path, cause: OSError) -> DataError:
    details = {"cache": folder, "reason": cause.strerror or str(cause)}
    rule = (
        f"Set CHAINRULE_CACHE to a folder that can be written, on a disk with room,\n{_pass(name)}"
    )
    return DataError(explanation(f"{name}: the cache cannot be written", details, rule))


def _by_hand(name: str, origin: Origin, folder: Path) -> str:
    action = "unpack" if origin.most else "put"
    files = "\n".join(f"  {origin.base}{file}" for file in origin.files)
    return f"{action} these files into {folder}:\n{files}\n{_pass(name)}"


def _pass(name: str) -> str:
    return (
        f'or pass the folder that holds the files: load("{name}", folder="FOLDER"),\n'
        "or --data FOLDER on the command line."
    )
