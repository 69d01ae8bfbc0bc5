"""Convolutions of bfloat16: what is computed, bit for bit, and with which instructions."""

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.kernels import fused
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.translation import assembly
from tests.codegen.test_pairs import rounded

Shape = tuple[int, ...]

LAYERS: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((8, 32, 16, 16), (64, 32, 3, 3), {"padding": "same"}),
    ((8, 3, 32, 32), (32, 3, 3, 3), {"padding": "same"}),  # an odd number of channels
    ((16, 17, 14, 14), (24, 17, 3, 3), {"padding": "same"}),
    ((8, 16, 32, 32), (32, 16, 3, 3), {"padding": "same", "stride": 2}),
    ((8, 6, 14, 14), (16, 6, 5, 5), {}),
    ((4, 128, 4, 4), (128, 128, 3, 3), {"padding": "same"}),  # bands of channels
    ((16, 64, 7, 7), (64, 64, 3, 3), {"padding": "same"}),  # two images to each word
    ((2, 32, 8, 8), (48, 16, 3, 3), {"padding": "same", "groups": 2}),
    ((1, 16, 12, 12), (32, 16, 3, 3), {"padding": "same", "dilation": 2}),
    ((8, 20, 50), (33, 20, 7), {"padding": "same"}),
]
STAY: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((8, 1, 28, 28), (6, 1, 5, 5), {"padding": "same"}),  # one channel, an odd kernel
    ((8, 32, 8, 8), (32, 1, 3, 3), {"padding": "same", "groups": 32}),  # depthwise
    ((2, 4, 6, 6), (4, 4, 3, 3), {}),  # few multiplications
]


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_BF16", "emulated")


def given(x: Shape, w: Shape, settings: dict[str, Any]) -> list[np.ndarray]:
    """An image, a kernel, and a cotangent of the result."""
    y = cr.conv(cr.zeros(x), cr.zeros(w), **settings)
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape, np.float32) for shape in (x, w, y.shape)]


def both(x: Any, w: Any, c: Any, settings: dict[str, Any]) -> Any:
    """A convolution and its derivatives by both operands."""
    y, pullback = cr.vjp(lambda x, w: cr.conv(x, w, **settings), x, w)
    return y, *pullback(c)


def in_pairs(total: np.ndarray, terms: Any, count: int) -> np.ndarray:
    """A sum in float32 whose terms come in pairs along an axis, of each the second one first."""
    for first in range(0, count, 2):
        for place in terms.places:
            for k in (first + 1, first):
                if k < count:
                    total = total + terms.at(k, *place)
    return total


class Forward:
    """y[n, f, i, j] = Σ_c,r,s w[f, c, r, s] x[n, c, i + r, j + s]."""

    def __init__(self, x: np.ndarray, w: np.ndarray, side: int) -> None:
        self.x, self.w, self.side = x, w, side
        self.places = list(itertools.product(range(w.shape[2]), range(w.shape[3])))

    def at(self, c: int, r: int, s: int) -> np.ndarray:
        window = self.x[:, None, c, r : r + self.side, s : s + self.side]
        return self.w[None, :, c, r, s, None, None] * window


class ByKernel:
    """dw[f, c, r, s] = Σ_n,i,j dy[n, f, i, j] x[n, c, i + r, j + s]."""

    def __init__(self, x: np.ndarray, dy: np.ndarray, kernel: int) -> None:
        self.x, self.dy, self.kernel = x, dy, kernel
        self.places = list(itertools.product(range(dy.shape[2]), range(dy.shape[3])))

    def at(self, n: int, i: int, j: int) -> np.ndarray:
        window = self.x[n, None, :, i : i + self.kernel, j : j + self.kernel]
        return self.dy[n, :, i, j][:, None, None, None] * window


def padded(x: np.ndarray) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))


ORDERED = [
    *[((4, 128, 4, 4), (128, 128, 3, 3), f"x86-64-v{n}") for n in (3, 4)],
    *[((8, 33, 8, 8), (48, 33, 3, 3), f"x86-64-v{n}") for n in (2, 3, 4)],
]


