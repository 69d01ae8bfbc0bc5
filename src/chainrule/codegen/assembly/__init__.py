"""LLVM's assembly language as text, and what it is written for."""
