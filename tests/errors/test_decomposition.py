"""What a principal component analysis says about data that it cannot use, word for word."""

import math
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array

import chainrule as cr
from chainrule.decomposition import PCA, pca
from chainrule.errors import ArgumentError, CapacityError, DTypeError, ShapeError
from tests.errors.tables import Table

X = np.arange(12.0).reshape(4, 3) ** 1.5
NAN = np.where(np.arange(12).reshape(4, 3) == 7, math.nan, X)
WIDE = np.broadcast_to(np.float32(1), (200_000, 100_000))
FOUND = pca(X, 2)
F43 = "\n\n    x  f64[4, 3]"
FINITE = (
    f"pca: element [2, 1] is nan{F43}\n\n"
    "  Every number must be finite; leave out or fill in what is missing."
)
MATRIX = "\n\n  They are a matrix with a row for each example."
EMPTY = "\n\n  A variance needs two rows, and there must be a column."

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    *(
        (
            ArgumentError,
            partial(pca, (X * 1e22).astype(np.float32), 1, method=method),
            (
                "pca: sums of squares overflow\n\n    x  f32[4, 3]\n\n"
                "  Data in a larger unit have smaller numbers."
            ),
        )
        for method in ("svd", "covariance", "randomized")
    ),
    *(
        (
            ArgumentError,
            partial(pca, (X * 1e-30).astype(np.float32), 1, method=method),
            (
                "pca: rows differ by so little that rounding hides it, or that squares are 0\n\n"
                "    x  f32[4, 3]\n\n  Data in a smaller unit have larger numbers."
            ),
        )
        for method in ("svd", "covariance", "randomized")
    ),
    (
        DTypeError,
        lambda: pca(csr_array(X)),
        "pca: the data are a sparse matrix; x.toarray() is a dense one",
    ),
    (
        ShapeError,
        lambda: pca([[1.0, 2.0], [3.0]]),
        "pca: the rows of the data do not have one length",
    ),
    (
        ArgumentError,
        lambda: pca(X, 4),
        (
            f"pca: 4 components are asked for; there can be 1 to 3{F43}\n\n"
            "  The centered data have a rank of at most the number of columns, and of rows less 1."
        ),
    ),
    (
        ArgumentError,
        lambda: pca(X[:, :1] * np.ones((1, 3)), 2),
        (
            f"pca: 2 components are asked for, and the centered data have rank 1{F43}\n\n"
            "  k=None gives all components that have a variance."
        ),
    ),
    (
        ArgumentError,
        lambda: pca(np.ones((4, 3))),
        f"pca: all rows are equal, so there is no variance to explain{F43}",
    ),
    *[
        (ArgumentError, lambda method=method: pca(NAN, 1, method=method), FINITE)  # type: ignore[misc]
        for method in ("svd", "covariance", "randomized")
    ],
    *[
        (
            ArgumentError,
            lambda method=method: pca(1e200 * X, 1, method=method),  # type: ignore[misc]
            f"pca: sums of squares overflow{F43}\n\n  Data in a larger unit have smaller numbers.",
        )
        for method in ("svd", "covariance", "randomized")
    ],
    (ShapeError, lambda: pca(X[:1]), f"pca: the data have the shape [1, 3]{EMPTY}"),
    (ShapeError, lambda: pca(X[:0]), f"pca: the data have the shape [0, 3]{EMPTY}"),
    (ShapeError, lambda: pca(X[:, :0]), f"pca: the data have the shape [4, 0]{EMPTY}"),
    (ShapeError, lambda: pca(X[0]), f"pca: the data have the shape [3]{MATRIX}"),
    (
        ShapeError,
        lambda: pca(np.ones((4, 2, 2))),
        (
            f"pca: the data have the shape [4, 2, 2]{MATRIX}\n"
            "  Images become rows by x.reshape(len(x), -1)."
        ),
    ),
    (DTypeError, lambda: pca(X.astype(complex)), "pca: the data are numbers, not complex128"),
    (
        ArgumentError,
        lambda: pca(X, method="arpack"),  # type: ignore[arg-type]
        "pca: method is one of auto, covariance, svd, randomized, not 'arpack'",
    ),
    (
        ArgumentError,
        lambda: pca(X, 1.5),
        (
            "pca: k is 1.5; a fraction of the variance lies between 0 and 1, and a number of "
            "components is an int"
        ),
    ),
    (
        ArgumentError,
        lambda: pca(X, "mle"),  # type: ignore[arg-type]
        "pca: k is a number of components or a fraction, not 'mle'",
    ),
    (
        ArgumentError,
        lambda: pca(X, method="randomized"),
        "pca: k is the number of components for a randomized sketch, not None",
    ),
    (
        ArgumentError,
        lambda: pca(X, 1, method="randomized", passes=0),
        "pca: passes is 1 or more, not 0",
    ),
    (
        ArgumentError,
        lambda: pca(X, 1, method="randomized", oversampling=-1),
        "pca: oversampling is 0 or more, not -1",
    ),
    (
        CapacityError,
        lambda: pca(WIDE, 5),
        (
            "pca: the covariance of 100000 columns takes 75 GiB\n\n    x  f32[200000, 100000]\n\n"
            '  method="randomized" does not need it.'
        ),
    ),
    (
        ShapeError,
        lambda: FOUND.transform(X[:, :2]),
        "transform: the rows have the shape [4, 2] and the data had 3 columns",
    ),
    (
        ShapeError,
        lambda: FOUND.transform(cr.ones(2)),
        "transform: the rows have the shape [2] and the data had 3 columns",
    ),
    (
        ShapeError,
        lambda: FOUND.inverse(cr.ones(3)),
        "inverse: the coordinates have the shape [3] and there are 2 components",
    ),
    (
        ArgumentError,
        lambda: PCA().set_params(k=3),
        (
            "PCA: there is no parameter 'k'; there are n_components, method, whiten, seed, "
            "oversampling, passes"
        ),
    ),
]


@pytest.mark.parametrize(
    ("kind", "run", "text"), MESSAGES, ids=[f"{k}: {m[2][:40]}" for k, m in enumerate(MESSAGES)]
)
def test_the_message_says(kind: type[Exception], run: Callable[[], object], text: str) -> None:
    with pytest.raises(kind) as raised:
        run()
    assert str(raised.value) == text


def test_columns_of_a_table_have_to_be_those_of_fit() -> None:
    if "sklearn" in sys.modules:
        pytest.skip("scikit-learn is imported, which looks at the names itself")
    model = PCA(1).fit(Table(X, ["age", "height", "weight"]))
    assert model.feature_names_in_.tolist() == ["age", "height", "weight"]
    with pytest.raises(ArgumentError) as raised:
        model.transform(Table(X, ["age", "weight", "height"]))
    assert str(raised.value) == (
        "PCA.transform: the columns are not those of fit\n\n"
        "    columns  age, weight, height\n    fitted   age, height, weight\n\n"
        "  The feature names should match those that were passed during fit, in their order."
    )


def test_rows_that_have_not_been_counted() -> None:
    class Filtered:
        shape, dtype = (math.nan, 3), np.dtype(float)

        def __getitem__(self, key: object) -> np.ndarray:
            return X

    with pytest.raises(ShapeError) as raised:
        pca(Filtered(), 1)
    assert str(raised.value) == (
        "pca: the number of rows is not known before they are computed\n\n"
        "  x.compute_chunk_sizes() counts those of a Dask array."
    )
