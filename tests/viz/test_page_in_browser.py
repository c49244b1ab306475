"""A page with every kind of field, in a real browser: values, toggles, pixels, console."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import numpy as np

from gaugeconv.mesh import shapes
from gaugeconv.viz import Scene
from tests.browser import probed

NASTY = "</script><script>document.title='ERROR'</script><b>"

CODE = """
  const pixels = () => { // of what is drawn on the transparent canvas
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(0, 0, canvas.width, canvas.height).data;
  };
  const changed = (a, b) => a.reduce((n, value, i) => n + (value !== b[i]), 0);
  const press = async (selector) => {
    document.querySelector(selector).click();
    await pause(100);
    return pixels();
  };
  const first = pixels(), report = { drawn: 0, size: first.length / 4, changed: {} };
  for (let i = 3; i < first.length; i += 4) report.drawn += first[i] > 0;
  let before = first;
  for (const [name, selector] of Object.entries({
    'log map': '#surfaces label:nth-child(2) input', parts: '#surfaces label:nth-child(3) input',
    scalar: '#surfaces label:nth-child(1) input', vectors: '#layers label input',
  })) {
    const after = await press(selector);
    report.changed[name] = changed(before, after);
    before = after;
  }
  report.back = changed(first, await press('#layers label input'));
  const box = canvas.getBoundingClientRect();
  const at = { pointerId: 1, clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  canvas.dispatchEvent(new PointerEvent('pointermove', at));
  await pause(100);
  report.tooltip = document.getElementById('tooltip').textContent;
  canvas.dispatchEvent(new PointerEvent('pointerdown', at));
  canvas.dispatchEvent(new PointerEvent('pointerup', at));
  report.status = document.getElementById('status').textContent;
  report.ticks = document.getElementById('ticks').textContent;
  const out = document.createElement('pre');
  out.id = 'report';
  out.textContent = JSON.stringify(report);
  document.body.append(out);
"""


def everything(tmp_path: Path) -> Path:
    """A sphere seen from the front with a scalar of vertex numbers, and all else."""
    mesh = shapes.icosphere(3)
    number = np.arange(mesh.num_vertices, dtype=float)
    front = int(np.argmax(mesh.vertices @ [0.47, 0.22, 0.86]))
    scene = Scene(mesh, NASTY, NASTY)
    scene.add_scalar(NASTY, number, colors="sequential").add_log_map(front, 0.9)
    scene.add_parts(mesh.faces[:, 0] % 2, ["even", "odd"])
    components = np.stack([number, np.full_like(number, 0.5)], axis=1)
    scene.add_vectors("field", components, order=2).add_frames().add_transport(front, 0.5)
    return scene.write_html(tmp_path / "page.html")


def test_fields_can_be_switched_and_read(tmp_path):
    dom = probed(everything(tmp_path), CODE)
    report = json.loads(unescape(re.search(r'<pre id="report">(.*?)</pre>', dom)[1]))
    assert 0.15 * report["size"] < report["drawn"] < 0.95 * report["size"]
    assert min(report["changed"].values()) > 0.002 * report["size"], report["changed"]
    assert report["back"] == 0
    assert report["ticks"] == "0320.5641"
    for text in (report["tooltip"], report["status"]):
        vertex = re.search(r"vertex (\d+)", text)[1]
        assert re.search(rf"field \(order 2\) \({vertex}, 0.5\)", text)
        assert f"{NASTY} {vertex}" in text
        assert re.search(r"log map of vertex \d+ r [\d.]+, θ −?[\d.]+°", text)
        assert re.search(r"transport from vertex \d+ \(", text)
        assert re.search(r"(even|odd)", text)
