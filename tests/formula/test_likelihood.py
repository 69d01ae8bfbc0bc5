"""docs/likelihood.md shows what its programs print, and what it claims holds.

After a change that is meant, ``python -m tests.formula.test_likelihood`` writes the page anew.
"""

import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.probability import Categorical, MultivariateNormal, Normal, cross_entropy, kl
from tests.formula.test_docs import EXAMPLE, printed

PAGE = Path(__file__).parents[2] / "docs" / "likelihood.md"
EXAMPLES = 10
AGREEMENT = re.compile(r"(?<=to )\d(?:\.\d)?e[+-]\d+")
generator = np.random.default_rng(0)


def told(text: str) -> str:
    """The text without the sizes of rounding errors, which differ between processors."""
    return AGREEMENT.sub("…", text)


@pytest.mark.parametrize("number", range(EXAMPLES))
def test_an_example_prints_what_is_shown(number: int) -> None:
    example = list(EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))[number]
    assert told(printed(example["code"])) == told(example["told"])


def test_every_example_is_tested() -> None:
    assert len(list(EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))) == EXAMPLES


def test_the_likelihood_of_classes_is_the_exponential_of_minus_the_cross_entropy() -> None:
    p = cr.softmax(cr.tensor(generator.standard_normal((6, 4))), axis=1)
    seen = generator.integers(0, 4, 6)
    y = cr.one_hot(cr.tensor(seen), 4)
    likelihood = cr.prod(cr.exp(Categorical(cr.log(p)).log_density(cr.tensor(seen))))
    np.testing.assert_allclose(likelihood.item(), np.exp(cr.sum(y * cr.log(p)).item()))
    mean = cr.loss.cross_entropy(cr.log(p), cr.tensor(seen))
    np.testing.assert_allclose(-np.log(likelihood.item()), 6 * mean.item())


def test_the_likelihood_of_numbers_is_squared_error_up_to_a_constant() -> None:
    y, f = (cr.tensor(generator.standard_normal(8)) for _ in range(2))
    sigma = 0.7
    surprise = -cr.sum(Normal(f, sigma).log_density(y)).item()
    constant = 8 * (np.log(sigma) + np.log(2 * np.pi) / 2)
    np.testing.assert_allclose(surprise, cr.sum((y - f) ** 2).item() / (2 * sigma**2) + constant)


def test_cross_entropy_is_entropy_plus_divergence_at_random_distributions() -> None:
    for _ in range(20):
        p, q = (Categorical(probabilities=generator.dirichlet(np.ones(5))) for _ in range(2))
        direct = -cr.sum(p.probabilities * cr.log(q.probabilities)).item()
        np.testing.assert_allclose(direct, (p.entropy() + kl(p, q).value).item(), rtol=1e-12)
        np.testing.assert_allclose(direct, cross_entropy(p, q).value.item(), rtol=1e-12)
        assert kl(p, q).value.item() > 0


def test_rows_are_most_likely_under_their_mean_and_covariance() -> None:
    x = generator.standard_normal((20, 3))
    gradients = cr.grad(
        lambda mu, sigma: cr.sum(MultivariateNormal(mu, sigma).log_density(x)), argnums=(0, 1)
    )(cr.tensor(x.mean(axis=0)), cr.tensor(np.cov(x.T, bias=True)))
    for gradient in gradients:
        np.testing.assert_allclose(gradient.numpy(), 0, atol=1e-10)


if __name__ == "__main__":
    shown = PAGE.read_text(encoding="utf-8")
    shown = EXAMPLE.sub(
        lambda m: f"```python\n{m['code']}```\n```text\n{printed(m['code'])}```\n", shown
    )
    PAGE.write_text(shown, encoding="utf-8")
