"""Queues and their messages as HTTP and XML: statuses, elements, bounds, refusals."""

from __future__ import annotations

import base64
import hashlib

import pytest
from tests.unit.testing.mns.speaking import SPACE, Speaker, batch, handles, message

from eventing_alibaba.testing.emulators.mns import MnsEmulator

MESSAGES = "/queues/q/messages"


def queue(**settings: object) -> str:
    """Return a Queue document."""
    listed = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><Queue xmlns="{SPACE}">{listed}</Queue>'


async def test_a_queue_is_created_once(speaker: Speaker) -> None:
    """201, then 204 for the same settings and 409 for others, with where it is."""
    first = await speaker.ask("PUT", "/queues/new", queue(VisibilityTimeout=5))
    again = await speaker.ask("PUT", "/queues/new", queue(VisibilityTimeout=5))
    other = await speaker.ask("PUT", "/queues/new", queue(VisibilityTimeout=6))
    assert (first.status, again.status, other.status) == (201, 204, 409)
    assert other.code == "QueueAlreadyExist"
    assert first.headers["location"] == again.headers["location"]
    assert first.headers["location"].endswith("/queues/new")
    assert "content-length" not in again.headers


async def test_a_queue_shows_all_its_attributes(speaker: Speaker) -> None:
    """All twelve elements are there; what was set is as it was set."""
    await speaker.ask("PUT", "/queues/new", queue(DelaySeconds=7, LoggingEnabled="true"))
    changed = queue(PollingWaitSeconds=9, QueueName="ignored")
    reply = await speaker.ask("PUT", "/queues/new?metaoverride=true", changed)
    assert (reply.status, reply.body) == (204, b"")
    shown = {e.tag: e.text for e in (await speaker.ask("GET", "/queues/new")).xml}
    created = int(shown.pop("CreateTime") or 0)
    assert created <= int(shown.pop("LastModifyTime") or 0) <= created + 5
    assert shown == {
        "QueueName": "new",
        "DelaySeconds": "7",
        "MaximumMessageSize": "65536",
        "MessageRetentionPeriod": "345600",
        "VisibilityTimeout": "30",
        "PollingWaitSeconds": "9",
        "LoggingEnabled": "True",
        "ActiveMessages": "0",
        "InactiveMessages": "0",
        "DelayMessages": "0",
    }


@pytest.mark.parametrize(
    ("element", "low", "high"),
    [
        ("DelaySeconds", 0, 604_800),
        ("MaximumMessageSize", 1024, 65_536),
        ("MessageRetentionPeriod", 60, 604_800),
        ("VisibilityTimeout", 1, 43_200),
        ("PollingWaitSeconds", 0, 30),
    ],
)
async def test_settings_have_bounds(speaker: Speaker, element: str, low: int, high: int) -> None:
    """The bounds themselves are taken, what lies beyond and what is no number is not."""
    for value, status in ((low, 201), (low - 1, 400), (high + 1, 400), ("many", 400)):
        reply = await speaker.ask("PUT", f"/queues/low{value}", queue(**{element: value}))
        assert reply.status == status, value
        if status == 400:
            assert reply.code == "InvalidArgument"
            assert element in reply.one("Message")
    assert (await speaker.ask("PUT", "/queues/high", queue(**{element: high}))).status == 201


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a" * 121, "QueueNameLengthError"),
        ("-a", "InvalidQueueName"),
        ("a_b", "InvalidQueueName"),
        ("%C3%A4", "InvalidQueueName"),
    ],
)
async def test_names_are_checked(speaker: Speaker, name: str, code: str) -> None:
    """Length and letters have codes of their own."""
    reply = await speaker.ask("PUT", f"/queues/{name}", queue())
    assert (reply.status, reply.code) == (400, code)


