"""Lost, unknown, duplicated, reordered, overlapping: each found, and nothing found that is not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eventing_alibaba.testing.ledger import Ledger
from eventing_alibaba.testing.report import Cause
from eventing_alibaba.testing.sink import Record

# Deliveries: partition, offset, whether the sink said 2xx.
deliveries = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.booleans()), max_size=60)
SENT = 8


def name(partition: int, offset: int) -> str:
    """Return the id of a record."""
    return f"partition:{partition}/offset:{offset}"


@settings(deadline=None)
@given(deliveries)
def test_findings_are_those_of_the_definitions(seen: list[tuple[int, int, bool]]) -> None:
    """Compared with the definitions written down naively, over whole histories."""
    ledger = Ledger(examples=1000)
    for partition in (0, 1):
        ledger.sent_range(f"partition:{partition}/offset:", 0, SENT)
    counting: dict[tuple[int, int], list[int]] = {}
    for at, (partition, offset, ok) in enumerate(seen):
        status = 200 if ok else 500
        ledger.received(name(partition, offset), status=status, arrived=at, answered=at + 0.5)
        if ok:
            counting.setdefault((partition, offset), []).append(at)
    report = ledger.report()
    sent = {(p, o) for p in (0, 1) for o in range(SENT)}
    first = {record: times[0] for record, times in counting.items()}
    assert set(report.lost) == {name(*record) for record in sent - set(first)}
    assert set(report.unknown) == {name(*record) for record in set(first) - sent}
    assert sorted((d.id, d.before, d.at) for d in report.duplicates) == sorted(
        (name(*record), times[i - 1], times[i])
        for record, times in counting.items()
        for i in range(1, len(times))
    )
    assert {finding.id for finding in report.reordered} == {
        name(p, o)
        for (p, o), at in first.items()
        if (p, o) in sent
        and any((p, later) in sent and first.get((p, later), at) < at for later in range(o, 10))
    }
    for finding in report.reordered:
        assert finding.overtaken_by.split("/")[0] == finding.id.split("/")[0]
    assert (report.sent, report.delivered) == (len(sent), len(sent & set(first)))
    assert len(report.overlaps) == 0


def test_a_redelivery_of_old_records_is_no_reordering() -> None:
    """After a crash the sender begins again at its last commit: duplicates, but order is kept."""
    ledger = Ledger()
    ledger.sent_range("p/", 0, 6)
    for at, offset in enumerate([0, 1, 2, 3, 1, 2, 3, 4, 5]):
        ledger.received(f"p/{offset}", status=204, arrived=at, answered=at)
    ledger.cause("kill", 3.5, "SIGKILL")
    report = ledger.report()
    assert report.clean, report
    assert report.duplicates.by_cause == {"kill": 3}
    assert [d.cause for d in report.duplicates] == [Cause("kill", 3.5, "SIGKILL")] * 3


def test_a_cause_that_lasts_explains_what_follows_it_twice() -> None:
    """A broker that recovers makes duplicates of deliveries that both came after its kill."""
    ledger = Ledger("unordered")
    for number, at in enumerate((12.0, 21.0)):
        ledger.sent(f"p/{number}")
        ledger.received(f"p/{number}", status=200, arrived=at)
        ledger.received(f"p/{number}", status=200, arrived=at + 1)
    ledger.cause("broker restart", 10.0, lasting=10.0)
    report = ledger.report()
    assert report.duplicates.by_cause == {"broker restart": 1, None: 1}


def test_a_duplicate_needs_a_cause_between_its_deliveries() -> None:
    """The latest cause between the two explains it; one before or after them does not."""
    ledger = Ledger(slack=0.5)
    ledger.sent_range("p/", 0, 4)
    times = {"p/0": (10, 20), "p/1": (30, 40), "p/2": (50, 60), "p/3": (70, 80)}
    for event_id, (before, at) in times.items():
        for arrived in (before, at):
            ledger.received(event_id, status=200, arrived=arrived, answered=arrived)
    ledger.cause("revoke", 11)
    ledger.cause("kill", 12)
    ledger.cause("kill", 29.6)  # within the slack
    ledger.cause("kill", 45)  # after p/1's second, before p/2's first
    report = ledger.report()
    assert [d.cause and (d.cause.kind, d.cause.at) for d in report.duplicates] == [
        ("kill", 12),
        ("kill", 29.6),
        None,
        None,
    ]
    assert report.duplicates.unexplained == 2
    assert not report.clean


def test_keyed_order_is_per_lane() -> None:
    """Records of other keys may overtake, those of the same key or without one may not."""
    ledger = Ledger("keyed")
    for offset, key in enumerate(["a", "b", "a", None, None]):
        ledger.sent(f"p/{offset}", lane=key)
    for at, offset in enumerate([1, 2, 0, 4, 3]):
        ledger.received(f"p/{offset}", status=200, arrived=at, answered=at)
    assert [(f.id, f.overtaken_by) for f in ledger.report().reordered] == [
        ("p/0", "p/2"),
        ("p/3", "p/4"),
    ]


def test_unordered_has_no_order() -> None:
    """Where nothing is promised nothing is found."""
    ledger = Ledger("unordered")
    ledger.sent_range("p/", 0, 2)
    ledger.received("p/1", status=200, arrived=1, answered=9)
    ledger.received("p/0", status=200, arrived=2, answered=3)
    assert ledger.report().clean


def test_ids_without_a_number_are_in_the_order_of_sending() -> None:
    """A FIFO queue's message ids carry no order, so the order of `sent` is theirs."""
    ledger = Ledger()
    for event_id in ("zz", "aa", "mm"):
        ledger.sent(event_id)
    for at, event_id in enumerate(("zz", "mm", "aa")):
        ledger.received(event_id, status=200, arrived=at, answered=at)
    assert [(f.id, f.overtaken_by) for f in ledger.report().reordered] == [("aa", "mm")]


