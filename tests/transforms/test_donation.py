"""Arguments that are given away: the same numbers, an error for who uses them later."""

import copy
import threading
from unittest.mock import Mock

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DonatedError, IndexingError
from chainrule.transform import donation
from tests.patience import LIMIT

SIZE = 1000


@pytest.fixture(autouse=True)
def _both(runtime):
    return runtime


def numbers(seed=0):
    return np.random.default_rng(seed).standard_normal(SIZE)


def own(seed=0):
    """A Tensor whose memory a program made."""
    return cr.jit(lambda x: x + 0.0)(cr.tensor(numbers(seed)))


def place_of(tensor):
    return tensor.numpy().__array_interface__["data"][0]


@cr.jit(donate="x")
def double(x):
    return 2 * x


def test_results_are_written_into_the_memory_of_what_was_given_away(runtime):
    x, places = own(), []
    for _ in range(6):
        places.append(place_of(x))
        x = double(x)
    assert (len(set(places)) == 1) is (runtime == "native")
    np.testing.assert_array_equal(x.numpy(), 64 * numbers())


def test_a_tensor_that_was_given_away_has_a_type_but_no_numbers():
    x = own()
    double(x)
    assert (x.shape, x.dtype, x.ndim, x.size) == ((SIZE,), cr.float64, 1, SIZE)
    uses = (
        x.numpy, x.tolist, x.copy, x.detach().numpy, lambda: x + 1, lambda: x[0], lambda: cr.exp(x),
        lambda: np.asarray(x), lambda: double(x), lambda: cr.jit(cr.exp)(x), lambda: cr.stack([x]),
        lambda: cr.grad(lambda y: cr.sum(x * y))(1.0), lambda: cr.vmap(cr.exp)(x),
        lambda: cr.State(x).value.numpy(), lambda: copy.deepcopy(x), lambda: np.from_dlpack(x),
    )  # fmt: skip
    for use in uses:
        with pytest.raises(
            DonatedError, match=r"was given away: x of double, at test_donation\.py"
        ):
            use()
    assert "given away: x of double" in repr(x)


def test_the_short_way_notices_it_too():
    x = own()
    for _ in range(5):
        old, x = x, double(x)
    with pytest.raises(DonatedError):
        double(old)
    np.testing.assert_array_equal(double(x).numpy(), 64 * numbers())


SEEN = {
    "an array": lambda x: x.numpy(),
    "a part of an array": lambda x: x.numpy()[3:50:2],
    "a part of a part": lambda x: x.numpy()[3:].reshape(-1, 1)[2:],
    "raw memory": lambda x: memoryview(x.numpy()),
    "another library": np.from_dlpack,
    "a copy": lambda x: x.copy(),
    "a copy of a tree": lambda x: copy.deepcopy([x])[0],
    "another shape": lambda x: cr.reshape(x, (10, 100)),
    "a transposed shape": lambda x: cr.reshape(x, (10, 100)).T,
    "a part of it": lambda x: x[5:],
}


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("calls", [1, 5])
def test_who_sees_the_memory_sees_no_change(name, calls):
    x = own()
    for _ in range(calls):
        seen = SEEN[name](x)
        before = np.array(seen)
        x = double(x)
        np.testing.assert_array_equal(np.array(seen), before)
    np.testing.assert_array_equal(x.numpy(), 2**calls * numbers())


def test_arrays_of_the_caller_stay_as_they_are():
    array, frozen = numbers(), numbers()
    frozen.flags.writeable = False
    for _ in range(4):
        np.testing.assert_array_equal(double(array).numpy(), 2 * numbers())
        np.testing.assert_array_equal(double(frozen).numpy(), 2 * numbers())
        np.testing.assert_array_equal(double(cr.tensor(frozen)).numpy(), 2 * numbers())
    for kept in (array, frozen):
        np.testing.assert_array_equal(kept, numbers())


def test_one_tensor_in_two_arguments():
    both = cr.jit(lambda a, b: (a + 1, a * b), donate=(0, 1))
    one = cr.jit(lambda a, b: (a + 1, a * b), donate=0)
    for f in (both, one):
        for _ in range(4):
            x = own()
            shifted, squared = f(x, x)
            np.testing.assert_array_equal(shifted.numpy(), numbers() + 1)
            np.testing.assert_array_equal(squared.numpy(), numbers() ** 2)
            with pytest.raises(DonatedError):
                x.numpy()


def test_a_tensor_that_the_function_closes_over_too():
    w = own()
    f = cr.jit(lambda x: x * 2 + w, donate="x")
    np.testing.assert_array_equal(f(w).numpy(), numbers() * 2 + numbers())
    with pytest.raises(DonatedError):
        f(own())


def test_what_is_returned_as_it_is_stays():
    f = cr.jit(lambda x, y: (y, x, x + y), donate=("x", "y"))
    x, y = own(0), own(1)
    for _ in range(5):
        x, y, total = f(x, y)
        np.testing.assert_array_equal(total.numpy(), numbers(0) + numbers(1))
    np.testing.assert_array_equal(x.numpy(), numbers(1))


