"""Notifications of Object Storage: several records in one message, an event of each.

A record becomes the event that EventBridge makes of it: type `oss:<eventName>`, subject
`acs:oss:<region>:<account>:<bucket>/<key>`, the record's own time, and the record as data. Ids are
derived from the message's, `<id>/<n>` from 0, so they are the same in every delivery. A message in
which anything is not as OSS writes it stays whole.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from eventing_alibaba.contract.event import AttributeValue, Event
from eventing_alibaba.contract.mediatype import JSON

_MARK: Final = b'"acs:oss"'
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339, as the attribute `time` is written."""


def split(
    body: bytes,
    *,
    identity: str,
    source: str,
    kind: str | None,
    extensions: dict[str, AttributeValue],
) -> list[Event] | None:
    """Return an event of each record; None if this is no notification of OSS.

    `kind` = a type for all of them, instead of their own.
    """
    if body[:1] != b"{" or _MARK not in body:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    records = document.get("events")
    if not isinstance(records, list) or not records:
        return None
    events = []
    for at, record in enumerate(records):
        made = _event(record, f"{identity}/{at}", source, kind, extensions)
        if made is None:
            return None
        events.append(made)
    return events


def _event(
    record: Any,
    identity: str,
    source: str,
    kind: str | None,
    extensions: dict[str, AttributeValue],
) -> Event | None:
    if not isinstance(record, dict) or record.get("eventSource") != "acs:oss":
        return None
    name, moment = record.get("eventName"), record.get("eventTime")
    if not isinstance(name, str) or not name:
        return None
    if moment is not None and not (isinstance(moment, str) and _MOMENT.fullmatch(moment)):
        return None
    return Event(
        identity,
        source,
        kind or f"oss:{name}",
        orjson.dumps(record),
        JSON,
        _subject(record),
        moment,
        None,
        extensions.copy(),
    )


def _subject(record: dict[str, Any]) -> str | None:
    try:
        bucket, key = record["oss"]["bucket"], record["oss"]["object"]["key"]
        parts = (record["region"], bucket["ownerIdentity"], bucket["name"], key)
    except (KeyError, TypeError):
        return None
    if not all(isinstance(part, str) for part in parts):
        return None
    region, account, name, key = parts
    return f"acs:oss:{region}:{account}:{name}/{key}"
