"""Contractions against NumPy's own loops, over every way to place the labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.ir.subscripts import Labels, Subscripts, canonical
from chainrule.runtime.contraction import einsum_kernel
from chainrule.runtime.quiet import quietly

Drawn = tuple[Subscripts, tuple[tuple[int, ...], ...]]


@st.composite
def contractions(draw: st.DrawFn, operands: int) -> Drawn:
    """Subscripts with labels in any order, and shapes with axes of size 0 and 1 among them."""
    labels = st.lists(st.integers(0, 4), max_size=4)
    inputs = tuple(tuple(draw(labels)) for _ in range(operands))
    known = sorted({label for own in inputs for label in own})
    count = draw(st.integers(0, len(known)))
    output = tuple(draw(st.permutations(known))[:count])
    size = {label: draw(st.sampled_from([0, 1, 2, 3, 3, 4])) for label in known}
    shapes = tuple(tuple(size[label] for label in own) for own in inputs)
    return canonical(inputs, output), shapes


def expected(subscripts: Subscripts, arrays: list[np.ndarray]) -> np.ndarray:
    """NumPy's unoptimized loop."""
    operands: list[object] = []
    for array, labels in zip(arrays, subscripts.inputs, strict=True):
        operands += [array, list(labels)]
    return np.asarray(np.einsum(*operands, list(subscripts.output), optimize=False))


def check(drawn: Drawn, seed: int = 0) -> None:
    """Compare on floats, and on strided integers, where equality is exact."""
    subscripts, shapes = drawn
    generator = np.random.default_rng(seed)
    kernel = einsum_kernel(subscripts)
    floats = [generator.standard_normal(s) for s in shapes]
    found = np.asarray(kernel(*floats))
    np.testing.assert_allclose(found, expected(subscripts, floats), rtol=1e-12, atol=1e-12)
    assert found.dtype == np.float64
    whole = [np.array(generator.integers(-9, 9, s), order="F") for s in shapes]
    turned = [x[::-1] if x.ndim else x for x in whole]
    found = np.asarray(kernel(*turned))
    np.testing.assert_array_equal(found, expected(subscripts, turned))
    assert found.dtype == np.int64


@settings(max_examples=150)
@given(contractions(1))
def test_one_operand(drawn: Drawn) -> None:
    check(drawn)


@settings(max_examples=600)
@given(contractions(2))
def test_two_operands(drawn: Drawn) -> None:
    check(drawn)


@settings(max_examples=150)
@given(contractions(3))
def test_three_operands(drawn: Drawn) -> None:
    check(drawn)


M, J, K, B = range(4)
NAMED: dict[str, tuple[tuple[Labels, ...], Labels]] = {
    "a matrix product": (((M, J), (J, K)), (M, K)),
    "a matrix product, transposed result": (((M, J), (J, K)), (K, M)),
    "a stack of matrix products": (((B, M, J), (B, J, K)), (B, M, K)),
    "a stack in the middle": (((M, B, J), (J, B, K)), (M, B, K)),
    "an inner product": (((M, J), (M, J)), ()),
    "an inner product with a transpose": (((M, J), (J, M)), ()),
    "inner products of rows": (((M, J), (M, J)), (M,)),
    "inner products of columns": (((M, J), (M, J)), (J,)),
    "a matrix and a vector": (((M, J), (J,)), (M,)),
    "a vector and a matrix": (((J,), (J, M)), (M,)),
    "matrices and vectors": (((B, M, J), (B, J)), (B, M)),
    "vectors and matrices, transposed result": (((J, B), (B, J, M)), (M, B)),
    "matrices in the middle and vectors": (((M, B, J), (J, B)), (B, M)),
    "an outer product": (((M,), (J,)), (J, M)),
    "a product with a number": (((), (M, J)), (M, J)),
    "a trace": (((M, M),), ()),
    "a diagonal": (((M, M),), (M,)),
    "a diagonal times a vector": (((M, M), (M,)), (M,)),
    "a label that is in one operand only": (((M, J, K), (J,)), (J,)),
    "two contracted axes in another order": (((M, J, K), (K, J, B)), (B, M)),
    "a chain of three": (((M, J), (J, K), (K, B)), (M, B)),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("sizes", [(3, 4, 5, 2), (1, 1, 1, 1), (0, 3, 0, 1), (2, 0, 3, 1)])
def test_the_kernel_computes(name: str, sizes: tuple[int, ...]) -> None:
    inputs, output = NAMED[name]
    shapes = tuple(tuple(sizes[label] for label in own) for own in inputs)
    check((canonical(inputs, output), shapes))


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float32"])
def test_the_dtype_stays(name: str, dtype: str) -> None:
    inputs, output = NAMED[name]
    arrays = [np.ones((2,) * len(own), dtype) for own in inputs]
    assert np.asarray(einsum_kernel(canonical(inputs, output))(*arrays)).dtype == dtype


@pytest.mark.parametrize(
    ("inputs", "output"), [(((M, J), (M, J)), (M,)), (((M, J), (J, K)), (M, K))]
)
def test_infinities_and_nan_stay_in_their_rows(inputs: tuple[Labels, ...], output: Labels) -> None:
    x = np.array([[1.0, 2.0], [np.inf, 1.0], [np.nan, 1.0]])
    y = x if len(output) == 1 else np.ones((2, 2))
    found = np.asarray(quietly(einsum_kernel(canonical(inputs, output)), x, y)).reshape(3, -1)
    assert np.isfinite(found[0]).all()
    assert np.isposinf(found[1]).all()
    assert np.isnan(found[2]).all()
