"""The page on interoperability runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_the_page_runs_block_after_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch_geometric")
    text = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 6
    (tmp_path / "meshes").symlink_to(ROOT / "meshes")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"block {number} of interop.md", "exec"), names)


def test_lightning_trains_a_segmenter(tmp_path: Path, torus: object) -> None:
    lightning = pytest.importorskip("lightning.pytorch")
    import torch

    import gaugeconv as gc

    text = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
    recipe = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[-1]
    network = gc.models.SegmenterConfig(("a", "b"), (64,), ("4x0 + 2x1",), blocks=(1,))
    labels = (torus.vertices[torus.faces].mean(axis=1)[:, 2] > 0).astype(int)
    names = {"gc": gc, "torch": torch, "mesh": torus, "config": network, "labels": labels}
    exec(compile(recipe, "the recipe", "exec"), names)
    before = [p.detach().clone() for p in names["lit"].parameters()]
    loader = torch.utils.data.DataLoader(names["data"], batch_size=None)
    trainer = lightning.Trainer(
        max_epochs=1, logger=False, enable_checkpointing=False, default_root_dir=tmp_path
    )
    trainer.fit(names["lit"], loader)
    assert any(
        not torch.equal(a, b) for a, b in zip(before, names["lit"].parameters(), strict=True)
    )
