"""Checkpoints: everything a run needs to go on, in one folder that appears whole or not at all.

::

    checkpoints/
      latest.json                the newest checkpoint, moved last
      best.json                  the best one, if any was declared
      step-00001234/
        model.safetensors  optimizer.safetensors  state.safetensors  position.json
        manifest.json            the size and the sha256 of each part, and its own

A checkpoint that is saved again at a step that has one (the run was resumed from further back)
becomes ``step-00001234.2``: the old one is never overwritten, only pruned later.

The manifest and the two pointers are read strictly: they must be byte for byte what this module
would write, and a pointer holds the digest of the manifest that it names. So any changed bit is
found, and what is corrupt is never taken for missing.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.train.durable import (
    PathLike,
    make_folder,
    publish_folder,
    read_bytes,
    remove_folder,
    write_bytes,
)
from chainrule.train.encoding import digest, seal, unseal
from chainrule.train.manifest import (
    MANIFEST,
    POSITION,
    SMALL_FILE,
    Checkpoint,
    build,
    looks_whole,
    read,
)

__all__ = ["Checkpoint", "Loaded", "is_there", "load", "save", "steps"]

_FOLDER = re.compile(r"step-(?P<step>\d{8,18})(?:\.(?P<revision>[2-9]|[1-9]\d{1,8}))?")


_Check = Callable[["Checkpoint"], None]


@dataclass(frozen=True)
class _Named:
    """What a pointer says: a checkpoint and the digest of its manifest."""

    path: Path
    manifest: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint read from ``path``, and what had to be passed over to get it."""

    checkpoint: Checkpoint
    step: int
    path: Path
    warnings: tuple[str, ...] = ()


def save(folder: PathLike, checkpoint: Checkpoint, *, keep: int = 3, best: bool = False) -> Path:
    """Write a checkpoint, read it back, publish it, point to it, and prune older ones.

    Of the older ones the newest ``keep − 1`` whole ones stay, and always the best. Checkpoints
    of later steps, which a run resumed from further back finds, stay until they are passed.

    Raises:  ArgumentError: no step in ``position``, ``keep`` below 1, or a value that cannot be
             stored. CheckpointError: a weight is not finite, what was read back differs, or the
             disk refused; every checkpoint that was there is unchanged.
    Cost:    one write and one read of every array; a flush per file.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = save(folder, Checkpoint({"w": np.ones(2)}, position={"step": 7}))
    ...     print(path.name, load(folder).checkpoint.model)
    step-00000007 {'w': array([1., 1.])}
    """
    target = Path(folder)
    step = _step_of(checkpoint.position)
    if keep < 1:
        raise ArgumentError(f"save: keep is {keep}; at least the new checkpoint must be kept")
    make_folder(target)
    published = target / _free_name(target, step)
    publish_folder(published, lambda partial: build(partial, checkpoint))
    if best:
        _point(target, "best", published)
    _point(target, "latest", published)
    _prune(target, published, keep)
    return published


def load(
    folder: PathLike,
    which: Literal["latest", "best"] | int = "latest",
    check: Callable[[Checkpoint], None] | None = None,
) -> Loaded:
    """Read a checkpoint and verify every byte of it.

    If the latest is corrupt, the newest good one before it is returned and ``warnings`` says
    what was wrong. For ``"best"`` or a step there is no substitute, so that is an error.
    ``check`` may raise a CheckpointError to have the latest passed over for a reason of its own.

    Raises:  CheckpointError: there is none, or none of those asked for is whole; each is listed
             with its fault.
    """
    target = Path(folder)
    match which:
        case "latest":
            return _load_latest(target, check)
        case "best":
            return _load_best(target)
        case int():
            return _load_step(target, which)
        case _:
            raise ArgumentError(f"load: which is {which!r}; give 'latest', 'best' or a step")


def steps(folder: PathLike) -> tuple[int, ...]:
    """Return the steps that have a checkpoint, whole or not, in ascending order."""
    return tuple(sorted({_order(path)[0] for path in _folders(Path(folder))}))


def is_there(folder: PathLike) -> bool:
    """Whether a checkpoint was ever saved in a folder, as far as anything is left of it."""
    target = Path(folder)
    pointers = (target / "latest.json", target / "best.json")
    return any(map(os.path.lexists, pointers)) or bool(_folders(target))


def _load_latest(folder: Path, check: _Check | None) -> Loaded:
    faults: list[str] = []
    named = _follow(folder, "latest", faults)
    loaded = None if named is None else _try(named.path, faults, named.manifest, check)
    if loaded is not None:
        return loaded
    for candidate in _fallbacks(folder, None if named is None else named.path):
        loaded = _try(candidate, faults, None, check)
        if loaded is not None:
            used = f"using {candidate.name} instead"
            warnings = tuple(f"{fault}; {used}" for fault in faults)
            return Loaded(loaded.checkpoint, loaded.step, candidate, warnings)
    raise _none_good(folder, faults)


