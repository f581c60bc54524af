"""The demo as a process, and the browser that looks at it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import urllib.request
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self

from tests.real.servers.tools import HOW_TO_INSTALL, MissingToolError, program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_SECONDS: Final = 30
PATIENCE: Final = 45_000
"""Milliseconds that a page is waited for: a killed adapter's session alone takes ten seconds."""


class Demo:
    """`eventing-alibaba demo`, as `with`; `restart` starts it anew on the same port."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._process: subprocess.Popen[str] | None = None
        self._reading: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start("0")
        return self

    def start(self, port: str) -> None:
        """Start it and wait for the page's address."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "eventing_alibaba", "demo", "--port", port, *self._flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Watch it" in line:
                self.url = line.split()[-1]
                break
        # What it goes on saying is read, so that it never waits for a reader.
        self._reading = threading.Thread(target=_drain, args=(self._process.stdout,), daemon=True)
        self._reading.start()

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_SECONDS)
        self._end_of_words()

    def heal(self) -> None:
        """Heal what a test has left broken."""
        headers = {"Content-Type": "application/json", "Origin": self.url.rstrip("/")}
        asked = urllib.request.Request(f"{self.url}heal", b"{}", headers)
        with urllib.request.urlopen(asked, timeout=_SECONDS):
            pass

    def restart(self) -> None:
        """Start it anew where it was."""
        self.start(self.url.rsplit(":", 1)[1].strip("/"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_SECONDS)
        finally:
            self._process.kill()
            self._end_of_words()

    def _end_of_words(self) -> None:
        assert self._reading is not None
        self._reading.join(_SECONDS)


def _drain(words: IO[str]) -> None:
    with words:
        words.read()


class Chromium:
    """Debian's Chromium, worked by playwright, as `with`; nothing is downloaded for it."""

    def __init__(self) -> None:
        self._ending: Any = None

    def __enter__(self) -> Browser:
        path = program("chromium")
        if importlib.util.find_spec("playwright") is None:
            msg = "the Python package `playwright` is not installed: install the group `browser`"
            raise MissingToolError(f"{msg}, or {HOW_TO_INSTALL}")
        from playwright.sync_api import sync_playwright

        playwright = sync_playwright().start()
        self._ending = playwright
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        return playwright.chromium.launch(executable_path=str(path), args=flags)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ending is not None:
            self._ending.stop()


class Room:
    """The control room in a page: what it shows, by the words a person would use."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE)

    def number(self, figure: str) -> int:
        """Return a figure of the page."""
        return int(self.page.locator(f"[data-figure={figure}]").first.inner_text().replace(",", ""))

    def wait(self, condition: str, value: Any = None) -> None:
        """Wait until a JavaScript condition on `shown(name)`, a figure, holds."""
        text = (
            "value => { const shown = name => Number(document.querySelector("
            "`[data-figure=${name}]`).textContent.replaceAll(',', ''));"
            " const state = name => document.getElementById(`${name}-state`).textContent.trim();"
            f" return {condition}; }}"
        )
        self.page.wait_for_function(text, arg=value)

    def flows(self) -> None:
        """Wait until all is well and the queue is gone."""
        self.wait(
            "state('adapter') === 'ready' && state('service') === 'healthy'"
            " && document.getElementById('now').textContent === 'Everything flows.'"
            " && shown('waiting') < 40"
        )

    def press(self, fault: str) -> None:
        """Press a button that breaks something, or heals it again."""
        self.page.locator(f"[data-fault={fault}]").click()
