"""Principal component analysis as a scikit-learn estimator.

It needs scikit-learn only where scikit-learn asks something of it: in pipelines, searches, clones.
"""

from __future__ import annotations

import sys
from typing import Any, Self, final

import numpy as np

from chainrule.decomposition.components import PrincipalComponents
from chainrule.decomposition.pca import Method, pca
from chainrule.decomposition.rows import Array, names_of, require_names
from chainrule.estimators import Parametrized
from chainrule.tensors import of_value

__all__ = ["PCA"]


@final
class PCA(Parametrized):
    """Principal components behind scikit-learn's interface; ``pca`` explains the parameters.

    Σ = (X − μ)ᵀ(X − μ) / (n − 1) = Wᵀ diag(λ) W,   z = W (x − μ)

    After ``fit``, mean_, components_, explained_variance_, explained_variance_ratio_ and
    singular_values_ are arrays, n_components_ and n_features_in_ numbers; feature_names_in_ are the
    names of the columns, where they had names. Components without variance are left out unless
    they are asked for by number, which is an error.

    >>> model = PCA(n_components=1).fit(np.array([[0.0, 0.0], [3.0, 4.0]]))
    >>> model.components_
    array([[0.6, 0.8]])
    """

    def __init__(
        self,
        n_components: float | None = None,
        *,
        method: Method = "auto",
        whiten: bool = False,
        seed: int = 0,
        oversampling: int | None = None,
        passes: int = 2,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.whiten = whiten
        self.seed = seed
        self.oversampling = oversampling
        self.passes = passes

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import (
            InputTags,
            Tags,
            TargetTags,
            TransformerTags,
        )

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
            input_tags=InputTags(),
        )

    # ------------------------------------------------------------ fitting

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the components of the rows of X; y is not looked at."""
        X = self._checked(X, reset=True)
        found = pca(
            X,
            self.n_components,
            method=self.method,
            whiten=self.whiten,
            seed=self.seed,
            oversampling=self.oversampling,
            passes=self.passes,
        )
        self.mean_ = found.mean.numpy()
        self.components_ = found.components.numpy()
        self.explained_variance_ = found.explained_variance.numpy()
        self.explained_variance_ratio_ = found.explained_variance_ratio.numpy()
        self.singular_values_ = found.singular_values.numpy()
        self.n_components_, self.n_features_in_ = self.components_.shape
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Array:
        """Find the components of the rows and give the rows' coordinates."""
        return self.fit(X, y).transform(X)

    def transform(self, X: Any) -> Array:
        """Give the coordinates of rows."""
        found = self._found("transform")
        return found.transform(self._checked(X, reset=False)).numpy()

    def inverse_transform(self, X: Any) -> Array:
        """Give the rows that have these coordinates."""
        return self._found("inverse_transform").inverse(np.asarray(X)).numpy()

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the coordinates: pca0, pca1 and so on."""
        self._check_fitted("get_feature_names_out")
        return np.array([f"pca{k}" for k in range(self.n_components_)], object)

    def _found(self, method: str) -> PrincipalComponents:
        self._check_fitted(method)
        return PrincipalComponents(
            of_value(self.mean_),
            of_value(self.components_),
            of_value(self.explained_variance_),
            of_value(self.explained_variance_ratio_),
            of_value(self.singular_values_),
            self.whiten,
        )

    def _checked(self, X: Any, reset: bool) -> Any:
        """X as scikit-learn wants it checked, where scikit-learn is in use."""
        if "sklearn" not in sys.modules or type(X).__module__.startswith("dask."):
            self._note_names(names_of(X), reset)
            return X
        from sklearn.utils.validation import validate_data

        return validate_data(self, X, reset=reset, ensure_min_samples=2 if reset else 1)

    def _note_names(self, names: Array | None, reset: bool) -> None:
        """Keep the names of columns, or raise where they are not those of fit."""
        if not reset:
            require_names("PCA.transform", getattr(self, "feature_names_in_", None), names)
            return
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
