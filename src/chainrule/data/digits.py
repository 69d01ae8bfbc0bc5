"""The bundled handwritten digits, for a first run without any download."""

from pathlib import Path

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.idx import read_idx
from chainrule.data.standardization import Standardization

__all__ = ["digits"]

_HERE = Path(__file__).parent
_TRAIN_SIZE = 1437
_CITATION = (
    "E. Alpaydin and C. Kaynak (1998). Optical Recognition of Handwritten Digits. "
    "UCI Machine Learning Repository. https://doi.org/10.24432/C50P49 (CC BY 4.0)"
)


def digits() -> tuple[Dataset, Dataset]:
    """Handwritten digits: 1,437 images to train on and 360 to test, 8 × 8 values from 0 to 16.

    They are the 1,797 images of the test part of Alpaydin and Kaynak's Optical Recognition of
    Handwritten Digits (license CC BY 4.0, DOI 10.24432/C50P49), split here at random, always the
    same, with the same share of every digit in both parts. The same thirteen people wrote both
    parts, so the test says nothing about a stranger's hand. A batch is divided by 16.

    Source:  alpaydin1998optical

    >>> train, test = digits()
    >>> train
    Dataset('digits': 1,437 examples of 64 uint8 (8×8×1 HWC), 10 classes, standardized)
    >>> len(test)
    360
    """
    images = read_idx(_HERE / "digits-images.idx3-ubyte.gz")
    whole = Dataset(
        images.reshape(len(images), 64),
        read_idx(_HERE / "digits-labels.idx1-ubyte.gz").astype(np.int64),
        classes=tuple("0123456789"),
        name="digits",
        citation=_CITATION,
        image_shape=(8, 8, 1),
        standardization=Standardization(mean=0, std=16),
        preparation={"kind": "image", "size": [8, 8], "channels": 1, "largest": 16},
    )
    return whole.split(_TRAIN_SIZE / len(whole), seed=0)
