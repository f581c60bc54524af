"""Topics, subscriptions, and what their queues receive."""

from __future__ import annotations

import hashlib
import json
from xml.etree import ElementTree as ET

import pytest
from tests.unit.testing.mns.speaking import SPACE, Speaker, message

from eventing_alibaba.testing.emulators.mns import MnsEmulator

ENDPOINT = "acs:mns:cn-hangzhou:1234567890123456:queues/q"
TOPIC = f'<Topic xmlns="{SPACE}"><MaximumMessageSize>2048</MaximumMessageSize></Topic>'


def subscription(**fields: str) -> str:
    """Return a Subscription document."""
    listed = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f'<Subscription xmlns="{SPACE}">{listed}</Subscription>'


async def test_topics_have_a_life(speaker: Speaker) -> None:
    """Created once, changed, shown, listed, deleted."""
    statuses = [(await speaker.ask("PUT", "/topics/t", body)).status for body in (TOPIC, TOPIC)]
    assert statuses == [201, 204]
    other = TOPIC.replace("2048", "4096")
    assert (await speaker.ask("PUT", "/topics/t", other)).code == "TopicAlreadyExist"
    assert (await speaker.ask("PUT", "/topics/t?metaoverride=true", other)).status == 204
    shown = {e.tag: e.text for e in (await speaker.ask("GET", "/topics/t")).xml}
    assert int(shown.pop("CreateTime") or 0) <= int(shown.pop("LastModifyTime") or 0)
    assert shown == {
        "TopicName": "t",
        "MaximumMessageSize": "4096",
        "MessageRetentionPeriod": "86400",
        "MessageCount": "0",
        "LoggingEnabled": "False",
    }
    assert (await speaker.ask("GET", "/topics")).one("Topic/TopicURL").endswith("/topics/t")
    assert (await speaker.ask("DELETE", "/topics/t")).status == 204
    assert (await speaker.ask("GET", "/topics/t")).code == "TopicNotExist"


async def test_subscriptions_have_a_life(mns: MnsEmulator, speaker: Speaker) -> None:
    """Created once, changed in its strategy only, shown, listed, deleted."""
    mns.create_topic("t")
    target = "/topics/t/subscriptions/s"
    body = subscription(Endpoint=ENDPOINT, FilterTag="red", NotifyContentFormat="JSON")
    first = await speaker.ask("PUT", target, body)
    assert (first.status, first.headers["location"].endswith(target)) == (201, True)
    assert (await speaker.ask("PUT", target, body)).status == 204
    other = subscription(Endpoint=ENDPOINT)
    assert (await speaker.ask("PUT", target, other)).code == "SubscriptionAlreadyExist"
    change = subscription(NotifyStrategy="EXPONENTIAL_DECAY_RETRY", FilterTag="blue")
    assert (await speaker.ask("PUT", f"{target}?metaoverride=true", change)).status == 204
    shown = {e.tag: e.text for e in (await speaker.ask("GET", target)).xml}
    assert int(shown.pop("CreateTime") or 0) <= int(shown.pop("LastModifyTime") or 0)
    assert shown == {
        "SubscriptionName": "s",
        "Subscriber": "1234567890123456",
        "TopicOwner": "1234567890123456",
        "TopicName": "t",
        "Endpoint": ENDPOINT,
        "NotifyStrategy": "EXPONENTIAL_DECAY_RETRY",
        "NotifyContentFormat": "JSON",
        "FilterTag": "red",
    }
    listed = await speaker.ask("GET", "/topics/t/subscriptions")
    assert listed.one("Subscription/SubscriptionURL").endswith(target)
    assert (await speaker.ask("DELETE", target)).status == 204
    assert (await speaker.ask("GET", target)).code == "SubscriptionNotExist"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Endpoint": "somewhere"}, "EndpointInvalid"),
        ({}, "EndpointInvalid"),
        ({"Endpoint": ENDPOINT, "NotifyContentFormat": "YAML"}, "InvalidArgument"),
        ({"Endpoint": ENDPOINT, "NotifyStrategy": "NEVER"}, "InvalidArgument"),
        ({"Endpoint": ENDPOINT, "FilterTag": "x" * 17}, "InvalidArgument"),
    ],
)
async def test_subscriptions_are_checked(
    mns: MnsEmulator, speaker: Speaker, fields: dict[str, str], code: str
) -> None:
    """An endpoint, a format, a strategy, a tag that there cannot be are refused."""
    mns.create_topic("t")
    reply = await speaker.ask("PUT", "/topics/t/subscriptions/s", subscription(**fields))
    assert reply.code == code


