"""A diagonal is a view of its operand, so no step may write over it."""

import numpy as np

from chainrule.ir import build
from chainrule.ir.dtype import float64
from chainrule.ir.graph import Graph
from chainrule.runtime.reference import Program


def test_a_step_after_a_diagonal_leaves_the_operand_alone():
    matrix = build.parameter((3, 3), float64)
    diagonal = build.einsum((matrix,), ((0, 0),), (0,))
    given = np.eye(3)
    (made,) = Program(Graph((matrix,), (build.add((diagonal, diagonal)),)))(given)
    assert made.tolist() == [2.0, 2.0, 2.0]
    np.testing.assert_array_equal(given, np.eye(3))