async def test_queues_are_listed_by_page_and_prefix(mns: MnsEmulator, speaker: Speaker) -> None:
    """A list is sorted; the marker of one page leads to the next, the last has none."""
    for name in ("ab", "aa", "ac", "b"):
        mns.create_queue(name)
    seen, marker, pages = [], "", 0
    while True:
        reply = await speaker.ask(
            "GET",
            "/queues",
            headers={
                "x-mns-prefix": "a",
                "x-mns-ret-number": "2",
                "x-mns-with-meta": "true",
                "x-mns-marker": marker or None,
            },
        )
        pages += 1
        seen += reply.all("Queue/QueueName")
        listed = [url.rpartition("/")[2] for url in reply.all("Queue/QueueURL")]
        assert listed == reply.all("Queue/QueueName")
        if not reply.all("NextMarker"):
            break
        marker = reply.one("NextMarker")
    assert (seen, pages) == (["aa", "ab", "ac"], 2)
    bare = await speaker.ask("GET", "/queues")
    assert len(bare.all("Queue/QueueURL")) == 5
    assert bare.all("Queue/QueueName") == []
    wrong = await speaker.ask("GET", "/queues", headers={"x-mns-ret-number": "1001"})
    assert wrong.code == "InvalidArgument"


async def test_a_message_has_a_life(mns: MnsEmulator, speaker: Speaker) -> None:
    """Sent, peeked at, received, hidden longer, deleted; each step shows what it should."""
    text = "&lt;a&gt; &amp; ü&#13;"
    sent = await speaker.ask("POST", MESSAGES, message(text, Priority=3))
    digest = hashlib.md5("<a> & ü\r".encode()).hexdigest().upper()
    assert (sent.status, sent.one("MessageBodyMD5")) == (201, digest)
    assert [e.tag for e in sent.xml] == ["MessageId", "MessageBodyMD5"]

    seen = await speaker.ask("GET", f"{MESSAGES}?peekonly=true")
    assert seen.one("MessageBody") == "<a> & ü\r"
    assert not seen.all("ReceiptHandle")
    assert not seen.all("NextVisibleTime")

    got = await speaker.ask("GET", f"{MESSAGES}?waitseconds=1")
    assert [e.tag for e in got.xml] == [
        "MessageId",
        "ReceiptHandle",
        "MessageBodyMD5",
        "MessageBody",
        "EnqueueTime",
        "NextVisibleTime",
        "FirstDequeueTime",
        "DequeueCount",
        "Priority",
    ]
    assert got.one("MessageId") == sent.one("MessageId")
    first = int(got.one("FirstDequeueTime"))
    assert int(got.one("NextVisibleTime")) == first + 30_000
    assert 0 <= first - int(got.one("EnqueueTime")) < 5000
    assert (got.one("DequeueCount"), got.one("Priority")) == ("1", "3")
    assert (await speaker.ask("GET", MESSAGES)).code == "MessageNotExist"

    handle = got.one("ReceiptHandle")
    target = f"{MESSAGES}?receiptHandle={handle}&visibilityTimeout=100"
    hidden = await speaker.ask("PUT", target)
    assert (hidden.status, hidden.xml.tag) == (200, "ChangeVisibility")
    assert int(hidden.one("NextVisibleTime")) >= first + 100_000
    old = await speaker.ask("DELETE", f"{MESSAGES}?ReceiptHandle={handle}")
    assert (old.status, old.code) == (404, "MessageNotExist")
    new = f"{MESSAGES}?ReceiptHandle={hidden.one('ReceiptHandle')}"
    assert (await speaker.ask("DELETE", new)).status == 204
    assert (await speaker.ask("DELETE", new)).code == "MessageNotExist"
    assert mns.messages("q") == []


async def test_a_message_comes_back(mns: MnsEmulator, speaker: Speaker) -> None:
    """After the visibility timeout it is received again under a new handle, and counted."""
    mns.send("q", ["x"])
    first = await speaker.ask("GET", MESSAGES)
    mns.age(30)
    late = await speaker.ask("DELETE", f"{MESSAGES}?ReceiptHandle={first.one('ReceiptHandle')}")
    assert (late.status, late.code) == (404, "MessageNotExist")
    second = await speaker.ask("GET", MESSAGES)
    assert second.one("DequeueCount") == "2"
    assert second.one("ReceiptHandle") != first.one("ReceiptHandle")
    assert int(second.one("FirstDequeueTime")) == int(first.one("FirstDequeueTime")) - 30_000


async def test_a_delayed_message_has_a_handle(mns: MnsEmulator, speaker: Speaker) -> None:
    """It is counted apart, not received, and can be deleted by the handle of its sending."""
    sent = await speaker.ask("POST", MESSAGES, message("x", DelaySeconds=60))
    assert mns.counts("q")["delayed"] == 1
    assert (await speaker.ask("GET", MESSAGES)).status == 404
    gone = await speaker.ask("DELETE", f"{MESSAGES}?ReceiptHandle={sent.one('ReceiptHandle')}")
    assert gone.status == 204
    assert mns.counts("q")["delayed"] == 0


