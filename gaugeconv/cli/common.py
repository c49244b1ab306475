"""What the commands share: the parser, options, progress bars, output."""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from tqdm import tqdm

from gaugeconv.errors import DataError, MeshError

if TYPE_CHECKING:
    from gaugeconv.mesh import TriMesh
    from gaugeconv.models import GaugeSegmenter

Commands = argparse._SubParsersAction  # argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and whose epilog keeps its lines."""

    def __init__(self, **options: Any) -> None:
        """Takes what `ArgumentParser` takes."""
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Leaves with code 2 where words are left over, and names options that are spelt alike."""
        found, extra = super().parse_known_args(args, namespace)
        if extra:
            known = [option for option in self._option_string_actions if option.startswith("--")]
            near = [match for word in extra for match in get_close_matches(word, known, n=1)]
            hint = f"; did you mean {' and '.join(near)}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(extra)}{hint}")
        return found, extra

    def error(self, message: str) -> NoReturn:
        """Leaves with code 2 and one line."""
        line = " ".join(message.split())
        self.exit(2, f"gaugeconv: error: {line} (see {self.prog} --help)\n")


class Bars:
    """Progress bars on stderr, one per stage; silent when stderr is not a terminal.

    An instance is an `OnProgress`, and a context manager that clears the last bar.
    """

    def __init__(self) -> None:
        """Starts without a bar."""
        self._bar: tqdm | None = None

    def __call__(self, stage: str, done: int | float, total: int | float, note: str = "") -> None:
        """Moves the bar of a stage, replacing that of another stage."""
        if self._bar is None or self._bar.desc != stage:
            self._close()
            layout = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}"
            self._bar = tqdm(total=total, desc=stage, bar_format=layout, leave=False, disable=None)
            self._bar.desc = stage
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> Bars:
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Clears the bar."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Adds --weights."""
    parser.add_argument(
        "--weights",
        default="bodies",
        metavar="NAME|FILE",
        help="weights shipped with the package, or a .safetensors file (default: bodies)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds --json."""
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Adds --threads."""
    parser.add_argument(
        "--threads", type=thread_count, metavar="N", help="CPU threads (default: as many as cores)"
    )


def set_threads(count: int | None) -> None:
    """Limits the threads of torch and numba; None leaves them as they are."""
    if count is None:
        return
    import numba
    import torch

    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]


def whole_number(text: str, low: int, high: int) -> int:
    """An option's value that must be a whole number in [low, high]."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text[:40]} is not in {low} … {high}")
    return value


def positive_int(text: str) -> int:
    """An option's value that must be a whole number above zero."""
    return whole_number(text, 1, 10**9)


def thread_count(text: str) -> int:
    """The value of --threads."""
    return whole_number(text, 1, 1024)


def seed_number(text: str) -> int:
    """The value of --seed: a whole number from zero up that PyTorch takes."""
    return whole_number(text, 0, 2**63 - 1)


def path_text(text: str) -> str:
    """The value of --out; an empty one, from a variable that is not set, would mean right here."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return text


def positive_float(text: str) -> float:
    """An option's value that must be a finite number above zero."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Errors about the mesh that the block works on begin with its file."""
    try:
        yield
    except MeshError as error:
        raise type(error)(f"{path}: {error}") from error


def load_model(weights: str) -> GaugeSegmenter:
    """The network with the given weights, ready to predict."""
    from gaugeconv.models import GaugeSegmenter

    return GaugeSegmenter.load(weights)


def show(text: str) -> None:
    """Prints to stdout."""
    print(text)  # noqa: T201


def show_json(content: Any) -> None:
    """Prints JSON to stdout."""
    show(json.dumps(content, indent=2, allow_nan=False))


def require_writable(folder: Path) -> None:
    """Checks that files can be created in a folder that may not exist yet, leaving no trace.

    Raises:
        NotADirectoryError: the folder, or one above it, is a file.
        OSError: the nearest existing folder cannot be written.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(f"{folder} cannot be a folder: {existing} is a file")
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"cannot write into {existing}: {reason}; choose another folder") from error


def require_output(path: Path, inputs: list[Path]) -> None:
    """Checks that a file can be written and is none of the inputs.

    Raises:
        DataError: it is one of the inputs, or a folder.
        OSError: its folder cannot be written.
    """
    if any(path.resolve() == source.resolve() for source in inputs):
        raise DataError(f"writing {path} would overwrite the input; give another --out")
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file")
    require_writable(path.parent)


def add_up(parser: argparse.ArgumentParser) -> None:
    """Adds --up."""
    parser.add_argument(
        "--up",
        choices=("auto", "x", "y", "z"),
        default="auto",
        help="the axis that points up in the page (default: y or z, whichever is longer)",
    )


def up_axis(choice: str, mesh: TriMesh) -> Literal["x", "y", "z"]:
    """The axis to draw upright; upright things are mostly taller than deep."""
    if choice != "auto":
        return cast(Literal["x", "y", "z"], choice)
    extent = mesh.vertices.max(axis=0) - mesh.vertices.min(axis=0)
    return "z" if extent[2] > extent[1] else "y"
