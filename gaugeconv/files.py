"""Writing without half-written files; reading JSON and safetensors that may come from anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from gaugeconv.errors import FileFormatError

# It can only be read by setting it, for all threads: done once, before there are any to speak of.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


_LARGEST_JSON = 64 << 20  # bytes; what it unpacks to is some twenty times as large
_ROOM = 256 << 20
_RATIO = 100


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well, removed when not.

    The temporary name keeps the suffix, since writers choose their format by it.

    Raises:
        OSError: nothing can be written into the folder, which the error names; or a writer of
            safetensors failed in the block.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
        )
    except OSError as error:
        reason = "no such folder" if isinstance(error, FileNotFoundError) else error.strerror
        raise OSError(error.errno, reason, str(target.parent)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(target)
    except SafetensorError as error:  # how safetensors reports a full disk
        raise OSError(f"cannot write {target}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def unpacked_limit(packed: int) -> int:
    """The bytes that a compressed file of `packed` bytes may unpack to: 256 MiB, or 100 times as many.

    Whatever unpacks to more is taken for a file made to fill the memory.
    """
    return max(_ROOM, _RATIO * packed)


def parse_json(text: str | bytes) -> Any:
    """The content of a JSON text that may come from anywhere.

    Raises:
        FileFormatError: it is no JSON, not in UTF-8, nested too deeply, or longer than 64 MiB.
    """
    if len(text) > _LARGEST_JSON:
        raise FileFormatError(f"{len(text)} characters of JSON, at most {_LARGEST_JSON} are read")
    try:
        return json.loads(text)
    except RecursionError:
        raise FileFormatError("not valid JSON: nested too deeply") from None
    except ValueError as error:  # also numbers of too many digits
        raise FileFormatError(f"not valid JSON: {error}") from error


def read_json_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        FileFormatError: it holds anything else; the message names the file.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        text = file.read(_LARGEST_JSON + 1)
    try:
        content = parse_json(text)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise FileFormatError(f"{path} must hold a JSON object, like {{…}}")
    return content


def source_stamp(*modules: str) -> int:
    """A negative number that changes with the source of any of the files.

    numba's disk cache looks at a function's own file and its closure, not at the files of the functions
    that it calls: a stamp of those in the closure keeps it from running stale code.
    """
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(module).read_bytes())
    return -int.from_bytes(digest.digest()[:7], "big")


def read_safetensors(
    path: str | os.PathLike[str],
    expected_format: str,
    advice: str = "write it again with this version of gaugeconv",
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file whose metadata names the expected format.

    Args:
        path: the file.
        expected_format: what the metadata must say.
        advice: what the error about another format tells to do.

    Raises:
        FileFormatError: not a safetensors file, truncated, or of another format.
        OSError: the file cannot be opened.
    """
    with Path(path).open("rb"):  # safe_open's own errors do not tell a missing file apart
        pass
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            found = metadata.get("format", "none")
            if found != expected_format:
                raise FileFormatError(
                    f"{path}: the format is {found!r}, expected {expected_format!r}; {advice}"
                )
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except SafetensorError as error:
        raise FileFormatError(
            f"{path}: corrupt or truncated, not a safetensors file ({error}); fetch or write it again"
        ) from error