def test_a_whole_training_step(runtime):
    def trained(donate):
        model = cr.nn.mlp((8, 32, 32, 3), key=cr.random.key(0))
        optimizer = cr.optim.AdamW(0.01)
        state = optimizer.init(model)
        generator = np.random.default_rng(0)

        @cr.jit(donate=donate)
        def step(model, state, x, y):
            loss, g = cr.value_and_grad(lambda m: cr.loss.cross_entropy(m(x), y))(model)
            return (*optimizer.update(g, state, model), loss)

        for _ in range(8):
            x = cr.tensor(generator.standard_normal((16, 8)).astype("float32"))
            before = model
            model, state, loss = step(model, state, x, cr.tensor(generator.integers(0, 3, 16)))
        if donate:
            with pytest.raises(DonatedError, match=r"given away: model\.layers\.0\.weight of step"):
                before(x)
            x.numpy()
        return [loss.item(), *(leaf.tolist() for leaf in cr.tree.flatten((model, state))[0])]

    kept = trained(None)
    assert kept == trained(("model", "state")) == trained([1, 0])


def test_arguments_by_name_by_position_and_several_at_once():
    f = cr.jit(lambda a, *rest, scale=1.0, **more: a + sum(rest) * scale, donate=("rest", "scale"))
    for call in (lambda x: f(own(), x, own()), lambda x: f(own(), own(), scale=x)):
        x = own()
        call(x)
        with pytest.raises(DonatedError):
            x.numpy()
    g = cr.jit(lambda a, b: a + b, donate=1)
    for call in (lambda x: g(own(), x), lambda x: g(own(), b=x), lambda x: g(b=x, a=own())):
        x = own()
        call(x)
        with pytest.raises(DonatedError):
            x.numpy()
    other = own()
    g(other, 1.0)
    other.numpy()


def test_a_method():
    class Scaled:
        def __init__(self, factor):
            self.factor = factor

        @cr.jit(donate="x")
        def __call__(self, x):
            return self.factor * x

    x = own()
    np.testing.assert_array_equal(Scaled(3.0)(x).numpy(), 3 * numbers())
    with pytest.raises(DonatedError):
        x.numpy()


def test_nothing_is_given_away_where_another_transform_records_the_call():
    x = own()
    cr.grad(lambda s: cr.sum(double(x * s)))(1.0)
    cr.jit(lambda y: double(y))(x)
    cr.vmap(lambda s: double(x * s))(cr.ones(3))
    x.numpy()


def test_a_call_that_fails_gives_nothing_away():
    @cr.jit(donate="x")
    def f(x, place):
        return x * 2, cr.take(x, place, axis=0)

    x = own()
    for place in (0, SIZE, 1, SIZE, 2, 3, SIZE):
        if place == SIZE:
            with pytest.raises(IndexingError):
                f(x, cr.tensor([place]))
            continue
        before = x.numpy().copy()
        x, _ = f(x, cr.tensor([place]))
        np.testing.assert_array_equal(x.numpy(), 2 * before)


def test_what_is_interrupted_before_anything_is_written_gives_nothing_away(monkeypatch):
    """The error is none of ours: a pipe that broke, or Ctrl-C while NumPy computes a part."""

    @cr.jit(donate="x")
    def f(x):
        cr.debug.print("{}", x[0])
        return x * 2

    x = own()
    for error in (OSError, KeyboardInterrupt, None, None, OSError, KeyboardInterrupt, None):
        before = x.numpy().copy()
        if error is None:
            x = f(x)
            np.testing.assert_array_equal(x.numpy(), 2 * before)
            continue
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", Mock(write=Mock(side_effect=error)))
            with pytest.raises(error):
                f(x)
        np.testing.assert_array_equal(x.numpy(), before)


def test_who_looks_while_it_is_given_away_sees_the_old_numbers(monkeypatch):
    """As the handler of a signal may, which saves the model, on the same thread."""
    x, seen, put = own(), [], donation._put
    first = cr.jit(lambda x: 2 * x, donate="x")  # machine code, later, is not interrupted

    def interrupted(tensor, value):
        seen.append(x.numpy())
        put(tensor, value)

    monkeypatch.setattr(donation, "_put", interrupted)
    going = threading.Thread(target=first, args=(x,), daemon=True)
    going.start()
    going.join(LIMIT)
    assert not going.is_alive()
    np.testing.assert_array_equal(seen, [numbers()])


def test_what_is_interrupted_later_stays_given_away(monkeypatch, runtime):
    if runtime != "native":
        pytest.skip("only native programs write over what was given away")
    x = own()
    f = cr.jit(lambda x: cr.exp(x), donate="x")
    f(own())
    (recorded,) = f.cache.values()
    program = recorded.programs[True]
    run = program.run

    def interrupted(place):
        run(place)
        raise KeyboardInterrupt

    program.run = interrupted
    with pytest.raises(KeyboardInterrupt):
        f(x)
    with pytest.raises(DonatedError):
        x.numpy()
    program.run = run
    np.testing.assert_allclose(f(own()).numpy(), np.exp(numbers()), rtol=1e-14)


def test_state_cells_are_written_as_ever():
    count = cr.State(cr.zeros(SIZE))

    @cr.jit(donate="x")
    def f(x):
        count.value = count.value + x
        return x * 2

    x = own()
    for _ in range(4):
        x = f(x)
    np.testing.assert_allclose(count.value.numpy(), 15 * numbers())


def test_a_program_with_a_part_for_numpy():
    f = cr.jit(lambda x, y: (cr.sort(x) + y, x * 2), donate=("x", "y"))
    x, y = own(0), own(1)
    for _ in range(4):
        first, second = x.numpy().copy(), y.numpy().copy()
        x, y = f(x, y)
        np.testing.assert_array_equal(x.numpy(), np.sort(first) + second)
        np.testing.assert_array_equal(y.numpy(), first * 2)
