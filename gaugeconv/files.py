"""Writing without half-written files, and reading safetensors with errors that name the file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from gaugeconv.errors import FileFormatError

# It can only be read by setting it, for all threads: done once, before there are any to speak of.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


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


def read_safetensors(
    path: str | os.PathLike[str], expected_format: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file whose metadata names the expected format.

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
                    f"{path}: the format is {found!r}, expected {expected_format!r}; "
                    "write it again with this version of gaugeconv"
                )
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except SafetensorError as error:
        raise FileFormatError(
            f"{path}: corrupt or truncated, not a safetensors file ({error}); fetch or write it again"
        ) from error
