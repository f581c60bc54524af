"""A batch with something wrong in it."""

from __future__ import annotations

import pytest
from tests.unit.mns.polled import NOW, answer, element, received

from eventing_alibaba.sources.mns.reading import NotXml


def test_a_message_is_read_whole() -> None:
    """Body, id, times, count and lease are where the contract wants them."""
    (message,) = received(answer(element("aGVsbG8=")))
    assert message.id == "5F290C926D472878-2-14D9529A8FA-200000001"
    assert message.body == b"hello"
    assert message.origin == "orders"
    assert message.time == 1_750_000_000.123
    assert message.attempt == 2
    assert message.track is None
    assert message.lane is None
    assert message.defect is None
    assert message.lease == NOW + 29  # a `Date` has whole seconds


@pytest.mark.parametrize(
    ("leave", "defect"),
    [("MessageId", "it has no MessageId"), ("MessageBody", "it has no MessageBody")],
)
def test_a_message_that_lacks_something_has_a_defect(leave: str, defect: str) -> None:
    """It goes the dead-letter road; the one beside it is as good as ever."""
    bad, good = received(answer(element("x", leave=leave), element("y", number=2)))
    assert bad.defect == defect
    assert good.defect is None
    assert good.body == b"y"


def test_an_empty_body_is_no_defect() -> None:
    """An empty element is a body of no bytes."""
    (message,) = received(answer(element("")))
    assert message.body == b""
    assert message.defect is None


def test_what_is_no_base64_has_a_defect_where_all_should_be() -> None:
    """The raw text is kept, and the sentence says what to write instead."""
    bad, good = received(
        answer(element("no base64!"), element("aGVsbG8=", number=2)), encoding="base64"
    )
    assert bad.body == b"no base64!"
    assert bad.defect is not None
    assert "`bodyEncoding: base64`" in bad.defect
    assert good.body == b"hello"


def test_a_notification_is_no_defect_where_bodies_are_base64() -> None:
    """A topic writes its notifications as text, whatever producers do."""
    text = (
        '{"TopicOwner":"1","TopicName":"t","Subscriber":"1","SubscriptionName":"s",'
        '"MessageId":"m","Message":"x","PublishTime":"1"}'
    )
    (message,) = received(answer(element(text)), encoding="base64")
    assert message.defect is None
    (unwrapped,) = received(answer(element(text)), encoding="base64", wrapped=False)
    assert unwrapped.defect is not None


def test_a_message_without_a_receipt_is_left_out() -> None:
    """Nothing could be done with it; it comes again."""
    (good,) = received(answer(element("x", leave="ReceiptHandle"), element("y", number=2)))
    assert good.body == b"y"


@pytest.mark.parametrize("bad", ["&#8;", "&#0;", "\x08", "&undefined;", "<unclosed>"])
def test_what_xml_cannot_hold_costs_only_its_message(bad: str) -> None:
    """The answer is no XML as a whole, and still all its messages come, one with a defect."""
    broken = element("BODY", number=2).replace("BODY", bad)
    first, middle, last = received(answer(element("x"), broken, element("y", number=3)))
    assert (first.body, last.body) == (b"x", b"y")
    assert first.defect is None
    assert last.defect is None
    assert middle.id.endswith("2")
    assert middle.body == bad.encode()
    assert middle.defect is not None
    assert "no well-formed XML" in middle.defect


@pytest.mark.parametrize("leave", ["NextVisibleTime", "EnqueueTime", "DequeueCount", "Priority"])
def test_numbers_may_be_missing(leave: str) -> None:
    """A message without one of its numbers is still a message, with a lease."""
    (message,) = received(answer(element("x", leave=leave)))
    assert message.defect is None
    assert message.lease == NOW + 29


def test_an_answer_without_messages_is_refused() -> None:
    """What is something else altogether is no empty answer."""
    for document in (b"", b"<html>", b"<Error><Code>X</Code></Error>", b'{"a": 1}'):
        with pytest.raises(NotXml):
            received(answer(document=document))


def test_messages_of_a_group_share_a_lane() -> None:
    """The message group of a FIFO queue is what orders delivery, and nothing orders settling."""
    group = "<MessageGroupId>red</MessageGroupId>"
    first, second = received(answer(element("x", extra=group), element("y", number=2)))
    assert first.lane == "red"
    assert first.track is None
    assert second.lane is None