@pytest.mark.parametrize(("x", "w", "name"), ORDERED)
def test_the_bits_are_those_of_the_documented_order(
    x: Shape, w: Shape, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = host_target()
    if not host.triple.startswith("x86_64") or target_for(name).vector_bits > host.vector_bits:
        pytest.skip("this machine lacks the instructions")
    monkeypatch.setenv("CHAINRULE_CPU", name)
    arrays = given(x, w, {"padding": "same"})
    image, kernel, c = map(rounded, arrays)
    y, dx, dw = (t.numpy() for t in cr.jit(both, precision="bf16")(*arrays, {"padding": "same"}))
    zeros = np.zeros_like
    np.testing.assert_array_equal(y, in_pairs(zeros(y), Forward(padded(image), kernel, x[2]), x[1]))
    # The kernel is gone through as it lies, so places of the cotangent come from the last one on.
    turned = Forward(padded(c), kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], x[2])
    turned.places.reverse()
    np.testing.assert_array_equal(dx, in_pairs(zeros(dx), turned, w[0]))
    if x[0] == 4:  # eight images are sums of their own, added up at the end
        np.testing.assert_array_equal(dw, in_pairs(zeros(dw), ByKernel(padded(image), c, 3), x[0]))


@pytest.mark.parametrize(("x", "w", "settings"), LAYERS, ids=str)
def test_all_three_products_are_those_of_rounded_factors(
    x: Shape, w: Shape, settings: dict[str, Any]
) -> None:
    arrays = given(x, w, settings)
    program = cr.jit(lambda *own: both(*own, settings), precision="bf16")
    exact = [cr.tensor(rounded(a).astype(np.float64)) for a in arrays]
    for found, wanted in zip(program(*arrays), both(*exact, settings), strict=True):
        size = np.abs(wanted.numpy()).max()
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=0, atol=2e-6 * size)
    assert program.loops(*arrays).count(" in bf16, ") >= 3


@pytest.mark.parametrize(("x", "w", "settings"), STAY, ids=str)
def test_what_has_no_pairs_stays_in_float32(x: Shape, w: Shape, settings: dict[str, Any]) -> None:
    arrays = given(x, w, settings)
    plain, asked = (
        cr.jit(lambda *own: both(*own, settings), precision=p) for p in ("float32", "bf16")
    )
    for a, b in zip(plain(*arrays), asked(*arrays), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
    assert " in bf16, " not in asked.loops(*arrays)


def not_all_finite(x: Shape, w: Shape) -> tuple[np.ndarray, np.ndarray]:
    """A convolution of images with a NaN and an infinity, in bf16 and in float32."""
    images, kernels_, _ = given(x, w, {})
    images[3, 2, 4, 4], images[1, 14, 0, 0] = np.nan, np.inf
    found = cr.jit(lambda x, w: cr.conv2d(x, w, padding="same"), precision="bf16")
    wanted = cr.conv2d(cr.tensor(images), cr.tensor(kernels_), padding="same")
    return found(images, kernels_).numpy(), wanted.numpy()


def test_numbers_that_are_not_finite_stay_where_they_are() -> None:
    found, wanted = not_all_finite((8, 15, 8, 8), (24, 15, 3, 3))
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))


def test_what_is_in_words_is_right_without_tiles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements that join a kernel may leave less for a row than a tile is worth."""
    x, w, settings = LAYERS[1]
    arrays = given(x, w, settings)
    wanted = [t.numpy() for t in cr.jit(both, precision="bf16")(*arrays, settings)]
    monkeypatch.setattr(fused, "plan_of", lambda *_: None)
    found = cr.jit(lambda *own: both(*own, settings), precision="bf16")(*arrays)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=0, atol=2e-6 * np.abs(b).max())


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = given(*LAYERS[0])
    made = []
    for threads in (1, 2):
        program = cr.jit(lambda *own: both(*own, LAYERS[0][2]), threads=threads, precision="bf16")
        made.append([t.numpy().tobytes() for t in program(*arrays)])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("cpu", "multiply"),
    [("cooperlake", "vdpbf16ps"), ("neoverse-v1", "bfdot")],
)
def test_all_three_products_are_translated_to_the_instruction(cpu: str, multiply: str) -> None:
    """Tiles of registers, several of them each."""
    arrays = given(*LAYERS[0])
    for wanted in range(3):
        graph = cr.jit(lambda *own, k=wanted: both(*own, LAYERS[0][2])[k]).graph(*arrays)
        plain, asked = target_for(cpu), target_for(cpu).replaced(precision="bf16")
        code = assembly(compile_graph(graph, asked).text, asked)
        assert code.count(f"\t{multiply}\t") >= 16
        assert multiply not in assembly(compile_graph(graph, plain).text, plain)
