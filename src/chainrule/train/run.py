"""The run folder: all that one training leaves on disk.

::

    RUN/
      config.json              the resolved configuration; its presence makes the folder a run
      metrics.jsonl            one line of JSON an epoch
      checkpoints/             see chainrule.train.checkpoint
      model.safetensors        the final weights
      model.json               what they are, with their size and sha256
      lock                     held by the process that trains here

The order of writing that survives a kill at any moment: append the line of an epoch first, then
save the checkpoint of its last step. ``Run.rewind`` drops the lines after the step from which a
run goes on; they are written again, so its metrics are those of a run that was never stopped.

The two JSON files and each line of metrics carry a digest of themselves: a changed bit is named,
and never read as another setting or another figure.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

import numpy.typing as npt

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.locking import acquire, is_held
from chainrule.train import checkpoint, final_files
from chainrule.train.durable import (
    PathLike,
    failure,
    is_partial,
    make_folder,
    read_bytes,
    sweep,
    write_bytes,
)
from chainrule.train.encoding import (
    Arrays,
    decode_json,
    plain,
    seal,
    unseal,
)
from chainrule.train.records import Recorded, append_record, is_count, read_records
from chainrule.wording import plural

_CONFIG = "config.json"
_METRICS = "metrics.jsonl"
_CHECKPOINTS = "checkpoints"
_LOCK = "lock"
_JSON_LIMIT = 1 << 26


@final
class Run:
    """An open run folder. With a lock it may be written; closing it releases the lock.

    Use it as a context manager. A process that dies, however it dies, releases its lock.
    """

    def __init__(self, path: Path, config: dict[str, Any], lock: int | None) -> None:
        self.path = path
        self.config = config
        self._lock = lock

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, for ``checkpoint.save`` and ``checkpoint.load``."""
        return self.path / _CHECKPOINTS

    @property
    def finished(self) -> bool:
        """Whether the final model is there."""
        return final_files.are_there(self.path)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the metrics, one record an epoch; a torn last line is left out.

        Raises:  CheckpointError: a line is not as it was written, which is named; or lines of a
                 finished run are missing.
        """
        found = self._whole()
        if self._lock is None and self.finished and len(found.values) < self.finished_epochs():
            raise CheckpointError(
                f"{self.path / _METRICS} holds the records of "
                f"{plural(len(found.values), 'epoch')}; "
                f"there were {self.finished_epochs()}"
            )
        return list(found.values)

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add the record of one epoch. A number that is not finite is written as null.

        Raises:  ArgumentError: it has no count ``step``, the last step of the epoch, or holds
                 what JSON cannot. CheckpointError: the disk refused; older lines are unchanged.
        """
        self._check_locked("append_metrics")
        if not is_count(record.get("step")):
            raise ArgumentError(
                f"append_metrics: the record has step {record.get('step')!r}; "
                "it must be the count of steps at the end of the epoch"
            )
        append_record(self.path / _METRICS, record)

    def latest(self) -> checkpoint.Loaded | None:
        """Read the last checkpoint that is whole, as are the records up to it; None before any.

        If a newer one had to be passed over, the ``warnings`` of what is returned say why.

        Raises:  CheckpointError: there are some and none is whole; each is listed with its fault.
        """
        if not checkpoint.is_there(self.checkpoints):
            return None
        recorded = read_records(self.path / _METRICS)
        return checkpoint.load(self.checkpoints, check=lambda found: _check_epochs(found, recorded))

    def rewind(self, step: int, epochs: int | None = None) -> int:
        """Drop the metrics of epochs that end after ``step``, and return how many they were.

        Call it with the step of the checkpoint from which the run goes on, and the epochs that had
        ended: then broken lines after those are dropped too.

        Raises:  CheckpointError: a line is broken, or there are fewer epochs.
        """
        self._check_locked("rewind")
        path = self.path / _METRICS
        found = self._whole() if epochs is None else read_records(path)
        kept = found.until(step)
        if epochs is not None and kept < epochs:
            raise CheckpointError(_too_few(found, step, epochs))
        if kept < len(found.lines) or found.fault is not None:
            lines = (
                line for line, v in zip(found.lines, found.values, strict=True) if v["step"] <= step
            )
            write_bytes(path, b"".join(line + b"\n" for line in lines))
        return len(found.lines) - kept

    def save_model(self, arrays: Arrays, description: Mapping[str, Any]) -> None:
        """Write the final model: ``model.safetensors`` and ``model.json``.

        A final model that was there is replaced as one: while the weights are replaced, the
        description lists the old and the new, so a kill leaves one of them whole.

        Raises:  ArgumentError: an array or a value that cannot be stored. CheckpointError: a
                 weight is not finite, or the disk refused; what was there is still whole.
        """
        self._check_locked("save_model")
        final_files.save(self.path, arrays, description, len(self._whole().values))

    def load_model(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Return the arrays of the final model and its description, every byte verified.

        Raises:  CheckpointError: there is none yet, or a file is missing or corrupt.
        """
        return final_files.load(self.path)

    def finished_epochs(self) -> int:
        """Return how many epochs the training had of which the final model is.

        Raises:  CheckpointError: the file is missing or corrupt.
        """
        return final_files.epochs(self.path)

    def description(self) -> dict[str, Any]:
        """Return what the final model says of itself; its weights are not read, there may be many.

        Raises:  CheckpointError: the file is missing or corrupt.
        """
        return final_files.description(self.path)

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {_state(self.path)})"

    def _check_locked(self, action: str) -> None:
        if self._lock is None:
            raise CheckpointError(f"{action}: {self.path} was opened for reading, or is closed")

    def _whole(self) -> Recorded:
        found = read_records(self.path / _METRICS)
        if found.fault is not None:
            raise CheckpointError(found.fault)
        return found


def create(path: PathLike, config: Mapping[str, Any]) -> Run:
    """Make a run folder, locked for this process, and write its configuration.

    Raises:  ArgumentError: JSON cannot hold the configuration. CheckpointError: the path is a
             file, or a folder that holds a run or anything else, or another process has it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, create(f"{folder}/a", {"epochs": 3}) as run:
    ...     run.append_metrics({"epoch": 1, "step": 60, "loss": 0.25})
    ...     print(run.config, run.metrics(), run.finished)
    {'epochs': 3} [{'epoch': 1, 'step': 60, 'loss': 0.25}] False
    """
    target = Path(path)
    encoded = seal(plain(dict(config), "config"))
    if target.exists() and not target.is_dir():
        raise CheckpointError(f"create: {target} is a file; a run needs a folder of its own")
    _check_free(target)
    make_folder(target)
    lock = _acquire(target)
    try:
        _check_free(target)  # another process may have been faster
        sweep(target)
        make_folder(target / _CHECKPOINTS)
        write_bytes(target / _CONFIG, encoded)
    except BaseException:
        os.close(lock)
        raise
    return Run(target, unseal(encoded, _CONFIG), lock)


def open(path: PathLike, *, write: bool = False) -> Run:
    """Open a run folder: to read it, or with ``write`` to train on in it.

    To write takes the lock and removes what killed processes left half-written.

    Raises:  CheckpointError: it is no run folder, its configuration is broken, or another process
             trains in it.
    """
    target = Path(path)
    if not _has_config(target):
        raise CheckpointError(f"{target} is not a run folder: it has no {_CONFIG}")
    lock = _acquire(target) if write else None
    try:
        config = read_config(target / _CONFIG)
        if write:
            sweep(target)
            sweep(target / _CHECKPOINTS)
            make_folder(target / _CHECKPOINTS)
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise
    return Run(target, config, lock)


def read_config(path: PathLike) -> dict[str, Any]:
    """Read the configuration of a run from its file.

    Raises:  CheckpointError: it is missing, not as it was written, or of an older version.
    """
    data = read_bytes(path, limit=_JSON_LIMIT)
    if "digest" not in decode_json(data, str(path)):
        raise CheckpointError(
            f"{path} has no digest: chainrule 0.1.0 made it, or it was changed\n\n"
            "  Run folders of 0.1.0 are not read by this version. Train anew, or go on with 0.1.0."
        )
    return unseal(data, str(path))


def in_use(path: PathLike) -> bool:
    """Whether a process trains in a run folder."""
    return is_held(Path(path) / _LOCK)


def _acquire(folder: Path) -> int:
    path = folder / _LOCK
    try:
        return acquire(path)
    except BlockingIOError as error:
        raise CheckpointError(_is_in_use(folder, str(error.strerror))) from error
    except OSError as error:
        raise failure("lock", path, error, "Nothing was changed.") from error


def _is_in_use(folder: Path, holder: str) -> str:
    return (
        f"{folder} is in use by {holder}\n\n"
        "  Two processes cannot train in one run folder. Wait for it, stop it, or give another"
        " folder."
    )


def _check_free(folder: Path) -> None:
    if _has_config(folder):
        raise CheckpointError(_is_taken(folder))
    try:
        entries = sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure("read", folder, error, "Nothing was changed.") from error
    foreign = [entry for entry in entries if not _is_left_by_create(folder, entry)]
    if foreign:
        shown = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
        raise CheckpointError(
            f"create: {folder} is not empty and not a run: it holds {shown}\n\n"
            "  Give a new folder, or an empty one."
        )


def _has_config(folder: Path) -> bool:
    try:
        (folder / _CONFIG).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise failure("read", folder / _CONFIG, error, "Nothing was changed.") from error
    return True


def _is_left_by_create(folder: Path, name: str) -> bool:
    """Whether a ``create`` that was killed before it wrote the configuration left this."""
    if name == _CHECKPOINTS:
        return not any((folder / name).iterdir())
    return name == _LOCK or is_partial(name)


def _is_taken(folder: Path) -> str:
    return (
        f"create: {folder} already holds {_state(folder)}\n\n"
        f"  Go on with it by chainrule resume {folder}, or give another folder."
    )


def _state(folder: Path) -> str:
    steps = checkpoint.steps(folder / _CHECKPOINTS)
    run = "a finished run" if final_files.are_described(folder) else "an unfinished run"
    return f"{run}, last checkpoint at step {steps[-1]}" if steps else run


def _check_epochs(found: checkpoint.Checkpoint, recorded: Recorded) -> None:
    """Refuse a checkpoint of more epochs than there are records of."""
    step, epochs = found.position["step"], found.position.get("epoch", 0)
    if is_count(epochs) and recorded.until(step) < epochs:
        raise CheckpointError(_too_few(recorded, step, epochs))


def _too_few(found: Recorded, step: int, epochs: int) -> str:
    if found.fault is not None:
        return found.fault.partition("\n")[0]
    return (
        f"{_METRICS} holds the records of {plural(found.until(step), 'epoch')} up to step {step}; "
        f"there were {epochs}"
    )
