"""Each promise that a source can break is broken once, and a test of the suite must fail then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.contract import defective
from tests.contract.kafka import PARTITIONS
from tests.contract.shelved import ShelfHarness
from tests.contract.test_kafka_on_emulator import EmulatedKafka

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.source import Source
from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba.testing.contract import Harness, SourceContract
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess
from eventing_alibaba.testing.sink import Answer

_WAITING: Final = {"moment": "waiting"}
_REFUSED: Final = {"answer": Answer(status=500)}
_ORDERED: Final = {"ordering": "ordered"}

ON_A_SHELF: Final[list[tuple[Callable[[str], Source], str, dict[str, Any]]]] = [
    (defective.AcksAtOnce, "test_nothing_is_acknowledged_without_a_2xx", _REFUSED),
    (defective.AcksAtOnce, "test_a_message_that_is_not_acknowledged_comes_again", {}),
    (defective.AcksNothing, "test_what_is_accepted_is_acknowledged", {}),
    (defective.OverrunsLimit, "test_receive_keeps_to_its_limit", {}),
    (defective.OverrunsLimit, "test_receiving_goes_on_when_there_is_room", {}),
    (defective.LosesWhatIsCancelled, "test_a_cancelled_receive_loses_nothing", _WAITING),
    (defective.NamesByTicket, "test_a_message_that_is_not_acknowledged_comes_again", {}),
    (defective.CountsEvents, "test_what_is_accepted_is_acknowledged", {}),
    (defective.DropsWhenQuiet, "test_a_cancelled_quiesce_loses_nothing", _WAITING),
    (defective.GoesOnWhenQuiet, "test_quiesce_returns_what_was_taken_and_takes_no_more", {}),
    (defective.ClosesOnce, "test_close_is_idempotent", {}),
    (defective.ClosesOnce, "test_a_cancelled_close_can_be_repeated", _WAITING),
    (defective.OpensOnce, "test_a_cancelled_open_can_be_repeated", _WAITING),
    (defective.OpensOnce, "test_a_closed_source_opens_again_or_refuses", {}),
    (defective.StaysCancelled, "test_a_cancelled_ack_can_be_repeated", _WAITING),
    (defective.KeepsQuietAboutTrouble, "test_a_broker_that_comes_back_is_found_again", {}),
    (defective.ReleasesNothing, "test_a_stop_releases_what_was_not_touched", {}),
    (defective.ReleasesNothing, "test_a_released_message_comes_again", {}),
    (defective.TakesVoidReceipts, "test_a_void_receipt_is_told_as_lost", {}),
    (defective.ExtendsOutOfLine, "test_an_extended_lease_ends_later", {}),
    (defective.CountsNoAttempts, "test_the_broker_counts_attempts", {}),
]

AROUND_KAFKA: Final[list[tuple[Callable[[Source], Source], str, dict[str, Any]]]] = [
    (defective.Reverses, "test_messages_of_a_track_come_in_their_order", {}),
    (defective.HasNoLanes, "test_order_is_kept_by_a_service_that_fails", _ORDERED),
    (defective.AcksAhead, "test_acknowledging_stops_before_what_is_refused", _ORDERED),
    (defective.NeverPauses, "test_a_paused_track_stands_still_and_the_others_go_on", {}),
    (defective.LosesRecords, "test_a_cancelled_receive_loses_nothing", _WAITING),
]


class Spoilt(EmulatedKafka):
    """Kafka with a source between that breaks a promise."""

    patience = 2.0
    make: Callable[[Source], Source]

    def source(self, spec: SourceSpec) -> Source:
        return self.make(super().source(spec))


@pytest.mark.parametrize(
    ("make", "name", "arguments"),
    ON_A_SHELF,
    ids=lambda value: getattr(value, "__name__", value) if not isinstance(value, dict) else "",
)
async def test_a_defect_of_a_leasing_source_is_found(
    make: Callable[[str], Source], name: str, arguments: dict[str, Any]
) -> None:
    """A source that keeps all promises but one fails the test of that one."""
    harness = ShelfHarness(make)
    harness.patience = 1.0
    await _fails(name, harness, arguments)
    harness.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("make", "name", "arguments"),
    AROUND_KAFKA,
    ids=lambda value: getattr(value, "__name__", value) if not isinstance(value, dict) else "",
)
async def test_a_defect_of_an_ordered_source_is_found(
    kafka_emulator: EmulatorProcess,
    kafka_topic: Callable[..., str],
    make: Callable[[Source], Source],
    name: str,
    arguments: dict[str, Any],
) -> None:
    """A source that keeps all promises but one fails the test of that one."""
    harness = Spoilt(kafka_emulator, kafka_topic(partitions=PARTITIONS))
    harness.make = make
    await _fails(name, harness, arguments)
    harness.close()


async def _fails(name: str, harness: Harness, arguments: dict[str, Any]) -> None:
    """Run a test of the suite, which must find something."""
    test = getattr(SourceContract(), name)
    found = (AssertionError, TimeoutError, RuntimeError, SourceError, pytest.fail.Exception)
    with pytest.raises(found):
        async with asyncio.timeout(30.0):
            await test(harness, **arguments)