def _load_best(folder: Path) -> Loaded:
    faults: list[str] = []
    named = _follow(folder, "best", faults)
    loaded = None if named is None else _try(named.path, faults, named.manifest)
    if loaded is None:
        raise _none_good(folder, faults)
    return loaded


def _load_step(folder: Path, step: int) -> Loaded:
    faults: list[str] = []
    same = [path for path in _folders(folder) if _order(path)[0] == step]
    for path in sorted(same, key=_order, reverse=True):
        loaded = _try(path, faults)
        if loaded is not None:
            return Loaded(loaded.checkpoint, loaded.step, path, tuple(faults))
    if same:
        raise _none_good(folder, faults)
    there = ", ".join(str(other) for other in steps(folder)) or "none"
    raise CheckpointError(f"no checkpoint of step {step} in {folder}; there are: {there}")


def _fallbacks(folder: Path, tried: Path | None) -> list[Path]:
    # Earlier ones come first, the nearest of them first; later ones may stem from a course that
    # the run has left when it was resumed from further back.
    others = [path for path in _folders(folder) if path != tried]
    others.sort(key=_order, reverse=True)
    if tried is None:
        return others
    return sorted(others, key=lambda path: _order(path) > _order(tried))


def _none_good(folder: Path, faults: list[str]) -> CheckpointError:
    if not faults:
        return CheckpointError(f"no checkpoint in {folder}")
    return CheckpointError(
        f"no whole checkpoint in {folder} among those asked for\n\n    " + "\n    ".join(faults)
    )


def _try(
    path: Path, faults: list[str], manifest: str | None = None, check: _Check | None = None
) -> Loaded | None:
    try:
        checkpoint = read(path, manifest)
        if checkpoint.position["step"] != _order(path)[0]:
            raise CheckpointError(f"{POSITION} is of step {checkpoint.position['step']}")
        if check is not None:
            check(checkpoint)
    except CheckpointError as error:
        faults.append(f"{path.name}: {error}")
        return None
    return Loaded(checkpoint, _order(path)[0], path)


def _point(folder: Path, name: str, path: Path) -> None:
    manifest = digest(read_bytes(path / MANIFEST))
    write_bytes(folder / f"{name}.json", seal({"checkpoint": path.name, "manifest": manifest}))


def _follow(folder: Path, name: str, faults: list[str]) -> _Named | None:
    """Return what a pointer names; a pointer that does not hold is one more fault."""
    pointer = folder / f"{name}.json"
    if not os.path.lexists(pointer) and not _folders(folder):
        return None
    try:
        value = unseal(read_bytes(pointer, limit=SMALL_FILE), pointer.name)
        return _Named(folder / _checked_name(value.get("checkpoint")), str(value.get("manifest")))
    except CheckpointError as error:
        faults.append(str(error))
        return None


def _checked_name(name: object) -> str:
    if isinstance(name, str) and _FOLDER.fullmatch(name):
        return name
    raise CheckpointError(f"a pointer names {name!r}, which is no checkpoint")


def _prune(folder: Path, newest: Path, keep: int) -> None:
    faults: list[str] = []
    best = _follow(folder, "best", faults) if os.path.lexists(folder / "best.json") else None
    if faults:  # which one is the best is not known, so none may go
        return
    whole = 0
    for path in sorted(_folders(folder), key=_order, reverse=True):
        if _order(path) > _order(newest):
            continue
        # A corrupt one must not count among those kept, or the last good one would go.
        whole += looks_whole(path)
        if whole > keep and (best is None or path != best.path):
            remove_folder(path)


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if _FOLDER.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read: {error.strerror}") from error


def _order(path: Path) -> tuple[int, int]:
    match = _FOLDER.fullmatch(path.name)
    assert match is not None
    return int(match["step"]), int(match["revision"] or 1)


def _free_name(folder: Path, step: int) -> str:
    name = f"step-{step:08d}"
    taken = [revision for other, revision in map(_order, _folders(folder)) if other == step]
    return f"{name}.{max(taken) + 1}" if taken else name


def _step_of(position: Mapping[str, Any]) -> int:
    step = position.get("step")
    if isinstance(step, (int, np.integer)) and not isinstance(step, bool) and 0 <= step < 10**18:
        return int(step)
    raise ArgumentError(f"save: position['step'] is {step!r}; it must be a count from 0")
