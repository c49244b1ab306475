"""The JSON files of a dataset folder, and the rules for names and labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.files import read_json_object

SPLITS = ("train", "val", "test")
_LONGEST_NAME = 200  # file systems allow 255, ending and temporary name included


def check_name(name: str) -> None:
    """Checks that a name is a plain file name.

    Raises:
        DataError: it is empty, hidden, too long, or contains a path separator or a control character.
    """
    wrong = any(c in "/\\:" or not c.isprintable() for c in name)
    if wrong or not name or name.startswith(".") or len(name.encode()) > _LONGEST_NAME:
        raise DataError(
            f"{name[:60]!r} cannot name an item: use a plain file name without extension, without "
            f"a leading dot, '/', '\\' or ':', and of at most {_LONGEST_NAME} bytes"
        )


def check_range(
    labels: Int64[np.ndarray, " N"],
    source: Path,
    label_names: Sequence[str],
    element: str = "face",
) -> None:
    """Checks −1 ≤ label < K, naming the first face (or other element) that breaks it."""
    wrong = np.flatnonzero((labels < -1) | (labels >= len(label_names)))
    if wrong.size:
        raise DataError(
            f"{source}: label {labels[wrong[0]]} of {element} {wrong[0]} (and {wrong.size - 1} more) "
            f"is outside -1 … {len(label_names) - 1}; labels.json has {len(label_names)} names"
        )


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: the file is missing, cannot be read or is not a JSON object.
    """
    try:
        return read_json_object(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; a dataset folder needs it") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except FileFormatError as error:
        raise DataError(str(error)) from error


def read_label_names(path: Path) -> tuple[str, ...]:
    """The names in labels.json: at least one, different, not empty."""
    names = _read_json(path).get("labels")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
        raise DataError(f'{path} must hold {{"labels": ["first name", …]}}')
    if len(set(names)) != len(names):
        raise DataError(f"{path} names a label twice: {sorted(names)}")
    return tuple(names)


def read_classes(path: Path, label_names: Sequence[str]) -> dict[str, int]:
    """The label of every mesh that classes.json names; none without the file."""
    if not path.exists():
        return {}
    content = _read_json(path)
    wrong = {name: label for name, label in content.items() if label not in label_names}
    if wrong:
        name, label = next(iter(wrong.items()))
        raise DataError(f"{path}: {label!r}, the class of {name!r}, is not in labels.json")
    return {name: label_names.index(str(label)) for name, label in content.items()}


def read_splits(path: Path) -> dict[str, tuple[str, ...]]:
    """The splits in split.json: known keys, lists of names, no name twice."""
    content = _read_json(path)
    unknown = set(content) - set(SPLITS)
    if unknown:
        raise DataError(f"{path}: unknown split {sorted(unknown)}; use {', '.join(SPLITS)}")
    seen: dict[str, str] = {}
    splits: dict[str, tuple[str, ...]] = {}
    for split, names in content.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{path}: the split {split!r} must be a list of names")
        for name in names:
            if name in seen:
                raise DataError(f"{path}: {name!r} is in {seen[name]} and again in {split}")
            seen[name] = split
        splits[split] = tuple(names)
    return splits
