"""What users write for a RocketMQ source, and what they are told about it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.rocketmq.made import context_of, spec_of

from eventing_alibaba.contract.errors import Misconfigured, Unauthorized
from eventing_alibaba.contract.validation import Invalid
from eventing_alibaba.sources.rocketmq.connecting import Way
from eventing_alibaba.sources.rocketmq.events import EventMapper


def test_little_is_enough() -> None:
    """Endpoint, topic and group make a source; the rest has defaults."""
    spec = spec_of()
    assert spec.invisible_seconds == 30
    assert spec.filter.expression == "*"
    assert spec.on_exhausted == "release"


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("endpoints", "http://localhost:8081", "without `http://`"),
        ("endpoints", "localhost", "`host:port`"),
        ("endpoints", "localhost:99999", "`host:port`"),
        ("topic", "orders/eu", "no name in RocketMQ"),
        ("consumerGroup", "a.b", "no name in RocketMQ"),
        ("invisibleDuration", "PT5S", "from PT10S to PT12H"),
        ("invisibleDuration", "PT13H", "from PT10S to PT12H"),
        ("auth", {"username": {"value": "u"}}, "`password` must be given"),
        ("auth", {"securityToken": {"value": "t"}}, "`username` and `password`"),
        ("filter", {"type": "regex"}, "sql92"),
    ],
)
def test_what_cannot_be_is_said(field: str, value: Any, told: str) -> None:
    """Each mistake is one sentence that says what is wanted."""
    with pytest.raises(Invalid) as refused:
        spec_of(**{field: value})
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        ("rmq-cn-abc123.cn-hangzhou.rmq.aliyuncs.com:8080", ("rmq-cn-abc123", "cn-hangzhou")),
        (
            "rmq-cn-abc123-vpc.ap-southeast-1.rmq.aliyuncs.com:8080",
            ("rmq-cn-abc123", "ap-southeast-1"),
        ),
        ("proxy.example.com:8081", None),
    ],
)
def test_alibabas_endpoints_tell_instance_and_region(
    endpoint: str, place: tuple[str, str] | None
) -> None:
    """What the endpoint says need not be written again."""
    assert spec_of(endpoints=endpoint).place == place


def test_a_login_that_cannot_be_read_is_told_before_anything_is_opened() -> None:
    """A missing variable is Unauthorized, with the field's name."""
    spec = spec_of(auth={"username": {"env": "NOT_SET"}, "password": {"value": "p"}})
    with pytest.raises(Unauthorized, match=r"spec\.auth\.username"):
        Way(spec, context_of(spec))


def test_eventbridge_needs_an_account() -> None:
    """What no endpoint tells has to be written."""
    spec = spec_of(event={"format": "eventbridge"})
    with pytest.raises(Misconfigured, match="accountId"):
        EventMapper(spec, context_of(spec))
