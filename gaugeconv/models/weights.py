"""Weights on disk: safetensors with the configuration inside; never pickle."""

from __future__ import annotations

from importlib.resources import files
from os import PathLike
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from gaugeconv._version import __version__
from gaugeconv.errors import FileFormatError
from gaugeconv.files import atomic_path, read_safetensors
from gaugeconv.models.config import SegmenterConfig

FORMAT = "gaugeconv-segmenter-1"


def packaged_weights() -> dict[str, Path]:
    """Name → file of the weights inside the package."""
    folder = Path(str(files("gaugeconv.models") / "weights"))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def save_weights(
    path: str | PathLike[str], state: dict[str, Tensor], config: SegmenterConfig
) -> None:
    """Writes a state dict with its configuration and this version's number, atomically."""
    metadata = {"format": FORMAT, "version": __version__, "config": config.to_json()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_weights(
    name_or_path: str | PathLike[str],
) -> tuple[SegmenterConfig, dict[str, Tensor], str]:
    """Configuration, tensors and the file they came from.

    Raises:
        FileFormatError: unknown name, or not a file of segmenter weights.
        OSError: the file cannot be read.
    """
    packaged = packaged_weights()
    path = packaged.get(str(name_or_path), Path(name_or_path))
    if not path.suffix and not path.exists():
        known = ", ".join(packaged) or "none"
        raise FileFormatError(
            f"no packaged weights are called {str(name_or_path)!r} (there are: {known}); "
            "give one of these or the path of a .safetensors file"
        )
    tensors, metadata = read_safetensors(path, expected_format=FORMAT)
    try:
        config = SegmenterConfig.from_json(metadata.get("config", ""))
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    return config, tensors, str(path)
