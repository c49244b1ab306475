"""`gaugeconv view`: a mesh with its fields, as a page to turn or a picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gaugeconv.cli.common import (
    Commands,
    add_up,
    path_text,
    positive_float,
    require_output,
    show,
    up_axis,
)
from gaugeconv.errors import DataError, MeshError

if TYPE_CHECKING:
    import numpy as np

    from gaugeconv.mesh import TriMesh
    from gaugeconv.viz import KernelGrid, Scene

DEFAULT_REACH = 0.2  # of the square root of the area


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "view",
        help="write a page or a picture of a mesh and its fields, or of kernels",
        description="Writes one self-contained HTML page (--out) or a PNG picture (--png). Labels come "
        "from --labels, else from the face property `label` of a PLY. Without anything to "
        "show the mesh has one colour. Fields that colour the surface take turns in the page; --labels, "
        "then --scalar, then --log-map comes first. Components are those in canonical frames.",
        epilog="Example: gaugeconv segment meshes/bodies/meshes/body-1.ply --out out/\n"
        "         gaugeconv view out/body-1-segmented.ply --labels out/body-1-segmented.npz "
        "--out out/body-1.html\n"
        "         gaugeconv view meshes/torus.ply --log-map 7 --transport 7 --out torus.html "
        "--png torus.png\n"
        '         gaugeconv view --kernels "0 + 1" "1" --group SO2 --out kernels.html',
    )
    parser.add_argument("mesh", metavar="MESH", nargs="?", help=".ply, .obj, .off or .stl")
    parser.add_argument("--out", type=path_text, metavar="FILE.html", help="the page")
    parser.add_argument(
        "--png", type=path_text, metavar="FILE.png", help='the picture (needs "gaugeconv[viz]")'
    )
    add_fields(parser)
    add_up(parser)
    parser.set_defaults(run=run)


def add_fields(parser: argparse.ArgumentParser) -> None:
    """Adds what to show."""
    add = parser.add_argument
    add("--labels", metavar="FILE", help=".txt, .npy or .npz, one integer per face or vertex")
    add("--names", metavar="FILE", help="labels.json of the dataset, for the names of the parts")
    add(
        "--scalar", action="append", default=[], metavar="NAME=FILE.npy", type=named_file,
        help="one number per vertex, shown as colours; may be repeated",
    )  # fmt: skip
    add(
        "--vector", action="append", default=[], metavar="NAME[:N]=FILE.npy", type=named_file,
        help="two components per vertex of a field of order N (1: arrows); may be repeated",
    )  # fmt: skip
    add("--frames", action="store_true", help="draw the canonical frames")
    add("--log-map", type=int, metavar="CENTER", help="rings and sectors round a vertex")
    add("--transport", type=int, metavar="CENTER", help="e1 of a vertex, transported round it")
    add(
        "--radius", type=positive_float, metavar="R",
        help="of --log-map and --transport (default: a fifth of the root of the area)",
    )  # fmt: skip
    add(
        "--kernels", nargs=2, metavar=("IN", "OUT"),
        help="instead of a mesh: the kernels between two field types",
    )  # fmt: skip
    add("--group", help="structure group of --kernels (default: SO2)")


def run(args: argparse.Namespace) -> int:
    """Writes the page, the picture or both."""
    if (args.mesh is None) == (args.kernels is None):
        raise DataError("give a MESH to view, or --kernels IN OUT (see gaugeconv view --help)")
    refuse_idle(args)
    outputs = checked_outputs(args)
    drawing = kernel_grid(args) if args.kernels else mesh_scene(args)
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    if "png" in outputs:
        drawing.save_png(outputs["png"])
    if "html" in outputs:
        drawing.write_html(outputs["html"])
    for path in outputs.values():
        show(f"wrote {path}")
    return 0


OF_A_MESH = ("labels", "names", "scalar", "vector", "frames", "log_map", "transport", "radius")


def refuse_idle(args: argparse.Namespace) -> None:
    """Raises DataError for an option that would do nothing."""
    centered = (args.log_map, args.transport) != (None, None)
    if args.kernels:
        idle = [name for name in OF_A_MESH if getattr(args, name) not in (None, False, [])]
    else:
        idle = ["group"] * (args.group is not None)
        idle += ["radius"] * (args.radius is not None and not centered)
    if idle:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        raise DataError(f"{options} would do nothing here (see gaugeconv view --help)")


def named_file(text: str) -> tuple[str, str]:
    """The value of --scalar or --vector: a name and a file."""
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not NAME=FILE.npy")
    return name, file


def checked_outputs(args: argparse.Namespace) -> dict[str, Path]:
    """What to write, by suffix; refused before the work if it cannot be written."""
    fields = [file for _, file in (*args.scalar, *args.vector)]
    inputs = [Path(p) for p in (args.mesh, args.labels, args.names, *fields) if p]
    outputs = {}
    for suffix, given, what in (("html", args.out, "an HTML page"), ("png", args.png, "a picture")):
        if given is None:
            continue
        path = Path(given)
        require_output(path, inputs)
        if path.suffix.lower() != f".{suffix}":
            option = "--out" if suffix == "html" else "--png"
            raise DataError(f"{path} would be {what}; give {option} a name that ends in .{suffix}")
        outputs[suffix] = path
    if not outputs:
        raise DataError("say what to write: --out FILE.html, --png FILE.png or both")
    return outputs


def kernel_grid(args: argparse.Namespace) -> KernelGrid:
    """The kernels between the types of --kernels."""
    from gaugeconv.reps import FieldType, SteerableKernels
    from gaugeconv.viz import KernelGrid

    in_type, out_type = (FieldType(text, args.group or "SO2") for text in args.kernels)
    return KernelGrid(SteerableKernels(in_type, out_type))


def mesh_scene(args: argparse.Namespace) -> Scene:
    """The mesh with all that is asked for, what is asked for by name first."""
    from gaugeconv.data.archives import read_array
    from gaugeconv.mesh import TriMesh
    from gaugeconv.viz import Scene

    source = Path(args.mesh)
    mesh = TriMesh.load(source)
    subtitle = f"{mesh.num_vertices:,} vertices, {mesh.num_faces:,} faces"
    scene = Scene(mesh, source.name, subtitle, up=up_axis(args.up, mesh))
    labels = face_labels(mesh, source, Path(args.labels) if args.labels else None)
    if args.labels and labels is not None:
        scene.add_parts(labels, part_names(args, labels))
    for name, file in args.scalar:
        values = read_array(Path(file), "a field")
        with naming(file):
            scene.add_scalar(name, values)
    radius = args.radius or DEFAULT_REACH * mesh.area**0.5
    with naming(source):
        if args.log_map is not None:
            scene.add_log_map(args.log_map, radius)
        if args.transport is not None:
            scene.add_transport(args.transport, radius)
        if args.frames:
            scene.add_frames()
    for name, file in args.vector:
        title, _, order = name.partition(":")
        if order and not (order.isascii() and order.isdigit() and len(order) < 4):
            raise DataError(f"--vector {name}: the order is {order!r}; give a whole number")
        values = read_array(Path(file), "a field")
        with naming(file):
            scene.add_vectors(title, values, order=int(order or 1))
    if not args.labels and labels is not None:
        scene.add_parts(labels, part_names(args, labels))
    return scene


def face_labels(mesh: TriMesh, source: Path, file: Path | None) -> np.ndarray | None:
    """The labels of a file, or of the mesh's own file, or None."""
    from gaugeconv.data.label_files import labels_per_face, read_labels
    from gaugeconv.mesh.io import load_face_labels

    if file is not None:
        return labels_per_face(read_labels(file), mesh, file, source)
    return load_face_labels(source)


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


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Errors about a file's mesh or field begin with its name."""
    try:
        yield
    except (MeshError, DataError) as error:
        raise type(error)(f"{path}: {error}") from error
