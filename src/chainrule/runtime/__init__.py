"""Running graphs: the NumPy reference interpreter is the executable specification."""
