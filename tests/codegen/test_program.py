"""Random graphs as machine code: the numbers of the reference runtime, and no byte elsewhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.codegen.statements.steps import steps_of
from chainrule.runtime.native import NativeProgram
from tests.codegen.graphs import LARGE, Drawn, graphs
from tests.codegen.guarded import by_numpy, natively, optimized, shared_at_once

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def examples(count: int) -> Any:
    return settings(
        max_examples=count, derandomize=True, suppress_health_check=SLOW,
        database=None,
    )  # fmt: skip


def same(found: np.ndarray, wanted: np.ndarray, *, exact: bool) -> None:
    """Exact values have the same bits but for the sign of zero; others agree to rounding."""
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    if exact or wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted)
    else:
        tolerance = 2e-4 if wanted.dtype.itemsize == 4 else 1e-9
        size = max(1.0, np.abs(wanted).max(initial=0))
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * size)


def check(drawn: Drawn) -> None:
    graph, arrays = optimized(drawn, *drawn.inputs)
    wanted = by_numpy(graph, arrays)
    for a, b, exact in zip(natively(graph, arrays), wanted, drawn.exact, strict=True):
        same(a, b, exact=exact)


@examples(400)
@given(graphs())
def test_a_random_graph_has_the_values_of_the_reference(drawn: Drawn) -> None:
    check(drawn)


@examples(80)
@given(graphs(5, sizes=LARGE, elements=20_000))
def test_a_large_random_graph_has_the_values_of_the_reference(drawn: Drawn) -> None:
    check(drawn)


# ---------------------------------------------------------------- exact algebra

PRIMES = {"float32": 5, "float64": 1021, "int64": 8191}


@examples(25)
@given(
    sizes=st.lists(st.sampled_from([1, 2, 5, 16, 17, 40]), min_size=4, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(sorted(PRIMES)),
)
def test_multilinear_graphs_are_exact_over_a_prime_field(
    sizes: list[int], seed: int, dtype: str
) -> None:
    """Sums of products of remainders are integers without rounding: 40³ · 5³ < 2²⁴."""
    prime = PRIMES[dtype]
    generator = np.random.default_rng(seed)
    n, k, m, r = sizes
    a, b, c = (
        generator.integers(0, prime, shape) for shape in ((n, k), (k, m), (m, r))
    )  # fmt: skip
    rows = generator.integers(0, n, 7)

    def chain(a: Any, b: Any, c: Any) -> Any:
        ab = (a @ b) % prime
        abc = (ab @ c) % prime
        trace = cr.einsum("ij,jk,ik->", a, b, ab) % prime
        windows = cr.pad(abc, [(1, 1), (0, 2)])[::2, ::-1]
        spread = cr.zeros(abc.shape, dtype=dtype).at[cr.tensor(rows)].add(abc[cr.tensor(rows)])
        joined = cr.concat([abc, (2 * spread) % prime], axis=1)
        return ab, abc, trace, cr.sum(windows, axis=0) % prime, cr.permute_dims(joined, (1, 0))

    given_ = [x.astype(dtype) for x in (a, b, c)]
    graph, arrays = optimized(chain, *given_)
    ab = a @ b % prime
    abc = ab @ c % prime
    spread = np.zeros_like(abc)
    np.add.at(spread, rows, abc[rows])
    wanted = (
        ab,
        abc,
        (ab * (a @ b)).sum() % prime,
        np.pad(abc, [(1, 1), (0, 2)])[::2, ::-1].sum(0) % prime,
        np.concatenate([abc, 2 * spread % prime], axis=1).T,
    )
    for x, w in zip(natively(graph, arrays), wanted, strict=True):
        np.testing.assert_array_equal(x, w.astype(dtype))


def test_integers_wrap_around_as_in_numpy() -> None:
    x = np.random.default_rng(0).integers(-(2**62), 2**62, (9, 33))
    f = lambda x: (cr.einsum("ij,kj->ik", x, x), cr.sum(x * x * x, axis=0), x - 5 * x)  # noqa: E731
    graph, arrays = optimized(f, x)
    for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------- threads


def network(x: Any, w: Any, v: Any) -> Any:
    """A loss with products, a softmax, a norm and column sums, and its gradients."""

    def loss(w: Any, v: Any) -> Any:
        h = cr.gelu(x @ w)
        h = (h - cr.mean(h, axis=1, keepdims=True)) / cr.sqrt(
            cr.var(h, axis=1, keepdims=True) + 1e-5
        )
        y = cr.log_softmax(h @ v, axis=1)
        return -cr.mean(y[:, 0]) + 1e-3 * cr.sum(w * w)

    return cr.value_and_grad(loss, argnums=(0, 1))(w, v)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_changes_no_bit(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    shapes = ((301, 97), (97, 130), (130, 10))
    graph, arrays = optimized(
        network, *(generator.standard_normal(s).astype(dtype) for s in shapes)
    )
    shared_at_once(monkeypatch)
    made = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setenv("CHAINRULE_THREADS", str(threads))
        program = NativeProgram(graph)
        made += [[a.tobytes() for a in program(*arrays)] for _ in range(3)]
    assert all(other == made[0] for other in made)


@examples(40)
@given(graphs(6, sizes=LARGE, elements=20_000))
def test_the_number_of_threads_changes_no_bit_of_a_random_graph(drawn: Drawn) -> None:
    graph, arrays = optimized(drawn, *drawn.inputs)
    with pytest.MonkeyPatch.context() as patch:
        shared_at_once(patch)
        made = []
        for threads in (1, 3):
            patch.setenv("CHAINRULE_THREADS", str(threads))
            made.append([a.tobytes() for a in natively(graph, arrays)])
    assert made[0] == made[1]


# ---------------------------------------------------------------- what was wrong once


def test_a_chain_that_reads_every_value_twice_is_not_written_out() -> None:
    """Each value seemed cheap, given the one before in memory: so none was, and 2ⁿ were read."""

    def rolled(x: Any) -> Any:
        for _ in range(30):
            x = cr.flip(cr.roll(x, 1))
        return x

    graph, arrays = optimized(rolled, np.arange(12.0))
    assert 5 < len(steps_of(graph)) < 31
    np.testing.assert_array_equal(natively(graph, arrays)[0], np.arange(12.0))


def test_masks_are_added_at_places_in_vectors() -> None:
    def f(x: Any, i: Any) -> Any:
        return x.at[i].set(x[:1]), x.at[i, ::2].set(x[:1, ::2])

    x = np.arange(80).reshape(4, 20) % 3 == 0
    graph, arrays = optimized(f, x, np.array([1, 3, 3]))
    for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loop_may_be_given_arrays_without_elements() -> None:
    def last(x: Any) -> Any:
        step = lambda c, a: (a - c, c)  # noqa: E731
        return cr.scan(step, cr.zeros(x.shape[1:], dtype=x.dtype), x, reverse=True)

    for shape in ((0, 0), (0, 3), (4, 0)):
        graph, arrays = optimized(last, np.ones(shape, np.float32))
        for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_program_has_one_text_wherever_its_nodes_lie_in_memory() -> None:
    """Or a warm start would not find its machine code."""

    def several(x: Any) -> Any:
        a, b, c, d = (cr.tensor(np.full((3, 4), k, "float32")) for k in range(4))
        return cr.exp(a * x + b) * c + cr.sum(d * x), x @ a.mT

    programs, texts = [], set()
    for _ in range(12):
        programs.append(cr.jit(several))
        texts.add(programs[-1].assembly(np.ones((3, 4), "float32")))
    assert len(texts) == 1


def test_kernels_that_say_the_same_are_written_once() -> None:
    """Layers of one shape, and the updates of their weights, are the same loops elsewhere."""

    def layers(x: Any, *weights: Any) -> Any:
        for w in weights:
            x = cr.softmax(x * w) - cr.sum(x, axis=0)
        return x

    inputs = np.random.default_rng(0).standard_normal((6, 400, 401)).astype("float32")
    text = cr.jit(layers).llvm(*inputs)
    assert text.count("define internal void") < text.count("define void @k")
    graph, arrays = optimized(layers, *inputs)
    for found, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_what_reads_only_beyond_its_operand_leaves_nothing_to_compute() -> None:
    """Windows three places apart step over an image of two: the gradient is zero and has no sum."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(9, 32, 25, 2)), rng.normal(size=(32, 8, 1, 2))

    def f(x: cr.Tensor, w: cr.Tensor) -> cr.Tensor:
        return cr.sum(
            cr.conv2d(x, w, stride=(2, 1), padding=(0, 1), dilation=(1, 3), groups=4) ** 2
        )

    graph, arrays = optimized(cr.grad(f), x.astype("f"), w.astype("f"))
    (found,) = natively(graph, arrays)
    np.testing.assert_array_equal(found, np.zeros(x.shape, "f"))