async def test_notifications_have_three_formats(mns: MnsEmulator, speaker: Speaker) -> None:
    """XML and JSON wrap the message in the same names, SIMPLIFIED is the message."""
    mns.create_topic("t")
    for form in ("XML", "JSON", "SIMPLIFIED"):
        mns.create_queue(f"q-{form}")
        mns.subscribe("t", f"s-{form}", f"q-{form}", form=form)
    body = message("&lt;a&gt; ü", MessageTag="red")
    sent = await speaker.ask("POST", "/topics/t/messages", body)
    digest = hashlib.md5("<a> ü".encode()).hexdigest().upper()
    assert (sent.status, sent.one("MessageBodyMD5")) == (201, digest)
    wanted = {
        "TopicOwner": "1234567890123456",
        "TopicName": "t",
        "Subscriber": "1234567890123456",
        "SubscriptionName": "s-XML",
        "MessageId": sent.one("MessageId"),
        "Message": "<a> ü",
        "MessageMD5": digest,
        "MessageTag": "red",
    }
    (kept,) = mns.messages("q-XML")
    root = ET.fromstring(kept["body"])
    assert root.tag == f"{{{SPACE}}}Notification"
    found = {e.tag.rpartition("}")[2]: e.text for e in root}
    assert abs(int(found.pop("PublishTime") or 0) / 1000 - kept["enqueuedAt"]) < 5
    assert found == wanted
    as_json = json.loads(mns.messages("q-JSON")[0]["body"])
    assert as_json.pop("PublishTime").isdigit()
    assert as_json == {**wanted, "SubscriptionName": "s-JSON"}
    assert mns.messages("q-SIMPLIFIED")[0]["body"] == "<a> ü"


async def test_no_tag_is_no_member_of_the_json(mns: MnsEmulator) -> None:
    """A message without a tag has no MessageTag in the JSON."""
    mns.create_topic("t")
    mns.subscribe("t", "s", "q", form="JSON")
    mns.publish("t", "x")
    assert "MessageTag" not in json.loads(mns.messages("q")[0]["body"])


async def test_tags_are_filtered_exactly(mns: MnsEmulator) -> None:
    """A filter lets its own tag pass, no other and none; without a filter all pass."""
    mns.create_queue("all")
    mns.create_topic("t")
    mns.subscribe("t", "red", "q", form="SIMPLIFIED", filter_tag="red")
    mns.subscribe("t", "all", "all", form="SIMPLIFIED")
    for body, tag in (("1", "red"), ("2", "reddish"), ("3", None)):
        mns.publish("t", body, tag=tag)
    assert [m["body"] for m in mns.messages("q")] == ["1"]
    assert [m["body"] for m in mns.messages("all")] == ["1", "2", "3"]


async def test_a_tag_has_sixteen_characters(mns: MnsEmulator, speaker: Speaker) -> None:
    """A longer one is refused."""
    mns.create_topic("t")
    for length, status in ((16, 201), (17, 400)):
        body = message("x", MessageTag="x" * length)
        assert (await speaker.ask("POST", "/topics/t/messages", body)).status == status


async def test_a_subscriber_that_is_not_there_is_counted(mns: MnsEmulator) -> None:
    """What no queue took is lost, and the state says how often."""
    async with Speaker(mns.endpoint) as speaker:
        mns.create_topic("t")
        mns.subscribe("t", "s", "nowhere")
        assert (await speaker.ask("POST", "/topics/t/messages", message("x"))).status == 201
    assert mns.state()["lostNotifications"] == 1
