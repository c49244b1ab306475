"""A headless Chromium for the tests of pages, and a reader of the pictures that it takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

FLAGS = [
    *("--headless=new", "--no-sandbox", "--no-first-run", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--window-size=800,600", "--virtual-time-budget=4000", "--enable-logging=stderr"),
]


@lru_cache(maxsize=1)
def program() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium on PATH")
    return found


def chromium(page: Path, *arguments: str) -> tuple[str, list[str]]:
    """What the browser writes to stdout, and what the page writes to its console."""
    profile = page.with_name("profile")
    command = [program(), *FLAGS, f"--user-data-dir={profile}", *arguments, page.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def probed(page: Path, code: str) -> str:
    """The page's DOM after `code` ran at its end; the policy is lifted for that script alone.

    The code is the body of an async function that starts once the page has drawn.
    """
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text("utf-8"))
    before = """<script>
      addEventListener('error', (e) => document.title = 'ERROR ' + e.message);
      addEventListener('unhandledrejection', (e) => document.title = 'ERROR ' + e.reason);
      const plain = HTMLCanvasElement.prototype.getContext; // so that drawn pixels can be read
      HTMLCanvasElement.prototype.getContext = function (kind, options) {
        return plain.call(this, kind, { ...options, preserveDrawingBuffer: true });
      };
      requestAnimationFrame = (draw) => setTimeout(draw, 5); // frames are slow to come without a screen
      Element.prototype.setPointerCapture = () => {}; // refuses pointers that are not there
      const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    </script>"""
    after = f"""<script>(async () => {{
      const canvas = document.getElementById('canvas');
      for (let i = 0; i < 30 && canvas.width === 300; i++) await pause(20); // as it is before layout
      await pause(100);
      {code}
    }})();</script>"""
    text = text.replace("<body>", f"<body>{before}").replace("</body>", f"{after}</body>")
    probe = page.with_name("probe.html")
    probe.write_text(text, "utf-8")
    dom, _ = chromium(probe, "--dump-dom")
    assert "<title>ERROR" not in dom, re.findall("<title>.*</title>", dom)
    if "does not offer" in dom.split("<noscript>")[0].split("<main>")[1]:
        pytest.skip("this Chromium has no WebGL 2")
    return dom


def read_png(path: Path) -> np.ndarray:
    """Pixels of a picture, (H, W, 3), red, green and blue in 0 … 255."""
    return np.round(255 * imread(path)[..., :3]).astype(int)
