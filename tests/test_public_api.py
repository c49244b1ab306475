from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gaugeconv as gc


def test_every_promised_name_exists_and_is_documented() -> None:
    for name in gc.__all__:
        value = getattr(gc, name)
        assert name.startswith("__") or value.__doc__, name


PROMISED = [
    "TriMesh",
    "TriMesh.load",
    "TriMesh.from_edge_lengths",
    "TriMesh.report",
    "TriMesh.repaired",
    "TriMesh.vertices",
    "TriMesh.faces",
    "Frames.canonical",
    "Frames.rotated",
    "Frames.e1",
    "Frames.e2",
    "Frames.normal",
    "neighborhoods",
    "Neighborhoods.change_gauge",
    "Neighborhoods.to",
    "Neighborhoods.save",
    "Neighborhoods.load",
    "log_map",
    "exp_map",
    "parallel_transport",
    "holonomy",
    "FieldType",
    "FieldType.slices",
    "FieldType.action",
    "FieldType.transform",
    "nn.GaugeConv",
    "nn.GaugeLinear",
    "verify",
    "models.GaugeSegmenter.load",
    "models.GaugeSegmenter.segment",
    "models.GaugeSegmenter.prepare",
    "models.Segmentation.face_labels",
    "models.Segmentation.vertex_labels",
    "models.Segmentation.save",
    "GaugeConvError",
    "MeshError",
    "NonOrientableError",
    "OptionError",
    "FieldTypeError",
    "StructureGroupError",
    "DataError",
]


@pytest.mark.parametrize("path", PROMISED)
def test_a_promised_name_is_there(path: str) -> None:
    value: object = gc
    for name in path.split("."):
        assert hasattr(value, name), f"{value} has no {name}"
        value = getattr(value, name)


def test_neighbourhoods_and_log_maps_have_the_promised_fields() -> None:
    mesh = gc.shapes.icosphere(1)
    nb, log = gc.neighborhoods(mesh, 0.9), gc.log_map(mesh, 0, 0.9)
    for name in [
        "ptr",
        "target",
        "source",
        "r",
        "theta",
        "transport",
        "flip",
        "weight",
        "radius",
        "frames",
    ]:
        assert getattr(nb, name) is not None, name
    for name in ["vertex", "r", "theta", "transport"]:
        assert len(getattr(log, name)) == nb.ptr[1], name


def test_names_seen_by_type_checkers_are_those_loaded_at_run_time() -> None:
    text = Path(gc.__file__).read_text(encoding="utf-8")
    block = text[text.index("if TYPE_CHECKING") : text.index("_HOME")]
    for name in gc.__all__:
        assert name in block or name == "__version__", name


def test_unknown_names_are_attribute_errors() -> None:
    assert not hasattr(gc, "no_such_name")


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = (
        "import sys, gaugeconv; print([m for m in ('torch', 'numba', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_verify_stays_a_function_whatever_is_imported_first() -> None:
    program = "import gaugeconv.verification, gaugeconv; assert callable(gaugeconv.verify)"
    subprocess.run([sys.executable, "-c", program], check=True)
