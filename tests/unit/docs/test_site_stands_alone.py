"""The site as it is built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.unit.docs.pages import ROOT

_LOADED = re.compile(
    r"<(?:link|script|img|iframe|source)\b[^>]*\b(?:href|src)=\"((?:https?:)?//[^\"]*)"
)
_STYLED = re.compile(r"(?:@import\s+|url\()[\"']?((?:https?:)?//[^\"')]+)")


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Sphinx has nothing to warn of, links within the site resolve, no page loads from a host."""
    flags = ("-q", "-W", "-n", "--keep-going", "-b", "html", "-d", str(tmp_path / "trees"))
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *flags, str(ROOT / "docs"), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "html").glob("*.html"))
    assert len(pages) > 7
    for page in pages:
        assert _LOADED.findall(page.read_text(encoding="utf-8")) == [], page.name
    for sheet in (tmp_path / "html").rglob("*.css"):
        assert _STYLED.findall(sheet.read_text(encoding="utf-8")) == [], sheet.name
