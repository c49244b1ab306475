"""Sphinx configuration; `make docs` builds. Nothing is fetched, and the notebooks run at build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
# for the kernels of the notebooks: an uninstalled checkout will do, and nothing is drawn on a screen
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # their networks are too small for more

from gaugeconv import __version__  # noqa: E402

project = "gaugeconv"
author = "the authors of gaugeconv"
copyright = author
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_nb",
    "mathml",
    "api_names",
    "docstrings",
    "generated",
]
exclude_patterns = ["_build", "_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}
highlight_language = "none"  # indented blocks are formulas
suppress_warnings = ["toc.empty_glob"]

# Markdown; figures and mathematics are part of the page, so it reads without a network
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
myst_update_mathjax = False
html_math_renderer = "mathml"

nb_execution_mode = "cache"  # a page runs again when its code changes; `make docs-clean` forgets
nb_execution_cache_path = str(HERE / "_build" / ".jupyter_cache")
nb_execution_timeout = 600  # of one cell; all of a page take less than a minute on two idle cores
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "text/html", 0)]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "class-doc-from": "class"}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has them
napoleon_custom_sections = [("Warns", "returns_style")]
maximum_signature_line_length = 88
add_module_names = False
python_use_unqualified_type_names = True
default_role = "py:obj"

html_theme = "furo"
html_title = f"gaugeconv {__version__}"
html_static_path = ["_static"]
html_css_files = ["gaugeconv.css"]
html_copy_source = False
html_show_sphinx = False
