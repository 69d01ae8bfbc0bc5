"""Convolutions of bfloat16 in the processor's tiles: what is computed, bit for bit."""

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.kernels import fused
from chainrule.codegen.program import compile_graph
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.translation import assembly
from tests.codegen.test_pairs import rounded
from tests.codegen.test_words import (
    LAYERS,
    STAY,
    ByKernel,
    Forward,
    Shape,
    both,
    given,
    not_all_finite,
    padded,
)

LAYER: tuple[Shape, Shape, dict[str, Any]] = (
    (32, 32, 16, 16), (48, 32, 3, 3), {"padding": "same"},
)  # fmt: skip
MORE: list[tuple[Shape, Shape, dict[str, Any]]] = [
    LAYER,
    ((64, 16, 24, 24), (32, 16, 3, 3), {"padding": "same"}),  # one and a half tiles to a line
    ((32, 48, 8, 8), (40, 48, 3, 3), {}),  # tiles of eight rows
    ((32, 64, 7, 7), (64, 64, 3, 3), {"padding": "same"}),  # lines of seven
    ((64, 24, 64), (32, 24, 5), {}),
]

pytestmark = pytest.mark.skipif(
    host_target().vector_bits < 512, reason="vectors are shorter than a tile"
)


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_BF16", "emulated-tiles")


Block = list[list[np.ndarray]]
"""The first products of some words, and the second ones."""


def in_tiles(total: np.ndarray, blocks: Iterable[Block]) -> np.ndarray:
    """A sum of blocks of words, of which all first products are added up apart, and all second."""
    for block in blocks:
        first, second = np.zeros_like(total), np.zeros_like(total)
        for one, two in zip(*block, strict=True):
            first, second = first + one, second + two
        total = total + (first + second)
    return total


def by_channels(terms: Forward, count: int, each: int = 32) -> Iterable[Block]:
    """Place by place of the kernel, so many channels at a time."""
    for place in terms.places:
        for begin in range(0, count, each):
            channels = range(begin, begin + each)
            yield [[terms.at(c, *place) for c in channels[half::2]] for half in (0, 1)]


def by_images(terms: ByKernel, images: range) -> Iterable[Block]:
    """Pair by pair of images and line by line, sixteen places at a time."""
    side = terms.dy.shape[2]
    for n, line in itertools.product(images[::2], range(side)):
        yield [[terms.at(n + half, line, p) for p in range(side)] for half in (0, 1)]


def test_the_bits_are_those_of_the_documented_order() -> None:
    x, w, settings = LAYER
    arrays = given(x, w, settings)
    image, kernel, c = map(rounded, arrays)
    y, dx, dw = (t.numpy() for t in cr.jit(both, precision="bf16")(*arrays, settings))
    forward = Forward(padded(image), kernel, x[2])
    np.testing.assert_array_equal(y, in_tiles(np.zeros_like(y), by_channels(forward, x[1])))
    # The kernel is gone through as it lies, so places of the cotangent come from the last one on.
    turned = Forward(padded(c), kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], x[2])
    turned.places.reverse()
    blocks = by_channels(turned, w[0], 24)  # 48 channels are two tiles of twelve pairs
    np.testing.assert_array_equal(dx, in_tiles(np.zeros_like(dx), blocks))
    terms = ByKernel(padded(image), c, 3)
    parts = [
        in_tiles(np.zeros_like(dw), by_images(terms, range(n, n + 2))) for n in range(0, 32, 2)
    ]
    np.testing.assert_allclose(dw, np.sum(parts, axis=0), rtol=0, atol=2e-6 * np.abs(dw).max())


@pytest.mark.parametrize(("x", "w", "settings"), [*LAYERS, *MORE, *STAY], ids=str)
def test_all_three_products_are_those_of_rounded_factors_or_of_float32(
    x: Shape, w: Shape, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = given(x, w, settings)
    found = cr.jit(lambda *own: both(*own, settings), precision="bf16")
    plain, exact = (
        both(*[cr.tensor(f(a).astype(np.float64)) for a in arrays], settings)
        for f in (np.asarray, rounded)
    )
    results = found(*arrays)
    for a, b, c in zip(results, plain, exact, strict=True):
        errors = [np.abs(a.numpy() - wanted.numpy()).max() for wanted in (b, c)]
        assert min(errors) <= 2e-6 * np.abs(c.numpy()).max()
    if host_target().bf16 == "amx":  # the processor's tiles give the bits of emulated ones
        monkeypatch.delenv("CHAINRULE_BF16")
        for a, b in zip(found(*arrays), results, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize(("x", "w", "settings"), MORE, ids=str)
def test_large_layers_are_in_tiles(x: Shape, w: Shape, settings: dict[str, Any]) -> None:
    arrays = given(x, w, settings)
    listed = cr.jit(lambda *own: both(*own, settings), precision="bf16").loops(*arrays)
    assert listed.count(" in bf16, ") == 3


def test_numbers_that_are_not_finite_stay_where_they_are() -> None:
    found, wanted = not_all_finite((32, 15, 16, 16), (24, 15, 3, 3))
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))


def test_what_is_in_words_is_right_without_tiles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements that join a kernel may leave less for a row than a tile is worth."""
    x, w, settings = LAYER
    arrays = given(x, w, settings)
    wanted = [t.numpy() for t in cr.jit(both, precision="bf16")(*arrays, settings)]
    monkeypatch.setattr(fused, "plan_of", lambda *_: None)
    found = cr.jit(lambda *own: both(*own, settings), precision="bf16")(*arrays)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=0, atol=2e-6 * np.abs(b).max())


def test_the_number_of_threads_changes_no_bit() -> None:
    arrays = given(*LAYER)
    made = []
    for threads in (1, 2, 5):
        program = cr.jit(lambda *own: both(*own, LAYER[2]), threads=threads, precision="bf16")
        made.append([t.numpy().tobytes() for t in program(*arrays)])
    assert made[0] == made[1] == made[2]


def test_all_three_products_are_translated_to_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAINRULE_BF16")
    arrays = given(*LAYER)
    asked = target_for("sapphirerapids").replaced(precision="bf16")
    for wanted in range(3):
        graph = cr.jit(lambda *own, k=wanted: both(*own, LAYER[2])[k]).graph(*arrays)
        code = assembly(compile_graph(graph, asked).text, asked)
        assert "\ttdpbf16ps\t" in code
        assert "vdpbf16ps" not in code
        assert code.count("\tldtilecfg\t") == code.count("\ttilerelease") == 1


def test_words_of_a_cotangent_are_made_of_those_of_its_channels() -> None:
    """What the program computes itself need not lie in memory as float32."""
    x, w, c = given(*LAYER)
    x *= np.float32(0.05)  # sums of about 1

    def derivatives(x: Any, w: Any, c: Any) -> Any:
        _, pullback = cr.vjp(lambda x, w: cr.tanh(cr.conv(x, w, padding="same")), x, w)
        return pullback(c)

    def apart(x: Any, w: Any, c: Any) -> Any:
        y = cr.conv(x, w, padding="same")
        return both(x, w, cr.vjp(cr.tanh, y)[1](c)[0], LAYER[2])[1:]

    program = cr.jit(derivatives, precision="bf16")
    assert "bitwise_right_shift" in program.loops(x, w, c)
    exact = apart(*[cr.tensor(a.astype(np.float64)) for a in (x, w, c)])
    for found, wanted in zip(program(x, w, c), exact, strict=True):
        size = np.abs(wanted.numpy()).max()
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=0, atol=0.02 * size)