async def test_batches_are_sent_received_and_deleted(mns: MnsEmulator, speaker: Speaker) -> None:
    """16 at once; a deletion that worked for all says nothing."""
    sent = await speaker.ask("POST", MESSAGES, batch(*map(str, range(16))))
    assert (sent.status, len(set(sent.all("Message/MessageId")))) == (201, 16)
    got = await speaker.ask("GET", f"{MESSAGES}?numOfMessages=16&waitseconds=0")
    assert got.all("Message/MessageId") == sent.all("Message/MessageId")
    assert got.all("Message/MessageBody") == [str(i) for i in range(16)]
    gone = await speaker.ask("DELETE", MESSAGES, handles(*got.all("Message/ReceiptHandle")))
    assert (gone.status, gone.body) == (204, b"")
    assert mns.messages("q") == []


async def test_a_batch_deletion_lists_what_failed(mns: MnsEmulator, speaker: Speaker) -> None:
    """Only failures are listed, each with three elements; the rest is deleted all the same."""
    mns.send("q", ["a", "b", "c"])
    got = await speaker.ask("GET", f"{MESSAGES}?numOfMessages=16")
    good = got.all("Message/ReceiptHandle")
    gone = await speaker.ask("DELETE", f"{MESSAGES}?ReceiptHandle={good[0]}")
    assert gone.status == 204
    reply = await speaker.ask("DELETE", MESSAGES, handles(*good, "garbage"))
    assert reply.status == 404
    assert [[e.tag for e in error] for error in reply.xml] == [
        ["ErrorCode", "ErrorMessage", "ReceiptHandle"]
    ] * 2
    assert reply.all("Error/ErrorCode") == ["MessageNotExist", "ReceiptHandleError"]
    assert reply.all("Error/ReceiptHandle") == [good[0], "garbage"]
    assert mns.messages("q") == []


async def test_a_batch_is_sent_in_part(mns: MnsEmulator, speaker: Speaker) -> None:
    """A message that cannot be taken does not keep the others out; the answer is an error."""
    body = (
        f'<Messages xmlns="{SPACE}"><Message><MessageBody>a</MessageBody></Message><Message>'
        "<MessageBody>b</MessageBody><Priority>17</Priority></Message></Messages>"
    )
    reply = await speaker.ask("POST", MESSAGES, body)
    assert reply.status == 400
    assert reply.all("Message/ErrorCode") == ["InvalidArgument"]
    assert len(reply.all("Message/MessageId")) == 1
    assert [kept["body"] for kept in mns.messages("q")] == ["a"]


async def test_batches_have_bounds(mns: MnsEmulator, speaker: Speaker) -> None:
    """At most 16 messages, at most 64 KiB of bodies, at least one."""
    for document in (batch(*["x"] * 17), batch("x" * 40_000, "x" * 30_000), batch()):
        reply = await speaker.ask("POST", MESSAGES, document)
        assert (reply.status, reply.code) == (400, "InvalidArgument")
    for document in (handles(*["1-1.1-00000000"] * 17), handles()):
        reply = await speaker.ask("DELETE", MESSAGES, document)
        assert (reply.status, reply.code) == (400, "InvalidArgument")
    for query in ("numOfMessages=17", "numOfMessages=0", "numOfMessages=x", "waitseconds=31"):
        reply = await speaker.ask("GET", f"{MESSAGES}?{query}")
        assert (reply.status, reply.code) == (400, "InvalidArgument"), query
    assert mns.messages("q") == []


