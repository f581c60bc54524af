"""The demo's service: which events count as accepted, under each fault."""

from __future__ import annotations

import asyncio

import pytest

from eventing_alibaba.cli.demo import service as service_module
from eventing_alibaba.cli.demo.faults import (
    FAULTS,
    SERVICE_BUSY,
    SERVICE_CUTS,
    SERVICE_FAILS,
    SERVICE_REFUSES,
    SERVICE_SLOW,
    default,
    rules,
)
from eventing_alibaba.cli.demo.orders import number_of, order
from eventing_alibaba.cli.demo.service import Service
from eventing_alibaba.testing.sink import Answer, Rule

_SECONDS = 10


async def _post(service: Service, number: int) -> int:
    """Send an order; return the status of the answer, 0 where it broke off."""
    body = order(number).body
    port = int(service.url.split(":")[2].strip("/"))
    async with asyncio.timeout(_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/json\r\nce-specversion: 1.0\r\nce-type: t\r\n"
            f"ce-source: s\r\nce-id: {number}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
    return int(answer.split(b" ")[1]) if b"\r\n\r\n" in answer else 0


def _accepted(service: Service) -> list[int | None]:
    return [number_of(one.event.data) for one in service.accepted]


async def test_what_was_answered_2xx_is_accepted() -> None:
    """Accepted events are there in their order, refused ones are not."""
    async with Service() as service:
        assert await _post(service, 1) == 204
        service.set_default(Answer(status=503))
        assert await _post(service, 2) == 503
        service.set_default(Answer())
        assert await _post(service, 3) == 204
    assert _accepted(service) == [1, 3]


async def test_a_slow_answer_counts_when_it_is_given() -> None:
    """An event whose answer is still to come is not accepted yet, and is once it came."""
    async with Service() as service:
        service.set_default(Answer(delay=0.05))
        posting = asyncio.create_task(_post(service, 1))
        await service.wait_recorded(1)
        assert _accepted(service) == []
        assert await posting == 204
    assert _accepted(service) == [1]


async def test_a_cut_answer_was_work_done() -> None:
    """The service has done its work when only the word of it is lost."""
    async with Service() as service:
        service.set_rules(Rule(answer=Answer(fault="half")))
        assert await _post(service, 1) == 0
    assert _accepted(service) == [1]


async def test_records_are_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that runs for hours keeps no record of each delivery, and misses none."""
    monkeypatch.setattr(service_module, "_MOST_RECORDS", 3)
    async with Service() as service:
        for number in range(1, 9):
            await _post(service, number)
    assert len(service.records) <= 3
    assert _accepted(service) == list(range(1, 9))


async def test_some_orders_are_refused_for_good() -> None:
    """Every twentieth order gets a 422, always the same ones; the others pass."""
    async with Service() as service:
        service.set_rules(*rules({SERVICE_REFUSES}, number_of))
        assert [await _post(service, n) for n in (19, 20, 21, 40, 20)] == [204, 422, 204, 422, 422]


def test_faults_combine() -> None:
    """Two faults of the service are both there: slow answers that are also 429."""
    (rule,) = rules({SERVICE_BUSY, SERVICE_SLOW}, number_of)
    assert (rule.answer.status, rule.answer.retry_after) == (429, 1)
    assert rule.answer.delay == default({SERVICE_SLOW}).delay > 0
    assert rules(set(), number_of) == []
    assert default(set()) == Answer()


def test_some_means_some() -> None:
    """Faults of some requests leave more than half of the requests alone."""
    for name in (SERVICE_FAILS, SERVICE_CUTS):
        (rule,) = rules({name}, number_of)
        assert 0 < rule.fraction < 0.5


def test_every_fault_says_what_it_does() -> None:
    """Each has its own name and sentences; what lasts also says when it is over."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.does.endswith(".")
        assert fault.broken.endswith(".")
        assert bool(fault.healed) is not fault.momentary
