"""Principal components of data, as files and as a page."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import click
import numpy as np
import numpy.typing as npt

from chainrule.cli.observations import Observations, observe, pieces
from chainrule.data import Dataset
from chainrule.decomposition import PrincipalComponents
from chainrule.decomposition import pca as find
from chainrule.errors import DataError
from chainrule.stats import Moments
from chainrule.train.durable import make_folder, publish_folder
from chainrule.view import Projection, png, render_projection
from chainrule.view.figures import duration
from chainrule.view.picture import color_weights, typical_limit
from chainrule.wording import plural

__all__ = ["show"]

_MOST_POINTS = 4000  # of the scatter
_MOST_IMAGES = 60  # of the page; the files have all
_EXAMPLES = 10  # that are reconstructed
_COLORS = (1, 3)
_SIDE = 4096  # pixels; larger images are no pictures for a page
_Array = npt.NDArray[Any]


def show(settings: Mapping[str, Any], out: str) -> int:
    """Analyze data, write a folder, and say what was found.

    Raises:  UsageError: there is no such data set. DataError: its files are missing or broken, or
             it has no numbers. ArgumentError: there are fewer components. CheckpointError: the
             folder exists or cannot be written.
    """
    target = Path(out)
    if os.path.lexists(target):
        raise click.UsageError(f"--out: {target} exists\n\n  Give a name that is free.")
    started = time.perf_counter()
    found = observe(settings, encode=True)
    rows = _rows(found, settings)
    parts = find(
        rows, settings["components"], method=settings["method"], whiten=settings["whiten"],
        seed=settings["seed"],
    )  # fmt: skip
    seconds = time.perf_counter() - started
    analysis = _Analysis(found, rows, parts, settings, seconds)
    make_folder(target.parent)
    publish_folder(target, analysis.write)
    sys.stdout.write(analysis.told(target) + "\n")
    return 0


def _rows(found: Observations, settings: Mapping[str, Any]) -> Any:
    """The examples as a matrix, each column perhaps divided by its deviation."""
    data = found.data
    is_tokens = data.inputs.dtype.kind == "i" and "vocabulary" in (data.preparation or {})
    if is_tokens or found.kind in ("text", "lines"):
        raise DataError(
            f"{data.name}: these are tokens, and components are those of quantities\n\n"
            "  Images, sounds, tables and arrays of numbers have them."
        )
    flat = data.flattened().inputs
    scale = settings["standardize"]
    if scale == "none" or (scale is None and found.kind != "table"):
        return flat
    return _Scaled.of(flat)


@final
@dataclass(frozen=True, eq=False)
class _Scaled:
    """Rows of which each column has the deviation 1, computed as they are read.

    A column that is the same in all rows stays as it is.
    """

    rows: Any
    deviation: _Array

    @classmethod
    def of(cls, rows: Any) -> _Scaled:
        """Measure the deviations."""
        moments = Moments.of_chunks(np.asarray(piece, np.float64) for piece in pieces(rows))
        found = moments.standard_deviation(correction=1).numpy()
        return cls(rows, np.where(found > 0, found, 1.0))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.rows.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32 if self.rows.dtype.itemsize <= 4 else np.float64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> _Array:
        return np.asarray(np.asarray(self.rows[key]) / self.deviation, self.dtype)


@final
@dataclass(frozen=True, eq=False)
class _Analysis:
    """What was found, and how it is written."""

    found: Observations
    rows: Any
    parts: PrincipalComponents
    settings: Mapping[str, Any]
    seconds: float

    @property
    def data(self) -> Dataset:
        return self.found.data

    @property
    def ratios(self) -> list[float]:
        return [float(share) for share in self.parts.explained_variance_ratio.numpy()]

    def write(self, folder: Path) -> None:
        """Write all files into a folder."""
        self._project(self.rows, folder / "projection.npy")
        if self.found.is_labeled:
            np.save(folder / "labels.npy", np.asarray(self.data.targets))
        if self.found.test is not None:
            test = self.found.test.flattened().inputs
            if isinstance(self.rows, _Scaled):
                test = _Scaled(test, self.rows.deviation)
            self._project(test, folder / "test-projection.npy")
            np.save(folder / "test-labels.npy", np.asarray(self.found.test.targets))
        np.savez(folder / "components.npz", allow_pickle=False, **self._arrays())
        (folder / "pca.json").write_text(json.dumps(self._told(), indent=2, ensure_ascii=False))
        images = list(self._images())
        if images:
            (folder / "images").mkdir()
            for name, image in images:
                place = folder / "images" / f"{name.replace(' ', '-')}.png"
                place.write_bytes(png.encode(_drawn(image)))
        points = np.load(folder / "projection.npy", mmap_mode="r", allow_pickle=False)
        page = render_projection(self._page(images, points))
        (folder / "pca.html").write_text(page, encoding="utf-8")

    def _arrays(self) -> dict[str, Any]:
        """What the analysis consists of."""
        names = (
            *("mean", "components", "explained_variance", "explained_variance_ratio"),
            "singular_values",
        )
        found = {name: getattr(self.parts, name).numpy() for name in names}
        if isinstance(self.rows, _Scaled):
            found["deviation"] = self.rows.deviation
        return found

    def _project(self, rows: Any, place: Path) -> None:
        """Write the coordinates of rows, some at a time."""
        shape = (len(rows), self.parts.components.shape[0])
        kind = self.parts.components.numpy().dtype
        written = np.lib.format.open_memmap(place, mode="w+", dtype=kind, shape=shape)
        at = 0
        for piece in pieces(rows):
            written[at : at + len(piece)] = self.parts.transform(piece).numpy()
            at += len(piece)
        written.flush()

    def _told(self) -> dict[str, Any]:
        told = {name: value for name, value in self.settings.items() if value is not None}
        count = len(self.ratios)
        return {
            **told,
            "components": count,
            "examples": len(self.data),
            "explained": sum(self.ratios),
            "seconds": self.seconds,
        }

    # ------------------------------------------------------------ images

    @property
    def _shows(self) -> bool:
        """Whether examples are images that can be shown."""
        shape = self.data.image_shape
        return shape is not None and shape[2] in _COLORS and max(shape[:2]) <= _SIDE

    def _image(self, row: _Array) -> _Array:
        """A row as height × width, or height × width × 3."""
        assert self.data.image_shape is not None
        height, width, channels = self.data.image_shape
        if self.data.layout == "CHW":
            image = row.reshape(channels, height, width).transpose(1, 2, 0)
        else:
            image = row.reshape(height, width, channels)
        return image[..., 0] if channels == 1 else image

    def _images(self) -> list[tuple[str, _Array]]:
        if not self._shows:
            return []
        width = len(str(len(self.ratios)))
        return [
            (f"component {place:0{width}}", self._image(row))
            for place, row in enumerate(self.parts.components.numpy(), 1)
        ]

    def _reconstructions(self) -> list[tuple[str, list[tuple[str, npt.NDArray[np.uint8]]]]]:
        """Some examples, from ever more components."""
        if not self._shows:
            return []
        chosen = self._chosen()
        rows = np.asarray(self.rows[chosen], np.float64)
        components, mean = self.parts.components.numpy(), self.parts.mean.numpy()
        coordinates = (rows - mean) @ components.T
        counts = sorted({1, *(4**k for k in range(1, 8)), len(components)})
        counts = [0, *(n for n in counts if n <= len(components))]
        scale = self.rows.deviation if isinstance(self.rows, _Scaled) else 1.0
        limit = 255.0 if self.data.inputs.dtype == np.uint8 else float(rows.max() or 1.0)
        limit = float((self.data.preparation or {}).get("largest", limit))

        def drawn(row: _Array) -> npt.NDArray[np.uint8]:
            return np.rint(255 * np.clip(self._image(row) / limit, 0, 1)).astype(np.uint8)

        found = []
        for place, row, z in zip(chosen.tolist(), rows, coordinates, strict=True):
            shown = [("original", drawn(row * scale))]
            for n in counts:
                name = "mean" if n == 0 else str(n)
                shown.append((name, drawn((mean + z[:n] @ components[:n]) * scale)))
            found.append((self._name(place), shown))
        return found

    def _chosen(self) -> npt.NDArray[np.intp]:
        """The first example of each class, or some that lie far apart."""
        labels = self.found.labels
        if labels is not None:
            _, first = np.unique(labels, return_index=True)
            return np.asarray(first[:_EXAMPLES], np.intp)
        return np.unique(np.linspace(0, len(self.data) - 1, _EXAMPLES).astype(np.intp))

    def _name(self, place: int) -> str:
        labels = self.found.labels
        if labels is None:
            return f"{place:,}"
        return f"{place:,}: {(self.data.classes or ())[int(labels[place])]}"

    # ------------------------------------------------------------ page

    def _page(self, images: list[tuple[str, _Array]], points: _Array) -> Projection:
        chosen = np.arange(len(points))
        if len(points) > _MOST_POINTS:
            dice = np.random.default_rng(self.settings["seed"])
            chosen = np.sort(dice.choice(len(points), _MOST_POINTS, replace=False))
        targets = self.data.targets
        has_one = self.found.is_labeled and len(targets.shape) == 1
        shown = self._told()
        return Projection(
            f"{Path(str(self.settings['data'])).name} · {plural(len(self.ratios), 'component')}",
            self.ratios,
            np.asarray(points[chosen, :2], np.float64),
            np.asarray(targets)[chosen] if has_one else None,
            self.data.classes or (),
            images[:_MOST_IMAGES],
            self._reconstructions(),
            {
                "Examples": f"{len(self.data):,}",
                "Numbers in each": f"{self.rows.shape[1]:,}",
                "Time": duration(self.seconds),
            },
            {name: value for name, value in shown.items() if name not in ("seconds", "explained")},
            self.data.citation,
        )

    def told(self, folder: Path) -> str:
        """What is said at the end."""
        count, first = plural(len(self.ratios), "component"), 100 * self.ratios[0]
        examples = plural(len(self.data), "example")
        lines = [
            f"{self.data.name}: {examples} of {plural(self.rows.shape[1], 'number')}",
            f"{count}: {100 * sum(self.ratios):.2f} % of the variance, the first {first:.2f} %",
        ]
        if self.found.filled:
            cells = plural(self.found.filled, "missing cell")
            lines.append(f"{cells} got the mean, or the most frequent text, of the column")
        return "\n".join([*lines, f"page: {folder / 'pca.html'}"])


def _drawn(image: _Array) -> npt.NDArray[np.uint8]:
    """A component as an image of colors: mid-gray is zero."""
    colored = np.broadcast_to(image if image.ndim == 3 else image[..., None], (*image.shape[:2], 3))
    return color_weights(np.asarray(colored, np.float64), typical_limit([colored]))
