"""A data set: examples and their targets, ready to be taken in batches."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.order import permutation, require_integer, split_rows
from chainrule.data.rows import Array, Examples, resolve_rows, select_rows, with_example_shape
from chainrule.data.standardization import Per, Standardization
from chainrule.errors import ArgumentError, DataError

__all__ = ["Dataset", "Layout"]

Layout: TypeAlias = Literal["HWC", "CHW"]

_UINT8 = Standardization(mean=0, std=255)
_AS_IS = Standardization(mean=0, std=1)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples and their targets. Nothing in it changes; each method gives a new one.

    inputs           the examples, first axis first, as they are stored: uint8 stays uint8, files
                     stay on disk; a batch is made float32 when it is taken
    targets          int64 class labels (n), or float32 targets (n, or n ...)
    classes          the names of the labels 0, 1, …; None for float targets
    image_shape      (height, width, channels), if the examples are images
    layout           how an image's pixels follow one another: "HWC" or "CHW"
    standardization  what is done to each batch; None: uint8 is divided by 255

    Raises:  DataError: the parts do not fit together.

    >>> data = Dataset(np.array([[0, 51], [102, 255]], np.uint8), np.array([1, 0]), ("no", "yes"))
    >>> data
    Dataset('data': 2 examples of 2 uint8, 2 classes)
    >>> for inputs, targets in data.batches(2):
    ...     print(inputs, targets)
    [[0.  0.2]
     [0.4 1. ]] [1 0]
    """

    inputs: Examples
    targets: Array
    classes: tuple[str, ...] | None = None
    name: str = "data"
    citation: str = ""
    image_shape: tuple[int, int, int] | None = None
    layout: Layout = "HWC"
    standardization: Standardization | None = None

    def __post_init__(self) -> None:
        fact = self._misfit()
        if fact:
            raise DataError(explanation(f"{self.name}: {fact}", self._details()))

    def _misfit(self) -> str | None:
        if len(self.inputs) != len(self.targets):
            return f"{len(self.inputs)} examples, but {len(self.targets)} targets"
        if self.layout not in ("HWC", "CHW"):
            return f'layout must be "HWC" or "CHW", not {self.layout!r}'
        if self.image_shape is not None and np.prod(self.image_shape) != np.prod(self.shape):
            return "the examples do not have the size of an image"
        expected = self.standardization.shape if self.standardization is not None else ()
        if expected and expected != self.shape:
            return "the standardization was measured on examples of another shape"
        return None

    def _details(self) -> dict[str, object]:
        details: dict[str, object] = {
            "inputs": f"{self.inputs.dtype}{list(self.inputs.shape)}",
            "targets": f"{self.targets.dtype}{list(self.targets.shape)}",
        }
        if self.image_shape is not None:
            details["image_shape"] = self.image_shape
        if self.standardization is not None and self.standardization.shape:
            details["standardization"] = list(self.standardization.shape)
        return details

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.shape)) or "1"
        text = f"{len(self)} examples of {shape} {self.inputs.dtype}"
        if self.image_shape is not None:
            text += f" ({'×'.join(map(str, self._lying()))} {self.layout})"
        text += f", {len(self.classes)} classes" if self.classes else ", float targets"
        return f"Dataset({self.name!r}: {text}{', standardized' if self.standardization else ''})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.inputs.shape[1:])

    def _lying(self) -> tuple[int, ...]:
        """The image shape in the order in which the pixels lie."""
        assert self.image_shape is not None
        height, width, channels = self.image_shape
        return (height, width, channels) if self.layout == "HWC" else (channels, height, width)

    def as_images(self) -> Self:
        """Give each example the shape of its image, in its layout, without copying.

        Raises:  DataError: the examples are not images.

        >>> images = Dataset(np.zeros((5, 12)), np.zeros(5), image_shape=(2, 2, 3), layout="CHW")
        >>> images.as_images().shape
        (3, 2, 2)
        """
        if self.image_shape is None:
            raise DataError(explanation(f"{self.name}: these are not images", self._details()))
        return self._with_shape(self._lying())

    def flattened(self) -> Self:
        """Give each example one axis, without copying.

        >>> Dataset(np.zeros((5, 3, 2, 2)), np.zeros(5)).flattened().shape
        (12,)
        """
        return self._with_shape((int(np.prod(self.shape)),))

    def _with_shape(self, shape: tuple[int, ...]) -> Self:
        standardization = self.standardization
        if standardization is not None:
            standardization = standardization.with_shape(shape)
        inputs = with_example_shape(self.inputs, shape)
        return replace(self, inputs=inputs, standardization=standardization)

    def take(self, indices: Any) -> Self:
        """The examples that the indices or the mask name, in that order.

        Memory-mapped examples stay on disk until a batch is taken.

        Raises:  ArgumentError: not integers or a mask, or no such row.

        >>> Dataset(np.array([[1.], [2.], [3.]]), np.array([0., 1., 2.])).take([2, 0]).targets
        array([2., 0.])
        """
        rows = np.atleast_1d(resolve_rows(indices, len(self)))
        return replace(self, inputs=select_rows(self.inputs, rows), targets=self.targets[rows])

    def split(self, fraction: float, seed: int = 0, stratified: bool = True) -> tuple[Self, Self]:
        """Split at random into a part with this fraction of the examples, and the rest.

        Stratified, every class has the same share in both parts; float targets have no classes,
        so they are split plainly. Both parts keep the order of the file.

        Raises:  ArgumentError: a part would be empty.

        >>> data = Dataset(np.zeros((10, 1)), np.arange(10) % 2, ("even", "odd"))
        >>> train, test = data.split(0.8, seed=1)
        >>> np.bincount(train.targets), np.bincount(test.targets)
        (array([4, 4]), array([1, 1]))
        """
        count = len(self)
        size = round(fraction * count) if 0 < fraction < 1 else 0
        if not 0 < size < count:
            fact = f"split: fraction {fraction} leaves a part without examples"
            raise ArgumentError(explanation(fact, {"examples": count, "possible": "0 to 1"}))
        has_labels = self.targets.dtype.kind == "i"
        first, second = split_rows(self.targets, size, seed, stratified and has_labels)
        return self.take(first), self.take(second)

    def standardize(
        self, by: "Dataset | Standardization | None" = None, per: Per = "feature"
    ) -> Self:
        """Center and scale each batch by the statistics of the training set (None: of this one).

        Measure on the training part only: `test.standardize(by=train)`. `per="all"` measures all
        features together, which suits pixels: one that is black in nearly every training image
        has a tiny std of its own, which would blow up the image that has it lit.

        Raises:  DataError: the training set's examples have another shape.

        >>> train = Dataset(np.array([[1.], [3.]]), np.array([0., 1.])).standardize()
        >>> [inputs.tolist() for inputs, _ in train.batches(2)]
        [[[-1.0], [1.0]]]
        """
        if isinstance(by, Standardization):
            return replace(self, standardization=by)
        inputs = self.inputs if by is None else by.inputs
        return replace(self, standardization=Standardization.fit(inputs, per))

    def gather(self, rows: Any) -> tuple[Array, Array]:
        """The float32 inputs and the targets of these rows (indices or a slice): one batch.

        >>> Dataset(np.array([[1.], [2.]]), np.array([5., 6.])).gather([1])
        (array([[2.]], dtype=float32), array([6.]))
        """
        if not isinstance(rows, slice):
            rows = np.atleast_1d(resolve_rows(rows, len(self)))
        default = _UINT8 if self.inputs.dtype == np.uint8 else _AS_IS
        prepare = self.standardization or default
        return prepare(self.inputs[rows]), np.array(self.targets[rows])

    def order(self, seed: int | None, epoch: int = 0) -> Array:
        """The row numbers in the order in which `batches` visits them in an epoch.

        >>> Dataset(np.zeros((3, 1)), np.zeros(3)).order(seed=None)
        array([0, 1, 2])
        """
        return np.arange(len(self)) if seed is None else permutation(len(self), seed, epoch)

    def batch_count(self, batch: int, drop_last: bool = False) -> int:
        """The number of batches in an epoch.

        >>> data = Dataset(np.zeros((5, 1)), np.zeros(5))
        >>> data.batch_count(2), data.batch_count(2, drop_last=True)
        (3, 2)
        """
        require_integer("batches", "batch", batch, 1)
        return len(self) // batch if drop_last else -(-len(self) // batch)

    def batches(
        self,
        batch: int,
        seed: int | None = None,
        epoch: int = 0,
        start: int = 0,
        drop_last: bool = False,
    ) -> Iterator[tuple[Array, Array]]:
        """Yield (float32 inputs, targets) for one epoch, from batch number `start` on.

        The order is a pure function of (seed, epoch), and that of the file if seed is None; so
        `start=k` goes on exactly where an epoch stopped after k batches. `drop_last` leaves out
        a last batch that is not full.

        Raises:  ArgumentError: batch < 1, or start beyond the epoch's end.

        >>> data = Dataset(np.array([[1.], [2.], [3.]]), np.array([1., 2., 3.]))
        >>> [targets.tolist() for _, targets in data.batches(2, start=1)]
        [[3.0]]
        """
        count = self.batch_count(batch, drop_last)
        require_integer("batches", "start", start, 0, count)
        order = None if seed is None else self.order(seed, epoch)
        return self._batches(order, batch, range(start, count))

    def _batches(
        self, order: Array | None, batch: int, numbers: range
    ) -> Iterator[tuple[Array, Array]]:
        for number in numbers:
            here = slice(number * batch, (number + 1) * batch)
            yield self.gather(here if order is None else order[here])
