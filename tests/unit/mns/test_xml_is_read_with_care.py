"""XML of requests and answers: nothing breaks out of it, nothing gets in by it."""

from __future__ import annotations

import contextlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing_alibaba.sources.mns import reading, writing
from eventing_alibaba.sources.mns.writing import Outgoing, Property

_ENTITIES: Final = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">]>
<Messages><Message><MessageBody>&b;</MessageBody></Message></Messages>"""
_FILE: Final = (
    b"""<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><Error><Code>&b;</Code></Error>"""
)

_FORBIDDEN: Final = [chr(c) for c in range(32) if chr(c) not in "\t\n\r"] + ["\ufffe", "\uffff"]
_characters = st.characters(codec="utf-8", exclude_characters=_FORBIDDEN)


@given(st.lists(st.text(_characters), min_size=1, max_size=16), st.text(_characters))
def test_whatever_is_written_is_read_again(bodies: list[str], value: str) -> None:
    """Any text that XML can hold comes back as it was, be it markup or line ends."""
    properties = [Property("n", value, "BINARY")]
    document = writing.batch([Outgoing(body, group=value, user=properties) for body in bodies])
    rows = reading.messages(document)
    assert [reading.text(row, "MessageBody") for row in rows] == bodies
    assert all(reading.text(row, "MessageGroupId") == value for row in rows)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    """Whatever an answer holds, reading it raises nothing but NotXml."""
    with contextlib.suppress(reading.NotXml):
        reading.messages(document)
    reading.pieces(document)


@given(st.binary(max_size=60), st.integers(0, 300))
def test_damaged_answers_are_read_or_refused(noise: bytes, at: int) -> None:
    """An answer with a part overwritten raises nothing but NotXml either."""
    document = writing.batch([Outgoing("a body"), Outgoing("<another>")])
    damaged = document[:at] + noise + document[at + len(noise) :]
    with contextlib.suppress(reading.NotXml):
        for row in reading.messages(damaged):
            reading.text(row, "MessageBody")
            reading.number(row, "Priority")


@pytest.mark.parametrize("document", [_ENTITIES, _FILE])
def test_declarations_are_refused(document: bytes) -> None:
    """No entity is expanded and no file is read: the whole answer is refused."""
    with pytest.raises(reading.NotXml):
        reading.root(document)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp037", "utf-7"])
def test_declarations_in_another_encoding_are_refused(encoding: str) -> None:
    """A document is read as UTF-8 whatever it says, so that no declaration hides in it."""
    text = _ENTITIES.decode().replace('"1.0"?>', f'"1.0" encoding="{encoding}"?>')
    with pytest.raises(reading.NotXml):
        reading.root(text.encode(encoding))


def test_text_that_looks_like_a_declaration_is_text() -> None:
    """A body may hold `<!DOCTYPE`, also unescaped in a CDATA section."""
    document = b"<Message><MessageBody><![CDATA[<!DOCTYPE html>]]></MessageBody></Message>"
    assert reading.text(reading.messages(document)[0], "MessageBody") == "<!DOCTYPE html>"


@pytest.mark.parametrize("text", ["\0", "a\x08", "\x1f", "\ud800", "\uffff"])
def test_what_xml_cannot_hold_is_refused(text: str) -> None:
    """The sentence names the character and does not repeat the text."""
    with pytest.raises(ValueError, match=r"U\+[0-9A-F]{4} at position \d"):
        writing.escape(text)


@pytest.mark.parametrize(
    "written", ["", " ", "x", "1.5", "-1", "9" * 30, "٣", "1e3", "0x10", "<!-- -->"]
)
def test_a_number_is_digits(written: str) -> None:
    """Anything else, and too many of them, is no number, and no error either."""
    row = reading.messages(b"<Message><Priority>%b</Priority></Message>" % written.encode())[0]
    assert reading.number(row, "Priority") is None
    assert reading.number(row, "Missing") is None


def test_namespaces_do_not_matter() -> None:
    """Elements are found with the service's namespace, another one, or none."""
    for opening in (b"<Message", b'<Message xmlns="http://mns.aliyuncs.com/doc/v1"'):
        row = reading.messages(opening + b"><Priority> 8 </Priority></Message>")[0]
        assert reading.number(row, "Priority") == 8
    prefixed = b'<m:Message xmlns:m="u"><m:Priority>8</m:Priority></m:Message>'
    assert reading.number(reading.messages(prefixed)[0], "Priority") == 8
