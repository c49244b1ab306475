"""`python tools/try_dist.py dist` installs wheel and sdist into clean environments and tests them.

The tests come from the sdist, and run where no source of the package lies beside them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

TESTS = (
    "tests/mesh",
    "tests/models",
    "tests/test_public_api.py",
    "tests/test_cli.py",
    "tests/test_files.py",
)
TOOLS = ("pytest", "hypothesis")
_WHERE = "import gaugeconv; print(gaugeconv.__file__)"


def main() -> None:
    """Tries every distribution in a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        sys.exit(f"{folder} must hold one wheel and one sdist; run make dist in an empty folder")
    with tempfile.TemporaryDirectory() as place:
        tests = unpack_tests(sdists[0], Path(place, "tests"))
        for number, built in enumerate((*wheels, *sdists)):
            print(f"--- {built.name}", flush=True)
            try_one(built, tests, Path(place, str(number)))


def unpack_tests(sdist: Path, target: Path) -> Path:
    """What the sdist holds, without the package itself."""
    with tarfile.open(sdist) as tar:
        tar.extractall(target, filter="data")
    (root,) = target.iterdir()
    shutil.rmtree(root / "gaugeconv")
    return root


def try_one(built: Path, tests: Path, place: Path) -> None:
    """Installs one distribution and runs the command line and the tests with it."""
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["GAUGECONV_CACHE"] = str(place / "geometry-cache")

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tests, env=environment, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{built.name}: {' '.join(words)} failed\n{done.stdout[-4000:]}")
        return done.stdout

    run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        "constraints.txt",
        str(built),
        *TOOLS,
    )
    if not Path(run(python, "-c", _WHERE).strip()).is_relative_to(place):
        sys.exit(f"{built.name}: the tests would use another gaugeconv")
    print(run(str(place / "bin" / "gaugeconv"), "--version").strip())
    run(python, "-m", "pip", "check")
    print(
        run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS).strip().splitlines()[-1]
    )


if __name__ == "__main__":
    main()
