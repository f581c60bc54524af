"""How the site is built; nothing is fetched, neither while it is built nor while it is read."""  # noqa: INP001

from __future__ import annotations

import sys
from pathlib import Path

from eventing_alibaba import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "eventing-alibaba"
version = release = __version__

extensions = ["myst_parser", "reference"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "eventing-alibaba"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
highlight_language = "text"
