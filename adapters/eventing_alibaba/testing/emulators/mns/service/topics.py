"""Operations on topics and subscriptions."""

from __future__ import annotations

from typing import Final, cast

from eventing_alibaba.testing.emulators.mns.core.message import md5_of
from eventing_alibaba.testing.emulators.mns.core.notification import Format
from eventing_alibaba.testing.emulators.mns.core.settings import TopicSettings
from eventing_alibaba.testing.emulators.mns.core.topic import (
    RETENTION,
    Strategy,
    Subscription,
    Topic,
)
from eventing_alibaba.testing.emulators.mns.service import render
from eventing_alibaba.testing.emulators.mns.service.call import Answer, Call, Operation
from eventing_alibaba.testing.emulators.mns.service.documents import draft, parse, settings, texts
from eventing_alibaba.testing.emulators.mns.service.queues import page, seconds, with_meta

_FLAGS: Final = ("LoggingEnabled",)


def create(call: Call) -> Answer:
    """CreateTopic."""
    wanted = TopicSettings().changed(settings(call.request.body, "Topic", flags=_FLAGS))
    topic, new = call.account.create_topic(call.now, call.route.names[0], wanted)
    return Answer(201 if new else 204, location=f"{call.host}/topics/{topic.name}")


def change(call: Call) -> Answer:
    """SetTopicAttributes."""
    topic = _topic(call)
    topic.settings = topic.settings.changed(settings(call.request.body, "Topic", flags=_FLAGS))
    topic.modified = call.now
    return Answer(204)


def show(call: Call) -> Answer:
    """GetTopicAttributes."""
    return Answer(200, render.document("Topic", render.elements(_attributes(call, _topic(call)))))


def delete(call: Call) -> Answer:
    """DeleteTopic; the same answer where there is none."""
    call.account.topics.pop(call.route.names[0], None)
    return Answer(204)


def list_(call: Call) -> Answer:
    """ListTopic."""

    def entry(name: str) -> dict[str, object]:
        values: dict[str, object] = {"TopicURL": f"{call.host}/topics/{name}"}
        if with_meta(call):
            values |= _attributes(call, call.account.topics[name])
        return values

    return Answer(200, page(call, "Topic", call.account.topics, entry))


def publish(call: Call) -> Answer:
    """PublishMessage."""
    topic = _topic(call)
    root = parse(call.request.body, "Message")
    wanted = draft(root, longest=topic.settings.maximum_message_size, topic=True)
    published = call.account.publish(call.now, topic, wanted)
    call.moved = 1
    call.arrived.extend(published.queues)
    call.lost = len(published.lost)
    return Answer(
        201, render.messages([render.sent(published.id, md5_of(wanted.body))], batch=False)
    )


def subscribe(call: Call) -> Answer:
    """Subscribe."""
    topic = _topic(call)
    given = texts(parse(call.request.body, "Subscription"))
    subscription = Subscription(
        name=call.route.names[1],
        endpoint=given.get("Endpoint", ""),
        form=cast("Format", given.get("NotifyContentFormat") or "XML"),
        strategy=cast("Strategy", given.get("NotifyStrategy") or "BACKOFF_RETRY"),
        filter_tag=given.get("FilterTag") or None,
        created=call.now,
        modified=call.now,
    )
    subscription, new = call.account.subscribe(topic, subscription)
    location = f"{call.host}/topics/{topic.name}/subscriptions/{subscription.name}"
    return Answer(201 if new else 204, location=location)


def change_subscription(call: Call) -> Answer:
    """SetSubscriptionAttributes: only the strategy can be changed."""
    subscription = _topic(call).subscription(call.route.names[1])
    given = texts(parse(call.request.body, "Subscription"))
    if given.get("NotifyStrategy"):
        subscription.change_strategy(cast("Strategy", given["NotifyStrategy"]))
        subscription.modified = call.now
    return Answer(204)


def show_subscription(call: Call) -> Answer:
    """GetSubscriptionAttributes."""
    topic = _topic(call)
    subscription = topic.subscription(call.route.names[1])
    values = {
        "SubscriptionName": subscription.name,
        "Subscriber": call.account.id,
        "TopicOwner": call.account.id,
        "TopicName": topic.name,
        "Endpoint": subscription.endpoint,
        "NotifyStrategy": subscription.strategy,
        "NotifyContentFormat": subscription.form,
        "FilterTag": subscription.filter_tag or "",
        "CreateTime": seconds(call, subscription.created),
        "LastModifyTime": seconds(call, subscription.modified),
    }
    return Answer(200, render.document("Subscription", render.elements(values)))


def unsubscribe(call: Call) -> Answer:
    """Unsubscribe; the same answer where there is no such subscription."""
    _topic(call).subscriptions.pop(call.route.names[1], None)
    return Answer(204)


def list_subscriptions(call: Call) -> Answer:
    """ListSubscriptionByTopic."""
    topic = _topic(call)

    def entry(name: str) -> dict[str, object]:
        return {"SubscriptionURL": f"{call.host}/topics/{topic.name}/subscriptions/{name}"}

    return Answer(200, page(call, "Subscription", topic.subscriptions, entry))


OPERATIONS: Final[dict[str, Operation]] = {
    "CreateTopic": create,
    "SetTopicAttributes": change,
    "GetTopicAttributes": show,
    "DeleteTopic": delete,
    "ListTopic": list_,
    "PublishMessage": publish,
    "Subscribe": subscribe,
    "SetSubscriptionAttributes": change_subscription,
    "GetSubscriptionAttributes": show_subscription,
    "Unsubscribe": unsubscribe,
    "ListSubscriptionByTopic": list_subscriptions,
}


def _topic(call: Call) -> Topic:
    return call.account.topic(call.route.names[0])


def _attributes(call: Call, topic: Topic) -> dict[str, object]:
    return {
        "TopicName": topic.name,
        "CreateTime": seconds(call, topic.created),
        "LastModifyTime": seconds(call, topic.modified),
        **topic.settings.shown(),
        "MessageRetentionPeriod": RETENTION,
        "MessageCount": 0,
    }
