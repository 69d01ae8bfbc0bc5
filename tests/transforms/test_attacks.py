"""Each test here once failed: mistakes that other libraries of this kind have made, too."""

import copy
import pickle
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, GradientError

XS = cr.tensor([1.0, 2.0, 3.0])


def looping(w):
    return cr.scan(lambda c, x: (cr.sin(c * w) + x, None), 0.0, XS)[0]


# ---------------------------------------------------------------- closures of bodies


def written_out(x):
    y, pull = cr.vjp(looping, x)
    for _ in range(2):
        y = y + pull(y)[0]
    return y


def test_a_pullback_through_a_loop_can_be_called_inside_another_loop():
    def nested(x):
        y, pull = cr.vjp(looping, x)
        return cr.scan(lambda c, _: (c + pull(c)[0], None), y, length=2)[0]

    assert nested(0.7).item() == pytest.approx(written_out(0.7).item())
    assert cr.grad(nested)(0.7).item() == pytest.approx(cr.grad(written_out)(0.7).item())


@pytest.mark.parametrize(
    "through",
    [
        lambda pull, y: cr.jit(pull)(y)[0],
        lambda pull, y: cr.cond(True, lambda c: pull(c)[0], lambda c: c, y),
        lambda pull, y: cr.checkpoint(lambda c: pull(c)[0])(y),
    ],
    ids=["jit", "cond", "checkpoint"],
)
def test_a_pullback_through_a_loop_can_be_called_inside_jit_cond_and_checkpoint(through):
    def plain(x):
        y, pull = cr.vjp(looping, x)
        return pull(y)[0]

    def nested(x):
        y, pull = cr.vjp(looping, x)
        return through(pull, y)

    assert cr.grad(nested)(0.7).item() == pytest.approx(cr.grad(plain)(0.7).item())


def test_a_routine_outside_of_jit_keeps_its_derivative_inside():
    def pulled(x):
        values, pull = cr.vjp(lambda a: cr.linalg.eigh(a)[0], x)
        return cr.jit(lambda c: pull(c)[0])(values).sum()  # V diag(λ) Vᵀ = x

    gradient = cr.grad(pulled)(cr.tensor([[2.0, 1.0], [1.0, 3.0]]))
    np.testing.assert_allclose(gradient.numpy(), np.ones((2, 2)), atol=1e-12)


@pytest.mark.parametrize("f", [lambda x: x * x, looping], ids=["square", "loop"])
def test_a_pullback_and_a_pushforward_made_outside_can_be_compiled(f):
    y, pull = cr.vjp(f, cr.tensor(2.0))
    assert cr.jit(pull)(y)[0].item() == pytest.approx(pull(y)[0].item())
    y, push = cr.linearize(f, cr.tensor(2.0))
    assert cr.jit(push)(y).item() == pytest.approx(push(y).item())


# ---------------------------------------------------------------- what jit closes over


class Layer:
    scale = 2

    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        return x * self.k * self.scale


CHANGES = {}


def change(f):
    CHANGES[f.__name__.replace("_", " ")] = f
    return f


@change
def an_array_changed_in_place():
    a = np.ones(2)
    return lambda x: (x * a).sum(), lambda: a.__setitem__(0, 7.0)


@change
def an_attribute_of_an_attribute():
    outer = types.SimpleNamespace(inner=types.SimpleNamespace(k=2))
    return lambda x: x * outer.inner.k, lambda: setattr(outer.inner, "k", 7)


@change
def an_attribute_of_an_object_in_a_list():
    layers = [Layer(1), Layer(2)]
    return lambda x: layers[1](layers[0](x)), lambda: setattr(layers[1], "k", 7)


@change
def an_attribute_of_a_class_read_through_an_object():
    own = type("Own", (Layer,), {"scale": 3})
    layer = own(1)
    return lambda x: layer(x), lambda: setattr(own, "scale", 7)


@change
def an_attribute_of_a_module():
    settings = types.ModuleType("settings")
    settings.k = 2
    return lambda x: x * settings.k, lambda: setattr(settings, "k", 7)


@change
def a_slot():
    class Slotted:
        __slots__ = ("k",)

    held = Slotted()
    held.k = 2
    return lambda x: x * held.k, lambda: setattr(held, "k", 7)


@change
def what_a_method_and_a_property_close_over():
    held = {"k": 2}

    class Reader:
        @property
        def k(self):
            return held["k"]

        def times(self, x):
            return x * self.k

    reader = Reader()
    return lambda x: reader.times(x), lambda: held.update(k=7)


@change
def a_set():
    held = {1, 2}
    return lambda x: x * len(held), lambda: held.add(3)


@change
def what_a_function_in_a_list_closes_over():
    held = {"k": 2}
    steps = [lambda x: x * held["k"]]
    return lambda x: steps[0](x), lambda: held.update(k=7)


@change
def a_keyword_default():
    def f(x, *, k=2):
        return x * k

    return f, lambda: f.__kwdefaults__.update(k=7)


@pytest.mark.parametrize("name", CHANGES)
def test_jit_notices_a_change_of(name):
    f, happen = CHANGES[name]()
    jitted = cr.jit(f)
    before = jitted(cr.tensor(1.0)).item()
    assert before == f(cr.tensor(1.0)).item()
    happen()
    assert jitted(cr.tensor(1.0)).item() == f(cr.tensor(1.0)).item() != before


def test_a_tensor_with_two_names_may_be_replaced_under_both_without_recording_again():
    model = {"w": cr.tensor(2.0)}
    holder = types.SimpleNamespace(model=model)
    f = cr.jit(lambda x: x * model["w"] + holder.model["w"])
    assert f(cr.tensor(3.0)).item() == 8.0
    model["w"] = cr.tensor(5.0)
    assert f(cr.tensor(3.0)).item() == 20.0
    assert f.recordings == 1


