"""`gaugeconv view`: a labelled mesh as a page to turn."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gaugeconv.cli.common import Commands, add_up, path_text, require_output, show, up_axis
from gaugeconv.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from gaugeconv.mesh import TriMesh


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "view",
        help="write a page that shows a labelled mesh",
        description="Writes one self-contained HTML page. Labels come from --labels, else from the "
        "face property `label` of a PLY; a mesh without labels is shown in one colour.",
        epilog="Example: gaugeconv segment meshes/bodies/meshes/body-1.ply --out out/\n"
        "         gaugeconv view out/body-1-segmented.ply --labels out/body-1-segmented.npz "
        "--out out/body-1.html",
    )
    parser.add_argument("mesh", metavar="MESH", help=".ply, .obj, .off or .stl")
    parser.add_argument(
        "--labels", metavar="FILE", help=".txt, .npy or .npz, one integer per face or vertex"
    )
    parser.add_argument(
        "--names", metavar="FILE", help="labels.json of the dataset, for the names of the parts"
    )
    parser.add_argument(
        "--out", required=True, type=path_text, metavar="FILE.html", help="the page"
    )
    add_up(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the page."""
    from gaugeconv.mesh import TriMesh
    from gaugeconv.viz import write_html

    source, out = Path(args.mesh), Path(args.out)
    require_output(out, [source, *(Path(p) for p in (args.labels, args.names) if p)])
    if out.suffix.lower() != ".html":
        raise DataError(f"{out} would be an HTML page; give --out a name that ends in .html")
    mesh = TriMesh.load(source)
    labels = face_labels(mesh, source, Path(args.labels) if args.labels else None)
    names = part_names(args, labels)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_html(
        out,
        mesh,
        labels,
        names,
        title=source.name,
        subtitle=f"{mesh.num_vertices:,} vertices, {mesh.num_faces:,} faces",
        up=up_axis(args.up, mesh),
    )
    show(f"wrote {out}")
    return 0


def face_labels(mesh: TriMesh, source: Path, file: Path | None) -> np.ndarray:
    """The labels of a file, of the mesh's own file, or zeros."""
    import numpy as np

    from gaugeconv.data.label_files import labels_per_face, read_labels
    from gaugeconv.mesh.io import load_face_labels

    if file is not None:
        return labels_per_face(read_labels(file), mesh, file, source)
    values = load_face_labels(source)
    return np.zeros(mesh.num_faces, dtype=np.int64) if values is None else values


def part_names(args: argparse.Namespace, labels: np.ndarray) -> list[str]:
    """Names from --names or from a result of `segment`; numbers for want of names."""
    from gaugeconv.data.label_files import read_result_names
    from gaugeconv.data.manifest import read_label_names

    if args.names:
        return list(read_label_names(Path(args.names)))
    if args.labels and args.labels.endswith(".npz"):
        names = read_result_names(Path(args.labels))
        if names:
            return names
    return [f"part {k}" for k in range(int(labels.max()) + 1)]
