"""Principal components are those of scikit-learn, whose estimator checks hold."""

from typing import Any

import numpy as np
import pytest

from chainrule.decomposition import PCA, pca

decomposition: Any = pytest.importorskip("sklearn.decomposition")
checks: Any = pytest.importorskip("sklearn.utils.estimator_checks")
pipeline: Any = pytest.importorskip("sklearn.pipeline")
selection: Any = pytest.importorskip("sklearn.model_selection")
linear: Any = pytest.importorskip("sklearn.linear_model")

# Ours is no subclass of a class of scikit-learn, which is not needed to import it.
BASE = "ignore:Estimator PCA does not inherit"
SKIPS = "ignore:Skipping check"


@pytest.mark.filterwarnings(BASE, SKIPS)
@pytest.mark.parametrize(
    "options",
    [{}, {"whiten": True}, {"method": "covariance"}, {"n_components": 1, "method": "randomized"}],
    ids=repr,
)
def test_the_estimator_passes_every_check_of_scikit_learn(options: dict[str, Any]) -> None:
    found = checks.check_estimator(PCA(**options), on_fail=None)
    assert [f["check_name"] for f in found if f["status"] == "failed"] == []
    assert [f["check_name"] for f in found if f["status"] == "xfail"] == []


@pytest.mark.parametrize("solver", ["full", "covariance_eigh"])
@pytest.mark.parametrize("shape", [(300, 12), (20, 50), (2000, 300)])
def test_numbers_and_signs_are_those_of_scikit_learn(shape: tuple[int, int], solver: str) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal(shape) * np.linspace(3, 0.1, shape[1]) + 5
    theirs = decomposition.PCA(5, svd_solver=solver, whiten=True).fit(x)
    ours = pca(x, 5, whiten=True)
    for name in ("mean", "components", "explained_variance", "explained_variance_ratio",
                 "singular_values"):  # fmt: skip
        np.testing.assert_allclose(
            getattr(ours, name).numpy(), getattr(theirs, name + "_"), rtol=1e-7, atol=1e-9
        )
    np.testing.assert_allclose(ours.transform(x).numpy(), theirs.transform(x), rtol=1e-6, atol=1e-8)


def test_it_stands_in_a_pipeline_and_a_search() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((120, 6))
    y = (x[:, 0] > 0).astype(int)
    model = pipeline.make_pipeline(PCA(), linear.LogisticRegression())
    search = selection.GridSearchCV(model, {"pca__n_components": [1, 6]}, cv=3).fit(x, y)
    assert search.best_params_ == {"pca__n_components": 6}
