"""Training from scratch or from where it stopped, in one call."""

from __future__ import annotations

import os

import torch

from gaugeconv.data import DatasetFolder
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.initial import start_from
from gaugeconv.train.prepare import OnProgress, no_progress
from gaugeconv.train.ranks import Ranks
from gaugeconv.train.run_folder import RunFolder
from gaugeconv.train.trainer import Trainer, TrainResult


def train(
    dataset: DatasetFolder,
    out_dir: str | os.PathLike[str],
    config: TrainConfig,
    model_config: SegmenterConfig,
    resume: bool = False,
    on_progress: OnProgress = no_progress,
    *,
    ranks: Ranks | None = None,
    tensorboard: bool = False,
) -> TrainResult:
    """Trains a segmenter on the split "train", choosing weights by the split "val".

    Without validation meshes the last weights are taken; the test split is never touched.
    Weights depend on the config, the data and the number of threads and ranks alone when `epochs` is
    given, interrupted and resumed or not; on the number of ranks only by rounding. torch's global
    generator is left as it was.

    Args:
        dataset: the labelled meshes.
        out_dir: a new folder, or the one to resume. Only rank 0 writes.
        config: the recipe.
        model_config: the network.
        resume: go on after the last finished epoch found in `out_dir`.
        on_progress: told of meshes prepared and steps done, by this rank.
        ranks: who trains together, and where; by default all of torch.distributed's process
            group, on the CPU.
        tensorboard: also write the metrics as events below `out_dir`/tensorboard.

    Raises:
        DataError: bad data; `out_dir` holds a run (or none, when resuming), or one started
            with another config or other data; the recipe does not fit the data or the ranks; the
            network differs from that of the weights to start from.
        FileFormatError: the state to resume from, or the weights to start from, are damaged.
        GaugeConvError: the loss is no longer finite, or TensorBoard is asked for and missing.
        OSError: `out_dir` cannot be written; the epochs before are safe.
    """
    ranks = Ranks.current() if ranks is None else ranks
    with torch.random.fork_rng([ranks.device] if ranks.device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        model = GaugeSegmenter(model_config).to(ranks.device)
        if config.init is not None and not (resume and RunFolder(out_dir).last.exists()):
            start_from(model, config.init)
        trainer = Trainer(model, dataset, out_dir, config, on_progress, ranks, tensorboard)
        return trainer.run(resume)
