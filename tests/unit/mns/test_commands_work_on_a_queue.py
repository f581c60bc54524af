"""What `check`, `send`, `redrive` and the backlog do to a queue."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.mns.opened import client, manifest, until
from tests.unit.mns.polled import context

from eventing_alibaba.contract.deadletter import REASONS
from eventing_alibaba.contract.errors import SourceError, Unavailable
from eventing_alibaba.contract.redrive import Progress, Unredrivable, Wish
from eventing_alibaba.contract.send import Outgoing, Unsendable
from eventing_alibaba.sources.mns import writing
from eventing_alibaba.sources.mns.spec import MnsSourceSpec
from eventing_alibaba.testing.emulators.mns import MnsEmulator


async def _asked(spec: MnsSourceSpec) -> dict[str, str]:
    """Return what each step of a check said: its answer, or the reason of its failure."""
    said = {}
    async for step in spec.check(context(spec)):
        try:
            said[step.name.partition(" at ")[0]] = await step.ask()
        except SourceError as error:
            said[step.name.partition(" at ")[0]] = error.reason
    return said


async def test_a_check_takes_nothing(mns: MnsEmulator) -> None:
    """All is well, and no message was received, moved or made invisible."""
    mns.send("orders", ["x"])
    assert await _asked(manifest(mns)) == {
        "access key": "given",
        "queue orders": "visibility 6 s, 1 message to deliver",
        "right to receive": "",
        "right to delete": "",
        "right to change visibility": "",
    }
    (message,) = mns.messages("orders")
    assert message["visible"]
    assert message["dequeues"] == 0


@pytest.mark.parametrize(
    ("fields", "step", "reason"),
    [
        ({"queue": "nothing"}, "queue nothing", "QueueNotExist"),
        ({"endpoint": "http://127.0.0.1:1"}, "queue orders", "CannotConnect"),
        (
            {"auth": {"accessKeyId": {"value": "x"}, "accessKeySecret": {"value": "test"}}},
            "queue orders",
            "InvalidAccessKeyId",
        ),
        (
            {"auth": {"accessKeyId": {"value": "test"}, "accessKeySecret": {"value": "x"}}},
            "queue orders",
            "SignatureDoesNotMatch",
        ),
        ({"signatureVersion": "v4", "region": "x"}, "queue orders", "SignatureDoesNotMatch"),
        (
            {"auth": {"accessKeyId": {"value": "other"}, "accessKeySecret": {"value": "s"}}},
            "queue orders",
            "AccessDenied",
        ),
        (
            {"auth": {"accessKeyId": {"env": "NONE"}, "accessKeySecret": {"env": "NONE"}}},
            "access key",
            "SecretMissing",
        ),
    ],
)
async def test_mistakes_are_told_apart(
    mns: MnsEmulator, fields: dict[str, Any], step: str, reason: str
) -> None:
    """Each wrong field has its own reason, and nothing that hangs on it is asked."""
    mns.add_key("other", "s", account="999")
    said = await _asked(manifest(mns, **fields))
    assert said[step] == reason
    assert list(said)[-1] == step


async def test_a_right_that_is_missing_is_named(mns: MnsEmulator) -> None:
    """Without mns:DeleteMessage everything else is well."""
    mns.fail("BatchDeleteMessage", "AccessDenied")
    said = await _asked(manifest(mns))
    assert said["right to delete"] == "AccessDenied"
    assert said["right to change visibility"] == ""


async def _send(spec: MnsSourceSpec, *messages: Outgoing) -> list[SourceError | None]:
    sender = spec.sender(context(spec), None)
    try:
        await sender.open()
        return list(await sender.send(messages))
    finally:
        await sender.close()


async def test_messages_are_sent_in_batches(mns: MnsEmulator) -> None:
    """Headers become properties; sixteen messages or 64 KiB go at a time."""
    many = [Outgoing(b"x" * 100, headers=[("tenant", b"a")]) for _ in range(40)]
    large = [Outgoing(b"y" * 40_000)] * 2
    assert await _send(manifest(mns), *many, *large) == [None] * 42
    stored = mns.messages("orders")
    assert len(stored) == 42
    assert stored[0]["properties"] == {"tenant": "a"}
    assert len(mns.requests("BatchSendMessage")) == 4


@pytest.mark.parametrize(
    ("encoding", "body", "stored"),
    [
        ("auto", b"text", "dGV4dA=="),  # it would be taken for base64
        ("auto", b"a text", "a text"),
        ("auto", b"\xff\x00", "/wA="),
        ("auto", b"\x08", "CA=="),
        ("base64", b"a text", "YSB0ZXh0"),
        ("raw", b"text", "text"),
    ],
)
async def test_what_is_sent_is_read_as_it_was(
    mns: MnsEmulator, encoding: str, body: bytes, stored: str
) -> None:
    """Bodies are written so that this very manifest reads them again."""
    await _send(manifest(mns, bodyEncoding=encoding), Outgoing(body))
    assert mns.messages("orders")[0]["body"] == stored


async def test_what_cannot_be_sent_is_said_before_anything_is(mns: MnsEmulator) -> None:
    """Bytes with `raw`, another queue, a header that XML cannot hold."""
    raw = manifest(mns, bodyEncoding="raw")
    with pytest.raises(Unsendable, match="no UTF-8"):
        await _send(raw, Outgoing(b"good"), Outgoing(b"\xff"))
    with pytest.raises(Unsendable, match=r"U\+0008"):
        await _send(raw, Outgoing(b"x", headers=[("a", b"\x08")]))
    with pytest.raises(Unsendable, match="reads one queue, orders"):
        raw.sender(context(raw), "another")
    assert mns.messages("orders") == []


async def test_each_refusal_has_its_place(mns: MnsEmulator) -> None:
    """One message of a batch is refused, the others are in the queue."""
    mns.fail("BatchSendMessage", "InternalError", items=True, times=1)
    first, second = await _send(manifest(mns), Outgoing(b"a b"), Outgoing(b"c d"))
    assert first is not None
    assert second is None
    assert [one["body"] for one in mns.messages("orders")] == ["c d"]


async def test_the_backlog_is_told_without_a_source(mns: MnsEmulator) -> None:
    """Waiting messages and those in somebody's hands, and nothing is received."""
    mns.send("orders", ["x"] * 7)
    spec = manifest(mns)
    assert await spec.backlog(context(spec)) == 7
    assert mns.requests("BatchReceiveMessage") == []
    missing = manifest(mns, queue="nothing")
    with pytest.raises(Unavailable, match="no queue nothing"):
        await missing.backlog(context(missing))


