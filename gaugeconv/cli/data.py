"""`gaugeconv data`: making, converting and exporting datasets, and carrying labels over."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    path_text,
    positive_int,
    require_output,
    require_writable,
    seed_number,
    show,
    show_json,
)
from gaugeconv.errors import DataError

if TYPE_CHECKING:
    from gaugeconv.data import DatasetFolder


def register(commands: Commands) -> None:
    """Adds the command and its kinds of data."""
    parser = commands.add_parser(
        "data",
        help="make or convert a labelled dataset",
        description="Makes a labelled dataset, converts a public one, or carries labels over.",
        epilog="Example: gaugeconv data bodies --count 100 --out bodies/ --seed 1\n"
        "         gaugeconv data convert psb LabeledDB/ human/ --category Human",
    )
    tasks = parser.add_subparsers(title="tasks", metavar="TASK", required=True)
    _add_bodies(tasks)
    _add_convert(tasks)
    _add_export(tasks)
    _add_project(tasks)


def _add_bodies(tasks: Commands) -> None:
    bodies = tasks.add_parser(
        "bodies",
        help="generated human bodies with 8 labelled parts",
        description="Generates human bodies of varied age, build and pose with 8 labelled parts. "
        "Needs the extra gaugeconv[bodies].",
        epilog="Example: gaugeconv data bodies --count 100 --out bodies/ --seed 1",
    )
    bodies.add_argument("--count", type=positive_int, required=True, metavar="N", help="bodies")
    bodies.add_argument(
        "--out", required=True, type=path_text, metavar="DIR", help="a new dataset folder"
    )
    bodies.add_argument(
        "--seed", type=seed_number, default=0, help="of everything random (default: 0)"
    )
    bodies.add_argument("--min-faces", type=positive_int, metavar="N", help="fewest faces, about")
    bodies.add_argument("--max-faces", type=positive_int, metavar="N", help="most faces, about")
    add_json(bodies)
    bodies.set_defaults(run=run_bodies)


def _add_convert(tasks: Commands) -> None:
    convert = tasks.add_parser(
        "convert",
        help="a public dataset on this disk to a dataset folder",
        description="Converts a public dataset that lies on this disk to a dataset folder. Defects of "
        "meshes are mended, no vertex is dropped. Nothing is downloaded; where the folder does not fit, "
        "the message says what it must hold and where to get it.",
        epilog="Example: gaugeconv data convert psb LabeledDB/ human/ --category Human\n"
        "         gaugeconv data convert rna RNA-Surface-Segmentation-Dataset/ rna/",
    )
    convert.add_argument("kind", metavar="KIND", help="psb, coseg, humans, faust, shrec11 or rna")
    convert.add_argument("src", metavar="SRC", type=path_text, help="the folder as distributed")
    convert.add_argument("out", metavar="OUT", type=path_text, help="a new dataset folder")
    convert.add_argument("--category", help="of psb or coseg, where SRC holds several")
    convert.add_argument(
        "--seed", type=seed_number, default=0, help="of the split, where SRC has none (default: 0)"
    )
    add_json(convert)
    convert.set_defaults(run=run_convert)


def _add_export(tasks: Commands) -> None:
    export = tasks.add_parser(
        "export",
        help="a dataset folder to the files that other projects read",
        description="Writes a dataset folder as NAME.off and NAME_labels.txt (psb), or as train/, "
        "test/, seg/ and sseg/ with labels of edges (meshcnn).",
        epilog="Example: gaugeconv data export bodies/ bodies_meshcnn/ --layout meshcnn",
    )
    export.add_argument("data", metavar="DIR", help="dataset folder")
    export.add_argument("out", metavar="OUT", type=path_text, help="a new folder")
    export.add_argument("--layout", choices=("psb", "meshcnn"), required=True, help="which files")
    add_json(export)
    export.set_defaults(run=run_export)


def _add_project(tasks: Commands) -> None:
    project = tasks.add_parser(
        "project",
        help="labels from one mesh to another of the same surface",
        description="Carries labels to a finer or coarser mesh in the same place: the label of most "
        "of the area of every face, or round every vertex.",
        epilog="Example: gaugeconv data project fine.ply coarse.ply --labels fine.npy --out coarse.npy",
    )
    project.add_argument("source", metavar="SOURCE", help="the labelled mesh")
    project.add_argument("target", metavar="TARGET", help="the mesh to label")
    project.add_argument(
        "--labels", metavar="FILE", help="of SOURCE: .txt, .npy or .npz (default: those in its PLY)"
    )
    project.add_argument(
        "--to", choices=("face", "vertex"), help="what to label (default: as the labels of SOURCE)"
    )
    project.add_argument(
        "--out", required=True, type=path_text, metavar="FILE", help=".txt or .npy"
    )
    add_json(project)
    project.set_defaults(run=run_project)


def run_convert(args: argparse.Namespace) -> int:
    """Converts a public dataset and prints what came of it."""
    require_writable(Path(args.out))
    from gaugeconv.data.sets import convert_public_set

    with Bars() as bars:
        dataset = convert_public_set(
            args.kind,
            args.src,
            args.out,
            args.category,
            args.seed,
            lambda done, total: bars("convert", done, total),
        )
    _show_dataset(args, dataset, {"seed": args.seed})
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Exports a dataset folder and prints where it is."""
    require_writable(Path(args.out))
    from gaugeconv.data import DatasetFolder
    from gaugeconv.data.sets import export_folder

    dataset = DatasetFolder(args.data)
    with Bars() as bars:
        export_folder(
            dataset, args.out, args.layout, lambda done, total: bars("export", done, total)
        )
    _show_dataset(args, dataset, {"layout": args.layout})
    return 0


