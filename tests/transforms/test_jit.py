"""jit: what is recorded once, what is noticed, what is refused."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, RecordingError

W = None
pytestmark = pytest.mark.usefixtures("runtime")


def test_a_compiled_function_says_whose_it_is():
    def loss(w):
        return cr.sum(w)

    assert repr(cr.jit(loss)) == "jit(loss)"


def test_floats_may_change_and_ints_are_part_of_the_program():
    f = cr.jit(lambda x, rate, n: x * rate + n)
    x = cr.tensor([1.0, 2.0])
    assert f(x, 0.5, 1).tolist() == [1.5, 2.0]
    assert f(x, 2.0, 1).tolist() == [3.0, 5.0]
    assert f.recordings == 1
    assert f(x, 2.0, 2).tolist() == [4.0, 6.0]
    assert f.recordings == 2


def test_a_float_takes_the_dtype_of_the_array_that_it_meets():
    f = cr.jit(lambda x, rate: x * (rate * 2) + rate)
    assert f(cr.ones(2, dtype="float32"), 0.5).dtype is cr.float32


def test_rebinding_a_closed_over_tensor_is_noticed_without_recording_again():
    w = cr.tensor(2.0)
    f = cr.jit(lambda x: w * x)
    assert f(cr.tensor(3.0)).item() == 6.0
    w = cr.tensor(5.0)
    assert f(cr.tensor(3.0)).item() == 15.0
    assert f.recordings == 1


def test_rebinding_a_global_is_noticed():
    global W
    W = cr.tensor([2.0])
    f = cr.jit(lambda x: W * x)
    assert f(cr.tensor(3.0)).tolist() == [6.0]
    W = cr.tensor([2.0, 4.0])
    assert f(cr.tensor(3.0)).tolist() == [6.0, 12.0]


def test_a_rebound_plain_number_is_noticed():
    scale = 2
    f = cr.jit(lambda x: scale * x)
    assert f(cr.tensor(3.0)).item() == 6.0
    scale = 7
    assert f(cr.tensor(3.0)).item() == 21.0


def test_changing_a_closed_over_dictionary_is_noticed():
    parameters = {"w": cr.tensor(2.0)}
    f = cr.jit(lambda x: parameters["w"] * x)
    assert f(cr.tensor(1.0)).item() == 2.0
    parameters["w"] = cr.tensor(3.0)
    assert f(cr.tensor(1.0)).item() == 3.0


def test_changing_an_attribute_of_an_object_is_noticed():
    class Model:
        def __init__(self):
            self.w = cr.tensor(2.0)

        def __call__(self, x):
            return self.w * x

    model = Model()
    f = cr.jit(lambda x: model(x))
    g = cr.jit(model.__call__)
    assert f(cr.tensor(1.0)).item() == g(cr.tensor(1.0)).item() == 2.0
    model.w = cr.tensor(3.0)
    assert f(cr.tensor(1.0)).item() == g(cr.tensor(1.0)).item() == 3.0


def test_an_attribute_that_cannot_be_had_or_has_no_end_is_not_watched():
    class Fails:
        def __get__(self, holder, kind=None):
            raise RuntimeError("only of matrices")

    class Again:
        def __get__(self, holder, kind=None):
            return Holder()

    class Holder:  # as a tensor of another library, whose x.T is a tensor again
        mT, T = Fails(), Again()  # noqa: N815

        def __init__(self):
            self.scale = 2.0

    held = Holder()
    jitted = cr.jit(lambda x: cr.sum(x.mT + x.T) * held.scale)
    assert jitted(cr.ones((2, 2))).item() == 16.0
    held.scale = 3.0
    assert jitted(cr.ones((2, 2))).item() == 24.0


def test_what_a_called_function_closes_over_is_noticed():
    w = cr.tensor(2.0)

    def inner(x):
        return w * x

    f = cr.jit(lambda x: inner(x))
    assert f(cr.tensor(1.0)).item() == 2.0
    w = cr.tensor(4.0)
    assert f(cr.tensor(1.0)).item() == 4.0


def test_a_differentiated_tensor_can_be_closed_over():
    def loss(w):
        f = cr.jit(lambda x: w * x * x)
        return f(cr.tensor(3.0)) + f(cr.tensor(1.0))

    assert cr.grad(loss)(2.0).item() == 10.0


def test_asking_for_a_value_names_the_line_and_the_remedy():
    @cr.jit
    def f(x):
        y = x * 2
        return x if y > 0 else -x

    with pytest.raises(RecordingError) as caught:
        f(cr.tensor(1.0))
    line = f.__wrapped__.__code__.co_firstlineno + 3
    assert str(caught.value) == (
        f"the value of this bool[] Tensor, made at test_jit.py:{line} (f), is not known while jit "
        "records\n\n"
        "  jit runs the function once, without numbers, to learn the program. Choose between "
        "values\n  with cr.where or cr.cond, print them with cr.debug.print, or pass what decides "
        "as a\n  Python int, bool or string."
    )


def test_an_argument_that_is_neither_tensor_nor_hashable_is_refused():
    class Odd:
        __hash__ = None

    with pytest.raises(ArgumentError, match="neither a Tensor nor hashable"):
        cr.jit(lambda x, y: x)(cr.tensor(1.0), Odd())
    with pytest.raises(ArgumentError, match="holds a memoryview, which is neither a Tensor nor"):
        cr.jit(lambda x, y: x)(cr.tensor(1.0), memoryview(bytearray(8)))


def test_trees_go_in_and_come_out():
    f = cr.jit(lambda t: {"sum": t["a"] + t["b"][0], "same": t["b"]})
    out = f({"a": cr.tensor(1.0), "b": (cr.tensor(2.0), cr.tensor(3.0))})
    assert out["sum"].item() == 3.0
    assert [v.item() for v in out["same"]] == [2.0, 3.0]


def test_debug_print_runs_each_time_and_in_order(capsys):
    @cr.jit
    def f(x):
        cr.debug.print("x {}", x)
        y = x + 1
        cr.debug.print("y {} {}", y, x)
        return y

    f(cr.tensor(1.0))
    f(cr.tensor(2.0))
    assert capsys.readouterr().out == "x 1.0\ny 2.0 1.0\nx 2.0\ny 3.0 2.0\n"


def test_a_method_can_be_jitted():
    class Scaler:
        def __init__(self, factor):
            self.factor = factor

        @cr.jit
        def apply(self, x):
            return x * self.factor

    assert Scaler(3).apply(cr.tensor(2.0)).item() == 6.0


def test_random_programs_agree_between_jit_and_eager_on_float32():
    x = cr.tensor(np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4))

    def f(x):
        y = cr.exp(x) @ cr.permute_dims(x, (1, 0))
        return cr.sum(y * y, axis=0) / 3 + cr.max(x)

    np.testing.assert_allclose(cr.jit(f)(x).numpy(), f(x).numpy(), rtol=1e-5)


def test_a_redefined_function_is_noticed():
    inner = lambda x: 2 * x  # noqa: E731
    f = cr.jit(lambda x: inner(x))
    assert f(cr.tensor(1.0)).item() == 2.0
    inner = lambda x: 5 * x  # noqa: E731
    assert f(cr.tensor(1.0)).item() == 5.0


def test_a_value_computed_from_a_closed_over_tensor_is_not_kept():
    w = cr.tensor([1.0, 2.0])
    f = cr.jit(lambda x: (w * 2.0) * x)
    assert f(cr.tensor(1.0)).tolist() == [2.0, 4.0]
    w = cr.tensor([5.0, 6.0])
    assert f(cr.tensor(1.0)).tolist() == [10.0, 12.0]
    assert type(w) is cr.Tensor


def test_two_names_of_one_tensor_may_part():
    a = b = cr.tensor(1.0)
    f = cr.jit(lambda x: a * x + b)
    assert f(cr.tensor(1.0)).item() == 2.0
    b = cr.tensor(10.0)
    assert f(cr.tensor(1.0)).item() == 11.0
    a = cr.tensor(3.0)
    assert f(cr.tensor(1.0)).item() == 13.0


def test_a_closed_over_mask_is_part_of_the_program():
    mask = cr.tensor([True, False, True])
    f = cr.jit(lambda x: cr.sum(x[mask]))
    x = cr.tensor([1.0, 10.0, 100.0])
    assert f(x).item() == 101.0
    mask = cr.tensor([False, True, True])
    assert f(x).item() == 110.0


def test_what_is_prepared_is_the_program_of_the_next_call():
    scale = 2
    f = cr.jit(lambda x: scale * x)
    np.testing.assert_array_equal(f(cr.ones(3)), [2, 2, 2])
    scale = 3  # a number is part of the program, which fits no longer
    f.prepare(cr.ones(3))
    assert f.recordings == 2
    np.testing.assert_array_equal(f(cr.ones(3)), [3, 3, 3])
    assert f.recordings == 2


def test_an_array_of_any_class_is_compared_by_its_elements_and_never_printed() -> None:
    class Silent(np.ndarray):
        def __repr__(self) -> str:
            raise AssertionError("printing an array takes longer than the program")

    held = np.arange(3.0).view(Silent)
    f = cr.jit(lambda x: cr.sum(x * cr.tensor(held)))
    assert [f(cr.ones(3)).item(), f(cr.ones(3)).item()] == [3.0, 3.0]
    held[0] = 5.0
    assert f(cr.ones(3)).item() == 8.0
