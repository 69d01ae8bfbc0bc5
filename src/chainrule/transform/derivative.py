"""Derivative: a Jacobian or Hessian that knows its structure, dense when used as an array."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.algebra.describe import describe
from chainrule.algebra.evaluate import dense_cost
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.decomposition import eigvalsh
from chainrule.functions.elementwise import add
from chainrule.functions.joining import concat
from chainrule.functions.lift import Lifted, as_tensor, cast, reshaped
from chainrule.functions.linalg import diagonal
from chainrule.functions.linear import matmul
from chainrule.functions.systems import solve
from chainrule.ir import build
from chainrule.late import late
from chainrule.tensors import Tensor, of_value
from chainrule.transform.bands import bandwidth, solve_banded
from chainrule.transform.dense import Blocks, Cost, Part
from chainrule.transform.operators import Structured
from chainrule.transform.spectrum import lanczos, largest, spectrum, spectrum_operations
from chainrule.transform.systems import (
    elements_of_solve,
    iterated,
    solve_structured,
    structured_operations,
)
from chainrule.transform.vectors import Vectors

__all__ = ["Cost", "Derivative", "Part"]

_sum = Lifted(lambda node: build.sum_(node, tuple(range(node.ndim))))
_dampen = Lifted(
    lambda matrix, number: build.add((
        matrix,
        build.einsum((number, build.delta(matrix.shape[0], matrix.dtype)), ((), (0, 1)), (0, 1)),
    ))
)  # fmt: skip
_SMALL = 1500  # rows up to which a dense matrix is the quickest way to all eigenvalues
_DENSE = 6000  # rows up to which a dense matrix is solved rather than iterated


class Derivative(Blocks, identity=True):
    """The derivatives of several results by several arguments.

    Where there is one result and one argument it can be used like a Tensor, the dense tensor with
    the axes of the result before those of the argument. Its structure (axes that a δ ties,
    Kronecker products, low rank) is found when it is made, and used by ``@``, ``diag``, ``trace``,
    ``eigs`` and ``solve``; the dense tensor is computed only when someone asks for it. In another
    transform (``jit``, ``vmap``, ``grad``) a Derivative that is returned becomes dense.

    >>> H = cr.hessian(lambda w, b: (w * w * b).sum(), argnums=(0, 1))(cr.tensor([1.0, 2.0]), 3.0)
    >>> H.block("w", "b")
    Tensor([2., 4.])
    >>> H.matrix()
    Tensor([[6., 0., 2.],
            [0., 6., 4.],
            [2., 4., 0.]])
    >>> X = cr.ones((5, 2))
    >>> H = cr.hessian(lambda W: ((X @ W) ** 2).sum())(cr.ones((2, 3)))
    >>> H.structure
    '2·Kronecker(XᵀX, I)'
    >>> H.trace()
    Tensor(60.)
    """

    # ------------------------------------------------------------ structure

    @property
    def structure(self) -> str:
        """What is known of the structure, as text: ``2·Kronecker(XᵀX, I)``."""
        lines = []
        for k, part in enumerate(self.parts):
            text = describe(part.form, part.names) if isinstance(part, Structured) else "dense"
            row, column = divmod(k, len(self.inputs))
            lines.append(f"{self.outputs[row].name}, {self.inputs[column].name}: {text}")
        return text if len(lines) == 1 else "\n".join(lines)

    @property
    def formula(self) -> str:
        """The formula of every block in the names of the program, with what its names mean.

        It was compared with the values. Where there is none, the structure is given.

        >>> X, y = cr.reshape(cr.arange(10.0), (5, 2)), cr.arange(5.0)
        >>> def loss(w):
        ...     z = X @ w
        ...     return cr.mean(cr.softplus(z) - y * z)
        >>> print(cr.hessian(loss)(cr.zeros(2)).formula)
        ∂²L/∂w∂wᵀ = 1/5 · Xᵀdiag(σ(z) ⊙ (1 − σ(z)))X
           where  z = Xw
        """
        return str(late("formula_of", self))

    @property
    def factors(self) -> tuple[Tensor, ...]:
        """The values of the small factors, in the order of their first place in ``structure``."""
        found: list[Tensor] = []
        for part in self.parts:
            if isinstance(part, Structured):
                found += part.compact.factors()
            elif part is not None:
                found.append(part)
        return tuple(found)

    def cost(self) -> Cost:
        """Predict memory and operations; nothing is computed."""
        whole = self.size * self.dtype.numpy.itemsize
        n = self._sides[0]
        if not self._structured:
            dense, product = (0, 2 * self.size)
            if self.map is not None:
                dense, product = self.map.dense_operations, self.map.product_operations
            return Cost(whole, whole, dense, product, 2 * n**3 // 3)
        pieces = self._structured
        own = structured_operations(pieces[0].form) if len(pieces) == 1 else None
        return Cost(
            whole,
            sum(p.value_bytes for p in pieces),
            self._dense_operations,
            self._product_operations,
            2 * n**3 // 3 if own is None else own,
        )

    @property
    def _dense_operations(self) -> int:
        own = sum(dense_cost(p.form).operations for p in self._structured)
        if self.map is None or all(not p.is_pending for p in self._structured):
            return own
        wide = max(p.form.core_size // max(p.form.shape[0], 1) for p in self._structured)
        return own + self.map.product_operations * max(wide, 1)

    @property
    def _product_operations(self) -> int:
        if self.map is not None and any(p.is_pending for p in self._structured):
            return self.map.product_operations
        return sum(p.product_operations() for p in self._structured)

    def per_sample(self, axis: int = 0) -> Tensor:
        """Give the Jacobian of each sample, where samples do not depend on each other.

        J[n, i…, j…] = ∂f(x)[n, i…] / ∂x[n, j…]

        Raises:  ArgumentError: they do, or the structure does not show that they do not.

        >>> J = cr.jacobian(lambda x: cr.tanh(x).sum(axis=1))(cr.zeros((4, 3)))
        >>> J.per_sample().shape
        (4, 3)
        """
        (part,) = self.parts if len(self.parts) == 1 else (None,)
        tied = part.form.common if isinstance(part, Structured) else ()
        if (axis, self._rank + axis) not in tied:
            raise ArgumentError(
                f"per_sample: the results along axis {axis} are not known to depend each on its "
                f"own sample alone\n\n    structure  {self.structure}"
            )
        assert isinstance(part, Structured)
        self._require("the Jacobians of samples", self.size // self.outputs[0].shape[axis])
        return part.per_place(axis)

    @property
    def _rank(self) -> int:
        return len(self.outputs[0].shape)

    # ------------------------------------------------------------ linear algebra

    def diag(self) -> Tensor:
        """Give the diagonal of the matrix: in the shape of the argument, flat for several."""
        self._require_square("diag")
        if not self._has_like_axes:
            whole: Tensor = diagonal(self.matrix())
            return reshaped(whole, self.inputs[0].shape) if len(self.inputs) == 1 else whole
        count = len(self.inputs)
        found = [self._diagonal_block(k * count + k) for k in range(count)]
        if count == 1:
            return found[0]
        return concat([reshaped(f, (i.size,)) for f, i in zip(found, self.inputs, strict=True)])

    def _diagonal_block(self, place: int) -> Tensor:
        part = self.parts[place]
        if isinstance(part, Structured):
            return part.diagonal()
        shape = self.inputs[place // len(self.inputs)].shape
        side = math.prod(shape)
        return reshaped(diagonal(reshaped(self.blocks[place], (side, side))), shape)

    def trace(self) -> Tensor:
        """Give the sum of the diagonal."""
        self._require_square("trace")
        if len(self.parts) == 1 and self._structured and self._has_like_axes:
            return self._structured[0].trace()
        return _sum([self.diag()])

    def _product(self, vectors: Sequence[Tensor]) -> list[Tensor]:
        """Multiply vectors, one Tensor for each argument with an axis that counts them."""
        self._require("the products", self._sides[0] * vectors[0].shape[-1])
        if (
            "blocks" not in self.__dict__
            and self.map is not None
            and self._is_map_faster(vectors[0].shape[-1])
        ):
            return self.map.product(vectors)
        made = []
        for r in range(len(self.outputs)):
            row = [self._block_product(r * len(self.inputs) + c, v) for c, v in enumerate(vectors)]
            total = row[0]
            for more in row[1:]:
                total = add(total, more)
            made.append(total)
        return made

    def _is_map_faster(self, count: int) -> bool:
        if not self._structured:
            return any(p is None for p in self.parts)
        if any(p.is_pending for p in self._structured):
            return True
        if any(p.is_chain for p in self._structured):
            own = sum(p.product_operations(count) for p in self._structured)
            return self.map is not None and self.map.product_operations * count < own
        return False

    def _block_product(self, place: int, vectors: Tensor) -> Tensor:
        part = self.parts[place]
        if isinstance(part, Structured):
            ready = part.__dict__.get("compact", part)
            made: Tensor = ready.product(vectors)
            return made
        row, column = divmod(place, len(self.inputs))
        count = vectors.shape[-1]
        sides = self.outputs[row].size, self.inputs[column].size
        flat = matmul(reshaped(self.blocks[place], sides), reshaped(vectors, (sides[1], count)))
        return reshaped(flat, (*self.outputs[row].shape, count))

    def __matmul__(self, other: Any) -> Any:
        """Multiply a vector: of the argument's shape, or flat; more of them along a last axis."""
        given = Vectors.read("@", other, self.inputs, self.dtype)
        if given is None:
            return self.dense() @ other
        return given.like(self._product(given.stacks), self.outputs)

    def solve(self, g: Any, damping: Any = 0.0) -> Any:
        """Solve (A + damping · I) x = g by the structure; g as for ``@``.

        The results and the arguments need as many elements, not the same axes.
        Kronecker factors are solved one by one, sums of them in the eigenvectors of their factors,
        blocks block by block, a diagonal plus low rank by Woodbury's identity, bands as bands,
        small matrices densely, large ones by products with vectors (MINRES).

        Raises:  ArgumentError: the iteration does not converge.

        >>> H = cr.hessian(lambda x: (x**4).sum())(cr.tensor([1.0, 2.0]))
        >>> H.solve(cr.tensor([12.0, 48.0]))
        Tensor([1., 1.])
        """
        self._require_square("solve")
        given = Vectors.read("solve", g, self.outputs, self.dtype)
        if given is None:
            like = self._has_like_axes
            name, wanted = ("arguments", self.inputs) if like else ("results", self.outputs)
            raise ShapeError(
                f"solve: the right side has shape {list(as_tensor(g, 'solve').shape)}, and the "
                f"{name} are {', '.join(f'{p.name} {list(p.shape)}' for p in wanted)}"
            )
        number = None if _is_zero(damping) else cast(as_tensor(damping, "solve"), self.dtype)
        return given.like(self._solved(given, number), self.inputs)

    def _solved(self, given: Vectors, damping: Tensor | None) -> list[Tensor]:
        count = self._sides[0]
        if len(self._structured) == 1 and (damping is None or self._has_like_axes):
            (block,) = self._structured
            block = block if damping is None else block.damped(damping)
            operations = structured_operations(block.form)
            if operations is not None and operations <= max(_DENSE**3, 2 * count**3 // 3):
                self._require("the blocks", elements_of_solve(block.form))
                return [solve_structured(block, given.stacks[0])]
        flat = given.flat()
        width = self._bandwidth
        if width is not None and 4 * width < count and _is_known(flat) and self._is_evaluated:
            shift = 0.0 if damping is None else float(damping)
            found = solve_banded(self._flat_products(shift), flat.numpy(), width)
            return given.split(of_value(found), self.inputs)
        if count <= _DENSE or not _is_known(flat):
            matrix = self.matrix()
            matrix = matrix if damping is None else _dampen([matrix, damping])
            return given.split(solve(matrix, flat), self.inputs)
        shift = 0.0 if damping is None else float(damping)
        found = iterated(self._flat_products(shift), flat.numpy(), self.symmetric)
        return given.split(of_value(found), self.inputs)

    @property
    def _bandwidth(self) -> int | None:
        has_bands = len(self._structured) == 1 and self._has_like_axes
        return bandwidth(self._structured[0].form) if has_bands else None

    @property
    def _is_evaluated(self) -> bool:
        return all(_is_known(t) for p in self._structured for t in p.values.values())

    def _flat_products(self, shift: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
        """The product with flat NumPy vectors, with evaluated factors, for iterations."""
        for part in self._structured:
            if not part.is_chain:
                part.compact  # noqa: B018 — evaluated once, before many products

        def product(x: np.ndarray) -> np.ndarray:
            columns = np.ascontiguousarray(x, self.dtype.numpy).reshape(len(x), -1)
            given = Vectors.split_flat(of_value(columns), self.inputs)
            made = [m.numpy().reshape(-1, columns.shape[1]) for m in self._product(given)]
            found = np.concatenate(made).reshape(x.shape)
            return found + shift * x if shift else found

        return product

    def eigs(self, k: int | None = None) -> Tensor:
        """Give the k eigenvalues of largest absolute value (all without k), in descending order.

        Those of a Kronecker product are the products of its factors' eigenvalues; blocks have
        their own; else a small matrix is decomposed, and a large one asked by Lanczos' method.

        Raises:  ArgumentError: the matrix is not symmetric.

        >>> cr.hessian(lambda x: (x**3).sum())(cr.tensor([1.0, -2.0, 3.0])).eigs(2)
        Tensor([ 18., -12.])
        """
        self._require_square("eigs")
        if not (self.symmetric or (len(self._structured) == 1 == len(self.parts)
                                   and self._has_like_axes
                                   and self._structured[0].form.symmetric)):  # fmt: skip
            raise ArgumentError(
                "eigs: the matrix is not known to be symmetric\n\n"
                "  Use cr.linalg.eigvals(J.matrix()) for complex eigenvalues."
            )
        size = self._sides[0]
        if k is not None and not 0 < k <= size:
            raise ArgumentError(f"eigs: k={k} of {size} eigenvalues")
        if len(self._structured) == 1:
            operations = spectrum_operations(self._structured[0].form)
            if operations is not None and operations <= _SMALL**3:
                return largest(spectrum(self._structured[0]), k)
        if k is not None and k < size - 1 and size > _SMALL:
            return lanczos(self._flat_products(), size, k, self.dtype.numpy)
        return largest(eigvalsh(self.matrix()), k)

    @property
    def _has_like_axes(self) -> bool:
        """Whether rows and columns count through the same axes."""
        return [o.shape for o in self.outputs] == [i.shape for i in self.inputs]

    def _require_square(self, method: str) -> None:
        if self._sides[0] != self._sides[1]:
            rows, columns = (
                ", ".join(f"{p.name} {list(p.shape)}" for p in ps)
                for ps in (self.outputs, self.inputs)
            )
            raise ShapeError(
                f"{method}: the derivative of {rows} by {columns} is not a square matrix"
            )


def _is_zero(number: Any) -> bool:
    return isinstance(number, int | float) and number == 0


def _is_known(tensor: Tensor) -> bool:
    return tensor._recording is None


def _flatten(found: Derivative) -> tuple[Iterable[Any], Any, Iterable[Any]]:
    names = [f"{o.name}_{i.name}" for o in found.outputs for i in found.inputs]
    return found.blocks, (found.outputs, found.inputs, found.dtype, found.symmetric), names


def _unflatten(static: Any, blocks: Iterable[Any]) -> Derivative:
    outputs, inputs, dtype, symmetric = static
    return Derivative(outputs, inputs, tuple(blocks), dtype, None, symmetric, None)


tree.register(Derivative, _flatten, _unflatten)