def run_project(args: argparse.Namespace) -> int:
    """Carries labels over and writes them."""
    inputs = [Path(name) for name in (args.source, args.target, args.labels) if name]
    out = Path(args.out)
    require_output(out, inputs)
    if out.suffix not in (".txt", ".npy"):
        raise DataError(f"{out}: labels are written to .txt or .npy; give --out such a name")
    from gaugeconv.data import project_labels
    from gaugeconv.data.label_files import read_labels, write_labels
    from gaugeconv.mesh import TriMesh
    from gaugeconv.mesh.io import load_face_labels

    source, target = TriMesh.load(args.source), TriMesh.load(args.target)
    labels = load_face_labels(args.source) if args.labels is None else read_labels(inputs[2])
    if labels is None:
        raise DataError(f"{args.source} has no face property `label`; give --labels FILE")
    try:
        projected = project_labels(labels, source, target, args.to)
    except DataError as error:
        raise DataError(f"{args.labels or args.source}: {error}") from error
    write_labels(out, projected)
    if args.json:
        show_json({"labels": args.out, "count": len(projected)})
    else:
        show(f"wrote {len(projected)} labels to {args.out}")
    return 0


def _show_dataset(args: argparse.Namespace, dataset: DatasetFolder, facts: dict[str, Any]) -> None:
    """Prints where a dataset is, how large its splits are, and how many labels it has."""
    sizes = {split: len(names) for split, names in dataset.splits.items()}
    if args.json:
        labels = list(dataset.label_names)
        show_json({"data": args.out, **facts, "splits": sizes, "labels": labels})
        return
    counts = ", ".join(f"{count} {split}" for split, count in sizes.items())
    show(
        f"wrote {sum(sizes.values())} meshes ({counts}) with {len(dataset.label_names)} labels "
        f"to {args.out}"
    )


def run_bodies(args: argparse.Namespace) -> int:
    """Generates bodies and prints where they are."""
    require_writable(Path(args.out))
    from gaugeconv.data.bodies import generate_bodies

    limits = {"min_faces": args.min_faces, "max_faces": args.max_faces}
    given = {name: value for name, value in limits.items() if value is not None}
    with Bars() as bars:
        dataset = generate_bodies(
            args.out,
            args.count,
            args.seed,
            progress=lambda done, total: bars("bodies", done, total),
            **given,
        )
    sizes = {split: len(names) for split, names in dataset.splits.items()}
    if args.json:
        show_json({"data": args.out, "seed": args.seed, "splits": sizes})
    else:
        counts = ", ".join(f"{count} {split}" for split, count in sizes.items())
        show(f"wrote {args.count} bodies ({counts}) to {args.out}")
    return 0
