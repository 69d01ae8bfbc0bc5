"""A mask that is broadcast leaves the result as NumPy lays it out."""

import numpy as np

import chainrule as cr


def test_a_broadcast_mask_does_not_turn_the_axes_of_the_result():
    x = np.random.default_rng(0).normal(size=(16, 3, 16, 16))
    mask = np.random.default_rng(1).integers(0, 2, (16, 1, 16, 16), dtype=np.uint8) > 0
    chosen = cr.jit(lambda mask, x: cr.where(mask, x, 0.0))(mask, x).numpy()
    assert chosen.flags.c_contiguous
    np.testing.assert_array_equal(chosen, np.where(mask, x, 0))
