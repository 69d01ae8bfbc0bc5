"""Tensors among NumPy arrays: functions, operators, DLPack, pickling, the array namespace."""

import copy
import pickle

import numpy as np
import pytest

import chainrule as cr

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
X = cr.tensor(A)

CALLS = {
    "exp": lambda x: np.exp(x),
    "an array on the left of *": lambda x: A * x,
    "an array on the left of @": lambda x: A.T @ x,
    "a NumPy number on the left": lambda x: np.float64(2) / x,
    "add": lambda x: np.add(A, x),
    "add.reduce": lambda x: np.add.reduce(x),
    "multiply.accumulate": lambda x: np.multiply.accumulate(x, axis=1),
    "subtract.outer": lambda x: np.subtract.outer(x, A[0]),
    "sum": lambda x: np.sum(x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x, 0),
    "var": lambda x: np.var(x, ddof=1),
    "max": lambda x: np.max(x, axis=-1),
    "cumsum": lambda x: np.cumsum(x),
    "concatenate": lambda x: np.concatenate([x, A], axis=1),
    "stack": lambda x: np.stack([x, x]),
    "vstack": lambda x: np.vstack([x, A]),
    "hstack": lambda x: np.hstack([x[0], A[0]]),
    "where": lambda x: np.where(A > 2, x, 0.0),
    "clip": lambda x: np.clip(x, 2.5, 5.5),
    "transpose": lambda x: np.transpose(x),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "dot": lambda x: np.dot(x, A[0]),
    "dot of matrices": lambda x: np.dot(A.T, x),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, A),
    "tensordot": lambda x: np.tensordot(x, A, axes=2),
    "norm": lambda x: np.linalg.norm(x),
    "norm along an axis": lambda x: np.linalg.norm(x, ord=1, axis=0, keepdims=True),
    "norm of matrices": lambda x: np.linalg.norm(x[None], axis=(1, 2), keepdims=True),
    "inv": lambda x: np.linalg.inv(x @ A.T),
    "take": lambda x: np.take(x, [0, 0, 1], axis=1),
    "sort": lambda x: np.sort(x, axis=0),
    "split": lambda x: np.split(x, 3, axis=1)[1],
    "tril": lambda x: np.tril(x, 1),
    "repeat": lambda x: np.repeat(x, 2, axis=0),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_numpys_functions_become_ours_and_keep_the_derivative(call):
    found = call(X)
    assert isinstance(found, cr.Tensor)
    np.testing.assert_allclose(found.numpy(), call(A), rtol=1e-12)
    direction = np.cos(A)
    _, tangent = cr.jvp(call, (X,), (cr.tensor(direction),))
    difference = (call(A + 1e-6 * direction) - call(A - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(tangent.numpy(), difference, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(cr.jit(call)(X).numpy(), call(A), rtol=1e-12)


def test_a_function_that_chainrule_lacks_computes_on_known_values():
    assert isinstance(np.fmod(X, 2), cr.Tensor)
    np.testing.assert_array_equal(np.percentile(X, 50, axis=1).numpy(), [2.0, 5.0])
    assert np.fft.fft(X[0]).dtype == np.complex128
    quotient, remainder = np.divmod(X, 2)
    np.testing.assert_array_equal((quotient * 2 + remainder).numpy(), A)


def test_an_array_can_be_changed_by_a_tensor_in_place():
    array = A.copy()
    array += X
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, 2 * A)


def test_detached_values_may_go_to_any_function():
    gradient = cr.grad(lambda x: (x * np.fmod(x.detach(), 2)).sum())(X[0])
    assert gradient.tolist() == [1.0, 0.0, 1.0]


def test_copies_and_pickles_have_the_same_numbers():
    for other in (copy.copy(X), copy.deepcopy({"x": X})["x"], X.copy()):
        assert other is not X  # it lives on when X is given away
        assert other.tolist() == X.tolist()
    for dtype in ("float32", "int8", "bool"):
        back = pickle.loads(pickle.dumps(X.astype(dtype)))
        assert back.dtype is X.astype(dtype).dtype
        assert back.tolist() == X.astype(dtype).tolist()


def test_dlpack_hands_over_the_same_memory_read_only():
    array = np.from_dlpack(X)
    assert not array.flags.writeable
    assert np.shares_memory(array, X.numpy())
    assert np.from_dlpack(X, copy=True).flags.writeable
    assert X.__dlpack_device__() == (1, 0)


def test_a_reader_of_the_first_dlpack_gets_a_copy():
    assert X.__dlpack__() is not None
    with pytest.raises(BufferError, match="cannot be told"):
        X.__dlpack__(copy=False)


def test_from_dlpack_copies_what_can_be_written_unless_told_to_share():
    array = np.arange(3.0)
    copied, shared = cr.from_dlpack(array), cr.from_dlpack(array, copy=False)
    array[0] = 7
    assert copied.tolist() == [0.0, 1.0, 2.0]
    assert shared.tolist() == [7.0, 1.0, 2.0]


def test_the_namespace_is_the_package_and_knows_its_types():
    assert X.__array_namespace__() is cr
    assert X.__array_namespace__(api_version="2024.12") is cr


def test_protocols_of_python():
    assert [row.tolist() for row in X] == A.tolist()
    assert 3.0 in X
    assert 9.0 not in X
    assert f"{X[0, 1]:.2f}" == "2.00"
    assert X.T.shape == (3, 2)
    assert cr.zeros((2, 3, 4)).mT.shape == (2, 4, 3)
    assert X.reshape(3, 2).shape == X.reshape((3, 2)).shape == (3, 2)
    assert X.transpose().shape == X.transpose(1, 0).shape == (3, 2)
    assert X.sum(0).tolist() == [5.0, 7.0, 9.0]
    with pytest.raises(TypeError, match="cannot be iterated"):
        iter(cr.tensor(1.0))


OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())
def test_operators_take_a_tensor_a_number_or_an_array_on_either_side(operator):
    array = np.array([1, 2, 3])
    x = cr.tensor(array)
    for left, right, expected in (
        (x, x, operator(array, array)),
        (x, 2, operator(array, 2)),
        (2, x, operator(2, array)),
        (x, array, operator(array, array)),
        (array, x, operator(array, array)),
    ):
        found = operator(left, right)
        assert isinstance(found, cr.Tensor)
        np.testing.assert_array_equal(found.numpy(), expected)
