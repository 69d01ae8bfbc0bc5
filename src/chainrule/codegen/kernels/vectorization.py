"""Which loop of a nest is spread over lanes, and which of its places go side by side.

Lanes lie along the loop whose neighbors are neighbors in memory for most of what is read and
written. What reads the same values goes side by side, so that they are read once.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.mathematics.scalars import SHORT
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.alternating import FEW
from chainrule.codegen.statements.clusters import INDEXED, Cluster
from chainrule.codegen.statements.counting import Loops
from chainrule.codegen.statements.loops import Apply, Fetch, Load, Statement, loads, parts

__all__ = ["blocks_of", "contiguity", "is_light", "lane_of", "place_of", "woven_with"]


def lane_of(
    target: Target, statements: Sequence[Statement], outer: Sequence[Loops], inner: Sequence[Loops]
) -> Loops | None:
    """The loop whose elements lie together for most of what is read and written."""
    best, most = None, 0.0
    if any(s.kind in INDEXED for s in statements):
        return None
    wide = target.lanes("float")
    for loops in (*outer, *inner):
        if loops.extent < 2:
            continue
        used = loops.extent / (-(-loops.extent // wide) * wide)
        score = _score(loops, statements, outer) * used
        if score >= most:
            best, most = loops, score
    return best


def _score(loops: Loops, statements: Sequence[Statement], outer: Sequence[Loops]) -> int:
    score, is_woven = 0, bool(woven_with(loops, statements, outer))
    for s in statements:
        for load in loads(s.value):
            step = load.flat.coefficient(loops.last)
            score += 0 if 2 <= step <= FEW else contiguity(step)  # some are picked: no gather
        if s.kind == "" or loops in outer:
            step = 1 if is_woven else place_of(s).coefficient(loops.last)
            score += 2 * contiguity(step)
    return score


def woven_with(
    lane: Loops, statements: Sequence[Statement], outer: Sequence[Loops]
) -> tuple[Loops, ...]:
    """The loops of two turns whose vectors alternate in memory with lanes along another one."""
    if lane not in outer or any(s.kind or s.added for s in statements):
        return ()
    flats = [place_of(s) for s in statements]

    def moves(x: Loops, step: int) -> bool:
        return all(flat.coefficient(x.last) == step for flat in flats)

    found: tuple[Loops, ...] = ()
    for step in (1, 2):
        if (x := next((x for x in outer if x.extent == 2 and moves(x, step)), None)) is None:
            break
        found = (x, *found)
        if moves(lane, 2 * step):
            return found
    return ()


def blocks_of(
    s: Statement, plain: Sequence[Loops], lane: int, in_outer: bool, room: int
) -> dict[int, int]:
    """How many places of an outer loop go side by side, to use what is read several times.

    A convolution multiplies what it reads of the image by several kernels at once, and keeps all
    their totals in registers.

    plain     the outer loops without the lanes' one
    lane      the variable along the lanes, in an outer loop or an inner one
    room      registers for totals
    """
    read = list(loads(s.value))
    if s.kind != "sum" or not s.value.dtype.is_float or len(read) < 2:
        return {}
    blocks: dict[int, int] = {}
    whole = [load for load in read if load.flat.coefficient(lane)]  # vectors are read

    def changes(loops: Loops, among: Sequence[Load | Fetch]) -> list[bool]:
        return [load.flat.coefficient(loops.last) != 0 for load in among]

    useful = [x for x in plain if any(changes(x, read)) and not all(changes(x, read))]
    for loops in sorted(useful, key=lambda x: any(changes(x, whole))):
        if len(blocks) < (1 if in_outer else 2):
            size = min(loops.extent, 8 if in_outer else 5, max(room, 1))
            if size > 1:
                blocks[loops.last] = size
                room //= size
    return blocks


def is_light(cluster: Cluster) -> bool:
    """Whether a pass over a row has so few instructions that counting would be some of them."""
    some = (e for s in cluster.statements for e in parts(s.value))
    return len(cluster.extents) == 1 and all(
        e.record.name in SHORT for e in some if isinstance(e, Apply)
    )


def place_of(s: Statement) -> Affine:
    """Where a statement's results lie."""
    return flattened(tuple(map(variable, range(s.rank))), s.target.shape)


def contiguity(coefficient: int) -> int:
    """How well lanes suit an address that a variable moves by so many elements."""
    return 2 if coefficient == 1 else 1 if coefficient in (0, -1) else -4
