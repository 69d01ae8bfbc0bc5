"""What code is written for: the instruction set, and how many bits a vector has."""

from __future__ import annotations

from typing import Final

from chainrule.codegen.assembly.values import bits
from chainrule.errors import ArgumentError
from chainrule.ir.record import Record

__all__ = ["PRECISIONS", "TILED", "Target", "check_precision"]

PRECISIONS: Final = ("float32", "bf16")
"""What the operands of large products of float32 may be rounded to."""

TILED: Final = ("amx", "emulated-tiles")
"""What multiplies pairs of bfloat16 in tiles, not in vectors."""


class Target(Record):
    """A processor as LLVM names it, and what of it decides how loops are written.

    vector_bits  the width of a register: 128 (SSE2, NEON), 256 (AVX2), 512 (AVX-512)
    registers    how many of them there are
    fma          whether a·b + c is one instruction
    bf16         what multiplies pairs of bfloat16: "amx", "avx512", "neon", "emulated-tiles",
                 "emulated", or "": nothing; "refused": the system does not give the tiles
    precision    of the operands of large products of float32, one of PRECISIONS
    """

    triple: str
    cpu: str
    features: str
    vector_bits: int
    registers: int
    fma: bool
    bf16: str = ""
    precision: str = "float32"

    def lanes(self, kind: str) -> int:
        """How many elements of a type (``float``, ``i8``) fill a register."""
        return self.vector_bits // bits(kind)

    @property
    def pairs(self) -> str:
        """What multiplies the operands of large products in pairs; "" if they stay as they are."""
        return self.bf16 if self.precision == "bf16" and self.bf16 != "refused" else ""

    @property
    def has_tiles(self) -> bool:
        """Whether tiles multiply pairs, or what stands for them."""
        return self.pairs in TILED

    @property
    def note(self) -> str:
        """What is to be said of a precision that was asked for; nothing where it is as it should.

        >>> Target("x86_64", "cascadelake", "", 512, 32, True, precision="bf16").note
        'products stay in float32: cascadelake has no instruction for bf16'
        """
        if self.precision == "float32" or self.bf16 in ("amx", "avx512", "neon"):
            return ""
        if self.bf16 == "refused":
            return f"products stay in float32: the system refuses the tiles of {self.cpu}"
        if self.bf16:
            return "products in bf16 are emulated, which is slower than float32"
        return f"products stay in float32: {self.cpu} has no instruction for bf16"

    @property
    def tables(self) -> bool:
        """Whether one instruction gives each lane its number of 16, as AVX-512's permutation."""
        return self.vector_bits == 512

    @property
    def roots(self) -> bool:
        """Whether products give a root sooner than a divider that also has a quotient to find.

        They do with AVX-512 on Intel's processors, 16 numbers at a time; on AMD's, where it has not
        been measured, the instruction stays.
        """
        return self.vector_bits == 512 and not self.cpu.startswith("znver")

    @property
    def attributes(self) -> str:
        """What every function says to LLVM."""
        width = f'"prefer-vector-width"="{self.vector_bits}"'
        legal = f'"min-legal-vector-width"="{self.vector_bits}"'
        return f"attributes #0 = {{ nounwind {width} {legal} }}"


def check_precision(caller: str, precision: object) -> None:
    """Refuse what is no precision of products.

    >>> check_precision("jit", "bf16")
    """
    if precision not in PRECISIONS:
        names = " and ".join(map(repr, PRECISIONS))
        raise ArgumentError(f"{caller}: there is no precision {precision!r}; there are {names}")
