"""The normal form of index algebra: what is equal as mathematics has one key."""

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from chainrule.algebra import combine, matrices
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal

NAMES = {"u": 1, "v": 1, "A": 2, "B": 2, "T": 3}


def atom(name: str) -> Atom:
    """A named value whose axes all have size n."""
    return Atom("name", (name,), (), ("n",) * NAMES[name])


@st.composite
def terms(draw: st.DrawFn) -> tuple[Term, int]:
    """A product of up to five factors, and how many output labels it has."""
    outputs = draw(st.integers(0, 2))
    labels = st.integers(0, 4)
    factors = []
    for name in draw(st.lists(st.sampled_from(sorted(NAMES)), min_size=1, max_size=5)):
        places = draw(st.tuples(*[labels] * NAMES[name]))
        factors.append(Factor(atom(name), places, Fraction(draw(st.sampled_from([1, 2, -1])))))
    return Term(Fraction(draw(st.integers(1, 3))), tuple(factors)), outputs


def poly(term: Term, outputs: int) -> Poly:
    return normal([term], range(outputs), ("n",) * outputs)


@given(terms(), st.randoms())
def test_the_order_of_factors_and_the_names_of_bound_labels_do_not_matter(
    drawn: tuple[Term, int], random: object
) -> None:
    term, outputs = drawn
    bound = sorted({i for f in term.factors for i in f.labels if i >= outputs})
    renamed = list(range(50, 50 + len(bound)))
    random.shuffle(renamed)  # type: ignore[attr-defined]
    number = dict(zip(bound, renamed, strict=True))
    factors = [
        Factor(f.atom, tuple(number.get(i, i) for i in f.labels), f.power) for f in term.factors
    ]
    random.shuffle(factors)  # type: ignore[attr-defined]
    assert poly(Term(term.coefficient, tuple(factors)), outputs) == poly(term, outputs)


@given(terms())
def test_a_term_minus_itself_is_zero(drawn: tuple[Term, int]) -> None:
    term, outputs = drawn
    negative = Term(-term.coefficient, term.factors)
    assert not normal([term, negative], range(outputs), ("n",) * outputs).terms


def test_a_product_with_a_delta_renames_a_label() -> None:
    delta = combine.delta("n")
    product = combine.einsum([delta, atom_poly(atom("A"))], ((0, 1), (1, 2)), (0, 2), ("n", "n"))
    assert product == atom_poly(atom("A"))


def test_a_sum_over_a_label_that_no_factor_has_is_the_size_of_its_axis() -> None:
    ones = combine.filled(Term(Fraction(1)), ("n",))
    total = combine.einsum([ones], ((0,),), (), ())
    assert total == normal([combine.size("n")], (), ())


def test_a_symmetric_matrix_is_its_transpose() -> None:
    symmetric = atom_poly(Atom("name", ("S",), (), ("n", "n"), symmetric=True))
    assert matrices.transposed(symmetric) == symmetric
    assert matrices.transposed(atom_poly(atom("A"))) != atom_poly(atom("A"))


def test_the_inverse_of_an_inverse_is_the_matrix() -> None:
    matrix = atom_poly(atom("A"))
    assert matrices.inverse(matrices.inverse(matrix)) == matrix


def test_the_powers_of_equal_factors_add_up() -> None:
    u = Factor(atom("u"), (0,))
    product = poly(Term(Fraction(1), (u, u, Factor(atom("u"), (0,), Fraction(-2)))), 1)
    assert [t.factors for t in product.terms] == [()]


def test_many_equal_labels_are_numbered_in_reasonable_time() -> None:
    factors = tuple(Factor(atom("A"), (i, (i + 1) % 6)) for i in range(6))
    turned = tuple(itertools.chain(factors[3:], factors[:3]))
    assert poly(Term(Fraction(1), factors), 0) == poly(Term(Fraction(1), turned), 0)
