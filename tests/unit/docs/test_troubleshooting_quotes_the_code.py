"""The sentences that the troubleshooting page quotes are those that the program says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest
from tests.unit.docs.pages import ROOT

from eventing_alibaba.cli.check.sink import REASONS
from eventing_alibaba.sources.kafka.causes import TABLE

_PAGE: Final = ROOT / "docs/troubleshooting.md"
_FIELD: Final = re.compile(r"\{\w+\}")
_GAP: Final = "…"


def _quotes() -> list[str]:
    text = _PAGE.read_text(encoding="utf-8")
    return [
        " ".join(part.removeprefix("> ") for part in block.splitlines())
        for block in re.findall(r"(?:^> .*\n)+", text, re.MULTILINE)
    ]


@cache
def _said() -> tuple[str, ...]:
    """Every text of the code, with a gap for what is filled in."""
    return tuple(
        text
        for path in (ROOT / "adapters").rglob("*.py")
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
    )


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _FIELD.sub(_GAP, node.value)
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _GAP for part in node.values
            )


def _is_said(quote: str) -> bool:
    """Whether the quote's words stand together in the code, gap for gap."""
    return any(quote in text for text in _said())


@pytest.mark.parametrize("quote", _quotes())
def test_a_quoted_sentence_is_in_the_code(quote: str) -> None:
    """A gap is written as …; what stands between gaps is found word by word in one sentence."""
    pieces = [re.escape(piece.strip()) for piece in quote.split(_GAP)]
    pattern = re.compile(r".{0,3}…?.{0,3}".join(pieces))
    assert _is_said(quote) or any(pattern.search(text) for text in _said()), quote


def test_an_invented_sentence_is_not_found() -> None:
    """The test above can fail."""
    assert not _is_said("the broker is in a bad mood")
    assert len(_quotes()) > 30


def test_every_cause_that_users_can_mend_is_on_the_page() -> None:
    """Each row of the table of causes, but for those that a broker mends by itself."""
    page = " ".join(_quotes())
    passing = {"NoCoordinator", "GroupFull", "TopicInvalid", "GroupInvalid", "Forbidden"}
    vague = {"TlsFailed", "NoAnswer", "Unreachable", "CertificateRefused", "LoginFailed"}
    for row in TABLE:
        if row.reason not in passing | vague:
            words = max(_FIELD.split(row.sentence), key=len).strip()
            same = [other.sentence for other in TABLE if other.reason == row.reason]
            longest = [max(_FIELD.split(text), key=len).strip() for text in same]
            assert any(text in page for text in (words, *longest)), row.reason
    assert len(REASONS) > 5
