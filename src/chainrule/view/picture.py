"""Numbers as pixels: weights around zero, and large tables of shares.

>>> weights(np.array([[0.0, 1.0, -2.0, np.nan]]), limit=1.0)[0].tolist()
[[0, 0, 0, 0], [224, 78, 38, 255], [47, 111, 228, 255], [0, 0, 0, 0]]
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

# A red and a blue of equal lightness that stand out on white and on black, and that readers with
# any of the common color deficiencies tell apart.
POSITIVE = (224, 78, 38)
NEGATIVE = (47, 111, 228)


def typical_limit(images: list[Array]) -> float:
    """Give the size that 99.5 % of the finite values do not exceed, or 1 if all are zero.

    A single outlier would otherwise turn everything else into the background.

    >>> typical_limit([np.array([[-2.0, 2.0], [np.inf, 2.0]])])
    2.0
    """
    sizes = np.concatenate([np.abs(image[np.isfinite(image)]) for image in images])
    if not sizes.size:
        return 1.0
    # Not np.quantile, which begins by importing NumPy's masked arrays: longer than all this takes.
    low, rest = divmod(0.995 * (sizes.size - 1), 1)
    high = min(int(low) + 1, sizes.size - 1)
    below, above, largest = np.partition(sizes, (int(low), high, -1))[[int(low), high, -1]]
    return float(below + rest * (above - below)) or float(largest) or 1.0


def weights(image: Array, limit: float) -> Pixels:
    """Color an H × W image: hue is the sign and opacity the size, so zero shows the page."""
    share = np.clip(np.nan_to_num(image / limit, nan=0.0), -1, 1)
    hue = np.where(share[..., None] > 0, POSITIVE, NEGATIVE)
    opacity = np.rint(255 * np.abs(share))[..., None]
    return np.concatenate([np.where(opacity > 0, hue, 0), opacity], axis=-1).astype(np.uint8)


def color_weights(image: Array, limit: float) -> Pixels:
    """Color an H × W × 3 image of weights: mid-gray is zero, each channel its own color.

    >>> color_weights(np.array([[[0.0, 1.0, -1.0]]]), limit=1.0).tolist()
    [[[128, 255, 0]]]
    """
    share = np.clip(np.nan_to_num(image / limit, nan=0.0), -1, 1)
    return np.rint(127.5 + 127.5 * share).astype(np.uint8)


def shares(image: Array) -> Pixels:
    """Color an H × W table of shares from 0 to 1; agreement, on the diagonal, is blue.

    >>> shares(np.eye(1)).tolist()
    [[[47, 111, 228, 255]]]
    """
    diagonal = np.equal(*np.indices(image.shape))[..., None]
    opacity = np.rint(255 * np.sqrt(np.clip(image, 0, 1)))[..., None]
    hue = np.where(diagonal, NEGATIVE, POSITIVE)
    return np.concatenate([np.where(opacity > 0, hue, 0), opacity], axis=-1).astype(np.uint8)


def density(image: Array) -> Pixels:
    """Color an H × W table of shares from 0 to 1, so that the sparsest place can still be seen.

    >>> density(np.array([[0.0, 1.0]]))[0].tolist()
    [[0, 0, 0, 0], [47, 111, 228, 255]]
    """
    opacity = np.where(image > 0, np.rint(70 + 185 * np.sqrt(np.clip(image, 0, 1))), 0)[..., None]
    return np.concatenate([np.where(opacity > 0, NEGATIVE, 0), opacity], axis=-1).astype(np.uint8)


def shrunk(image: Pixels, largest: int) -> Pixels:
    """Make an image smaller by whole factors, the mean of each block, until its sides fit.

    >>> shrunk(np.full((4, 3, 3), 7, np.uint8), 2).shape
    (2, 1, 3)
    """
    factor = -(-max(image.shape[:2]) // largest)
    height, width = (max(1, side // factor) for side in image.shape[:2])
    if factor == 1:
        return image
    rows, columns = (min(factor, side) for side in image.shape[:2])
    blocks = image[: height * rows, : width * columns].reshape(height, rows, width, columns, -1)
    means: Pixels = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return means
