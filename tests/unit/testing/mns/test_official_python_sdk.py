"""`aliyun-mns-sdk`, unchanged, against the emulator: every call it has.

The SDK is the strictest reader there is: it refuses an answer that lacks one element. It warns of
its own deprecated attributes and leaves its connection to the garbage collector, hence the filter
and the closing here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mns.account import Account, AccountMeta
from mns.message_property import MessagePropertyValue, MessageSystemPropertyValue
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import Base64TopicMessage, TopicMessage, TopicMeta

from eventing_alibaba.testing.emulators.mns import EmulatorProcess

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

ENDPOINT = "acs:mns:cn-hangzhou:1234567890123456:queues/{}"


@pytest.fixture
def account(mns_emulator: EmulatorProcess) -> Iterator[Any]:
    """The SDK's account; what a test made is forgotten afterwards."""
    with connected(mns_emulator) as made:
        yield made
    mns_emulator.reset()


class connected:  # noqa: N801 - reads as the statement it is
    """An account whose connection is closed in the end."""

    def __init__(self, emulator: EmulatorProcess, *key: str) -> None:
        logger = logging.getLogger("aliyun-mns-sdk")  # else it makes a file beside its code
        self._account = Account(emulator.endpoint, *(key or ("test", "test")), logger=logger)

    def __enter__(self) -> Any:
        return self._account

    def __exit__(self, *_: object) -> None:
        self._account.get_client().http.conn.close()


@pytest.fixture
def queue(account: Any, mns_queue: Callable[..., str]) -> Any:
    """A queue of that account."""
    return account.get_queue(mns_queue())


