"""Principal components: exact, randomized, and of data larger than memory.

``pca`` gives them as ``PrincipalComponents``; ``PCA`` is the same as a scikit-learn estimator.

>>> import numpy as np
>>> pca(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), 1).explained_variance
Tensor([5.])
"""

from chainrule.decomposition.components import PrincipalComponents
from chainrule.decomposition.estimator import PCA
from chainrule.decomposition.pca import pca

__all__ = ["PCA", "PrincipalComponents", "pca"]
