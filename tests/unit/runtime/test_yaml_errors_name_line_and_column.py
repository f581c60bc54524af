"""What is no manifest is refused in one sentence that says where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.runtime.documents import documents


def refused(text: str) -> str:
    """Return the sentence."""
    with pytest.raises(Misconfigured) as caught:
        documents(text, origin="f.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


BOMB = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml, line 3, column 1: `a` is already set in line 1"),
        ("x: {a: 1, a: 2}", "f.yaml, line 1, column 11: `a` is already set in line 1"),
        ("a:\n\tb: 1", "f.yaml, line 2: it is indented with a tab; YAML takes spaces only"),
        ("a:\n  b: 1\n\tc: 2", "f.yaml, line 3: it is indented with a tab; YAML takes spaces only"),
        ("? [a]\n: 1", "f.yaml, line 1, column 3: a key must be text, not a list or mapping"),
        ("a: &a b\n*a : 1", "f.yaml, line 2, column 1: a key must be text, not an alias"),
        (
            "a: *nothing",
            "f.yaml, line 1, column 4: the alias *nothing has no anchor &nothing that ends",
        ),
        (
            "a: &a [*a]",
            "f.yaml, line 1, column 8: the alias *a has no anchor &a that ends before it",
        ),
        (
            "a: &x 1\n---\nb: *x",
            "f.yaml, line 3, column 4: the alias *x has no anchor &x that ends ",
        ),
        ("a: !custom 1", "f.yaml, line 1, column 4: the tag !custom is not understood"),
        ("a: !!set {b}", "f.yaml, line 1, column 4: the tag tag:yaml.org,2002:set is not under"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "f.yaml, line 1, column 4: the tag tag:yaml.org,2002:python/object/apply:os.system is",
        ),
        ("a: !!binary aGk=", "f.yaml, line 1, column 4: the tag tag:yaml.org,2002:binary is not "),
        ("a: {<<: 1}", "f.yaml, line 1, column 9: `<<` takes a mapping or a list of mappings"),
        ("a: b\nc: \x07", "f.yaml, line 2: the character U+0007 is not allowed in YAML"),
        ("[" * 70, "f.yaml, line 1, column 65: nested deeper than 64 levels"),
        (BOMB, "f.yaml, line 5, column "),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_mistake_is_told_with_its_place(text: str, sentence: str) -> None:
    """Line and column count from one."""
    assert refused(text).startswith(sentence)


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "a: 'x", "%YAML 9\n---\na", "a: @b", "}"])
def test_the_parsers_own_complaint_is_one_sentence(text: str) -> None:
    """Its words differ between parsers; file, line and column do not."""
    assert refused(text).startswith("f.yaml, line ")
    assert "this is no YAML: " in refused(text)


def test_a_great_depth_is_refused_before_the_stack_is() -> None:
    """A million brackets cost nothing."""
    assert "nested deeper" in refused("[" * 1_000_000)
    assert "nested deeper" in refused("- " * 100_000)


@given(st.text(st.sampled_from("ab:{}[]-&*!|>'\"#%@,? \n\t<\\~1"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """There is no text that ends in a traceback."""
    try:
        documents(text, origin="f.yaml")
    except Misconfigured as error:
        assert str(error).startswith("f.yaml")  # noqa: PT017 - either end is fine
