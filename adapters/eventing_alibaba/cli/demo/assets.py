"""The page's files, read once from the package; and those of scenarios that bring a page.

All are small and served from memory. `version` is a digest of them: a page that is open while the
demo is started anew with other files loads itself again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).with_name("page")

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its type, and a tag that changes with it."""

    body: bytes
    content_type: str
    tag: str


class Assets:
    """Files by the path they are served on."""

    def __init__(self, folder: Path = PAGE) -> None:
        self._files: dict[str, Asset] = {}
        self.add("/", folder)

    @property
    def version(self) -> str:
        """A digest of all of them."""
        tags = "".join(f"{path}{asset.tag}" for path, asset in sorted(self._files.items()))
        return hashlib.blake2b(tags.encode(), digest_size=6).hexdigest()

    def add(self, below: str, folder: Path) -> None:
        """Serve what lies in a folder below a path, which ends with a slash."""
        for path, file in _files(folder):
            body = file.read_bytes()
            tag = f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'
            asset = Asset(body, _TYPES[file.suffix], tag)
            self._files[below + path] = asset
            if path == "index.html":
                self._files[below] = asset

    def get(self, path: str) -> Asset | None:
        """Return the file of a path; paths are looked up, never made into names of files."""
        return self._files.get(path)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in _TYPES:
            yield file.relative_to(folder).as_posix(), file
