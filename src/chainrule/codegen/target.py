"""What code is written for: the instruction set, and how many bits a vector has."""

from __future__ import annotations

from chainrule.codegen.values import bits
from chainrule.ir.record import Record

__all__ = ["Target"]


class Target(Record):
    """A processor as LLVM names it, and what of it decides how loops are written.

    vector_bits  the width of a register: 128 (SSE2, NEON), 256 (AVX2), 512 (AVX-512)
    registers    how many of them there are
    fma          whether a·b + c is one instruction
    """

    triple: str
    cpu: str
    features: str
    vector_bits: int
    registers: int
    fma: bool

    def lanes(self, kind: str) -> int:
        """How many elements of a type (``float``, ``i8``) fill a register."""
        return self.vector_bits // bits(kind)

    @property
    def attributes(self) -> str:
        """What every function says to LLVM."""
        width = f'"prefer-vector-width"="{self.vector_bits}"'
        legal = f'"min-legal-vector-width"="{self.vector_bits}"'
        return f"attributes #0 = {{ nounwind {width} {legal} }}"
