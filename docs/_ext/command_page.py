"""The help of every command as Markdown, made from the parsers themselves."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path

import gaugeconv.cli
from gaugeconv.cli.app import build_parser

FOLDER = Path(inspect.getfile(gaugeconv.cli)).parent


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands that can be run, those within commands as well."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for command in action.choices.values():
            yield from commands(command)


def page() -> str:
    """One section for each command."""
    sections = [
        f"## {command.prog}\n\n```text\n{command.format_help().rstrip()}\n```\n"
        for command in commands(build_parser())
    ]
    return "\n".join(sections)
