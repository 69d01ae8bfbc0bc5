"""What lies across the direction of the results is turned over in squares, with the same bits."""

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.kernels.fused import _without_inner
from chainrule.codegen.kernels.squares import Squares, squares_of
from chainrule.codegen.statements.clusters import clusters
from chainrule.codegen.statements.fuse import fuse
from chainrule.codegen.statements.steps import steps_of
from tests.codegen.guarded import by_numpy, natively, optimized

F = Callable[..., object]


def drawn(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) > 0.5
    if dtype.startswith("float"):
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 100, shape).astype(dtype)


def squares(f: F, *inputs: np.ndarray) -> list[Squares]:
    """The squares of a program's kernels."""
    graph, _ = optimized(f, *inputs)
    found = []
    for item in fuse(steps_of(graph)):
        rank = _without_inner(item.statements, item.rank)
        made = squares_of(clusters(item.statements, rank), rank)
        found += [made] if made is not None else []
    return found


def assert_same_bits(f: F, *inputs: np.ndarray) -> None:
    graph, arrays = optimized(f, *inputs)
    for ours, expected in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_array_equal(ours, expected)
        assert ours.dtype == expected.dtype


SHAPES = [(8, 8), (16, 16), (17, 17), (64, 64), (65, 65), (127, 300), (300, 10), (9, 257),
          (130, 130), (520, 520), (1030, 600)]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int8", "uint16", "bool"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_transposed_copy_is_that_of_numpy(shape: tuple[int, int], dtype: str) -> None:
    x = drawn(*shape, dtype=dtype)
    assert len(squares(lambda x: cr.where(x.T == x.T, x.T, x.T), x)) == 1
    assert_same_bits(lambda x: cr.where(x.T == x.T, x.T, x.T), x)


@pytest.mark.parametrize("ones", [(0,), (1,), (2,), (0, 3), (2, 3)])
def test_axes_of_one_element_do_not_disturb_what_is_turned_over(ones: tuple[int, ...]) -> None:
    x, y = (np.expand_dims(drawn(*shape), ones) for shape in ((65, 63), (63, 65)))
    rows, columns = (k for k in range(x.ndim) if k not in ones)

    def f(x: cr.Tensor, y: cr.Tensor) -> cr.Tensor:
        return x * cr.swapaxes(y, rows, columns) + x

    assert len(squares(f, x, y)) == 1
    assert_same_bits(f, x, y)


@pytest.mark.parametrize("size", [8, 15, 16, 33, 64, 100, 129, 257, 385, 530])
def test_a_matrix_plus_its_transpose_is_that_of_numpy_and_symmetric(size: int) -> None:
    x = drawn(size, size)
    assert_same_bits(lambda x: x + x.T, x)
    made = np.asarray(cr.jit(lambda x: x + x.T)(x))
    assert made.tobytes() == made.T.tobytes()


@pytest.mark.parametrize(("rows", "columns"), [(40, 50), (130, 70), (600, 520)])
def test_several_matrices_of_several_types_are_turned_over_in_one_kernel(
    rows: int, columns: int
) -> None:
    x, y = drawn(rows, columns), drawn(columns, rows, dtype="float64", seed=1)
    z = drawn(columns, rows, dtype="bool", seed=2)

    def f(x: cr.Tensor, y: cr.Tensor, z: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        made = cr.where(z.T, x, 2 * y.T)
        return made, made - cr.maximum(y.T, 0)

    (found,) = squares(f, x, y, z)
    assert sorted(str(n.dtype) for n in found.turned.values()) == ["bool", "float64"]
    assert_same_bits(f, x, y, z)


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 1, 0), (2, 0, 1), (1, 2, 0), (1, 0, 2)])
@pytest.mark.parametrize("shape", [(3, 20, 33), (40, 5, 24), (12, 70, 9)])
def test_axes_in_any_order_are_those_of_numpy(
    shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    x = drawn(*shape)
    assert_same_bits(lambda x: cr.permute_dims(x, axes) * 3, x)
    assert_same_bits(lambda x: cr.flip(cr.permute_dims(x, axes), axis=1) - 1, x)


def test_images_of_many_channels_are_turned_over_and_those_of_three_are_read_as_vectors() -> None:
    def to_channels_first(x: cr.Tensor) -> cr.Tensor:
        return cr.permute_dims(x, (0, 3, 1, 2)) * 2

    assert len(squares(to_channels_first, drawn(2, 12, 12, 16))) == 1
    assert squares(to_channels_first, drawn(2, 12, 12, 3)) == []
    assert_same_bits(to_channels_first, drawn(2, 12, 12, 16))


def test_squares_that_mirror_each_other_follow_one_another_where_memory_is_the_same() -> None:
    x, y = drawn(200, 200), drawn(200, 200, seed=1)
    assert [s.mirrored for s in squares(lambda x: x + x.T, x)] == [True]
    assert [s.mirrored for s in squares(lambda x, y: x + y.T, x, y)] == [False]
    assert squares(lambda x, y: x + y, x, y) == []


def test_every_square_is_gone_through_once() -> None:
    for size in (64, 65, 128, 150, 300, 321):
        (found,) = squares(lambda x: x + x.T, drawn(size, size))
        rows, columns = found.blocks
        even = rows + rows % 2
        assert found.units == even // 2 * (even + 1) >= rows * (columns + 1) // 2


def test_what_lies_beyond_a_matrix_is_not_turned_over() -> None:
    x = drawn(50, 40)
    assert_same_bits(lambda x: cr.pad(x, ((1, 2), (3, 0))).T + 1, x)


def test_bits_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = drawn(700, 700)
    made = []
    for threads in ("1", "2"):
        monkeypatch.setenv("CHAINRULE_THREADS", threads)
        made.append(np.asarray(cr.jit(lambda x: cr.tanh(x) - 2 * x.T)(x)).tobytes())
    assert made[0] == made[1]


OF_ROWS = {
    "softmax": lambda x: cr.softmax(x.T, axis=1),
    "layer norm": lambda x: cr.layer_norm(x.T, x[:, 0], x[:, 1]),
    "sums": lambda x: (cr.exp(x.T), cr.sum(cr.exp(x.T), axis=1)),
}


@pytest.mark.parametrize("shape", [(70, 90), (129, 300), (300, 40), (16, 1000)])
@pytest.mark.parametrize("name", OF_ROWS)
@pytest.mark.parametrize("derived", [False, True])
def test_rows_of_a_transposed_matrix_are_those_of_numpy(
    name: str, shape: tuple[int, int], derived: bool
) -> None:
    f = OF_ROWS[name]
    if derived:
        f = cr.grad(lambda x: cr.sum(cr.tree.flatten(OF_ROWS[name](x))[0][0] * x.T))
    graph, arrays = optimized(f, drawn(*shape, dtype="float64"))
    assert any(item.rank == 2 for item in fuse(steps_of(graph)))
    for ours, expected in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)
