"""What samples on a mesh put to the test, in words."""

from __future__ import annotations

from typing import Literal

from gaugeconv.mesh import TriMesh
from gaugeconv.reps import StructureGroup

Claim = Literal["gauge", "relabelling", "rigid motion", "mirror"]

_SHUFFLED = "faces shuffled, their corners rotated"


def scope_on_mesh(
    claim: Claim, group: StructureGroup, mesh: TriMesh, given: bool
) -> tuple[list[str], list[str]]:
    """What is checked and what is not.

    Args:
        claim: what should not matter.
        group: what changes of gauge are drawn from.
        mesh: the surface.
        given: whether the reference gauge is the caller's.
    """
    base = "the frames given" if given else "canonical frames"
    checked = [_samples(claim, group, mesh, base)]
    if not mesh.has_positions:
        missing = (
            "the link of intrinsic to extrinsic angles: an intrinsic mesh does not lie in space"
        )
        return [*checked, "gauges compared by the directions of corners"], [missing]
    return [*checked, "gauges compared in space, from e1 and e2"], []


def _samples(claim: Claim, group: StructureGroup, mesh: TriMesh, base: str) -> str:
    """How samples are drawn."""
    if claim == "gauge":
        if group.is_finite:
            frames = f"frames changed from {base} by random elements of {group}"
        else:
            reflected = ", reflected at random," if group.reflections else ""
            frames = f"frames redrawn at arbitrary angles{reflected}"
        return f"{frames} on rebuilt arrays ({_SHUFFLED})"
    if claim == "relabelling":
        frames = f"{base} kept" if group.is_finite else "canonical frames recomputed"
        return f"vertices numbered anew, {_SHUFFLED}, {frames}"
    moves = ["turned and shifted in space"] if mesh.has_positions else []
    if claim == "mirror":
        moves += ["mirrored"] if mesh.has_positions else []
        moves += ["wound the other way round"]
    reflected = " and reflected" if claim == "mirror" else ""
    frames = (
        f"{base} carried along{reflected}" if group.is_finite else "canonical frames recomputed"
    )
    return f"mesh {', '.join(moves)}, {frames}"