def refusal(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the exception of a call that the service must refuse."""
    with pytest.raises(MNSServerException) as caught:
        call(*arguments)
    return caught.value


def test_queues(account: Any) -> None:
    """Create (twice), set, get, list by pages, delete."""
    for name in ("sdk-1", "sdk-2", "sdk-3", "other"):
        url = account.get_queue(name).create(QueueMeta(vis_timeout=5, max_msg_size=2048))
        assert url.endswith(f"/queues/{name}")
    queue = account.get_queue("sdk-1")
    assert queue.create(QueueMeta(vis_timeout=5, max_msg_size=2048)).endswith("/queues/sdk-1")
    assert refusal(queue.create, QueueMeta(vis_timeout=6)).type == "QueueAlreadyExist"
    changed = QueueMeta(polling_wait_sec=2, logging_enabled=True)
    changed.set_delay_seconds(3)
    queue.set_attributes(changed)
    meta = queue.get_attributes()
    assert (meta.queue_name, meta.delay_seconds, meta.polling_wait_seconds) == ("sdk-1", 3, 2)
    assert (meta.visibility_timeout, meta.maximum_message_size) == (5, 2048)
    assert (meta.message_retention_period, meta.logging_enabled) == (345_600, True)
    assert (meta.active_messages, meta.inactive_messages, meta.delay_messages) == (0, 0, 0)
    assert 0 < meta.create_time <= meta.last_modify_time
    first, marker = account.list_queue("sdk-", 2)
    rest, end = account.list_queue("sdk-", 2, marker)
    assert [url.rpartition("/")[2] for url in first + rest] == ["sdk-1", "sdk-2", "sdk-3"]
    assert end == ""
    assert account.list_queue("nothing") == ([], "")
    queue.delete()
    assert refusal(queue.get_attributes).type == "QueueNotExist"


def test_one_message(queue: Any) -> None:
    """Send, peek, receive, hide, delete; base64 is the client's and comes back decoded."""
    sent = queue.send_message(Message("<ü>", priority=2))
    assert len(sent.message_body_md5) == 32
    seen = queue.peek_message_with_str_body()
    assert (seen.message_body, seen.dequeue_count) == ("<ü>", 0)
    got = queue.receive_message_with_str_body(1)
    assert (got.message_id, got.message_body) == (sent.message_id, "<ü>")
    assert (got.priority, got.dequeue_count) == (2, 1)
    assert got.enqueue_time <= got.first_dequeue_time < got.next_visible_time
    assert got.message_body_md5 == sent.message_body_md5
    hidden = queue.change_message_visibility(got.receipt_handle, 100)
    assert int(hidden.next_visible_time) >= got.first_dequeue_time + 100_000
    assert refusal(queue.delete_message, got.receipt_handle).type == "MessageNotExist"
    queue.delete_message(hidden.receipt_handle)
    assert refusal(queue.receive_message, 0).type == "MessageNotExist"
    assert refusal(queue.peek_message).type == "MessageNotExist"


def test_raw_bodies(queue: Any) -> None:
    """Without the SDK's base64 the body is the text, as the emulator keeps it."""
    queue.set_encoding(False)
    queue.send_message(Message("<a>&\n ü"))
    assert queue.peek_message().message_body == "<a>&\n ü"
    assert queue.receive_message(1).message_body == "<a>&\n ü"


def test_batches(queue: Any) -> None:
    """Send, peek, receive and delete sixteen; what of a batch failed is told by handle."""
    queue.set_encoding(False)
    sent = queue.batch_send_message([Message(str(n)) for n in range(16)])
    assert len({message.message_id for message in sent}) == 16
    assert len(queue.batch_peek_message(16)) == 16
    got = queue.batch_receive_message(16, 1)
    assert [message.message_body for message in got] == [str(n) for n in range(16)]
    handles = [message.receipt_handle for message in got]
    queue.batch_delete_message(handles[:8])
    failure = refusal(queue.batch_delete_message, handles[7:])
    assert failure.type == "MessageNotExist"
    assert [one["ReceiptHandle"] for one in failure.sub_errors] == handles[7:8]
    assert queue.get_attributes().inactive_messages == 0


def test_a_batch_that_is_sent_in_part(queue: Any, mns_emulator: EmulatorProcess) -> None:
    """The SDK tells which messages were refused."""
    mns_emulator.fail("BatchSendMessage", "InternalError", items=True, times=1)
    failure = refusal(queue.batch_send_message, [Message("a"), Message("b")])
    assert failure.type == "InternalError"
    assert len(queue.batch_receive_message(16, 1)) == 1


def test_delayed_messages(queue: Any, mns_emulator: EmulatorProcess) -> None:
    """A delayed message is counted apart and can be deleted by the handle of its sending."""
    sent = queue.send_message(Message("later", delay_seconds=60))
    assert queue.get_attributes().delay_messages == 1
    queue.delete_message(sent.receipt_handle)
    assert queue.get_attributes().delay_messages == 0


def test_properties(queue: Any) -> None:
    """All types of user properties, a system property, and the message group come back."""
    message = Message("x", message_group_id="g")
    message.add_user_property("s", MessagePropertyValue.create_string("<ü>"))
    message.add_user_property("n", MessagePropertyValue.create_number(1.5))
    message.add_user_property("b", MessagePropertyValue.create_boolean(True))
    message.add_user_property("x", MessagePropertyValue.create_binary(b"\x00\xff"))
    message.add_system_property("traceparent", MessageSystemPropertyValue.create_string("00-1"))
    queue.send_message(message)
    (got,) = queue.batch_receive_message(1, 1)
    values = {name: value.get_raw_value() for name, value in got.get_user_properties().items()}
    assert values == {"s": "<ü>", "n": "1.5", "b": "true", "x": b"\x00\xff"}
    assert got.get_system_properties()["traceparent"].get_raw_value() == "00-1"
    assert got.message_group_id == "g"


def test_dead_letters(account: Any, mns_emulator: EmulatorProcess) -> None:
    """The SDK knows all the system properties of a dead letter."""
    mns_emulator.create_queue("dead")
    mns_emulator.create_queue("work", dead_letter="dead", max_receive_count=1)
    sent = account.get_queue("work").send_message(Message("x"))
    account.get_queue("work").receive_message(1)
    mns_emulator.age(30)
    found = account.get_queue("dead").receive_message(1).get_system_properties()
    assert found["DLQOriginMessageId"].get_raw_value() == sent.message_id


def test_topics(account: Any) -> None:
    """Create, set, get, list, delete."""
    topic = account.get_topic("sdk-t")
    assert topic.create(TopicMeta(maximum_message_size=2048)).endswith("/topics/sdk-t")
    assert topic.create(TopicMeta(maximum_message_size=2048)).endswith("/topics/sdk-t")
    topic.set_attributes(TopicMeta(logging_enabled=True))
    meta = topic.get_attributes()
    assert (meta.topic_name, meta.maximum_message_size) == ("sdk-t", 2048)
    assert (meta.message_retention_period, meta.message_count) == (86_400, 0)
    assert meta.logging_enabled is True
    assert 0 < meta.create_time <= meta.last_modify_time
    listed, end = account.list_topic("sdk-")
    assert ([url.rpartition("/")[2] for url in listed], end) == (["sdk-t"], "")
    topic.delete()
    assert refusal(topic.get_attributes).type == "TopicNotExist"


def test_subscriptions(account: Any) -> None:
    """Subscribe, set, get, list, unsubscribe."""
    topic = account.get_topic("sdk-t")
    topic.create(TopicMeta())
    subscription = topic.get_subscription("s-1")
    wanted = SubscriptionMeta(ENDPOINT.format("sdk-q"), "", "JSON", "red")
    assert subscription.subscribe(wanted).endswith("/topics/sdk-t/subscriptions/s-1")
    assert subscription.subscribe(wanted).endswith("/topics/sdk-t/subscriptions/s-1")
    subscription.set_attributes(SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY"))
    meta = subscription.get_attributes()
    assert (meta.topic_owner, meta.topic_name) == ("1234567890123456", "sdk-t")
    assert (meta.subscription_name, meta.endpoint) == ("s-1", ENDPOINT.format("sdk-q"))
    assert (meta.notify_strategy, meta.notify_content_format, meta.filter_tag) == (
        "EXPONENTIAL_DECAY_RETRY",
        "JSON",
        "red",
    )
    topic.get_subscription("s-2").subscribe(SubscriptionMeta(ENDPOINT.format("sdk-q")))
    first, marker = topic.list_subscription("s-", 1)
    rest, end = topic.list_subscription("s-", 1, marker)
    assert [url.rpartition("/")[2] for url in first + rest] == ["s-1", "s-2"]
    assert end == ""
    subscription.unsubscribe()
    assert refusal(subscription.get_attributes).type == "SubscriptionNotExist"
    assert refusal(subscription.subscribe, SubscriptionMeta("")).type == "EndpointInvalid"


def test_publishing(account: Any) -> None:
    """What the SDK publishes, raw or in base64, arrives in the subscribed queue."""
    queue, topic = account.get_queue("sdk-q"), account.get_topic("sdk-t")
    queue.create(QueueMeta())
    queue.set_encoding(False)
    topic.create(TopicMeta())
    meta = SubscriptionMeta(ENDPOINT.format("sdk-q"), "", "SIMPLIFIED", "red")
    topic.get_subscription("s").subscribe(meta)
    published = topic.publish_message(TopicMessage("<ü>", "red"))
    topic.publish_message(TopicMessage("not wanted", "blue"))
    topic.publish_message(Base64TopicMessage("ü", "red"))
    assert len(published.message_body_md5) == 32
    assert published.message_id
    got = queue.batch_receive_message(16, 1)
    assert [message.message_body for message in got] == ["<ü>", "w7w="]


def test_the_account(account: Any) -> None:
    """The bucket is set and got, and the service is opened."""
    account.set_attributes(AccountMeta("logs"))
    assert account.get_attributes().logging_bucket == "logs"
    assert account.open_service().status == 200


def test_sts(account: Any, mns_emulator: EmulatorProcess) -> None:
    """With a token it works as long as the token does."""
    mns_emulator.create_queue("sts")
    mns_emulator.add_key("STS.id", "secret", token="token", seconds=900)
    with connected(mns_emulator, "STS.id", "secret", "token") as with_token:
        with_token.get_queue("sts").send_message(Message("x"))
        mns_emulator.expire_key("STS.id")
        failure = refusal(with_token.get_queue("sts").receive_message, 1)
        assert failure.type == "SecurityTokenExpired"


@pytest.mark.parametrize(
    ("key", "code"),
    [(("test", "wrong"), "SignatureDoesNotMatch"), (("nobody", "test"), "InvalidAccessKeyId")],
)
def test_wrong_keys(mns_emulator: EmulatorProcess, key: tuple[str, str], code: str) -> None:
    """The SDK hears which of both is wrong, with an id of the request."""
    with connected(mns_emulator, *key) as stranger:
        failure = refusal(stranger.get_queue("q").receive_message, 1)
    assert failure.type == code
    assert len(failure.req_id) == 24
