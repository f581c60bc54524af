"""Marks, in any order of events: never past a record that was not acknowledged."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from eventing_alibaba.sources.kafka.tracks import Track

_steps = st.lists(
    st.tuples(st.sampled_from(["hand out", "gap", "end", "ack"]), st.integers(1, 4)), max_size=40
)


@given(steps=_steps, start=st.integers(0, 5))
def test_a_mark_is_behind_every_unfinished_record(steps: list[tuple[str, int]], start: int) -> None:
    """Records, gaps between them, ends of the log and acknowledgements, as they may come."""
    track = Track("t", 0, epoch=1, start=start, metadata="")
    log_end = start
    open_records: list[int] = []
    before = track.mark()

    def hand_out(count: int) -> None:
        nonlocal log_end
        for _ in range(count):
            open_records.append(log_end)
            log_end += 1
            track.next = log_end

    def gap(count: int) -> None:
        nonlocal log_end
        log_end += count

    def end(_: int) -> None:
        track.ended(log_end)

    def ack(count: int) -> None:
        for _ in range(min(count, len(open_records))):
            track.acked = open_records.pop(0) + 1

    doing: dict[str, Callable[[int], None]] = {
        "hand out": hand_out,
        "gap": gap,
        "end": end,
        "ack": ack,
    }
    for what, count in steps:
        doing[what](count)
        mark = track.mark()
        assert mark >= before
        assert mark <= (open_records[0] if open_records else log_end)
        before = mark
    ack(len(open_records))
    end(0)
    assert track.mark() == log_end


def test_a_track_shows_its_state() -> None:
    """What one needs to see in a log or a debugger."""
    track = Track("orders", 3, epoch=7, start=10, metadata="")
    track.next, track.acked = 15, 12
    assert repr(track) == "<orders[3]#7 at 12..15>"
    track.live = False
    assert repr(track) == "<orders[3]#7 at 12..15 given up>"