async def test_a_body_has_bounds(mns: MnsEmulator, speaker: Speaker) -> None:
    """The queue's MaximumMessageSize counts bytes, not characters; empty is too small."""
    mns.create_queue("small", maximum_message_size=1024)
    for body, status in (("x" * 1024, 201), ("ü" * 513, 400), ("ü" * 512, 201), ("", 400)):
        reply = await speaker.ask("POST", "/queues/small/messages", message(body))
        assert reply.status == status


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("GET", "/queues/none", "", 404, "QueueNotExist"),
        ("GET", "/queues/none/messages", "", 404, "QueueNotExist"),
        ("POST", "/queues/none/messages", message("x"), 404, "QueueNotExist"),
        ("GET", "/nowhere", "", 400, "InvalidRequestURL"),
        ("POST", "/queues/q", "", 400, "InvalidRequestURL"),
        ("GET", f"{MESSAGES}?color=red", "", 400, "InvalidQueryString"),
        ("DELETE", MESSAGES, "", 400, "MissingReceiptHandle"),
        ("DELETE", f"{MESSAGES}?ReceiptHandle=", "", 400, "MissingReceiptHandle"),
        ("DELETE", f"{MESSAGES}?ReceiptHandle=garbage", "", 400, "ReceiptHandleError"),
        ("DELETE", f"{MESSAGES}?ReceiptHandle=1-1.1-12345678", "", 400, "ReceiptHandleError"),
        ("PUT", f"{MESSAGES}?ReceiptHandle=x", "", 400, "MissingVisibilityTimeout"),
        ("PUT", f"{MESSAGES}?VisibilityTimeout=5", "", 400, "MissingReceiptHandle"),
        ("POST", MESSAGES, "no XML", 400, "MalformedXML"),
        ("POST", MESSAGES, "", 400, "MalformedXML"),
        ("POST", MESSAGES, "<!DOCTYPE a><Message/>", 400, "MalformedXML"),
        ("POST", MESSAGES, "<Letter/>", 400, "InvalidArgument"),
        ("POST", MESSAGES, "<Message/>", 400, "InvalidArgument"),
        ("POST", MESSAGES, message("x", Priority=0), 400, "InvalidArgument"),
        ("POST", MESSAGES, message("x", DelaySeconds=604_801), 400, "InvalidArgument"),
    ],
)
async def test_refusals(
    speaker: Speaker, method: str, target: str, body: str, status: int, code: str
) -> None:
    """What cannot be done is refused with the service's code and status."""
    reply = await speaker.ask(method, target, body)
    assert (reply.status, reply.code) == (status, code)


async def test_visibility_has_bounds(mns: MnsEmulator, speaker: Speaker) -> None:
    """From one second to twelve hours; a refusal leaves the handle good."""
    mns.send("q", ["x"])
    handle = (await speaker.ask("GET", MESSAGES)).one("ReceiptHandle")
    for seconds in (0, -1, 43_201, "soon"):
        target = f"{MESSAGES}?ReceiptHandle={handle}&VisibilityTimeout={seconds}"
        assert (await speaker.ask("PUT", target)).code == "InvalidArgument"
    target = f"{MESSAGES}?ReceiptHandle={handle}&VisibilityTimeout=43200"
    assert (await speaker.ask("PUT", target)).status == 200


async def test_documents_need_no_namespace(mns: MnsEmulator, speaker: Speaker) -> None:
    """With the service's namespace, with its other spelling, with none: all are taken."""
    for space in (f' xmlns="{SPACE}"', f' xmlns="{SPACE[:-1]}"', ""):
        body = f"<Message{space}><MessageBody>x</MessageBody></Message>"
        assert (await speaker.ask("POST", MESSAGES, body)).status == 201
    assert mns.counts("q")["active"] == 3


async def test_properties_come_back(speaker: Speaker) -> None:
    """User and system properties have their types, and are received as they were sent."""
    binary = base64.b64encode(b"\x00\xff").decode()
    given = [("n", "1.5e3", "NUMBER"), ("b", "true", "BOOLEAN"), ("x", binary, "BINARY")]
    user = "".join(
        f"<PropertyValue><Name>{n}</Name><Value>{v}</Value><Type>{t}</Type></PropertyValue>"
        for n, v, t in given
    )
    system = (
        "<SystemPropertyValue><Name>traceparent</Name><Value>00-1</Value><Type>STRING</Type>"
        "</SystemPropertyValue>"
    )
    body = message("x", UserProperties=user, SystemProperties=system, MessageGroupId="g")
    assert (await speaker.ask("POST", MESSAGES, body)).status == 201
    got = await speaker.ask("GET", MESSAGES)
    names, values, types = (
        got.all(f"UserProperties/PropertyValue/{part}") for part in ("Name", "Value", "Type")
    )
    assert list(zip(names, values, types, strict=True)) == given
    assert got.one("SystemProperties/SystemPropertyValue/Name") == "traceparent"
    assert got.one("MessageGroupId") == "g"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [("n", "many", "NUMBER"), ("b", "maybe", "BOOLEAN"), ("x", "*", "BINARY"), ("a", "a", "LIST")],
)
async def test_properties_must_fit_their_type(
    speaker: Speaker, name: str, value: str, kind: str
) -> None:
    """A value that is not of its type, and a type that there is not, are refused by name."""
    user = f"<PropertyValue><Name>{name}</Name><Value>{value}</Value><Type>{kind}</Type>"
    reply = await speaker.ask(
        "POST", MESSAGES, message("x", UserProperties=f"{user}</PropertyValue>")
    )
    assert reply.code == "InvalidArgument"
    assert f"cause by {name}." in reply.one("Message")


