"""The official clients for Node and Java, unchanged, against the emulator.

Each is a program of its own that makes every call once and prints what it saw; what it should have
seen stands here. They share no code with the emulator, nor with each other: three languages, three
XML parsers, both signatures.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from tests.real.mns_clients.packages import installed
from tests.real.servers.jars import CACHE, class_path
from tests.real.servers.tools import MissingToolError, program

from eventing_alibaba.testing.emulators.mns import EmulatorProcess

HERE: Final = Path(__file__).parent
KEPT: Final = CACHE / "mns_clients"
REGION: Final = "cn-beijing"


@pytest.fixture(scope="module")
def mns() -> Iterator[EmulatorProcess]:
    """An emulator in another region than the default one."""
    with EmulatorProcess(region=REGION) as emulator:
        yield emulator


def said(*command: str | os.PathLike[str]) -> dict[str, Any]:
    """Run a client; return the JSON that it prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def tools(*names: str) -> list[Path]:
    """Return programs; the test is skipped where one is missing, but fails where CI is true."""
    try:
        return [program(name) for name in names]
    except MissingToolError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def some(value: dict[str, Any], *names: str) -> Sequence[Any]:
    """Return the values of these names."""
    return [value[name] for name in names]


def test_node(mns: EmulatorProcess) -> None:
    """@alicloud/mns makes all its calls and sees what it should."""
    node, _ = tools("node", "npm")
    folder = installed(HERE / "package.json", into=KEPT)
    seen = said(node, HERE / "client.cjs", folder, mns.endpoint, mns.settings["account"])
    assert seen["created"] == [201, 204, f"{mns.endpoint}/queues/node"]
    assert seen["conflict"] == "MNSQueueAlreadyExistError"
    assert some(seen["attributes"], "QueueName", "VisibilityTimeout", "PollingWaitSeconds") == [
        "node",
        "5",
        "1",
    ]
    assert seen["listed"] == [{"QueueURL": f"{mns.endpoint}/queues/node"}]
    status, sent = seen["sent"]
    assert status == 201
    for step in ("peeked", "received"):
        assert some(seen[step], "MessageId", "MessageBody", "MessageBodyMD5", "Priority") == [
            sent["MessageId"],
            "<ü>",
            sent["MessageBodyMD5"],
            "3",
        ]
    assert seen["hidden"]["ReceiptHandle"] != seen["received"]["ReceiptHandle"]
    assert int(seen["hidden"]["NextVisibleTime"]) > int(seen["received"]["NextVisibleTime"])
    assert some(seen, "stale", "deleted", "empty") == [
        "MNSMessageNotExistError",
        204,
        "MNSMessageNotExistError",
    ]
    assert some(seen, "batchSent", "batchPeeked", "batchDeleted") == [3, 3, 204]
    assert seen["batchReceived"] == ["a", "b", "c"]
    status, (failed,), handle = seen["partial"]
    assert (status, failed["ErrorCode"], failed["ReceiptHandle"]) == (
        404,
        "MessageNotExist",
        handle,
    )
    assert some(seen, "topic", "published", "gone") == [201, 201, 204]
    assert seen["topicAttributes"]["MaximumMessageSize"] == "2048"
    assert seen["topics"] == [{"TopicURL": f"{mns.endpoint}/topics/node-topic"}]
    assert seen["afterwards"] == "MNSQueueNotExistError"
    assert seen["stranger"] == "MNSSignatureDoesNotMatchError"


@pytest.mark.parametrize(("signature", "version"), [("V2", "v1"), ("V4", "v4")])
def test_java(mns: EmulatorProcess, signature: str, version: str) -> None:
    """The Java SDK makes its calls with both signatures, and sees what it should."""
    java, _ = tools("java", "mvn")
    jars = class_path(HERE / "pom.xml", into=KEPT)
    before = len(mns.requests())
    arguments = (mns.endpoint, mns.settings["account"], REGION, signature)
    seen = said(java, "-cp", jars, HERE / "Client.java", *arguments)
    name = f"java-{signature}"
    url = f"{mns.endpoint}/queues/{name}"
    endpoint = f"acs:mns:{REGION}:{mns.settings['account']}:queues/{name}"
    assert seen == {
        "url": url,
        "conflict": "QueueAlreadyExist",
        "attributes": [5, 1],
        "listed": [url],
        "listedWithMeta": 1,
        "md5": seen["md5"],
        "peeked": "<ü>",
        "sameId": True,
        "received": ["<ü>", 3],
        "stale": "MessageNotExist",
        "empty": True,
        "batchSent": 3,
        "batchPeeked": 3,
        "batchReceived": ["a", "b", "c"],
        "partial": True,
        "topics": [f"{mns.endpoint}/topics/{name}"],
        "subscription": [endpoint, "EXPONENTIAL_DECAY_RETRY", "red"],
        "subscriptions": 1,
        "notified": "hello",
        "topicGone": "TopicNotExist",
        "stranger": "SignatureDoesNotMatch",
        "gone": "QueueNotExist",
    }
    assert {asked["version"] for asked in mns.requests()[before:]} == {version}
