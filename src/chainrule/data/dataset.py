"""A data set: examples and their targets, ready to be taken in batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeAlias, final, overload

import numpy as np

from chainrule.data.blocks import WindowReader, block_order, is_larger_than_memory
from chainrule.data.fault import explanation
from chainrule.data.folds import fold_rows, part_sizes, split_rows
from chainrule.data.order import permutation, require_integer, require_seed
from chainrule.data.rows import (
    Array,
    Examples,
    RowReader,
    resolve_rows,
    select_rows,
    with_example_axes,
    with_example_shape,
)
from chainrule.data.standardization import OF_BYTES, Per, Standardization, as_in_a_batch
from chainrule.errors import ArgumentError, DataError
from chainrule.wording import plural

__all__ = ["Dataset", "Layout", "Shuffle"]

Layout: TypeAlias = Literal["HWC", "CHW"]
Shuffle: TypeAlias = Literal["rows", "blocks"]


@final
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples and their targets. Nothing in it changes; each method gives a new one.

    inputs           the examples, first axis first, as they are stored: uint8 stays uint8, files
                     stay on disk. A batch is made float32 when it is taken, unless the inputs are
                     int32 or int64: these are tokens or indices, and stay integers
    targets          int64 class labels (n, or n t: one for each position), or float32 targets
                     (n, or n ...)
    classes          the names of the labels 0, 1, …; None for float targets
    image_shape      (height, width, channels), if the examples are images
    layout           how an image's pixels follow one another: "HWC" or "CHW"
    standardization  what is done to each batch; None: uint8 is divided by 255
    preparation      what must be known to prepare a new example likewise, as JSON can hold it:
                     a vocabulary, the encodings of columns, the size of images
    shuffle          "rows": an epoch's order is any; "blocks": rows are mixed with those of some
                     256 blocks of rows that lie together, which suits files that do not fit into
                     memory; None: "blocks" for mapped files from 1 GB on

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
    targets: Examples
    classes: tuple[str, ...] | None = None
    name: str = "data"
    citation: str = ""
    image_shape: tuple[int, int, int] | None = None
    layout: Layout = "HWC"
    standardization: Standardization | None = None
    preparation: Mapping[str, Any] | None = None
    shuffle: Shuffle | None = None

    def __post_init__(self) -> None:
        fact = self._misfit()
        if fact:
            raise DataError(explanation(f"{self.name}: {fact}", self._details()))

    def _misfit(self) -> str | None:
        if len(self.inputs) != len(self.targets):
            examples = plural(len(self.inputs), "example")
            return f"{examples}, but {plural(len(self.targets), 'target')}"
        if self.layout not in ("HWC", "CHW"):
            return f'layout must be "HWC" or "CHW", not {self.layout!r}'
        if self.shuffle not in (None, "rows", "blocks"):
            return f'shuffle must be "rows" or "blocks", not {self.shuffle!r}'
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
        text = f"{plural(len(self), 'example')} of {shape} {self.inputs.dtype}"
        if self.image_shape is not None:
            text += f" ({'×'.join(map(str, self._lying()))} {self.layout})"
        text += f", {plural(len(self.classes), 'class')}" if self.classes else ", float targets"
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

    @property
    def black(self) -> float | tuple[float, ...]:
        """What a black pixel, stored as 0, is in a batch: for all channels, or for each its mean.

        Changes of brightness start from there: see `augmentation.Color`.

        >>> images = Dataset(np.array([[1.0, 3.0]]), np.zeros(1), image_shape=(1, 2, 1))
        >>> images.black, images.standardize(by=Standardization(mean=2, std=4)).black
        (0.0, -0.5)
        """
        if self.standardization is None:
            return 0.0
        values = -self.standardization.mean / self.standardization.std
        if not values.ndim or self.image_shape is None:
            return float(values.mean())
        axes = (0, 1) if self.layout == "HWC" else (1, 2)
        return tuple(float(value) for value in values.reshape(self._lying()).mean(axes))

    def as_images(self, layout: Layout | None = None) -> Self:
        """Give each example the shape of its image, in this layout (None: the one it has).

        Nothing is copied: the axes are put in order in a view, or for each batch.

        Raises:  DataError: the examples are not images.  ArgumentError: no such layout.

        >>> images = Dataset(np.zeros((5, 12)), np.zeros(5), image_shape=(2, 3, 2), layout="HWC")
        >>> images.as_images().shape, images.as_images("CHW").shape
        ((2, 3, 2), (2, 2, 3))
        """
        if self.image_shape is None:
            raise DataError(explanation(f"{self.name}: these are not images", self._details()))
        if layout not in (None, "HWC", "CHW"):
            details = {"layout": repr(layout), "possible": '"HWC", "CHW"'}
            raise ArgumentError(explanation("as_images: there is no such layout", details))
        images = self._with_shape(self._lying())
        if layout in (None, self.layout):
            return images
        axes = (2, 0, 1) if layout == "CHW" else (1, 2, 0)
        standardization = images.standardization and images.standardization.with_axes(axes)
        inputs = with_example_axes(images.inputs, axes)
        return replace(images, inputs=inputs, layout=layout, standardization=standardization)

    def flattened(self) -> Self:
        """Give each example one axis. Nothing is copied before a batch is taken.

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
        inputs, targets = (select_rows(part, rows) for part in (self.inputs, self.targets))
        return replace(self, inputs=inputs, targets=targets)

    @overload
    def split(
        self, fraction: float, seed: int = 0, stratified: bool = True
    ) -> tuple[Self, Self]: ...

    @overload
    def split(
        self, fraction: Sequence[float], seed: int = 0, stratified: bool = True
    ) -> tuple[Self, ...]: ...

    def split(
        self, fraction: float | Sequence[float], seed: int = 0, stratified: bool = True
    ) -> tuple[Self, ...]:
        """Split at random into a part with this fraction of the examples, and the rest.

        Several fractions, which add up to 1, give as many parts. Stratified, every class has the
        same share in all parts; float targets have no classes, so they are split plainly. The
        parts keep the order of the file.

        Raises:  ArgumentError: a part would be empty, or the fractions do not add up to 1.
        Source:  cox1987constructive

        >>> data = Dataset(np.zeros((10, 1)), np.arange(10) % 2, ("even", "odd"))
        >>> train, test = data.split(0.8, seed=1)
        >>> np.bincount(train.targets), np.bincount(test.targets)
        (array([4, 4]), array([1, 1]))
        >>> [len(part) for part in data.split((0.6, 0.2, 0.2), seed=1)]
        [6, 2, 2]
        """
        count = len(self)
        if isinstance(fraction, Sequence):
            sizes = part_sizes(count, fraction)
        else:
            size = round(fraction * count) if 0 < fraction < 1 else 0
            if not 0 < size < count:
                fact = f"split: fraction {fraction} leaves a part without examples"
                raise ArgumentError(explanation(fact, {"examples": count, "possible": "0 to 1"}))
            sizes = [size, count - size]
        parts = split_rows(self._classes(), sizes, seed, stratified and self._has_classes())
        return tuple(self.take(rows) for rows in parts)

    def folds(self, k: int, seed: int = 0, stratified: bool = True) -> Iterator[tuple[Self, Self]]:
        """Yield (training part, validation part) `k` times, for cross-validation.

        The validation parts are a random partition of the examples, alike in size and, stratified,
        in the number of examples of each class, up to one. Pairs are made one after another, so
        that only one copy of the examples is in memory.

        Raises:  ArgumentError: k is not an integer from 2 to the number of examples.

        >>> data = Dataset(np.zeros((6, 1)), np.arange(6) % 2, ("even", "odd"))
        >>> for train, validation in data.folds(3, seed=0):
        ...     print(len(train), np.bincount(validation.targets))
        4 [1 1]
        4 [1 1]
        4 [1 1]
        """
        require_integer("folds", "k", k, 2, len(self))
        parts = fold_rows(self._classes(), k, seed, stratified and self._has_classes())
        everything = np.arange(len(self))
        return ((self.take(np.delete(everything, rows)), self.take(rows)) for rows in parts)

    def _has_classes(self) -> bool:
        """Whether each example has one label."""
        return self.targets.dtype.kind in "iu" and len(self.targets.shape) == 1

    def _classes(self) -> Array:
        """The labels, or as many rows of something else."""
        return np.asarray(self.targets) if self._has_classes() else np.zeros(len(self))

    def standardize(
        self, by: "Dataset | Standardization | None" = None, per: Per = "feature"
    ) -> Self:
        """Center and scale each batch by the statistics of the training set (None: of this one).

        Measure on the training part only: `test.standardize(by=train)`. `per="all"` measures all
        features together, which suits pixels: one that is black in nearly every training image
        has a tiny std of its own, which would blow up the image that has it lit. `per="channel"`
        does so for each color of images.

        Raises:  DataError: the training set's examples have another shape, or channels are asked
                 for and these are not images.

        >>> train = Dataset(np.array([[1.], [3.]]), np.array([0., 1.])).standardize()
        >>> [inputs.tolist() for inputs, _ in train.batches(2)]
        [[[-1.0], [1.0]]]
        """
        if isinstance(by, Standardization):
            return replace(self, standardization=by)
        measured = self if by is None else by
        if per == "channel":
            images = measured.as_images()
            axis = 2 if images.layout == "HWC" else 0
            fitted = Standardization.fit(images.inputs, per, axis)
            return replace(self, standardization=fitted.with_shape(measured.shape))
        return replace(self, standardization=Standardization.fit(measured.inputs, per))

    def gather(self, rows: Any) -> tuple[Array, Array]:
        """The inputs as a batch has them and the targets of these rows (indices or a slice).

        >>> Dataset(np.array([[1.], [2.]]), np.array([5., 6.])).gather([1])
        (array([[2.]], dtype=float32), array([6.]))
        """
        if not isinstance(rows, slice):
            rows = np.atleast_1d(resolve_rows(rows, len(self)))
        return self._prepared(self.inputs[rows], self.targets[rows])

    def _prepared(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Stored examples and targets in the form that a batch has."""
        labels = np.int64 if targets.dtype.kind in "iu" else None
        return as_in_a_batch(inputs, self.standardization), np.array(targets, labels)

    def _as_stored(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Rows as they are stored, in memory of their own."""
        labels = np.int64 if targets.dtype.kind in "iu" else None
        return np.array(inputs, order="C"), np.array(targets, labels)

    @property
    def preparation_in_program(self) -> Standardization | None:
        """What a program does to stored inputs to have those of a batch; None: NumPy has to.

        Bytes are a quarter of the memory that a batch takes, and vectors convert them on the way.
        """
        if self.inputs.dtype == np.uint8:
            return self.standardization or OF_BYTES
        return self.standardization if self.inputs.dtype == np.float32 else None

    def _is_in_blocks(self) -> bool:
        if self.shuffle is None:
            return is_larger_than_memory(self.inputs)
        return self.shuffle == "blocks"

    def order(self, seed: int | None, epoch: int = 0) -> Array:
        """The row numbers in the order in which `batches` visits them in an epoch.

        >>> Dataset(np.zeros((3, 1)), np.zeros(3)).order(seed=None)
        array([0, 1, 2])
        """
        if seed is None:
            return np.arange(len(self))
        if self._is_in_blocks():
            return block_order(self.inputs, seed, epoch).order()
        return permutation(len(self), seed, epoch)

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
        *,
        as_stored: bool = False,
    ) -> Iterator[tuple[Array, Array]]:
        """Yield (inputs, targets) for one epoch, from batch number `start` on.

        The order is a pure function of (seed, epoch), and that of the file if seed is None; so
        `start=k` goes on exactly where an epoch stopped after k batches. `drop_last` leaves out
        a last batch that is not full. `as_stored` leaves it to the reader to standardize.

        Raises:  ArgumentError: batch < 1, or start beyond the epoch's end.

        >>> data = Dataset(np.array([[1.], [2.], [3.]]), np.array([1., 2., 3.]))
        >>> [targets.tolist() for _, targets in data.batches(2, start=1)]
        [[3.0]]
        """
        count = self.batch_count(batch, drop_last)
        require_integer("batches", "start", start, 0, count)
        if seed is not None:
            require_seed("batches", seed, epoch)
        read = self._reader(seed, epoch)
        prepared = self._as_stored if as_stored else self._prepared
        return self._batches(read, prepared, batch, range(start, count))

    def _reader(self, seed: int | None, epoch: int) -> Callable[[int, int], tuple[Array, Array]]:
        """What gives the stored rows that are visited from one number to before another."""
        if seed is not None and self._is_in_blocks():
            blocks = block_order(self.inputs, seed, epoch)
            return WindowReader(blocks, self.inputs, self.targets).read
        order = None if seed is None else permutation(len(self), seed, epoch)
        return RowReader(order, self.inputs, self.targets).read

    def _batches(
        self,
        read: Callable[[int, int], tuple[Array, Array]],
        prepared: Callable[[Array, Array], tuple[Array, Array]],
        batch: int,
        numbers: range,
    ) -> Iterator[tuple[Array, Array]]:
        for number in numbers:
            last = min((number + 1) * batch, len(self))
            yield prepared(*read(number * batch, last))
