"""What users write, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mns.polled import ENDPOINT, spec

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.validation import read
from eventing_alibaba.runtime.kinds import spec_of
from eventing_alibaba.sources.mns.spec import MnsSourceSpec


def test_the_kind_is_found() -> None:
    """The entry point names this model."""
    assert spec_of("MnsSource") is MnsSourceSpec


def test_two_fields_are_enough() -> None:
    """Everything else has a default, and exhausted events go back to the queue."""
    made = spec()
    assert (made.wait_seconds, made.polls, made.body_encoding) == (10, 8, "auto")
    assert made.on_exhausted == "release"
    assert (made.account, made.region_name) == ("1234567890123456", "cn-hangzhou")


@pytest.mark.parametrize("suffix", ["", "-internal", "-internal-vpc"])
def test_endpoints_tell_account_and_region(suffix: str) -> None:
    """All three networks have names of one form."""
    made = spec(endpoint=f"http://7.mns.ap-southeast-1{suffix}.aliyuncs.com/")
    assert (made.account, made.region_name) == ("7", "ap-southeast-1")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"endpoint": "mns.example.com"}, "must be `https://host`"),
        ({"endpoint": f"{ENDPOINT}/queues/orders"}, "without a path"),
        ({"endpoint": "ftp://x"}, "must be `https://host`"),
        ({"queue": "-x"}, "is no name of a queue"),
        ({"queue": "a_b"}, "is no name of a queue"),
        ({"waitSeconds": 11}, "waitSeconds"),
        ({"visibilityTimeout": 0}, "visibilityTimeout"),
        ({"auth": {"accessKeyId": {"value": "x"}}}, "`accessKeySecret` must be given"),
        ({"auth": {"accessKeySecret": {"value": "x"}}}, "`accessKeyId` must be given"),
        ({"auth": {"securityToken": {"value": "x"}}}, "because `securityToken` is"),
        ({"auth": {"rrsa": True, "ecsRole": "r"}}, "must have only one of"),
        ({"endpoint": "http://localhost:1", "signatureVersion": "v4"}, "`region` must be given"),
        ({"consumerGroup": "x"}, "consumerGroup"),
        ({"delivery": {"deadLetterSink": {"mns": {"queue": "orders"}}}}, "name another one"),
        ({"delivery": {"deadLetterSink": {"kafka": {"topic": "t"}}}}, "write `mns`, or `uri`"),
        (
            {"delivery": {"deadLetterSink": {"mns": {"queue": "d"}, "uri": "http://x/"}}},
            "must have exactly one of",
        ),
    ],
)
def test_mistakes_are_named(fields: dict[str, Any], words: str) -> None:
    """One sentence says which field, what it holds and what it should."""
    with pytest.raises(Misconfigured) as raised:
        read(MnsSourceSpec, {"endpoint": ENDPOINT, "queue": "orders", **fields})
    assert words in str(raised.value)
