"""Networks over strips of rows: memory that grows with the width of a picture, not with its area.

A strip is given to a network with a halo, some rows more above and below, which are cut off again
from what comes out. What a network computes for a row depends on rows nearby only; with a halo that
holds them all, a strip gets what the whole picture would have given it.

Strips are used at every size, a small picture being one strip: a library's kernels may round
differently by shape, and then a file made in one way would not be the file made in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Shaped
    from torch import Tensor


def in_strips(
    function: Callable[[Tensor], Tensor],
    u: Shaped[Tensor, "*C H W"],
    *,
    rows: int,
    halo: int,
    given: int = 1,
    made: int = 1,
) -> Iterator[tuple[slice, Shaped[Tensor, "*D h w"]]]:
    """(slice of the result's rows, those rows of function(u)), strip by strip.

    Rows are counted in units: `given` rows of u for `made` rows of the result. rows, halo: units
    of a strip and of the halo on each of its sides. The last unit of u may be short of some rows.
    """
    units = -(-u.shape[-2] // given)
    for start in range(0, units, rows):
        stop = min(start + rows, units)
        top = max(start - halo, 0)
        part = function(u[..., top * given : (stop + halo) * given, :])
        yield (
            slice(start * made, stop * made),
            part[..., (start - top) * made : (stop - top) * made, :],
        )