def test_threads_may_record_programs_that_close_over_one_tensor():
    w = cr.tensor([3.0, 4.0])

    def work(i):
        for _ in range(20):
            f = cr.jit(lambda x: (x * w * i + w).sum())
            assert f(cr.ones(2)).item() == 7 * i + 7
            gradient = cr.grad(lambda x: (x * w).sum())(cr.ones(2))
            assert gradient.tolist() == [3.0, 4.0]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert type(w) is cr.Tensor


# ---------------------------------------------------------------- rules of one's own


def with_rule(rule):
    return cr.custom_derivative(rule)(lambda x: cr.exp(x))


NOT_LINEAR = {
    "no tangent": lambda inputs, y, t: y,
    "sum": lambda inputs, y, t: t[0] + 1.0,
    "square": lambda inputs, y, t: t[0] * t[0],
    "abs": lambda inputs, y, t: abs(t[0]),
    "where": lambda inputs, y, t: cr.where(t[0] > 0, t[0], 0.0),
    "divisor": lambda inputs, y, t: 1 / t[0],
}


@pytest.mark.parametrize("rule", NOT_LINEAR.values(), ids=NOT_LINEAR)
def test_a_rule_that_is_not_linear_is_refused_in_both_modes(rule):
    with pytest.raises(GradientError, match="is not linear in the tangents"):
        cr.grad(with_rule(rule))(1.0)
    with pytest.raises(GradientError, match="is not linear in the tangents"):
        cr.jvp(with_rule(rule), (1.0,), (1.0,))


def test_a_tangent_may_be_a_value_that_the_rule_reads():
    def outer(b):
        f = cr.custom_derivative(lambda inputs, y, t: t[0] * inputs[0])(lambda x: x * x / 2)
        return cr.jvp(f, (b,), (b,))[1]

    assert cr.grad(outer)(3.0).item() == 6.0


def test_a_rule_may_give_no_tangent_and_another_floating_dtype():
    assert cr.grad(with_rule(lambda inputs, y, t: None))(1.0).item() == 0.0
    made = cr.jvp(with_rule(lambda inputs, y, t: t[0].astype("float32")), (1.0,), (1.0,))[1]
    assert made.dtype is cr.float64


# ---------------------------------------------------------------- arguments and results


def test_a_cotangent_takes_the_dtype_of_the_result():
    _, pull = cr.vjp(lambda x: x * 2, cr.ones(2, dtype="float32"))
    assert pull(cr.tensor([1.0, 2.0]))[0].dtype is cr.float32
    assert pull(cr.tensor([1, 2]))[0].tolist() == [2.0, 4.0]


def test_checkpoint_takes_keyword_arguments():
    power = cr.checkpoint(lambda x, *, scale, times: (x * scale) ** times)
    assert cr.grad(lambda x: power(x, scale=x, times=2))(2.0).item() == 32.0


def test_in_axes_may_name_the_keys_of_a_dictionary_in_any_order():
    f = cr.vmap(lambda p: p["a"].sum() * p["b"], in_axes=({"b": 0, "a": None},))
    assert f({"a": cr.tensor([5.0, 5.0]), "b": XS}).tolist() == [10.0, 20.0, 30.0]


def test_dtypes_stay_themselves_when_copied_and_pickled():
    assert copy.deepcopy(cr.float32) is cr.float32
    assert pickle.loads(pickle.dumps(cr.float32)) is cr.float32


# ---------------------------------------------------------------- messages while unknown


def printing(x):
    cr.debug.print("x is {}", x)
    return x * x


@pytest.mark.parametrize(
    ("run", "printed"),
    [
        (lambda: cr.vmap(printing)(XS), "x is [1. 2. 3.]\n"),
        (lambda: cr.jit(cr.vmap(printing))(XS), "x is [1. 2. 3.]\n"),
        (lambda: cr.jit(cr.grad(printing))(cr.tensor(2.0)), "x is 2.0\n"),
        (lambda: cr.jit(cr.hessian(printing))(cr.tensor(2.0)), "x is 2.0\n"),
        (lambda: cr.jit(cr.grad(cr.checkpoint(printing)))(cr.tensor(2.0)), "x is 2.0\n"),
    ],
    ids=["vmap", "jit vmap", "jit grad", "jit hessian", "jit grad checkpoint"],
)
def test_messages_are_printed_under_nested_transforms(run, printed, capsys):
    run()
    assert capsys.readouterr().out == printed


def test_a_message_that_would_be_lost_is_refused():
    with pytest.raises(ArgumentError, match="returns nothing"):
        cr.jit(lambda x: cr.debug.print("x is {}", x))(cr.tensor(1.0))


def test_a_python_float_keeps_the_dtype_of_its_neighbours_under_every_transform():
    x = cr.ones(3, dtype="float32")

    def f(rate):
        return (x * (rate * 2)).sum()

    values = [
        f(2.0),
        cr.value_and_grad(f)(2.0)[0],
        cr.jvp(f, (2.0,), (1.0,))[0],
        cr.vjp(f, 2.0)[0],
        cr.jit(cr.value_and_grad(f))(2.0)[0],
    ]
    assert [v.dtype for v in values] == [cr.float32] * 5
    assert cr.grad(f)(2.0).item() == cr.jit(cr.grad(f))(2.0).item() == 6.0


def test_a_derivative_compares_by_element():
    found = cr.jacobian(lambda x: x * x)(XS)
    assert (found == found.dense()).all()
    assert not (found != 2 * cr.eye(3) * XS).any()
    assert abs(-1 * found)[2, 2].item() == 6.0
    assert hash(found) == hash(found)
