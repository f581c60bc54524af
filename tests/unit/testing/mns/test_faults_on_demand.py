"""Everything that can be made to go wrong, and that it goes wrong only where it shall."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from tests.unit.testing.mns.desks import Office
from tests.unit.testing.mns.speaking import Speaker, batch, handles, message

from eventing_alibaba.testing.emulators.mns import Fault, MnsEmulator
from eventing_alibaba.testing.emulators.occasion import Faults

MESSAGES = "/queues/q/messages"


async def test_an_error_comes_so_many_times(mns: MnsEmulator, speaker: Speaker) -> None:
    """It hits the named operation alone, performs nothing, and ends by itself."""
    mns.fail("SendMessage", "QpsLimitExceeded", times=2)
    assert (await speaker.ask("GET", MESSAGES)).code == "MessageNotExist"
    replies = [await speaker.ask("POST", MESSAGES, message("x")) for _ in range(3)]
    assert [reply.status for reply in replies] == [400, 400, 201]
    assert replies[0].code == "QpsLimitExceeded"
    assert mns.counts("q")["active"] == 1
    assert mns.operations()["SendMessage"] == {
        "requests": 3,
        "messages": 1,
        "refusals": {"QpsLimitExceeded": 2},
    }


def test_an_error_lasts_so_long() -> None:
    """After its seconds the fault is no more."""
    faults: Faults[Fault] = Faults()
    faults.add(Fault(error="InternalError", seconds=30), now=100.0)
    assert faults.find("SendMessage", "q", now=129.9) is not None
    assert faults.find("SendMessage", "q", now=130.0) is None
    assert list(faults) == []


async def test_chance_repeats(mns: MnsEmulator, speaker: Speaker) -> None:
    """The same seed hits the same requests; about the wanted part of them."""
    runs = []
    for _ in range(2):
        mns.heal()
        mns.fail("GetQueueAttributes", "InternalError", probability=0.3, seed=7)
        runs.append([(await speaker.ask("GET", "/queues/q")).status for _ in range(100)])
    assert runs[0] == runs[1]
    assert 15 <= Counter(runs[0])[500] <= 45


async def test_only_one_queue_is_hit(mns: MnsEmulator, speaker: Speaker) -> None:
    """A fault that names a queue leaves the others alone."""
    mns.create_queue("other")
    mns.fail("*Attributes", "ServiceBusy", status=503, message="come later", queue="q")
    reply = await speaker.ask("GET", "/queues/q")
    assert (reply.status, reply.code, reply.one("Message")) == (503, "ServiceBusy", "come later")
    assert (await speaker.ask("GET", "/queues/other")).status == 200


@pytest.mark.parametrize("cut", ["drop", "reset", "half"])
async def test_a_connection_is_cut(mns: MnsEmulator, speaker: Speaker, cut: str) -> None:
    """The answer does not come, or only half of it; a new connection works."""
    mns.send("q", ["x" * 1000])
    mns.fail("ReceiveMessage", cut=cut, times=1)
    await speaker.send("GET", MESSAGES)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)) as caught:
        await speaker.read()
    if cut == "half":
        assert isinstance(caught.value, asyncio.IncompleteReadError)
        assert len(caught.value.partial) > 100
    # Half an answer is the answer to a receive that took place.
    assert mns.counts("q")["inactive"] == (cut == "half")
    async with Speaker(mns.endpoint) as other:
        assert (await other.ask("GET", "/queues/q")).status == 200


async def test_an_answer_is_lost_after_the_deed(mns: MnsEmulator, speaker: Speaker) -> None:
    """With `performed` the message is deleted though the client never hears of it."""
    mns.send("q", ["x"])
    handle = (await speaker.ask("GET", MESSAGES)).one("ReceiptHandle")
    mns.fail("DeleteMessage", cut="reset", performed=True, times=1)
    await speaker.send("DELETE", f"{MESSAGES}?ReceiptHandle={handle}")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await speaker.read()
    assert mns.messages("q") == []


async def test_an_error_after_the_deed(mns: MnsEmulator, speaker: Speaker) -> None:
    """With `performed` an error may be a lie: the message was sent."""
    mns.fail("SendMessage", "InternalError", performed=True)
    assert (await speaker.ask("POST", MESSAGES, message("x"))).status == 500
    assert mns.counts("q")["active"] == 1


async def test_an_answer_never_comes(mns: MnsEmulator, speaker: Speaker) -> None:
    """The connection stays open and silent, also for the requests behind."""
    mns.fail("GetQueueAttributes", cut="never", times=1)
    await speaker.send("GET", "/queues/q")
    await speaker.send("GET", "/queues")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await speaker.read()
    assert mns.state()["openConnections"] == 1


@pytest.mark.looptime
async def test_a_delay_holds_the_request() -> None:
    """The request is looked at only after the delay, and not at all if the client has left."""
    office = Office()
    queue = office.queue("q")
    office.fail(Fault(operation="SendMessage", delay=7))
    stays, leaves = (office.ask("POST", MESSAGES, message("x")) for _ in range(2))
    assert office.ask("GET", "/queues/q").after == 0
    leaves.alive = False
    await asyncio.sleep(6.9)
    assert len(queue) == 0
    await asyncio.sleep(0.2)
    assert len(queue) == 1
    assert (stays.after, leaves.after) == (7, None)


async def test_items_of_a_batch_fail(mns: MnsEmulator, speaker: Speaker) -> None:
    """Single messages fail, those beside them do not."""
    mns.fail("BatchDeleteMessage", "MessageNotExist", items=True, times=2)
    mns.send("q", ["a", "b", "c"])
    got = (await speaker.ask("GET", f"{MESSAGES}?numOfMessages=3")).all("Message/ReceiptHandle")
    reply = await speaker.ask("DELETE", MESSAGES, handles(*got))
    assert (reply.status, reply.all("Error/ReceiptHandle")) == (404, got[:2])
    assert len(mns.messages("q")) == 2
    mns.fail("BatchSendMessage", "InternalError", items=True, times=1)
    reply = await speaker.ask("POST", MESSAGES, batch("d", "e"))
    assert (reply.status, reply.all("Message/ErrorCode")) == (500, ["InternalError"])
    assert [m["body"] for m in mns.messages("q")][2:] == ["e"]


async def test_a_wait_ends_early(mns: MnsEmulator, speaker: Speaker) -> None:
    """A receive that would wait is answered at once; one that finds something finds it."""
    mns.fail("ReceiveMessage", early=True)
    target = f"{MESSAGES}?waitseconds=30"
    assert (await speaker.ask("GET", target)).code == "MessageNotExist"
    mns.send("q", ["x"])
    assert (await speaker.ask("GET", target)).one("MessageBody") == "x"


async def test_a_wrong_clock_is_wrong_everywhere(mns: MnsEmulator, speaker: Speaker) -> None:
    """Twenty minutes ahead: requests are refused, and all times that are shown are moved."""
    mns.send("q", ["x"])
    before = (await speaker.ask("GET", f"{MESSAGES}?peekonly=true")).one("EnqueueTime")
    mns.skew(1200)
    assert (await speaker.ask("GET", MESSAGES)).code == "TimeExpired"
    mns.skew(600)
    got = await speaker.ask("GET", MESSAGES)
    assert int(got.one("EnqueueTime")) == int(before) + 600_000
    assert int(got.one("NextVisibleTime")) == int(got.one("FirstDequeueTime")) + 30_000
    mns.heal()
    assert mns.counts("q")["inactive"] == 1


async def test_the_service_is_away_and_comes_back(mns: MnsEmulator) -> None:
    """Connections are cut and refused, then taken again on the same port."""
    async with Speaker(mns.endpoint) as speaker:
        await mns.refuse()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await speaker.ask("GET", "/queues/q")
    with pytest.raises(ConnectionRefusedError):
        await Speaker(mns.endpoint).__aenter__()
    await mns.accept()
    async with Speaker(mns.endpoint) as speaker:
        assert (await speaker.ask("GET", "/queues/q")).status == 200


async def test_a_queue_made_anew_is_another(mns: MnsEmulator, speaker: Speaker) -> None:
    """Its messages are gone, and handles of the first one are good for nothing."""
    mns.send("q", ["x"])
    handle = (await speaker.ask("GET", MESSAGES)).one("ReceiptHandle")
    mns.recreate_queue("q")
    mns.send("q", ["y"])
    assert (await speaker.ask("GET", MESSAGES)).one("MessageBody") == "y"
    reply = await speaker.ask("DELETE", f"{MESSAGES}?ReceiptHandle={handle}")
    assert reply.code == "MessageNotExist"


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"operation": "Sing", "error": "InternalError"}, "Sing"),
        ({}, "does nothing"),
        ({"error": "Unheard"}, "needs a status"),
        ({"cut": "twice"}, "twice"),
        ({"items": True, "delay": 1.0}, "items"),
        ({"error": "InternalError", "probability": 2.0}, "2.0"),
        ({"delay": -1.0}, "-1.0"),
    ],
)
def test_a_senseless_fault_is_refused(how: dict[str, object], word: str) -> None:
    """The sentence names what is wrong with it."""
    with pytest.raises(ValueError, match=word):
        Fault(**how)  # type: ignore[arg-type]
