from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gaugeconv as gc


def test_every_promised_name_exists_and_is_documented() -> None:
    for name in gc.__all__:
        value = getattr(gc, name)
        assert name.startswith("__") or value.__doc__, name


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