async def _redrive(mns: MnsEmulator, **wish: Any) -> Progress:
    spec = manifest(mns)
    moving: AsyncIterator[Progress] = spec.redrive(context(spec), Wish("dead", **wish))
    last = None
    async for progress in moving:
        last = progress
    assert last is not None
    return last


@pytest.fixture
def dead(mns: MnsEmulator) -> MnsEmulator:
    """The emulator with fifty messages in the queue `dead`."""
    mns.create_queue("dead", visibility_timeout=5)
    mns.send("dead", [f"x{number}" for number in range(50)], priority=3)
    return mns


async def test_dead_letters_are_brought_back(dead: MnsEmulator) -> None:
    """All of them, once, as they were."""
    async with client(dead) as mine:
        own = writing.Outgoing("&", user=[writing.Property("a", "b")])
        await mine.send("dead", [own])
    assert await _redrive(dead) == Progress(51, left=0, held=0)
    back = {one["body"]: one for one in dead.messages("orders")}
    assert sorted(back) == sorted(["&", *(f"x{number}" for number in range(50))])
    assert back["&"]["properties"] == {"a": "b"}
    assert dead.messages("dead") == []


async def test_only_so_many_are_brought_back(dead: MnsEmulator) -> None:
    """`most` is kept to; begun anew, it goes on with the rest."""
    assert await _redrive(dead, most=20) == Progress(20, left=30, held=0)
    assert len(dead.messages("orders")) == 20
    assert (await _redrive(dead)).moved == 30
    assert len({one["body"] for one in dead.messages("orders")}) == 50


async def test_a_dry_run_moves_nothing(dead: MnsEmulator) -> None:
    """It tells how many there are."""
    assert await _redrive(dead, dry_run=True, most=20) == Progress(20, left=30, held=0)
    assert dead.messages("orders") == []
    assert dead.requests("BatchReceiveMessage") == []


async def test_what_another_holds_is_waited_for(dead: MnsEmulator) -> None:
    """What a redrive that was killed had received comes again when its lease has ended."""
    spec = manifest(dead)
    moving = spec.redrive(context(spec), Wish("dead"))
    dead.fail("BatchSendMessage", cut="never")
    task: asyncio.Future[Progress] = asyncio.ensure_future(anext(moving))
    await until(lambda: dead.requests("BatchReceiveMessage"), "a receive")
    await until(lambda: dead.counts("dead")["inactive"], "messages in hands")
    task.cancel()
    await asyncio.wait([task])
    dead.heal()
    assert (await _redrive(dead)).moved == 50
    assert len(dead.messages("orders")) == 50


async def test_nothing_is_lost_when_sending_or_deleting_fails(dead: MnsEmulator) -> None:
    """After each failure all messages are in one of the queues, at least."""
    for operation, items in (
        ("BatchSendMessage", False),
        ("BatchSendMessage", True),
        ("BatchDeleteMessage", False),
    ):
        dead.fail(operation, "InternalError", times=1, items=items)
        with pytest.raises(SourceError):
            await _redrive(dead)
        bodies = {one["body"] for name in ("orders", "dead") for one in dead.messages(name)}
        assert len(bodies) == 50
    assert (await _redrive(dead)).left == 0
    assert len({one["body"] for one in dead.messages("orders")}) == 50


async def test_what_xml_cannot_hold_is_named_and_stays(dead: MnsEmulator) -> None:
    """A dead letter whose body came out of a notification may hold a control character."""
    letter = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "t",
        "knativeerrorcode": "400",
        REASONS[0]: "refused",
        "data_base64": base64.b64encode(b"a\x01b").decode(),
    }
    dead.delete_queue("dead")
    dead.create_queue("dead", visibility_timeout=5)
    (name,) = dead.send("dead", [json.dumps(letter)])
    spec = manifest(dead, bodyEncoding="raw", event={"format": "raw"})
    with pytest.raises(Unavailable, match=rf"cannot be moved \({name}\): .* U\+0001"):
        async for _ in spec.redrive(context(spec), Wish("dead")):
            pass
    assert len(dead.messages("dead")) == 1
    assert dead.messages("orders") == []


async def test_a_queue_is_not_moved_into_itself(mns: MnsEmulator) -> None:
    """The sentence says what to name instead."""
    spec = manifest(mns)
    with pytest.raises(Unredrivable, match="name its dead-letter queue"):
        async for _ in spec.redrive(context(spec), Wish("orders")):
            pass
    with pytest.raises(Unavailable, match=r"no queue dead .* check --from"):
        await _redrive(mns)
