"""Where the pages are, and what stands in their fences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = tuple(
    sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/peers/*.md")])
)

_FENCE: Final = re.compile(r"(<!-- run -->\n)?```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its page, its language, its text, and whether it is marked to be run."""

    page: str
    language: str
    text: str
    run: bool


def fences(*languages: str) -> Iterator[Fence]:
    """Yield the blocks of these languages in all pages."""
    for page in PAGES:
        for mark, language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
            if language in languages:
                yield Fence(str(page.relative_to(ROOT)), language, text, bool(mark))
