"""Classical models in closed form or by Newton's method, as scikit-learn's estimators.

>>> model = GaussianNaiveBayes().fit([[0.0], [1.0], [5.0], [7.0]], ["low", "low", "high", "high"])
>>> model.predict([[2.0], [6.0]]).tolist()
['low', 'high']
"""

from chainrule.classical.bayesian import BayesianLinearRegression
from chainrule.classical.counting import BernoulliNaiveBayes, MultinomialNaiveBayes
from chainrule.classical.gaussian import GaussianNaiveBayes
from chainrule.classical.linear import LinearRegression, RidgeRegression
from chainrule.classical.logistic import LogisticRegression

__all__ = [
    "BayesianLinearRegression",
    "BernoulliNaiveBayes",
    "GaussianNaiveBayes",
    "LinearRegression",
    "LogisticRegression",
    "MultinomialNaiveBayes",
    "RidgeRegression",
]
