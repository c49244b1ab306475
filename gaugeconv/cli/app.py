"""Parsing, dispatch, and errors turned into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from gaugeconv._version import __version__
from gaugeconv.cli import (
    bench,
    cache,
    data,
    doctor,
    evaluate,
    inspect,
    repair,
    segment,
    sphere,
    train,
    verify,
    view,
    warmup,
)
from gaugeconv.cli.common import Parser
from gaugeconv.errors import GaugeConvError

BAD_INPUT = 2
INTERRUPTED = 130


_ADVICE: dict[type[OSError], str] = {
    FileNotFoundError: "; check the path",
    IsADirectoryError: "; give the name of a file",
    NotADirectoryError: "; give the name of a folder",
    PermissionError: "; choose another place, or ask for access",
}


def build_parser() -> Parser:
    """The parser of all commands; each stores what to run in `run`."""
    parser = Parser(
        prog="gaugeconv",
        description="Gauge equivariant convolution on triangle meshes.",
        epilog="Example: gaugeconv segment meshes/bodies/meshes/body-1.ply --view",
    )
    parser.add_argument("--version", action="version", version=f"gaugeconv {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        segment,
        train,
        evaluate,
        verify,
        inspect,
        repair,
        view,
        data,
        sphere,
        cache,
        warmup,
        doctor,
        bench,
    ):
        command.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the words after `gaugeconv`; those of the process when None.

    Returns:
        0 when all went well, 1 when a check failed, 2 on bad input, 130 when interrupted.
    """
    try:
        code = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone; say nothing at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (GaugeConvError, OSError, MemoryError) as error:
        print(f"gaugeconv: error: {_one_line(error)}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    return code


def _run(argv: Sequence[str] | None) -> int:
    """Parses and runs; argparse leaves after --help or a bad option."""
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else BAD_INPUT
    with warmup.compile_notice():
        code: int = args.run(args)
    return code


def _one_line(error: BaseException) -> str:
    """The message of an error on one line, the file first when the system reports one."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        advice = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "")
        return f"{error.filename}: {error.strerror}{advice}"
    if isinstance(error, MemoryError):
        return f"not enough memory {error}".strip()
    return " ".join(str(error).split())
