"""Events as numbers: nothing is confused, whatever ids look like."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventing_alibaba.testing.identity import EventIds, split
from eventing_alibaba.testing.sink import Records

counted = st.builds(
    "{}{}".format,
    st.sampled_from(["", "p:0/o:", "p:1/o:", "a-", "a", "0", "x/0"]),
    st.one_of(st.integers(0, 2000), st.integers(0, 10**20)),
)
ids = st.one_of(counted, st.text(max_size=8), st.sampled_from(["", "007", "1", "01", "a1", "a/01"]))
events = st.tuples(st.sampled_from(["", "/s", "/s/1"]), ids)


@settings(deadline=None)
@given(st.lists(events, max_size=200))
def test_every_event_has_its_own_number_and_comes_back(seen: list[tuple[str, str]]) -> None:
    """Numbers behave like a dictionary from source and id to the order of first appearance."""
    known = EventIds()
    model: dict[tuple[str, str], int] = {}
    for source, event_id in seen:
        assert known.add(source, event_id) == model.setdefault((source, event_id), len(model))
    assert len(known) == len(model)
    for (source, event_id), number in model.items():
        assert (known.source(number), known.id(number)) == (source, event_id)


@pytest.mark.parametrize(
    ("event_id", "parts"),
    [
        ("partition:3/offset:1207", ("partition:3/offset:", 1207)),
        ("42", ("", 42)),
        ("a/0", ("a/", 0)),
        ("a/00", ("a/00", -1)),
        ("c0ffee12", ("c0ffee12", -1)),
        ("1E0A72F3B2A40DC6-0-1", ("1E0A72F3B2A40DC6-0-", 1)),
        ("a/1234567890123456789", ("a/1234567890123456789", -1)),
        ("a/٣", ("a/٣", -1)),
    ],
)
def test_only_true_counters_are_split_off(event_id: str, parts: tuple[str, int]) -> None:
    """Leading zeros, hexadecimal, 19 digits and other scripts' digits stay text."""
    assert split(event_id) == parts


def test_position_is_the_counter_or_the_order_of_appearance() -> None:
    """Offsets are compared as numbers, other ids by when they were first seen."""
    known = EventIds()
    numbered = [known.add("", f"p/{offset}") for offset in (10, 9, 100)]
    assert [known.position(event) for event in numbered] == [10, 9, 100]
    assert len({known.series(event) for event in numbered}) == 1
    texts = [known.add("", text) for text in ("b", "a")]
    assert known.position(texts[0]) < known.position(texts[1])


def test_spread_numbers_cost_no_pages() -> None:
    """Numbers far apart move to a dictionary after a few pages, neighbours go on using pages."""
    known = EventIds()
    for number in range(1000):
        known.add("", f"far/{number * 10**9}")
        known.add("", f"near/{number}")
    far, near = known._series
    assert (len(far.pages), len(far.sparse)) == (16, 984)
    assert (len(near.pages), len(near.sparse)) == (2, 0)
    assert known.add("", f"far/{999 * 10**9}") == 1998


@settings(deadline=None)
@given(st.lists(st.tuples(events, st.sampled_from([0, 200, 204, 500])), max_size=100))
def test_records_are_what_was_noted(seen: list[tuple[tuple[str, str], int]]) -> None:
    """Columns of numbers give back each delivery with its attempt, answer and order."""
    records = Records()
    attempts: dict[tuple[str, str], int] = {}
    done = set()
    for order, ((source, event_id), status) in enumerate(seen):
        attempts[source, event_id] = attempts.get((source, event_id), 0) + 1
        assert records.arrive(event_id, source, float(order), 7) == attempts[source, event_id]
        if status:
            records.answer(order, status, order + 0.5)
            done |= {(source, event_id)} if status < 300 else set()
        record = records[-1]
        assert (record.order, record.id, record.source) == (order, event_id, source)
        assert (record.attempt, record.status) == (attempts[source, event_id], status)
        assert record.answered == (order + 0.5 if status else None)
        assert (record.arrived, record.connection) == (float(order), 7)
    assert (len(records), records.events, records.delivered) == (
        len(seen),
        len(attempts),
        len(done),
    )
    assert records[1:3] == list(records)[1:3]
    with pytest.raises(IndexError):
        records[len(seen)]
