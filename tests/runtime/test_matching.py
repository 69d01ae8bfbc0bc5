"""Matching: plans that find arrays in trees of Python objects, and let go of whatever differs."""

import gc
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import tree
from chainrule.tensors import Tensor
from chainrule.transform.arguments import matched


def _tensors(count, shape=(2, 3), dtype="float32"):
    return [cr.tensor(np.full(shape, k, dtype)) for k in range(count)]


def _plan(root):
    leaves, structure = tree.flatten(root)
    match = matched(leaves, structure)
    assert match is not None
    return match


def _arrays(root):
    return [leaf._value for leaf in tree.flatten(root)[0] if isinstance(leaf, Tensor)]


trees = st.recursive(
    st.sampled_from(["tensor", "tensor", "none", "word", "number"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text("abxyz", max_size=3), inner, max_size=4),
    ),
    max_leaves=20,
)


def _made(kind, draw):
    if isinstance(kind, list | tuple):
        return type(kind)(_made(k, draw) for k in kind)
    if isinstance(kind, dict):
        return {name: _made(k, draw) for name, k in kind.items()}
    if kind == "tensor":
        return cr.tensor(np.empty(draw(st.lists(st.integers(0, 3), max_size=3)), "float32"))
    return {"none": None, "word": "word", "number": 7}[kind]


@given(trees, st.data())
def test_a_tree_like_the_one_that_was_seen_gives_its_arrays_in_the_order_of_leaves(kind, data):
    root = ((_made(kind, data.draw), cr.tensor(1.0)), {})
    match = _plan(root)
    leaves, structure = tree.flatten(root)
    copies = [
        cr.tensor(leaf.numpy().copy()) if isinstance(leaf, Tensor) else leaf for leaf in leaves
    ]
    for like in (root, tree.unflatten(structure, copies)):
        found = match(like)
        assert [id(a) for a in found] == [id(a) for a in _arrays(like)]


@pytest.mark.parametrize(
    "other",
    [
        (1, "a"), [1, "a", 2], [cr.tensor([1.0, 2.0]), "a"], [cr.tensor([1.0]), "b"],
        [cr.tensor([1]), "a"], [cr.tensor([[1.0]]), "a"], [cr.tensor(1.0), "a"], [None, "a"], None,
        [np.ones(1), "a"], [cr.tensor([1.0]), "a", None], {}, [cr.tensor([1.0])], 1.0,
    ],
    ids=repr,
)  # fmt: skip
def test_whatever_differs_is_no_match(other):
    match = _plan(([cr.tensor([1.0]), "a"],))
    assert len(match(([cr.tensor([3.0]), "a"],))) == 1
    assert match((other,)) == []
    assert match(other) == []


def test_an_array_that_does_not_lie_in_order_is_no_match():
    match = _plan((cr.tensor(np.ones((2, 3))),))
    across = np.ones((3, 2)).T
    across.flags.writeable = False
    assert match((cr.tensors.of_value(across),)) == []


def test_a_tensor_that_is_recorded_is_no_match():
    match = _plan((cr.tensor(1.0),))
    seen = []

    def f(x):
        seen.append(match((x,)))
        return x * x

    cr.grad(f)(cr.tensor(3.0))
    assert seen == [[]]


def test_a_model_matches_another_of_its_kind_and_none_with_other_settings():
    model = cr.nn.mlp((4, 5, 3), key=cr.random.key(0))
    match = _plan((model,))
    leaves, structure = tree.flatten(model)
    other = tree.unflatten(structure, [cr.tensor(leaf.numpy() + 1) for leaf in leaves])
    assert [id(a) for a in match((other,))] == [id(a) for a in _arrays(other)]
    wider = cr.nn.mlp((4, 6, 3), key=cr.random.key(0))
    assert match((wider,)) == []
    assert match((cr.nn.mlp((4, 5, 3), key=cr.random.key(0), activation=cr.tanh),)) == []


def test_a_tensor_in_two_places_is_found_in_both():
    x, y = _tensors(2)
    match = _plan((x, x, [y]))
    assert [id(a) for a in match((y, x, [x]))] == [id(t._value) for t in (y, x, x)]


def test_no_reference_is_lost_or_kept():
    (x, y) = _tensors(2)
    root = ((x, {"y": y, "word": "some word"}, None), {})
    match = _plan(root)
    match(root)
    objects = [x, y, x._value, y._value, root, root[0], root[0][1], None, list, dict]
    gc.collect()
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(1000):
        match(root)
        match((root,))
        match(((x, {"y": y, "word": "another"}, None), {}))
    after = [sys.getrefcount(o) for o in objects]
    for one, other, value in zip(before, after, objects, strict=True):
        assert abs(one - other) < 20, value


def test_what_is_found_stays_though_the_list_that_held_it_is_changed_meanwhile():
    holder = _tensors(3, (64, 64))
    match = _plan((holder,))
    stop = threading.Event()

    def change():
        while not stop.is_set():
            holder[1] = _tensors(1, (64, 64))[0]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2000):
            found = match((holder,))
            assert float(found[1][0, 0]) in (0.0, 1.0)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("root", [(1.0,), (np.ones(2),), ("only words",), (range(3),)], ids=repr)
def test_where_there_is_nothing_to_find_or_a_copy_is_needed_there_is_no_plan(root):
    leaves, structure = tree.flatten(root)
    assert matched(leaves, structure) is None


def test_a_tree_with_too_many_places_has_no_plan():
    root = (_tensors(2100, ()),)
    leaves, structure = tree.flatten(root)
    assert matched(leaves, structure) is None
