"""The sink as a process: its remote control and its command line."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.testing.raw import Raw, request

from eventing_alibaba.testing.admin import AdminError
from eventing_alibaba.testing.sink import Answer, Rule, SinkProcess
from eventing_alibaba.testing.sink.__main__ import main


async def test_the_process_is_worked_by_remote_control() -> None:
    """Rules given at the start hold, counts, records, events and reasons can be read."""
    fail_once = Rule(answer=Answer(status=500), attempts=1)
    async with SinkProcess(default=Answer(status=202), rules=[fail_once], keep=2) as sink:
        async with Raw(sink.url) as raw:
            for _ in range(2):
                raw.send(request("o/1", source="/x"))
                await raw.head()
            raw.send(request("o/2").replace(b"ce-type: t\r\n", b""))
            await raw.head()
        assert sink.wait_delivered(1)["delivered"] == 1
        assert [(r.id, r.source, r.attempt, r.status) for r in sink.records()] == [
            ("o/1", "/x", 1, 500),
            ("o/1", "/x", 2, 202),
        ]
        assert [r.order for r in sink.records(1)] == [1]
        stats = sink.stats()
        counts = ("requests", "records", "events", "delivered", "invalid", "connections")
        assert [stats[name] for name in counts] == [3, 2, 1, 1, 1, 1]
        assert [e["attributes"]["id"] for e in sink.events()] == ["o/1", "o/1"]
        assert sink.invalid_requests() == ["the required attribute 'type' is missing or empty"]
        with pytest.raises(TimeoutError, match=r"waited 0\.01 s in vain for 5 delivered events"):
            sink.wait_delivered(5, timeout=0.01)
        with pytest.raises(AdminError, match="Answer has no field 'state'"):
            sink.admin.call("PUT", "/script", {"rules": [{"answer": {"state": 3}}]})
        with pytest.raises(AdminError, match="got \\['rule'\\]"):
            sink.admin.call("PUT", "/script", {"rule": []})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--default", '{"status": 1}'], "status must be a number from 100 to 999, got 1"),
        (["--rule", "{}"], "a rule must have `answer`"),
    ],
)
async def test_a_wrong_option_is_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be understood ends the command with 1 and a sentence, not a traceback."""
    # In a thread: the command runs a loop of its own and would take the test's away.
    assert await asyncio.to_thread(main, arguments) == 1
    assert sentence in capsys.readouterr().err