def test_two_at_a_time_in_one_line_overlap() -> None:
    """An arrival before the other's answer is found, even if the first one fails in the end."""
    ledger = Ledger()
    ledger.sent_range("p/", 0, 3)
    ledger.sent_range("q/", 0, 1)
    ledger.received("p/0", status=500, arrived=1, answered=5)
    ledger.received("q/0", status=200, arrived=2, answered=2.5)  # another line
    ledger.received("p/0", status=200, arrived=3, answered=4)  # the same event
    ledger.received("p/1", status=200, arrived=4.5, answered=6)
    ledger.received("p/2", status=200, arrived=6, answered=7)
    report = ledger.report()
    assert [(o.id, o.other, o.since, o.at) for o in report.overlaps] == [("p/1", "p/0", 1, 4.5)]
    assert not report.clean


def test_a_batch_does_not_overlap_with_itself() -> None:
    """Events of one request arrive and are answered at the same time."""
    ledger = Ledger()
    ledger.sent_range("p/", 0, 3)
    for offset in range(3):
        ledger.received(f"p/{offset}", status=200, arrived=1, answered=2)
    assert ledger.report().clean


def test_source_belongs_to_identity_only_on_wish() -> None:
    """Two topics may use the same ids; a test of one topic need not know its source."""
    for by_source, lost in ((True, 1), (False, 0)):
        ledger = Ledger(by_source=by_source)
        ledger.sent("p/0", source="/a")
        ledger.sent("p/0", source="/b")
        ledger.received("p/0", source="/a", status=200, arrived=1, answered=1)
        assert len(ledger.report().lost) == lost


def test_sinks_are_merged_by_time() -> None:
    """Records of several sinks count in order of arrival, not sink by sink."""
    ledger = Ledger()
    ledger.sent_range("p/", 0, 4)
    sinks = [
        [Record(i, f"p/{offset}", "/s", 1, 200, offset, offset, 1) for i, offset in enumerate(half)]
        for half in ((0, 2), (1, 3))
    ]
    ledger.read(*sinks)
    assert ledger.report().clean


def test_a_report_shows_examples_and_counts_all() -> None:
    """The text names the first findings and the number of all of them."""
    ledger = Ledger(examples=2)
    ledger.sent_range("p/", 0, 1000)
    ledger.received("p/0", status=200, arrived=1, answered=1)
    text = str(ledger.report())
    assert "1 of 1000 events delivered" in text
    assert "lost: 999 ['p/1', 'p/2', ...]" in text
    assert "reordered" not in text