async def test_a_fifo_queue_gives_one_of_each_group(mns: MnsEmulator, speaker: Speaker) -> None:
    """The next of a group comes when the one before is deleted, in order; a group is needed."""
    mns.create_queue("fifo", fifo=True)
    target = "/queues/fifo/messages"
    for body in ("a1", "a2", "b1", "a3"):
        await speaker.ask("POST", target, message(body, MessageGroupId=body[0]))
    assert (await speaker.ask("POST", target, message("x"))).code == "InvalidArgument"
    seen = []
    while (got := await speaker.ask("GET", f"{target}?numOfMessages=16")).status == 200:
        seen.append(got.all("Message/MessageBody"))
        await speaker.ask("DELETE", target, handles(*got.all("Message/ReceiptHandle")))
    assert seen == [["a1", "b1"], ["a2"], ["a3"]]


async def test_dead_letters_move(mns: MnsEmulator, speaker: Speaker) -> None:
    """After so many receipts a message is in the other queue, with where it came from."""
    mns.create_queue("dead")
    mns.create_queue("work", dead_letter="dead", max_receive_count=2)
    (origin,) = mns.send("work", ["x"])
    for _ in range(2):
        assert (await speaker.ask("GET", "/queues/work/messages")).status == 200
        mns.age(30)
    assert (await speaker.ask("GET", "/queues/work/messages")).status == 404
    got = await speaker.ask("GET", "/queues/dead/messages")
    names = got.all("SystemProperties/SystemPropertyValue/Name")
    values = got.all("SystemProperties/SystemPropertyValue/Value")
    assert dict(zip(names, values, strict=True)) == {
        "DLQMessageType": "QUEUE",
        "DLQSourceArn": "acs:mns:cn-hangzhou:1234567890123456:/queues/work",
        "DLQOriginMessageId": origin,
    }
    assert (got.one("MessageBody"), got.one("DequeueCount")) == ("x", "1")
    assert got.one("MessageId") != origin


async def test_a_dead_letter_is_as_old_as_its_message(mns: MnsEmulator, speaker: Speaker) -> None:
    """The retention period goes on counting where the message came from."""
    mns.create_queue("dead", message_retention_period=60)
    mns.create_queue("work", dead_letter="dead", max_receive_count=1)
    mns.send("work", ["x"])
    await speaker.ask("GET", "/queues/work/messages")
    mns.age(59)
    assert len(mns.messages("dead")) == 1
    mns.age(1)
    assert mns.messages("dead") == []


async def test_retention_ends_messages(mns: MnsEmulator, speaker: Speaker) -> None:
    """A message older than the period is gone, held or not."""
    mns.create_queue("brief", message_retention_period=60)
    mns.send("brief", ["a", "b"])
    await speaker.ask("GET", "/queues/brief/messages")
    mns.age(60, "brief")
    assert mns.messages("brief") == []


async def test_the_account_has_a_bucket(speaker: Speaker) -> None:
    """What is set for the account is shown again."""
    body = f'<Account xmlns="{SPACE}"><LoggingBucket>logs</LoggingBucket></Account>'
    assert (await speaker.ask("PUT", "/?accountmeta=true", body)).status == 204
    assert (await speaker.ask("GET", "/?accountmeta=true")).one("LoggingBucket") == "logs"
    assert (await speaker.ask("POST", "/commonbuy/openservice")).status == 200


async def test_requests_may_come_before_their_answers(mns: MnsEmulator, speaker: Speaker) -> None:
    """Answers of a connection keep the order of the requests, also when the first one waits."""
    await speaker.send("GET", f"{MESSAGES}?waitseconds=30")
    await speaker.send("POST", MESSAGES, message("x"))
    first, second = await speaker.read(), await speaker.read()
    assert (first.status, second.status) == (200, 201)
    assert first.one("MessageId") == second.one("MessageId")
