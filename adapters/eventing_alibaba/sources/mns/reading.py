"""Answers of MNS, read from XML.

Elements are found by their local names, as the namespace differs between writers. What is missing
or of another type than it should be costs only itself: a field is then None, and who needs it
decides what that means.

A document type declaration is the door to entity expansion and to external files, and nothing of
MNS has one. `defusedxml` refuses it, in Python, for 40 µs a message; the parser in C, which takes
8, cannot be told to. So a document without the bytes `<!DOCTYPE` goes to the parser in C: it is
made to read UTF-8 whatever the document declares, and in UTF-8 a declaration cannot be written with
other bytes. It would still read UTF-16, whose ASCII has NUL bytes, so these are refused. A document
with `<!DOCTYPE` goes to `defusedxml`, which refuses a declaration and accepts the same as text.

A body may hold what XML cannot (a producer wrote a character reference to a control character). The
whole answer is no XML then, though it has up to 16 messages; it is cut at the messages' tags, and
each is read by itself (`pieces`).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final, TypeAlias

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_DECLARATION: Final = b"<!DOCTYPE"
_PIECE: Final = re.compile(rb"<(?:\w+:)?Message(?:\s[^>]*)?>(.*?)</(?:\w+:)?Message\s*>", re.DOTALL)

Fields: TypeAlias = dict[str, ET.Element]
"""The children of an element by local name; the last one where a name is repeated."""


class NotXml(ValueError):
    """The answer is not the XML that it should be; the text says why and quotes nothing."""


def root(document: bytes) -> ET.Element:
    """Return the outermost element. Raises NotXml."""
    if b"\0" in document:
        raise NotXml("the answer is no well-formed XML: it holds NUL bytes")
    try:
        if _DECLARATION in document:
            element: ET.Element = fromstring(document.decode())
            return element
        parser = ET.XMLParser(encoding="utf-8")  # noqa: S314 - see the module's text
        parser.feed(document)
        return parser.close()
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        kind = type(error).__name__
        raise NotXml(f"the answer is no well-formed XML without declarations ({kind})") from None


def local(tag: str) -> str:
    """Return the name of an element without its namespace."""
    known = _LOCAL.get(tag)
    if known is None:
        known = tag[tag.rfind("}") + 1 :]
        if len(_LOCAL) < _NAMES_KEPT:
            _LOCAL[tag] = known
    return known


_LOCAL: dict[str, str] = {}
_NAMES_KEPT: Final = 256


def fields(element: ET.Element) -> Fields:
    """Return the children of an element by their local names."""
    names = _LOCAL
    return {names.get(child.tag) or local(child.tag): child for child in element}


def messages(document: bytes) -> list[Fields]:
    """Return the messages of an answer, be it `Messages` or a single `Message`. Raises NotXml."""
    top = root(document)
    name = local(top.tag)
    if name == "Message":
        return [fields(top)]
    if name != "Messages":
        raise NotXml(f"the answer is a <{name[:40]}> where <Messages> is expected")
    return [fields(child) for child in top]


def pieces(document: bytes) -> list[bytes]:
    """Return what is between the messages' tags of a document that cannot be read as a whole."""
    return _PIECE.findall(document)


def piece(document: bytes) -> Fields:
    """Return the fields of one of `pieces`. Raises NotXml."""
    return fields(root(b"<Message>" + document + b"</Message>"))


def raw(document: bytes, name: str) -> bytes | None:
    """Return what is between the first pair of tags of this name, unread."""
    tag = name.encode()
    found = re.search(rb"<(?:\w+:)?%b>(.*?)</(?:\w+:)?%b\s*>" % (tag, tag), document, re.DOTALL)
    return found[1] if found else None


def text(found: Fields, name: str) -> str | None:
    """Return the text of a field: None where it is missing, empty where it is an empty element."""
    element = found.get(name)
    if element is None:
        return None
    return element.text or ""


def number(found: Fields, name: str) -> int | None:
    """Return a field that is a whole number of at most 18 digits; None for anything else."""
    element = found.get(name)
    if element is None or (written := element.text) is None:
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= 18):
        written = written.strip()
        if not (written.isascii() and written.isdigit() and len(written) <= 18):
            return None
    return int(written)
