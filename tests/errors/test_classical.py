"""What the classical models say about input that they cannot use, word for word."""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from chainrule.classical import (
    BayesianLinearRegression,
    BernoulliNaiveBayes,
    GaussianNaiveBayes,
    LinearRegression,
    LogisticRegression,
    MultinomialNaiveBayes,
    RidgeRegression,
)
from chainrule.decomposition import PCA
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from tests.errors.tables import Table

X = np.arange(12.0).reshape(4, 3)
Y = [0, 1, 0, 1]
T = [1.0, 2.0, 3.0, 5.0]
NAN = np.where(X == 7, math.nan, X)
PLACE = "\n\n    X  f64[4, 3]"
FINITE = "\n\n  Every number must be finite; leave out or fill in what is missing."

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X[0], Y),
        (
            "GaussianNaiveBayes.fit: X has the shape [3], and examples are the rows of a "
            "matrix\n"
            "\n"
            "    X  f64[3]\n"
            "\n"
            "  Reshape your data: x.reshape(-1, 1) if it is one feature, x.reshape(1, -1) if "
            "it is one example."
        ),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(np.ones((4, 2, 2)), Y),
        (
            "GaussianNaiveBayes.fit: X has the shape [4, 2, 2], and examples are the rows of "
            "a matrix\n"
            "\n"
            "    X  f64[4, 2, 2]\n"
            "\n"
            "  Reshape your data: x.reshape(len(x), -1) makes rows of images."
        ),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X[:0], []),
        (
            "GaussianNaiveBayes.fit: X has 0 sample(s) (shape=(0, 3)) while a minimum of 1 "
            "is required."
        ),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X[:, :0], Y),
        (
            "GaussianNaiveBayes.fit: X has 0 feature(s) (shape=(4, 0)) while a minimum of 1 "
            "is required."
        ),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(NAN, Y),
        ("GaussianNaiveBayes.fit: X[2, 1] is NaN") + PLACE + FINITE,
    ),
    (
        ArgumentError,
        lambda: RidgeRegression().fit(np.where(X == 7, math.inf, X), T),
        ("RidgeRegression.fit: X[2, 1] is inf") + PLACE + FINITE,
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X.astype(complex), Y),
        (
            "GaussianNaiveBayes.fit: Complex data not supported\n"
            "\n"
            "    X  complex128[4, 3]\n"
            "\n"
            "  Stack the parts: np.hstack([X.real, X.imag])."
        ),
    ),
    (
        DTypeError,
        lambda: GaussianNaiveBayes().fit([["a", "b"]] * 4, Y),
        (
            "GaussianNaiveBayes.fit: X does not hold numbers: could not convert string to "
            "float: np.str_('a')"
        ),
    ),
    (
        DTypeError,
        lambda: GaussianNaiveBayes().fit(scipy.sparse.csr_array(X), Y),
        (
            "GaussianNaiveBayes.fit: X is a sparse matrix\n"
            "\n"
            "    X  f64[4, 3]\n"
            "\n"
            "  Give a dense one: x.toarray()."
        ),
    ),
    (
        ArgumentError,
        lambda: MultinomialNaiveBayes().fit(scipy.sparse.csr_array(NAN), Y),
        ("MultinomialNaiveBayes.fit: X contains NaN or inf") + PLACE,
    ),
    (
        DTypeError,
        lambda: GaussianNaiveBayes().fit(X.astype("datetime64[s]"), Y),
        ("GaussianNaiveBayes.fit: X does not hold numbers, but datetime64[s]"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, None),
        ("GaussianNaiveBayes.fit: it requires y to be passed, but the target y is None"),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X, [0, 1]),
        (
            "GaussianNaiveBayes.fit: X has 4 rows and y 2\n"
            "\n"
            "    y  i64[2]\n"
            "\n"
            "  There is one target for each row."
        ),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X, 1),
        (
            "GaussianNaiveBayes.fit: X has 4 rows and y none\n"
            "\n"
            "    y  i64[]\n"
            "\n"
            "  There is one target for each row."
        ),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X, np.eye(4)),
        (
            "GaussianNaiveBayes.fit: y has 2 axes, and a label is one number or word\n"
            "\n"
            "    y  f64[4, 4]\n"
            "\n"
            "  One-hot rows become labels by y.argmax(axis=1)."
        ),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, [0.5, 1, 1, 0]),
        (
            "GaussianNaiveBayes.fit: Unknown label type: continuous\n"
            "\n"
            "    y  f64[4]\n"
            "\n"
            "  Classes are whole numbers or words; to predict numbers, use a regression."
        ),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, [0, math.nan, 1, 0]),
        ("GaussianNaiveBayes.fit: y[1] is NaN\n\n    y  f64[4]") + FINITE,
    ),
    (
        ShapeError,
        lambda: RidgeRegression().fit(X, np.ones((4, 2, 2))),
        (
            "RidgeRegression.fit: y has 3 axes\n"
            "\n"
            "    y  f64[4, 2, 2]\n"
            "\n"
            "  A target is one number, or a row of them."
        ),
    ),
    (
        ShapeError,
        lambda: BayesianLinearRegression().fit(X, np.ones((4, 2))),
        (
            "BayesianLinearRegression.fit: y has 2 axes\n"
            "\n"
            "    y  f64[4, 2]\n"
            "\n"
            "  A target is one number; fit one estimator to each column."
        ),
    ),
    (
        ArgumentError,
        lambda: RidgeRegression().fit(X, [1, 2, math.inf, 3]),
        ("RidgeRegression.fit: y[2] is inf\n\n    y  f64[4]") + FINITE,
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X, Y, [1, 2]),
        (
            "GaussianNaiveBayes.fit: there is not one weight for each row\n"
            "\n"
            "    sample_weight  f64[2]\n"
            "\n"
            "  X has 4 rows."
        ),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, Y, [1, 1, -2, 1]),
        ("GaussianNaiveBayes.fit: sample_weight[2] is -2, and must be 0 or greater"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, Y, [0, 0, 0, 0]),
        ("GaussianNaiveBayes.fit: every sample weight is zero, so there are no examples"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, Y, [1, math.nan, 1, 1]),
        ("GaussianNaiveBayes.fit: sample_weight[1] is NaN\n\n    sample_weight  f64[4]") + FINITE,
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().predict(X),
        ("GaussianNaiveBayes.predict: this estimator has not been fitted; call fit first"),
    ),
    (
        ShapeError,
        lambda: GaussianNaiveBayes().fit(X, Y).predict(X[:, :2]),
        (
            "GaussianNaiveBayes.predict: X has 2 features, but GaussianNaiveBayes is "
            "expecting 3 features as input"
        ),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().set_params(alpha=1),
        ("GaussianNaiveBayes: there is no parameter 'alpha'; there are priors, var_smoothing"),
    ),
    (
        ArgumentError,
        lambda: MultinomialNaiveBayes(0).fit(X, Y),
        ("MultinomialNaiveBayes: alpha is 0, and must be greater than 0"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes(var_smoothing=-1).fit(X, Y),
        ("GaussianNaiveBayes: var_smoothing is -1, and must be 0 or greater"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes(var_smoothing="cv").partial_fit(X, Y),
        (
            "GaussianNaiveBayes.partial_fit: var_smoothing is 'cv', which needs all rows at once\n"
            "\n  fit takes them."
        ),
    ),
    (
        ArgumentError,
        lambda: LogisticRegression("strong").fit(X, Y),
        ("LogisticRegression: alpha is 'strong', and must be 0 or greater"),
    ),
    (
        ArgumentError,
        lambda: LogisticRegression(max_iter=0).fit(X, Y),
        ("LogisticRegression: max_iter is 0, and must be greater than 0"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes(priors="even").fit(X, Y),
        (
            "GaussianNaiveBayes: priors is 'even', and must be None, 'uniform' or a "
            "probability for each class"
        ),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes(priors=[0.5]).fit(X, Y),
        ("GaussianNaiveBayes: there are 1 prior and 2 classes: [0, 1]"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes(priors=[0.9, 0.9]).fit(X, Y),
        ("GaussianNaiveBayes: the priors [0.9, 0.9] are no probabilities, whose sum is 1"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes(var_smoothing=0).fit([[0.0, 1], [1, 1], [2, 5]], [0, 0, 1]),
        (
            "GaussianNaiveBayes: feature 1 has the variance 0 in class 0\n"
            "\n"
            "  Such a feature has no density; var_smoothing greater than 0 gives it one."
        ),
    ),
    (
        ArgumentError,
        lambda: MultinomialNaiveBayes().fit(-X, Y),
        (
            "MultinomialNaiveBayes: Negative values in data: the smallest is -11\n"
            "\n"
            "    X  f64[4, 3]\n"
            "\n"
            "  What is counted is 0 or greater."
        ),
    ),
    (
        ArgumentError,
        lambda: BernoulliNaiveBayes(binarize=None).fit(X, Y),
        (
            "BernoulliNaiveBayes: X holds other numbers than 0 and 1\n"
            "\n"
            "  binarize=0.0 makes those greater than 0 to 1."
        ),
    ),
    (
        ArgumentError,
        lambda: BernoulliNaiveBayes(binarize=-1.0).fit(scipy.sparse.csr_array(X), Y),
        ("BernoulliNaiveBayes: binarize is -1.0, below the zeros of a sparse X"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().partial_fit(X, Y, classes=[0, 2]),
        ("GaussianNaiveBayes.partial_fit: y has the class 1, which is none of [0, 2]"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().partial_fit(X, Y).partial_fit(X, Y, classes=[0, 2]),
        ("GaussianNaiveBayes.partial_fit: classes are [0, 2], and before they were [0, 1]"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().merge(GaussianNaiveBayes()),
        ("GaussianNaiveBayes.merge: this estimator has not been fitted; call fit first"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(X, Y).merge(MultinomialNaiveBayes().fit(X, Y)),
        (
            "GaussianNaiveBayes.merge: only two of a kind, with the same features, can be "
            "merged\n"
            "\n"
            "    self   GaussianNaiveBayes(), 3 features\n"
            "    other  MultinomialNaiveBayes(), 3 features"
        ),
    ),
    (
        ArgumentError,
        lambda: MultinomialNaiveBayes().fit(X, Y).merge(MultinomialNaiveBayes().fit(X[:, :2], Y)),
        (
            "MultinomialNaiveBayes.merge: only two of a kind, with the same features, can be "
            "merged\n"
            "\n"
            "    self   MultinomialNaiveBayes(), 3 features\n"
            "    other  MultinomialNaiveBayes(), 2 features"
        ),
    ),
    (
        ArgumentError,
        lambda: LogisticRegression().fit(X, [1, 1, 1, 1]),
        ("LogisticRegression.fit: y has only one class, 1, and there is nothing to tell apart"),
    ),
    (
        ArgumentError,
        lambda: RidgeRegression([1, 2, 3]).fit(X, T),
        (
            "RidgeRegression.fit: alpha has the shape [3]; it is one number, or one for each "
            "of 1 output"
        ),
    ),
    (
        ArgumentError,
        lambda: RidgeRegression(-1.0).fit(X, T),
        ("RidgeRegression.fit: alpha is -1.0, and must be 0 or greater"),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression(0.0).fit(X, T),
        ("BayesianLinearRegression: alpha is 0.0, and must be greater than 0"),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().fit(X[:1], T[:1]),
        (
            "BayesianLinearRegression.fit: there is 1 sample, and an intercept leaves "
            "nothing of it to learn from"
        ),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().fit(X, [1, 1, 1, 1]),
        (
            "BayesianLinearRegression.fit: y does not vary, so no precision is best; give "
            "alpha and beta"
        ),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().fit(X[:, 1:2] - 1, [0.1] * 4),
        (
            "BayesianLinearRegression.fit: y does not vary, so no precision is best; give "
            "alpha and beta"
        ),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().fit(X, T, [0.1, 0.1, 0.1, 0.2]),
        (
            "BayesianLinearRegression.fit: the weights sum to 0.5, and an intercept leaves "
            "nothing of it to learn from"
        ),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().fit(X * 1e160, T),
        (
            f"BayesianLinearRegression.fit: squares of the data overflow or vanish, so there is "
            f"no evidence{PLACE}\n\n  X and y in other units have numbers nearer to 1."
        ),
    ),
    (
        ArgumentError,
        lambda: LogisticRegression(max_iter=2.5).fit(X, Y),  # type: ignore[arg-type]
        ("LogisticRegression.fit: max_iter is 2.5, and must be a whole number"),
    ),
    (
        DTypeError,
        lambda: LogisticRegression().fit(X, np.array(["a", None, "a", 3], object)),
        (
            "LogisticRegression.fit: y has labels of kinds that have no common order: NoneType, "
            "int, str\n\n    y  object[4]\n\n  Labels are all numbers or all words."
        ),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().fit(X, T).interval(X, level=1.0),
        ("BayesianLinearRegression: level is 1.0, and must lie between 0 and 1, exclusive"),
    ),
    (
        ArgumentError,
        lambda: BayesianLinearRegression().posterior(),
        ("BayesianLinearRegression.posterior: this estimator has not been fitted; call fit first"),
    ),
    (
        ArgumentError,
        lambda: GaussianNaiveBayes().fit(np.array([[1e200], [-1e200]]), [0, 0]),
        ("GaussianNaiveBayes: sums of squares overflow"),
    ),
    (
        ArgumentError,
        lambda: LogisticRegression().fit(X, np.array(["a"] * 4, object)),
        ("LogisticRegression.fit: y has only one class, 'a', and there is nothing to tell apart"),
    ),
]


@pytest.mark.parametrize(
    ("kind", "run", "text"), MESSAGES, ids=[f"{k}: {m[2][:40]}" for k, m in enumerate(MESSAGES)]
)
def test_the_message_says(kind: type[Exception], run: Callable[[], object], text: str) -> None:
    if "has not been fitted" in text and "sklearn" in sys.modules:
        pytest.skip("scikit-learn is imported, whose NotFittedError is raised")
    with pytest.raises(kind) as raised:
        run()
    assert str(raised.value) == text


def test_columns_of_a_table_have_to_be_those_of_fit() -> None:
    model = LinearRegression().fit(Table(X, ["age", "height", "weight"]), T)
    assert model.feature_names_in_.tolist() == ["age", "height", "weight"]
    with pytest.raises(ArgumentError) as raised:
        model.predict(Table(X, ["age", "weight", "height"]))
    assert str(raised.value) == (
        "LinearRegression.predict: the columns are not those of fit\n\n"
        "    columns  age, weight, height\n    fitted   age, height, weight\n\n"
        "  The feature names should match those that were passed during fit, in their order."
    )


@pytest.mark.parametrize("model", [LogisticRegression(), PCA()], ids=repr)
def test_what_failed_to_fit_is_not_fitted(model: Any) -> None:
    with pytest.raises(ArgumentError):
        model.fit([[0.0], [0.0]], [1, 1])
    method = "predict" if hasattr(model, "predict") else "transform"
    with pytest.raises(Exception, match="has not been fitted; call fit first"):
        getattr(model, method)([[0.0]])


@pytest.mark.parametrize("kind", [GaussianNaiveBayes, LogisticRegression])
@pytest.mark.parametrize("call", ["fit", "score"])
def test_a_column_of_labels_is_read_with_a_warning(kind: type[Any], call: str) -> None:
    if "sklearn" in sys.modules:
        pytest.skip("scikit-learn is imported, whose DataConversionWarning is given")
    model = kind().fit(X, Y)
    with pytest.warns(UserWarning, match="column-vector") as told:
        getattr(model, call)(X, np.array(Y)[:, None])
    assert str(told[0].message) == (
        "A column-vector y was passed when a 1d array was expected; it is read as y[:, 0]"
    )
    assert told[0].filename == __file__, "it points at the user's line"
