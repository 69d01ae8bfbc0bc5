"""Native programs take any array, refuse what does not fit, and serve many threads."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import CapacityError, IndexingError
from chainrule.runtime import memory, native
from chainrule.runtime.filling import Moving, filling
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.programs import ready
from chainrule.runtime.reference import Program
from tests.codegen.guarded import by_numpy, natively, optimized
from tests.runtime.fillings import SCALE, scaled


def frozen(x: np.ndarray) -> np.ndarray:
    x.setflags(write=False)
    return x


ARRAYS = {
    "reversed": np.arange(12.0)[::-1],
    "every other": np.arange(24.0)[::2],
    "transposed": np.arange(12.0).reshape(3, 4).T,
    "in Fortran's order": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "a part": np.arange(40.0).reshape(5, 8)[1:4, 2:7],
    "broadcast": np.broadcast_to(np.float64(3.0), (4, 5)),
    "a broadcast row": np.broadcast_to(np.arange(5.0), (4, 5)),
    "read-only": frozen(np.arange(6.0)),
    "read-only and reversed": frozen(np.arange(6.0)[::-1]),
    "unaligned": np.frombuffer(bytearray(range(49)), np.uint8)[1:].view(np.int64),
    "unaligned float32": np.frombuffer(bytearray(41), np.uint8)[1:].view(np.float32),
    "byte-swapped": np.arange(6.0).astype(np.dtype(np.float64).newbyteorder()),
    "byte-swapped, read-only": frozen(np.arange(6).astype(np.dtype(np.int32).newbyteorder())),
    "without axes": np.array(2.5),
    "empty": np.zeros((0, 3)),
    "empty in the middle": np.zeros((2, 0, 3)),
    "of one element": np.ones((1, 1, 1)),
    "a field of records": np.zeros(5, [("a", np.uint8), ("b", np.float64)])["b"],
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("copied", [True, False])
def test_any_array_is_read_right(name: str, copied: bool) -> None:
    """As jit is given it, which may copy it, and as the program is."""
    given = ARRAYS[name]
    f = lambda x: (2 * x + 1, cr.sum(x), cr.sum(x, axis=0) if x.ndim else x)  # noqa: E731
    own = given.astype(given.dtype.newbyteorder("="))
    wanted = f(cr.tensor(own.copy()))
    if copied:
        found = [t.numpy() for t in cr.jit(f)(given)]
    else:
        graph, _ = optimized(f, own)
        unswapped = given if given.dtype.isnative else own
        found = NativeProgram(graph)(unswapped)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
        assert a.shape == b.shape


def test_inputs_are_never_written_to() -> None:
    x = frozen(np.arange(6.0))
    step = cr.jit(lambda x: cr.scan(lambda c, a: (c + a, c), x, cr.ones((3, 6)))[0])
    assert step(x).tolist() == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_results_of_earlier_calls_stay_as_they_are() -> None:
    f = cr.jit(lambda x: (x + 1, cr.exp(x)))
    made = [f(cr.tensor(np.full(1000, float(k)))) for k in range(20)]
    for k, (a, b) in enumerate(made):
        assert (a.numpy() == k + 1).all()
        np.testing.assert_allclose(b.numpy(), np.exp(k), rtol=1e-14)


def test_an_output_that_is_an_input_or_a_constant_is_given() -> None:
    c = np.arange(3.0)
    f = cr.jit(lambda x, y: (x, y, x, cr.tensor(c), x + y))
    x, y = cr.tensor([1.0, 2.0]), cr.tensor(3.0)
    assert [t.tolist() for t in f(x, y)] == [
        [1.0, 2.0], 3.0, [1.0, 2.0], [0.0, 1.0, 2.0], [4.0, 5.0],
    ]  # fmt: skip


# ---------------------------------------------------------------- indices

T = np.arange(12.0).reshape(4, 3)
READERS: dict[str, Any] = {
    "take": lambda t, i: cr.take(t, i, axis=0),
    "embedding": lambda t, i: cr.embedding(i, t),
    "take along": lambda t, i: cr.take_along_axis(t, cr.expand_dims(i, 1), axis=0),
    "add": lambda t, i: t.at[i].add(1.0),
    "gradient": lambda t, i: cr.grad(lambda t: cr.sum(cr.embedding(i, t) ** 2))(t),
    "in a scan": lambda t, i: cr.scan(lambda c, k: (c + cr.take(t, k, axis=0), k), t[0], i)[0],
    "in a branch": lambda t, i: cr.cond(
        i[0] != 0, lambda a: cr.take(a, i, axis=0), lambda a: a[:2], t
    ),
    "after a step of the host": lambda t, i: cr.take(cr.sort(t, axis=0), i, axis=0) * 2,
}


@pytest.mark.parametrize("wrong", [4, 1000, -5, 2**40, -(2**62)])
@pytest.mark.parametrize("name", READERS)
def test_an_index_out_of_bounds_raises_what_the_reference_raises(name: str, wrong: int) -> None:
    f = READERS[name]
    good, bad = np.array([1, 3]), np.array([abs(wrong), wrong])
    graph, arrays = optimized(f, T, good)
    for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(IndexingError) as wanted:
        Program(graph)(T, bad)
    with pytest.raises(IndexingError) as caught:
        NativeProgram(graph)(T, bad)
    assert str(caught.value) == str(wanted.value)


def test_a_branch_that_is_not_taken_checks_no_index() -> None:
    f = cr.jit(READERS["in a branch"])
    assert f(T, np.array([0, 1000])).tolist() == T[:2].tolist()


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (
            lambda x: cr.exp(cr.broadcast_to(x, (1 << 20, 1 << 20))),
            ("the program would take 8.8 TB of memory, and 1 GB are free\n\n"
            "  8.8 TB for results, 0 bytes for what leads to them. Nothing was computed."),
        ),
        (
            lambda x: (cr.exp(cr.broadcast_to(x, (1 << 16, 1 << 8)))
                       @ cr.sin(cr.broadcast_to(x, (1 << 8, 1 << 16))))[0, 0] * 2,
            ("the program would take 34.6 GB of memory, and 1 GB are free\n\n"
            "  8 bytes for results, 34.6 GB for what leads to them. Nothing was computed."),
        ),
        (
            lambda x: cr.exp(cr.broadcast_to(x, (1 << 31, 1 << 31))),
            ("the program would take 36.9 EB of memory, and 1 GB are free\n\n"
            "  36.9 EB for results, 0 bytes for what leads to them. Nothing was computed."),
        ),
    ],
    ids=["result", "arena", "beyond all addresses"],
)  # fmt: skip
def test_too_large_a_program_is_refused_before_anything_is_allocated(
    f: Any, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    monkeypatch.setattr(native, "placed", lambda *_: pytest.fail("something was allocated"))
    with pytest.raises(CapacityError) as caught:
        cr.jit(f)(cr.tensor(1.0))
    assert str(caught.value) == text


# ---------------------------------------------------------------- threads, depth, length


def test_many_threads_may_call_one_function() -> None:
    def loss(w: Any, x: Any) -> Any:
        return cr.sum(cr.softmax(cr.tanh(x @ w) @ w, axis=1) ** 2)

    f = cr.jit(cr.value_and_grad(loss))
    generator = np.random.default_rng(0)
    w = generator.standard_normal((40, 40))
    inputs = [generator.standard_normal((150, 40)) for _ in range(8)]
    wanted = [f(w, x)[1].numpy() for x in inputs]
    wrong: list[int] = []

    def work(k: int) -> None:
        for turn in range(40):
            own = (k + turn) % 8
            if f(w, inputs[own])[1].numpy().tobytes() != wanted[own].tobytes():
                wrong.append(own)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_many_threads_may_be_the_first_to_call() -> None:
    for _ in range(3):
        f = cr.jit(lambda x: cr.cumulative_sum(cr.exp(x) + x))
        gate, found = threading.Barrier(6), []

        def work(f: Any = f, gate: Any = gate, found: Any = found) -> None:
            gate.wait()
            found.append(f(cr.ones(50)).numpy().tobytes())

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6
        assert len(set(found)) == 1


CHAINS: dict[str, Any] = {
    "smooth": lambda x: cr.tanh(1.5 * x),
    "views": lambda x: cr.flip(cr.roll(x, 1)),
    "reshapes": lambda x: cr.reshape(cr.permute_dims(cr.reshape(x, (3, 4)), (1, 0)), (12,)),
    "joins": lambda x: cr.concat([x[1:], x[:1]]),
    "sums": lambda x: cr.sum(x) * x * 0.3,
    "choices": lambda x: cr.where(x > 0, x - 1, x + 1),
}


@pytest.mark.parametrize("name", CHAINS)
def test_an_expression_may_be_deep(name: str) -> None:
    """Deeper than Python's stack: nothing recurses over the graph."""

    def deep(x: Any) -> Any:
        for _ in range(300):
            x = CHAINS[name](x)
        return x

    x = np.linspace(-0.5, 1.0, 12)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(600)
    try:
        graph, arrays = optimized(deep, x)
        found = natively(graph, arrays)
    finally:
        sys.setrecursionlimit(limit)
    np.testing.assert_allclose(found[0], by_numpy(graph, arrays)[0], rtol=1e-9, atol=1e-300)


