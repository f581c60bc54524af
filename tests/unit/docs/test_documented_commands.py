"""What the pages tell people to type."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from tests.unit.docs.pages import PAGES, ROOT, fences

from eventing_alibaba.cli.main import COMMANDS

_SECONDS: Final = 60
_TARGET: Final = re.compile(r"^([a-z][a-z-]*):.*##", re.MULTILINE)
_MAKE: Final = re.compile(r"^\$ make (.+)$|`make ([^`]+)`", re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@dataclass(frozen=True, slots=True)
class _Command:
    """A line that starts with `$`, and the output that follows it on the page."""

    page: str
    line: str
    output: tuple[str, ...]
    run: bool

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def _commands() -> list[_Command]:
    found = []
    for fence in fences("console", "sh"):
        for part in re.split(r"^\$ ", fence.text, flags=re.MULTILINE)[1:]:
            line, *output = part.rstrip("\n").split("\n")
            found.append(_Command(fence.page, line, tuple(output), fence.run))
    return found


@pytest.mark.parametrize("command", [c for c in _commands() if c.run], ids=str)
def test_a_command_does_what_its_page_says(command: _Command) -> None:
    """A command says what its page shows; where the page shows nothing, it succeeds."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.line],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if command.output:
        assert done.stdout.rstrip("\n").split("\n") == list(command.output)
    else:
        assert done.returncode == 0, done.stdout


def test_some_commands_are_run() -> None:
    """The mark is found: the test above has something to do."""
    assert sum(command.run for command in _commands()) >= 4


@cache
def _help(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "eventing_alibaba", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    ).stdout


def test_every_command_and_flag_exists() -> None:
    """Each `eventing-alibaba` line of a page uses a command and flags that are there."""
    seen = 0
    for command in _commands():
        words = shlex.split(command.line)
        if "eventing-alibaba" not in words:
            continue
        _, *rest = words[words.index("eventing-alibaba") :]
        name = next((word for word in rest if not word.startswith("-")), None)
        if name is None:
            continue
        seen += 1
        assert name in COMMANDS, command
        # Each emulator has flags of its own.
        text = _help(*rest[:2]) if name == "emulate" else _help(name)
        for flag in (word for word in rest if word.startswith("-") and len(word) > 1):
            assert re.search(rf"(^|[\s,]){re.escape(flag)}\b", text), command
    assert seen


def test_every_make_target_exists() -> None:
    """Each `make` that a page mentions names targets of the Makefile."""
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {
        (str(page.relative_to(ROOT)), word)
        for page in PAGES
        for line, inline in _MAKE.findall(page.read_text(encoding="utf-8"))
        for word in shlex.split(line or inline)
        if "=" not in word
    }
    assert ("README.md", "demo") in named
    assert ("README.md", "test") in named
    assert {word for _, word in named} <= targets, sorted(named)


def test_every_link_between_files_leads_somewhere() -> None:
    """Links of the pages that Sphinx does not read (README and its like) name files that exist."""
    links = 0
    for page in PAGES:
        if page.parent != ROOT:
            continue
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target:
                links += 1
                assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert links > 5
