"""`gaugeconv segment`: a mesh goes in, its parts come out."""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    add_threads,
    add_up,
    add_weights,
    load_model,
    naming,
    path_text,
    positive_float,
    require_output,
    set_threads,
    show,
    show_json,
    up_axis,
)

if TYPE_CHECKING:
    from gaugeconv.mesh import TriMesh
    from gaugeconv.models import Segmentation

SUFFIXES = (".ply", ".txt", ".npz", ".json")


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "segment",
        help="label the parts of a mesh",
        description="Writes the mesh with coloured parts (.ply), one label per face (.txt), labels "
        "and probabilities (.npz), a summary (.json) and, on request, a page to turn (.html).",
        epilog="Example: gaugeconv segment meshes/bodies/meshes/body-1.ply --out out/ --view",
    )
    parser.add_argument("mesh", metavar="MESH", help=".ply, .obj, .off or .stl")
    add_weights(parser)
    parser.add_argument(
        "--out",
        type=path_text,
        metavar="DIR|PREFIX",
        help="an existing folder or one ending in '/', for files named after the mesh; anything "
        "else is the outputs' path without extension (default: MESH-segmented here)",
    )
    parser.add_argument(
        "--view",
        nargs="?",
        const="",
        type=html_name,
        metavar="FILE.html",
        help="also write a self-contained page (default name: beside the other outputs)",
    )
    parser.add_argument(
        "--smooth",
        nargs="?",
        const=0.1,
        default=0.0,
        type=positive_float,
        metavar="STRENGTH",
        help="choose labels by a graph cut that keeps the borders of parts short and in creases "
        "(default strength: 0.1)",
    )
    add_up(parser)
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def html_name(text: str) -> str:
    """The value of --view, which must not swallow the mesh."""
    if text and not text.endswith(".html"):
        raise argparse.ArgumentTypeError(f"{text} does not end in .html; put MESH before --view")
    return text


def run(args: argparse.Namespace) -> int:
    """Segments, writes all outputs or none, prints the summary."""
    from gaugeconv.mesh import TriMesh

    set_threads(args.threads)
    source = Path(args.mesh)
    prefix = output_prefix(args.out, source)
    outputs = {suffix[1:]: prefix.with_name(prefix.name + suffix) for suffix in SUFFIXES}
    if args.view is not None:
        outputs["html"] = Path(args.view or prefix.with_name(prefix.name + ".html"))
    for path in outputs.values():
        require_output(path, [source])
    with Bars() as bars:
        bars("segment", 0, 3, "reading")
        mesh = TriMesh.load(source)
        model = load_model(args.weights)
        bars("segment", 1, 3, "geometry and network")
        began = time.perf_counter()
        with naming(source):
            result = model.segment(mesh, args.smooth)
            _ = result.face_labels
        seconds = time.perf_counter() - began
        bars("segment", 2, 3, "writing")
        summary = {
            "mesh": args.mesh,
            "weights": args.weights,
            "smoothing": args.smooth,
            **part_shares(mesh, result),
            "seconds": round(seconds, 3),
            "outputs": {kind: str(path) for kind, path in outputs.items()},
        }
        write_outputs(outputs, mesh, result, summary, up_axis(args.up, mesh))
    if args.json:
        show_json(summary)
    else:
        show(as_text(summary))
    return 0


def output_prefix(out: str | None, source: Path) -> Path:
    """The path of the outputs without extension."""
    name = f"{source.stem}-segmented"
    if out is None:
        return Path(name)
    folder = Path(out)
    return folder / name if folder.is_dir() or out.endswith(("/", "\\")) else folder


def part_shares(mesh: TriMesh, result: Segmentation) -> dict[str, Any]:
    """Counts of the mesh, and faces and share of area of every part that occurs."""
    import numpy as np

    faces = np.bincount(result.face_labels, minlength=len(result.label_names))
    parts = [
        {"label": k, "name": name, "faces": int(faces[k]), "area_share": share}
        for k, (name, share) in enumerate(result.area_shares.items())
        if faces[k]
    ]
    return {
        "num_vertices": mesh.num_vertices,
        "num_faces": mesh.num_faces,
        "area": mesh.area,
        "parts": parts,
    }


def write_outputs(
    outputs: dict[str, Path],
    mesh: TriMesh,
    result: Segmentation,
    summary: dict[str, Any],
    up: Literal["x", "y", "z"],
) -> None:
    """Writes every output under a temporary name; the names appear when all are complete."""
    import numpy as np

    from gaugeconv.files import atomic_path
    from gaugeconv.viz import label_colors, write_html

    labels = np.asarray(result.face_labels)
    names = list(result.label_names)
    colors = label_colors(len(names))[labels]
    with ExitStack() as stack:
        paths = {}
        for kind, path in outputs.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            paths[kind] = stack.enter_context(atomic_path(path))
        mesh.save(paths["ply"], face_labels=labels, face_colors=colors)
        np.savetxt(paths["txt"], labels, fmt="%d")
        result.save(paths["npz"])
        paths["json"].write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        if "html" in paths:
            subtitle = f"{mesh.num_faces:,} faces, weights {summary['weights']}"
            title = Path(summary["mesh"]).name
            write_html(paths["html"], mesh, labels, names, title=title, subtitle=subtitle, up=up)


def as_text(summary: dict[str, Any]) -> str:
    """The summary for people."""
    width = max(len(part["name"]) for part in summary["parts"])
    lines = [
        f"{summary['mesh']}: {summary['num_vertices']:,} vertices, {summary['num_faces']:,} faces, "
        f"segmented in {summary['seconds']:.2f} s"
    ]
    lines += [
        f"  {part['name']:<{width}}  {part['area_share']:6.1%}  {part['faces']:>7,} faces"
        for part in summary["parts"]
    ]
    return "\n".join([*lines, *(f"wrote {path}" for path in summary["outputs"].values())])
