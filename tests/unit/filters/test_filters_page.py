"""The page about filters: what it shows is accepted, what it calls refused is."""

from __future__ import annotations

import re
from typing import Final

import pytest
import yaml
from tests.unit.docs.pages import ROOT, Fence, fences
from tests.unit.filters.support import Holder

from eventing_alibaba.contract.cesql.errors import ExpressionError
from eventing_alibaba.contract.cesql.functions import SIGNATURES
from eventing_alibaba.contract.cesql.parse import parse
from eventing_alibaba.contract.filters import Filter
from eventing_alibaba.contract.validation import Invalid, read
from eventing_alibaba.flow.filters.compile import compile_filters

PAGE: Final = "docs/filters.md"
TEXT: Final = (ROOT / PAGE).read_text(encoding="utf-8")
SHOWN: Final = [fence for fence in fences("yaml") if fence.page == PAGE]


@pytest.mark.parametrize("fence", SHOWN, ids=lambda fence: fence.text.splitlines()[1].strip())
def test_what_the_page_shows_can_be_written(fence: Fence) -> None:
    """Each example is valid as it stands."""
    assert compile_filters(read(Holder, yaml.safe_load(fence.text)).filters)


def test_the_page_names_every_dialect_and_function() -> None:
    """Nothing that can be written is left out, and nothing is there that cannot."""
    rows = re.findall(r"^\| `(\w+)` \|", TEXT.partition("## CESQL")[0], re.MULTILINE)
    assert rows == [field.alias for field in Filter.model_fields.values()]
    (listed,) = re.findall(r"^- Functions: (.*?)\.$", TEXT, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(SIGNATURES)


def test_what_the_page_calls_refused_is_refused_and_what_it_advises_is_not() -> None:
    """The table of strict rules is what the parser does."""
    rows = re.findall(
        r"^\| `([^`]+)` \|.*\| (`.*) \|$", TEXT.partition("## Stricter")[2], re.MULTILINE
    )
    assert len(rows) == 3
    for refused, advised in rows:
        with pytest.raises(ExpressionError):
            parse(refused)
        for expression in re.findall(r"`([^`]+)`", advised):
            assert parse(expression)


def test_the_sentence_on_the_page_is_the_one_that_is_said() -> None:
    """The example of a mistake is word for word what a user reads."""
    with pytest.raises(Invalid) as caught:
        read(Holder, {"filters": [{"cesql": "time > '2026-01-31'"}]})
    assert f"\n{caught.value}\n" in TEXT