def test_scans_may_be_nested() -> None:
    def nested(x: Any, depth: int) -> Any:
        if not depth:
            return cr.sin(x)
        return cr.scan(lambda c, _: (nested(c, depth - 1), c), x, length=2)[0]

    graph, arrays = optimized(lambda x: nested(x, 5), np.ones(3))
    np.testing.assert_allclose(natively(graph, arrays)[0], by_numpy(graph, arrays)[0], rtol=1e-12)


def test_a_very_long_program_is_interpreted() -> None:
    """To translate it would take longer than it runs."""

    def long(x: Any) -> Any:
        for k in range(5_001):
            x = cr.sin(x) * (2 + k % 3)
        return x

    graph, arrays = optimized(long, np.ones(3))
    assert len(graph.nodes()) > 10_000
    program = ready(graph)
    assert isinstance(program, Program)
    np.testing.assert_allclose(program(*arrays)[0], long(cr.ones(3)).numpy(), rtol=1e-9)


@pytest.mark.parametrize("count", [5, 16, 40, 43])
@pytest.mark.parametrize("tail", [(), (3,)])
def test_blocks_fill_an_array(count: int, tail: tuple[int, ...]) -> None:
    """Where a block lies at no multiple of 64 bytes, and where it goes beyond the end, too."""
    x, scale = np.random.default_rng(0).standard_normal((64, *tail)), np.asarray(3.0)
    graph, _ = optimized(lambda scale, x: cr.exp(x) * scale, scale, x[:8])
    program = ready(graph)
    assert isinstance(program, NativeProgram)
    assert program.fills
    fill, begin = filling(program, 1), max(0, count - 8)
    assert fill is not None
    for number in range(3):  # what a call leaves behind the next one uses
        moving = [Moving(x + number, 8, (x + number)[begin : begin + 8])]
        found = fill(count, [scale], moving, begin)
        np.testing.assert_allclose(found, np.exp(x[:count] + number) * 3)


def test_blocks_of_several_inputs_move_each_in_its_own_way() -> None:
    """One lies block after block, one is a number for each block, one is always the same."""
    fill, moving = scaled(4)
    (x, _, last), (same, *_), _ = moving
    found = fill(29, [SCALE], moving, 24)
    expected = [(x[8 * k :][:8] if k < 3 else last) * 2 + same + k for k in range(4)]
    np.testing.assert_array_equal(found, np.concatenate(expected)[:29])


def test_a_block_that_fails_says_what_is_wrong() -> None:
    table = np.arange(5.0)
    graph, _ = optimized(cr.take, table, np.zeros(8, int))
    program = ready(graph)
    assert isinstance(program, NativeProgram)
    fine, wrong = np.arange(8) % 5, np.full(8, 7)
    fill = filling(program, 1)
    assert fill is not None
    one, both = [Moving(fine, 8, fine)], np.concatenate([fine, wrong])
    np.testing.assert_array_equal(fill(8, [table], one, 0), fine)
    for given in (both, both[::-1].copy()):
        with pytest.raises(IndexingError):
            fill(16, [table], [Moving(given, 8, given[8:])], 8)
    np.testing.assert_array_equal(fill(8, [table], one, 0), fine)
