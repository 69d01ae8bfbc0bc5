"""Programs whose products are computed in bfloat16: which products, which bits, what is said."""

import os
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.program import compile_graph
from chainrule.runtime import engine
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.translation import assembly
from tests.codegen.test_pairs import product_in_pairs

SIZES = (200, 96, 64, 10)
BATCH = 67


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_BF16", "emulated")


def layers() -> list[tuple[cr.Tensor, cr.Tensor]]:
    generator = np.random.default_rng(3)
    return [
        (
            cr.tensor(generator.standard_normal((n, m), np.float32) / np.float32(n**0.5)),
            cr.zeros(m, dtype="float32"),
        )
        for n, m in pairwise(SIZES)
    ]


def batch() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    return generator.standard_normal((BATCH, SIZES[0]), np.float32), generator.integers(
        10, size=BATCH
    )


def scores(layers, x):
    for w, b in layers[:-1]:
        x = cr.relu(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def step(layers, x, y):
    """A step of gradient descent."""
    loss, gradients = cr.value_and_grad(lambda p: cr.loss.cross_entropy(scores(p, x), y))(layers)
    sgd = cr.optim.SGD(0.1)
    return loss, sgd.update(gradients, sgd.init(layers), layers)[0]


def arrays(result) -> list[np.ndarray]:
    return [t.numpy() for t in cr.tree.flatten(result)[0]]


@pytest.mark.usefixtures("emulated")
def test_a_product_has_the_bits_of_pairs() -> None:
    x, w = batch()[0], layers()[0][0]
    found = cr.jit(lambda x, w: x @ w, precision="bf16")(x, w).numpy()
    np.testing.assert_array_equal(found, product_in_pairs(x, w.numpy()))
    assert not np.array_equal(found, cr.jit(lambda x, w: x @ w)(x, w).numpy())


@pytest.mark.usefixtures("emulated")
def test_forward_and_backward_products_of_a_step_are_rounded() -> None:
    """Two forward products, two for the weights, one for the values; skinny ones stay."""
    listed = cr.jit(step, precision="bf16").loops(layers(), *batch())
    rounded = {m[1] for m in re.finditer(r"matrix product (\S+) in bf16", listed)}
    shapes = {"67×200×96", "67×96×64", "200×67×96", "96×67×64", "67×64×96"}
    turned = {"×".join(reversed(shape.split("×"))) for shape in shapes}
    assert len(rounded) == 5
    assert rounded <= shapes | turned
    assert "in bf16" not in cr.jit(step).loops(layers(), *batch())


@pytest.mark.usefixtures("emulated")
def test_any_number_of_threads_gives_the_same_bits() -> None:
    generator = np.random.default_rng(0)
    x, w = (generator.standard_normal(s, np.float32) for s in ((512, 301), (301, 640)))
    found = [
        cr.jit(lambda x, w: x @ w, threads=n, precision="bf16")(x, w).numpy() for n in (1, 2, 5)
    ]
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


@pytest.mark.usefixtures("emulated")
def test_a_step_is_that_of_float32_up_to_the_rounding() -> None:
    given = layers(), *batch()
    exact, found = (arrays(cr.jit(step, precision=p)(*given)) for p in ("float32", "bf16"))
    assert any(not np.array_equal(a, b) for a, b in zip(exact, found, strict=True))
    for a, b in zip(exact, found, strict=True):
        assert b.dtype == np.float32
        assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(a)
    assert abs(exact[0] - found[0]) < 1e-3


@pytest.mark.usefixtures("emulated")
def test_bodies_of_loops_are_part_of_the_program() -> None:
    x, w = np.ones((64, 64), np.float32), np.full((64, 64), 1 + 2.0**-10, np.float32)

    def powers(x, w):
        return cr.scan(lambda x, _: (x @ w / 64, None), x, length=3)[0]

    assert "in bf16" in cr.jit(powers, precision="bf16").loops(x, w)
    assert (cr.jit(powers, precision="bf16")(x, w).numpy() == 1).all()
    assert (cr.jit(powers)(x, w).numpy() > 1).all()


@pytest.mark.usefixtures("emulated")
def test_a_program_inside_of_another_has_its_precision() -> None:
    x, w = np.ones((64, 64), np.float32), np.full((64, 64), 1 + 2.0**-10, np.float32)
    rounded, exact = (cr.jit(lambda x, w: x @ w, precision=p) for p in ("bf16", "float32"))
    assert (cr.jit(rounded)(x, w).numpy() > 64).all()
    assert (cr.jit(exact, precision="bf16")(x, w).numpy() == 64).all()


@pytest.mark.skipif(bool(host_target().bf16), reason="this processor has the instruction")
def test_without_the_instruction_all_is_float32_and_said_to_be() -> None:
    given = layers(), *batch()
    plain, asked = cr.jit(step), cr.jit(step, precision="bf16")
    for a, b in zip(arrays(plain(*given)), arrays(asked(*given)), strict=True):
        assert a.tobytes() == b.tobytes()
    note = f"products stay in float32: {host_target().cpu} has no instruction for bf16"
    assert str(asked.cost(*given)) == f"{plain.cost(*given)}; {note}"
    assert asked.loops(*given).splitlines()[1] == note
    assert str(asked.profile(*given)).splitlines()[-1] == note
    assert plain.cost(*given).note == plain.profile(*given).note == ""


@pytest.mark.usefixtures("emulated")
def test_what_is_emulated_is_said_to_be() -> None:
    given = layers(), *batch()
    note = "products in bf16 are emulated, which is slower than float32"
    assert cr.jit(step, precision="bf16").cost(*given).note == note
    assert cr.jit(step).cost(*given).note == ""


@pytest.mark.parametrize(
    ("cpu", "multiply", "times"),
    [
        ("cooperlake", "vdpbf16ps", 100),
        ("sapphirerapids", "tdpbf16ps", 20),
        ("neoverse-v1", "bfdot", 100),
    ],
)
def test_a_step_is_translated_for_processors_with_the_instruction(
    cpu: str, multiply: str, times: int
) -> None:
    """Five products, in tiles four instructions each."""
    graph = cr.jit(step).graph(layers(), *batch())
    plain, asked = target_for(cpu), target_for(cpu).replaced(precision="bf16")
    code = assembly(compile_graph(graph, asked).text, asked)
    assert code.count(f"\t{multiply}\t") >= times
    assert multiply not in assembly(compile_graph(graph, plain).text, plain)


def test_tiles_and_vectors_agree_up_to_the_order_of_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    given = layers(), *batch()
    found = []
    for how in ("emulated", "emulated-tiles"):
        monkeypatch.setenv("CHAINRULE_BF16", how)
        found.append(arrays(cr.jit(step, precision="bf16")(*given)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_where_linux_gives_no_state_for_tiles_products_stay_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHAINRULE_BF16", raising=False)
    monkeypatch.setattr(engine, "_target", lambda _: target_for("sapphirerapids"))
    note = "products stay in float32: the system refuses the tiles of sapphirerapids"
    for given, expected, told in ((True, "amx", ""), (False, "", note)):
        monkeypatch.setattr(engine, "_may_use_tiles", lambda given=given: given)
        assert host_target("bf16").pairs == expected
        assert host_target("bf16").note == told
        assert host_target().pairs == ""


# Threads whose stack for signals is small leave no room for the tiles that a signal has to save.
SMALL_STACK = """
import ctypes

class Stack(ctypes.Structure):
    _fields_ = [("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

room = ctypes.create_string_buffer(4096)
stack = Stack(ctypes.addressof(room), 0, len(room))
assert ctypes.CDLL(None).sigaltstack(ctypes.byref(stack), None) == 0
"""
MULTIPLIED = """
import os
import chainrule as cr
from chainrule.runtime.engine import host_target

def how():
    x = cr.ones((64, 64), dtype="float32")
    assert (cr.jit(lambda x: x @ x, precision="bf16")(x).numpy() == 64).all()
    return host_target("bf16").bf16

print(how(), flush=True)
child = os.fork()
if not child:
    print(how(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(host_target("bf16").bf16 != "amx", reason="no tiles here")
@pytest.mark.parametrize(("before", "how"), [("", "amx"), (SMALL_STACK, "refused")])
def test_a_process_and_its_child_multiply_with_what_the_system_gives(before: str, how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", before + MULTIPLIED],
        env={**os.environ, "CHAINRULE_RUNTIME": "native"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.split() == [how, how]
