"""Shapes, joining and creation."""

import numpy as np

from chainrule.functions import creation, data_types, joining, manipulation, padding
from tests.cases.case import Case, Spec

N23 = Spec("normal", (2, 3))
N234 = Spec("normal", (2, 3, 4))

CASES: list[Case] = [
    # New Tensors that depend on others.
    Case(
        "full",
        lambda x: creation.full((2, 2), x),
        (Spec("normal", ()),),
        lambda x: np.full((2, 2), x),
    ),
    Case(
        "full_like",
        lambda x, y: creation.full_like(x, y),
        (N23, Spec("normal", ())),
        lambda x, y: np.full_like(x, y),
    ),
    Case(
        "linspace",
        lambda a, b: creation.linspace(a, b, 5),
        (Spec("normal", ()), Spec("normal", ())),
        lambda a, b: np.linspace(a, b, 5, dtype=a.dtype),
    ),
    Case(
        "linspace of arrays without endpoint",
        lambda a, b: creation.linspace(a, b, 3, endpoint=False),
        (Spec("normal", (2,)), Spec("normal", (2,))),
        lambda a, b: np.linspace(a, b, 3, endpoint=False, dtype=a.dtype),
    ),
    Case(
        "meshgrid",
        lambda x, y: creation.meshgrid(x, y),
        (Spec("normal", (2,)), Spec("normal", (3,))),
        lambda x, y: np.meshgrid(x, y),
    ),
    Case(
        "meshgrid ij",
        lambda x, y, z: creation.meshgrid(x, y, z, indexing="ij"),
        (Spec("normal", (2,)), Spec("normal", (1,)), Spec("normal", (3,))),
        lambda x, y, z: np.meshgrid(x, y, z, indexing="ij"),
    ),
    Case("tril", lambda x: creation.tril(x, k=1), (N234,), lambda x: np.tril(x, 1)),
    Case("triu", lambda x: creation.triu(x, k=-1), (N234,), lambda x: np.triu(x, -1)),
    Case("triu of an empty matrix", creation.triu, (Spec("normal", (0, 3)),), np.triu),
    Case(
        "astype",
        lambda x: data_types.astype(x, "float64"),
        (N23,),
        lambda x: x.astype(np.float64),
    ),
    Case(
        "astype int64",
        lambda x: data_types.astype(x, "int64"),
        (N23,),
        lambda x: x.astype(np.int64),
        orders=0,
    ),
    # Shapes.
    Case(
        "reshape", lambda x: manipulation.reshape(x, (-1, 2)), (N234,), lambda x: x.reshape(-1, 2)
    ),
    Case(
        "reshape to no axes",
        lambda x: manipulation.reshape(x, ()),
        (Spec("normal", (1, 1)),),
        lambda x: x.reshape(()),
    ),
    Case("ravel", manipulation.ravel, (N234,), np.ravel),
    Case("flatten", lambda x: manipulation.flatten(x, 1), (N234,), lambda x: x.reshape(2, 12)),
    Case(
        "squeeze",
        lambda x: manipulation.squeeze(x, (0, -1)),
        (Spec("normal", (1, 3, 1)),),
        lambda x: x[0, :, 0],
    ),
    Case(
        "expand_dims",
        lambda x: manipulation.expand_dims(x, (0, -1)),
        (N23,),
        lambda x: x[None, ..., None],
    ),
    Case(
        "broadcast_to",
        lambda x: manipulation.broadcast_to(x, (4, 2, 3)),
        (Spec("normal", (2, 1)),),
        lambda x: np.broadcast_to(x, (4, 2, 3)),
    ),
    Case(
        "broadcast_arrays",
        lambda x, y: manipulation.broadcast_arrays(x, y),
        (Spec("normal", (2, 1)), Spec("normal", (3,))),
        lambda x, y: list(np.broadcast_arrays(x, y)),
    ),
    Case(
        "permute_dims",
        lambda x: manipulation.permute_dims(x, (2, 0, -2)),
        (N234,),
        lambda x: x.transpose(2, 0, 1),
    ),
    Case(
        "moveaxis",
        lambda x: manipulation.moveaxis(x, (0, 1), (-1, 0)),
        (N234,),
        lambda x: np.moveaxis(x, (0, 1), (-1, 0)),
    ),
    Case(
        "swapaxes", lambda x: manipulation.swapaxes(x, 0, -1), (N234,), lambda x: x.swapaxes(0, 2)
    ),
    Case("flip", manipulation.flip, (N23,), np.flip),
    Case("flip one axis", lambda x: manipulation.flip(x, -1), (N234,), lambda x: np.flip(x, -1)),
    Case("roll", lambda x: manipulation.roll(x, 4), (N23,), lambda x: np.roll(x, 4)),
    Case(
        "roll along axes",
        lambda x: manipulation.roll(x, (1, -2), (0, 1)),
        (N23,),
        lambda x: np.roll(x, (1, -2), (0, 1)),
    ),
    # Joining.
    Case(
        "concat",
        lambda x, y, z: joining.concat([x, y, z], axis=-1),
        (N23, Spec("normal", (2, 0)), Spec("normal", (2, 1))),
        lambda x, y, z: np.concatenate([x, y, z], -1),
    ),
    Case(
        "concat raveled, with repeated use",
        lambda x, y: joining.concat([x, y, x], axis=None),
        (N23, Spec("normal", ())),
        lambda x, y: np.concatenate([x, y, x], None),
    ),
    Case(
        "stack",
        lambda x, y: joining.stack([x, y], -1),
        (N23, N23),
        lambda x, y: np.stack([x, y], -1),
    ),
    Case("unstack", lambda x: joining.unstack(x, 1), (N23,), lambda x: list(np.unstack(x, axis=1))),
    Case("split", lambda x: joining.split(x, [1, 1], 1), (N23,), lambda x: np.split(x, [1, 1], 1)),
    Case("split evenly", lambda x: joining.split(x, 3, -1), (N23,), lambda x: np.split(x, 3, -1)),
    Case("repeat", lambda x: joining.repeat(x, 2), (N23,), lambda x: np.repeat(x, 2)),
    Case(
        "repeat each",
        lambda x: joining.repeat(x, [0, 2, 1], 1),
        (N23,),
        lambda x: np.repeat(x, [0, 2, 1], 1),
    ),
    Case("tile", lambda x: joining.tile(x, (2, 1, 3)), (N23,), lambda x: np.tile(x, (2, 1, 3))),
    Case(
        "pad",
        lambda x: padding.pad(x, [(1, 0), (2, 1)]),
        (N23,),
        lambda x: np.pad(x, [(1, 0), (2, 1)]),
    ),
    Case(
        "pad with a number",
        lambda x, v: padding.pad(x, 1, value=v),
        (N23, Spec("normal", ())),
        lambda x, v: np.pad(x, 1, constant_values=v),
    ),
    Case(
        "pad by reflection",
        lambda x: padding.pad(x, (1, 1), "reflect"),
        (N23,),
        lambda x: np.pad(x, 1, "reflect"),
    ),
    Case(
        "pad by the edge",
        lambda x: padding.pad(x, (2, 0), "edge"),
        (N23,),
        lambda x: np.pad(x, (2, 0), "edge"),
    ),
]
