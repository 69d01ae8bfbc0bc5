"""A table that knows the names of its columns, as those of pandas do."""

import numpy as np


class Table:
    """Rows that have names for their columns."""

    def __init__(self, rows: np.ndarray, columns: list[str]) -> None:
        self.rows, self.columns = rows, columns

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.rows
