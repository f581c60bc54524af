"""Refusals that another date or another key cures, and operations on the emulator."""

from __future__ import annotations

import pytest
from tests.unit.mns.opened import client

from eventing_alibaba.sources.mns.client import _failed
from eventing_alibaba.sources.mns.errors import Refused
from eventing_alibaba.sources.mns.writing import Outgoing, Property
from eventing_alibaba.testing.emulators.mns import MnsEmulator

_ENV = {
    "accessKeyId": {"env": "ID"},
    "accessKeySecret": {"env": "SECRET"},
    "securityToken": {"env": "TOKEN"},
}


@pytest.mark.parametrize("off", [1200, -1200])
async def test_a_clock_that_is_wrong_does_no_harm(mns: MnsEmulator, off: int) -> None:
    """Twenty minutes off: the first request is repeated, the next ones are right at once."""
    mns.skew(off)
    async with client(mns) as mine:
        await mine.attributes("orders")
        await mine.attributes("orders")
        assert mine.exchange.clock.skew == pytest.approx(off, abs=1.5)
    assert [one["code"] for one in mns.requests("GetQueueAttributes")] == [
        "TimeExpired",
        "",
        "",
    ]


@pytest.mark.parametrize("version", ["v1", "v4"])
async def test_both_signatures_are_accepted(mns: MnsEmulator, version: str) -> None:
    """With a body, a query that needs escaping, and neither."""
    async with client(mns, signatureVersion=version, region="cn-hangzhou") as mine:
        await mine.send("orders", [Outgoing("x")])
        assert await mine.queues("ord") == ["orders"]
        with pytest.raises(Refused) as refused:
            await mine.change_visibility("orders", "a/b +=&é", 1)
        assert refused.value.code in {"ReceiptHandleError", "MessageNotExist"}


async def test_an_expired_token_is_cured_by_a_new_one(mns: MnsEmulator) -> None:
    """The refused request is repeated with what the Secret holds by then."""
    mns.add_key("sts", "s", token="one")
    environ = {"ID": "sts", "SECRET": "s", "TOKEN": "one"}
    async with client(mns, environ=environ, auth=_ENV) as mine:
        await mine.attributes("orders")
        mns.expire_key("sts")
        with pytest.raises(Refused) as refused:
            await mine.attributes("orders")
        assert "Token" in refused.value.code
        mns.add_key("sts", "s", token="two")
        environ["TOKEN"] = "two"
        await mine.attributes("orders")


async def test_a_batch_that_fails_in_part_is_told_apart(mns: MnsEmulator) -> None:
    """Sent and refused messages, deleted and void handles: each has its own outcome."""
    async with client(mns) as mine:
        mns.fail("BatchSendMessage", "InternalError", items=True, times=1)
        outcomes = await mine.send("orders", [Outgoing("a"), Outgoing("b"), Outgoing("c")])
        assert [one.code for one in outcomes] == ["InternalError", "", ""]
        assert outcomes[0].id is None
        assert outcomes[1].id is not None
        handles = [one["id"] for one in mns.messages("orders")]
        assert handles == [one.id for one in outcomes[1:]]
        reply = await mine.receive("orders", 16, wait=0)
        assert reply is not None
        found = [part.split(b"<")[0].decode() for part in reply.document.split(b"<ReceiptHandle>")]
        failed = await mine.delete("orders", [*found[1:], "1-nothing"])
        assert list(failed) == ["1-nothing"]
        assert mns.counts("orders")["inactive"] == 0


def test_a_failure_of_an_unknown_handle_casts_doubt_on_all() -> None:
    """Where an answer names a handle that was not asked for, none counts as deleted."""
    known = b"<Error><ErrorCode>MessageNotExist</ErrorCode><ReceiptHandle>b</ReceiptHandle></Error>"
    unknown = known.replace(b">b<", b">z<")
    handles = ["a", "b"]
    assert _failed(b"<Errors>" + known + b"</Errors>", handles) == {"b": "MessageNotExist"}
    assert _failed(b"<Errors>" + known + unknown + b"</Errors>", handles) == {
        "a": "Unknown",
        "b": "MessageNotExist",
    }


def test_a_refusal_that_names_no_handle_casts_doubt_on_all() -> None:
    """Something failed, and it is not told what: so all are deleted again."""
    assert _failed(b"<Errors/>", ["a", "b"]) == {"a": "Unknown", "b": "Unknown"}


async def test_what_is_sent_is_what_is_received(mns: MnsEmulator) -> None:
    """Body, priority, properties and delay arrive; a queue that is empty gives None."""
    async with client(mns) as mine:
        assert await mine.receive("orders", 1, wait=0) is None
        assert await mine.peek("orders") is None
        await mine.send("orders", [Outgoing("<a>&\r\n", priority=3, user=[Property("k", "v & w")])])
        (stored,) = mns.messages("orders")
        assert stored["body"] == "<a>&\r\n"
        assert stored["properties"] == {"k": "v & w"}
        assert await mine.peek("orders") is not None
        attributes = await mine.attributes("orders")
        assert (attributes.visibility, attributes.backlog) == (6, 1)


async def test_a_topic_takes_a_message(mns: MnsEmulator) -> None:
    """What is published arrives in the queue that has subscribed."""
    mns.create_topic("news")
    mns.subscribe("news", "s", "orders", form="SIMPLIFIED")
    async with client(mns) as mine:
        assert await mine.publish("news", Outgoing("hello"))
        reply = await mine.receive("orders", 1, wait=2)
    assert reply is not None
    assert b"hello" in reply.document
