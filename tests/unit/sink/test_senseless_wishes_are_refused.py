"""Fields that contradict each other are refused with a sentence that says which and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from eventing_alibaba.contract.spec import CommonSpec
from eventing_alibaba.contract.validation import Invalid, read

BEARER = {"bearer": {"token": {"secretKeyRef": {"name": "s", "key": "k"}}}}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"event": {"format": "raw", "mode": "structured"}}, "`mode: structured` cannot be had"),
        ({"event": {"format": "raw", "type": "t"}}, "`type` cannot be had with it"),
        ({"event": {"format": "raw", "source": "s"}}, "`source` cannot be had with it"),
        (
            {"event": {"format": "raw"}, "ceOverrides": {"extensions": {"a": "b"}}},
            "`ceOverrides` cannot be had with it",
        ),
        (
            {"event": {"format": "eventbridge", "contentType": "a/b"}},
            "`contentType` has no effect with `format: eventbridge`",
        ),
        (
            {"event": {"eventBridge": {"accountId": "1"}}},
            "`eventBridge` has an effect only with `format: eventbridge`",
        ),
        ({"event": {"format": "raw", "batch": {}}}, "`batch` cannot be had with it"),
        ({"event": {"mode": "structured", "batch": {}}}, "`batch` always sends structured events"),
        ({"event": {"batch": {"maxWait": "PT2M"}}}, "must be at most PT1M"),
        ({"event": {"maxAge": "PT0S"}}, "`maxAge: PT0S` would let nothing through"),
        ({"event": {"maxAge": "1h"}}, "'1h' is no ISO 8601 duration; write PT1H"),
        ({"event": {"format": "avro"}}, "must be `knative` or `eventbridge` or `raw`"),
        ({"event": {"contentType": "json"}}, "'json' is no media type; write one such as"),
        ({"event": {"contentType": "text/plain\r\nX: y"}}, "is no media type"),
        ({"event": {"source": "the shop"}}, "'the shop' is no URI reference"),
        ({"event": {"source": "/100%"}}, "'/100%' is no URI reference"),
        ({"delivery": {"backoffDelay": "PT0S", "backoffMax": "PT0S"}}, "`backoffMax: PT0S` would"),
        (
            {"delivery": {"backoffDelay": "PT15M"}},
            "`backoffMax` (PT10M) is shorter than `backoffDelay` (PT15M)",
        ),
        ({"delivery": {"timeout": "PT0S"}}, "`timeout: PT0S` would let no request be answered"),
        (
            {"sink": {"uri": "http://s", "audience": "a"}, "sinkAuth": BEARER},
            "`sink.audience` and `sinkAuth` (`bearer`) both write the header Authorization",
        ),
    ],
)
def test_a_contradiction_is_refused(fields: dict[str, Any], why: str) -> None:
    """Each pair that makes no sense has its sentence."""
    with pytest.raises(Invalid) as caught:
        read(CommonSpec, fields)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"event": {"format": "raw", "mode": "binary", "eventBridge": {"dataFormat": "text"}}},
        {"event": {"format": "raw", "maxAge": "PT1H", "contentType": "text/csv"}},
        {"event": {"format": "eventbridge", "mode": "structured"}},
        {"event": {"format": "eventbridge", "batch": {"maxEvents": 10, "maxWait": "PT0S"}}},
        {"sink": {"uri": "http://s", "audience": "a"}},
        {"event": {"contentType": 'text/csv; charset=utf-8; header="a b"'}},
        {"event": {"contentType": "application/vnd.x+json", "source": "urn:shop:a%20b?c=[1]#d"}},
        {"delivery": {"backoffDelay": "PT0S", "backoffMax": "PT1S", "retryAfterMax": "PT0S"}},
        {"delivery": {"backoffDelay": "PT10M"}},
        {
            "sink": {"uri": "http://s", "audience": "a"},
            "sinkAuth": {"headers": [{"name": "X-Key", "value": BEARER["bearer"]["token"]}]},
        },
    ],
)
def test_what_goes_together_is_accepted(fields: dict[str, Any]) -> None:
    """Defaults that an API server has written out contradict nothing."""
    read(CommonSpec, fields)
