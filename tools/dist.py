"""`python tools/dist.py dist` builds the wheel and the sdist twice: the same bytes each time.

Built is what git has committed (or, outside a repository, the folder as it is), in a fresh folder, by
setuptools' own build hooks. Times are those of the commit, or $SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EARLIEST = 315532800  # 1980, the first year that a zip file can hold
_HOOKS = (
    "import sys; from setuptools import build_meta; out = sys.argv[1]; "
    "build_meta.build_sdist(out); build_meta.build_wheel(out)"
)
_LEFT_OUT = (
    ".git",
    ".venv",
    "out",
    "runs",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
)


def main() -> None:
    """Builds twice, compares, and leaves the files in the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    epoch = source_date()
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        built, again = (build(Path(place), epoch) for place in (first, second))
        if digests(built) != digests(again):
            sys.exit(f"two builds differ: {digests(built)} and {digests(again)}")
        folder.mkdir(parents=True, exist_ok=True)
        for path in built:
            shutil.copyfile(path, folder / path.name)
        for name, digest in digests(built).items():
            print(digest, name)


def source_date() -> int:
    """Seconds since 1970 that every file is dated with."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return max(EARLIEST, int(os.environ["SOURCE_DATE_EPOCH"]))
    run = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True
    )
    return max(EARLIEST, int(run.stdout)) if run.returncode == 0 and run.stdout else EARLIEST


def build(place: Path, epoch: int) -> list[Path]:
    """The sdist and the wheel, built in a folder of their own."""
    source, out = place / "source", place / "out"
    copy_source(source)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
    out.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", _HOOKS, str(out)],
        cwd=source, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode != 0:
        sys.exit(run.stderr)
    for path in out.glob("*.tar.gz"):
        path.write_bytes(normalised(path.read_bytes(), epoch))
    return sorted(out.iterdir())


def copy_source(target: Path) -> None:
    """The committed files; all files where there is no repository."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True)
    if archive.returncode == 0:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(target, filter="data")
    else:
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))


def normalised(packed: bytes, epoch: int) -> bytes:
    """A .tar.gz with its members sorted, dated alike, and owned by nobody in particular."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(packed)) as old,
        gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime, member.pax_headers = epoch, {}
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return out.getvalue()


def digests(paths: list[Path]) -> dict[str, str]:
    """SHA-256 of every file by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    main()
