"""The kinds of work that `benchmarks.native` measures: one file each."""
