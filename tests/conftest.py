"""Set before NumPy is imported: several test processes share the cores, so BLAS takes one each."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
