"""The vocabulary: plain functions composed of primitives, under the array API standard's names."""
