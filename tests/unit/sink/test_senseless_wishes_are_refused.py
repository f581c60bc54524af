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
        {
            "sink": {"uri": "http://s", "audience": "a"},
            "sinkAuth": {"headers": [{"name": "X-Key", "value": BEARER["bearer"]["token"]}]},
        },
    ],
)
def test_what_goes_together_is_accepted(fields: dict[str, Any]) -> None:
    """Defaults that an API server has written out contradict nothing."""
    read(CommonSpec, fields)
