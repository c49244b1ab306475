"""`gaugeconv repair`: a bad mesh goes in, one without defects comes out."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gaugeconv.cli.common import (
    Commands,
    add_json,
    naming,
    path_text,
    require_output,
    show,
    show_json,
)
from gaugeconv.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from gaugeconv.mesh import Repair


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "repair",
        help="mend a mesh that is refused",
        description="Drops degenerate and double faces, cuts where more than two faces meet and where "
        "the surface is one-sided, winds faces alike, splits bow-ties; says what it did and where. "
        "Face labels in a PLY are kept. Exit code 2 when the file cannot be read or nothing is left.",
        epilog="Example: gaugeconv repair meshes/torus.ply --weld 0 --out torus-repaired.ply",
    )
    parser.add_argument("mesh", metavar="MESH", help=".ply, .obj, .off or .stl")
    parser.add_argument(
        "--out", required=True, type=path_text, metavar="FILE", help="where to write the mesh"
    )
    parser.add_argument(
        "--weld",
        type=float,
        metavar="T",
        help="first merge vertices at most T mean edge lengths apart; 0 for equal positions",
    )
    parser.add_argument(
        "--compact", action="store_true", help="also remove the vertices that no face uses"
    )
    parser.add_argument(
        "--maps",
        type=path_text,
        metavar="FILE.npz",
        help="also write vertex_map and face_map (new to old), vertex_image and face_image (back)",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Repairs, writes all outputs or none, says what was done."""
    from gaugeconv.mesh import TriMesh
    from gaugeconv.mesh.io import load_face_labels

    source, out = Path(args.mesh), Path(args.out)
    maps = None if args.maps is None else Path(args.maps)
    if maps is not None and maps.suffix != ".npz":
        raise DataError(
            f"{maps} would be an archive of arrays; give --maps a name that ends in .npz"
        )
    for path in (out, maps):
        if path is not None:
            require_output(path, [source])
    mesh, labels = TriMesh.load(source, validate=False), load_face_labels(source)
    with naming(source):
        repair = mesh.repaired(weld=args.weld, compact=args.compact)
    write_outputs(repair, out, maps, None if labels is None else repair.face_values(labels))
    if args.json:
        counts = {"num_vertices": repair.mesh.num_vertices, "num_faces": repair.mesh.num_faces}
        steps = [step.to_dict() for step in repair.steps]
        show_json({"mesh": args.mesh, "output": args.out, **counts, "steps": steps})
    else:
        show(f"{repair}\nwrote {out}" + ("" if maps is None else f"\nwrote {maps}"))
    return 0


def write_outputs(
    repair: Repair, out: Path, maps: Path | None, face_labels: np.ndarray | None
) -> None:
    """Writes the mesh and the maps under temporary names; the names appear when both are complete."""
    import numpy as np

    from gaugeconv.files import atomic_path

    with ExitStack() as stack:
        out.parent.mkdir(parents=True, exist_ok=True)
        if maps is not None:
            maps.parent.mkdir(parents=True, exist_ok=True)
            names = ("vertex_map", "face_map", "vertex_image", "face_image")
            arrays = {name: getattr(repair, name) for name in names}
            np.savez_compressed(stack.enter_context(atomic_path(maps)), **arrays)
        repair.mesh.save(out, face_labels=face_labels)
