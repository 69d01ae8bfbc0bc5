"""Affine forms agree with the numbers that they stand for."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.codegen.statements.affine import Affine, flattened, known, unflattened, variable

EXTENTS = {0: 2, 1: 3, 2: 4}
numbers = st.integers(-5, 5)
forms = st.builds(
    lambda constant, terms: sum_of(constant, terms),
    numbers,
    st.dictionaries(st.integers(0, 2), numbers),
)
quick = settings(derandomize=True, database=None, max_examples=100)


def sum_of(constant: int, terms: dict[int, int]) -> Affine:
    made = known(constant)
    for v, c in terms.items():
        made = made.plus(variable(v), c)
    return made


def at(form: Affine, place: tuple[int, ...]) -> int:
    return form.constant + sum(c * place[v] for v, c in form.terms)


PLACES = list(itertools.product(*map(range, EXTENTS.values())))


@quick
@given(forms, forms, numbers)
def test_sums_and_multiples_are_those_of_the_numbers(a: Affine, b: Affine, factor: int) -> None:
    for place in PLACES:
        assert at(a.plus(b, factor), place) == at(a, place) + factor * at(b, place)
        assert at(a.times(factor), place) == factor * at(a, place)
        assert at(a.shifted(factor), place) == at(a, place) + factor
        assert at(a.without(1), place) == at(a, (0, *place[1:]))
    made = a.plus(b, factor)
    assert made.terms == tuple(sorted(made.terms))
    assert all(c for _, c in made.terms)


@quick
@given(forms, forms)
def test_a_replaced_variable_has_the_value_of_its_form(a: Affine, b: Affine) -> None:
    for place in PLACES:
        assert at(a.replaced({1: b}), place) == at(a, (place[0], at(b, place), *place[2:]))


@quick
@given(forms)
def test_the_limits_are_reached_and_never_passed(a: Affine) -> None:
    values = [at(a, place) for place in PLACES]
    assert a.limits(EXTENTS) == (min(values), max(values))


@quick
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.lists(st.integers(0, 24), min_size=3, max_size=3),
    st.integers(0, 30),
)
def test_an_index_that_is_found_has_the_number_that_was_given(
    shape: list[int], coefficients: list[int], constant: int
) -> None:
    flat = sum_of(constant, dict(enumerate(coefficients)))
    index = unflattened(flat, shape, EXTENTS)
    if index is None:
        return
    assert flattened(index, shape) == flat
    for place in PLACES:
        for form, size in list(zip(index, shape, strict=True))[1:]:
            assert 0 <= at(form, place) < size


def test_splitting_a_merged_axis_gives_its_variables_back() -> None:
    i, j = variable(0), variable(1)
    assert unflattened(flattened((i, j), (2, 3)), (2, 3), EXTENTS) == (i, j)
    assert unflattened(flattened((i, j), (2, 3)), (3, 2), EXTENTS) is None
    assert unflattened(known(0), (), EXTENTS) == ()
