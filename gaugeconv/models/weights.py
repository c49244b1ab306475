"""Weights on disk: safetensors with the configuration inside; never pickle."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from os import PathLike
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from gaugeconv._version import __version__
from gaugeconv.errors import FileFormatError
from gaugeconv.files import atomic_path, read_safetensors
from gaugeconv.models.config import Config, TrunkConfig
from gaugeconv.reps import FieldType

FORMAT = "gaugeconv-{}-1"
"""Of the files, with the kind of network in it."""
_FAR = 256  # a quarter, and 64 to spare


def packaged_weights() -> dict[str, Path]:
    """Name → file of the weights inside the package."""
    folder = Path(str(files("gaugeconv.models") / "weights"))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def save_weights(path: str | PathLike[str], state: dict[str, Tensor], config: TrunkConfig) -> None:
    """Writes a state dict with its configuration and this version's number, atomically."""
    form = FORMAT.format(config.kind)
    metadata = {"format": form, "version": __version__, "config": config.to_json()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_weights(
    name_or_path: str | PathLike[str], config_class: type[Config]
) -> tuple[Config, dict[str, Tensor], str]:
    """Configuration, tensors and the file they came from.

    Args:
        name_or_path: of packaged weights, or a file.
        config_class: of the configuration; its kind must be that of the file.

    Raises:
        FileFormatError: unknown name, or not a file of such weights.
        OSError: the file cannot be read.
    """
    path = weights_path(name_or_path)
    advice = (
        f"weights of a {config_class.kind} are needed here; load_network reads those of any network"
    )
    tensors, metadata = read_safetensors(path, FORMAT.format(config_class.kind), advice)
    try:
        config = config_class.from_json(metadata.get("config", ""))
        _require_plausible(config, sum(tensor.numel() for tensor in tensors.values()))
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    return config, tensors, str(path)


def _require_plausible(config: TrunkConfig, numbers: int) -> None:
    """Checks that a network of this width can be what so many numbers are the weights of.

    Building it takes memory before its tensors are compared with those of the file. Maps of a level
    with blocks, and between levels, have a quarter of the product of their widths in numbers at least.

    Raises:
        FileFormatError: it is far too wide.
    """
    widths = [FieldType(text).dim for text in config.types]
    products = [width**2 for width, blocks in zip(widths, config.blocks, strict=True) if blocks]
    products += [fine * coarse for fine, coarse in pairwise(widths)]
    if max(products, default=0) > _FAR * numbers:
        raise FileFormatError("the weights are far too few for the configuration beside them")


def weights_path(name_or_path: str | PathLike[str]) -> Path:
    """The file of packaged weights, or the path as it is.

    Raises:
        FileFormatError: neither packaged weights nor the path of a file.
    """
    packaged = packaged_weights()
    path = packaged.get(str(name_or_path), Path(name_or_path))
    if not path.suffix and not path.exists():
        known = ", ".join(packaged) or "none"
        raise FileFormatError(
            f"no packaged weights are called {str(name_or_path)!r} (there are: {known}); "
            "give one of these or the path of a .safetensors file"
        )
    return path


def fitting(
    state: dict[str, Tensor], expected: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    """The state, if it has exactly the expected tensors, of the same shapes and finite.

    Raises:
        FileFormatError: it does not; the message names `source` and the first tensor.
    """
    for name in sorted(state.keys() | expected.keys()):
        if name not in state or name not in expected or state[name].shape != expected[name].shape:
            raise FileFormatError(
                f"{source}: the weights do not fit the configuration beside them, first at {name!r}"
            )
        if not bool(state[name].isfinite().all()):
            raise FileFormatError(f"{source}: the weights hold NaN or infinity in {name!r}")
    return state
