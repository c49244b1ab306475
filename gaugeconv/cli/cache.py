"""`gaugeconv cache`: the geometry that is kept on disk."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from gaugeconv.cli.common import Commands, add_json, show, show_json


def register(commands: Commands) -> None:
    """Adds the command and what it can do."""
    parser = commands.add_parser(
        "cache",
        help="show or clear the geometry kept on disk",
        description="Geometry that is slow to compute is kept in $GAUGECONV_CACHE (by default a folder "
        "gaugeconv in the user's cache) and found again by its content. It takes at most "
        "$GAUGECONV_CACHE_SIZE (default: 10 GB); what was not used for longest goes first.",
        epilog="Example: gaugeconv cache info",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    info = actions.add_parser(
        "info",
        help="show where the cache is and how much it holds",
        description="Shows the folder, the size and its limit, and the number of entries of each kind.",
        epilog="Example: gaugeconv cache info --json",
    )
    add_json(info)
    info.set_defaults(run=run_info)
    clear = actions.add_parser(
        "clear",
        help="remove everything that the cache holds",
        description="Removes every entry; other files in the folder stay.",
        epilog="Example: gaugeconv cache clear",
    )
    clear.set_defaults(run=run_clear)


def run_info(args: argparse.Namespace) -> int:
    """Prints what is there."""
    from gaugeconv.geometry.cache_store import cache_entries, cache_folder, cache_limit, size_text

    folder, entries, limit = cache_folder(), cache_entries(), cache_limit()
    size = sum(entry.size for entry in entries)
    kinds = Counter(entry.kind for entry in entries)
    figures: dict[str, Any] = {
        "folder": str(folder),
        "entries": len(entries),
        "bytes": size,
        "limit_bytes": limit,
        "kinds": dict(sorted(kinds.items())),
    }
    if args.json:
        show_json(figures)
        return 0
    rows = [
        ("folder", str(folder)),
        ("entries", f"{len(entries):,}"),
        ("size", f"{size_text(size)} of at most {size_text(limit)}"),
        *((kind, f"{count:,}") for kind, count in figures["kinds"].items()),
    ]
    show("\n".join(f"{name:<16}{value}" for name, value in rows))
    return 0


def run_clear(args: argparse.Namespace) -> int:  # noqa: ARG001
    """Removes the entries and says how many."""
    from gaugeconv.geometry.cache_store import clear_cache, size_text

    count, size = clear_cache()
    show(f"removed {count:,} entr{'y' if count == 1 else 'ies'}, {size_text(size)}")
    return 0
