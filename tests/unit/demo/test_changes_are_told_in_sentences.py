"""The narrator speaks when something turns, not while it lasts; meters know the last seconds."""

from __future__ import annotations

from eventing_alibaba.cli.demo.gauges import Reading, parsed
from eventing_alibaba.cli.demo.ledger import Tally
from eventing_alibaba.cli.demo.meter import Latencies, Latency, Rate
from eventing_alibaba.cli.demo.narrator import Narrator
from eventing_alibaba.runtime import metrics

_READY = Reading(running=True, ready=True)


def _told(
    narrator: Narrator,
    tally: Tally = Tally(0, 0, 0, 0),  # noqa: B008 - a value
    reading: Reading = _READY,
    *,
    held: bool = False,
) -> str:
    return " ".join(one.text for one in narrator.look(tally, reading, rate=20.0, held=held))


def test_nothing_new_is_silence() -> None:
    """A state is told once, however often it is seen."""
    narrator = Narrator()
    assert _told(narrator) == "The adapter is ready."
    assert _told(narrator) == ""


def test_a_queue_is_told_when_it_grows_and_when_it_is_gone() -> None:
    """The end of a queue says whether anything was lost, and how many came twice meanwhile."""
    narrator = Narrator()
    _told(narrator)
    assert "queue up" in _told(narrator, Tally(200, 50, 1, 0))
    assert _told(narrator, Tally(220, 60, 1, 0)) == ""
    told = _told(narrator, Tally(230, 230, 5, 0))
    assert told == "Caught up: nothing was lost, 4 came twice."


def test_a_queue_that_ends_with_a_loss_says_so() -> None:
    """No good news while something is missing."""
    narrator = Narrator()
    _told(narrator, Tally(200, 50, 0, 0))
    told = _told(narrator, Tally(200, 198, 0, 2))
    assert "2 messages are missing" in told
    assert "nothing was lost" not in told
    assert "come after all" in _told(narrator, Tally(200, 200, 0, 0))


def test_the_adapter_is_followed_through_its_lives() -> None:
    """Its end, its next process, its trouble in its own words, and its readiness."""
    narrator = Narrator()
    _told(narrator)
    assert "no adapter process" in _told(narrator, reading=Reading())
    assert "new adapter process" in _told(narrator, reading=Reading(running=True))
    assert "is ready" in _told(narrator)
    told = _told(narrator, reading=Reading(running=True, message="the broker is away"))
    assert told == "The adapter is not ready: the broker is away"


def test_the_breaker_is_told() -> None:
    """When the adapter holds back, and when it goes on."""
    narrator = Narrator()
    _told(narrator)
    assert "holds back" in _told(narrator, reading=Reading(running=True, ready=True, breaker=True))
    assert "goes on" in _told(narrator)


def test_a_full_broker_is_told() -> None:
    """The sender that waits is told once."""
    narrator = Narrator()
    assert "as full as it may be" in _told(narrator, held=True)
    assert _told(narrator, held=True) == ""


def test_a_rate_is_of_the_last_seconds() -> None:
    """What was long ago does not count; a counter that stands still has a rate of nothing."""
    rate = Rate()
    assert rate.look(0.0, 0) == 0.0
    for tenth in range(1, 31):
        found = rate.look(tenth / 10, tenth * 2)
    assert round(found, 6) == 20.0
    for tenth in range(31, 60):
        found = rate.look(tenth / 10, 60)
    assert found == 0.0


def test_percentiles_are_of_the_last_seconds() -> None:
    """The middle and the slow end in milliseconds; nothing where nothing has come."""
    latencies = Latencies()
    assert latencies.percentiles() == Latency(None, None)
    latencies.look(0.0, [9.0])
    latencies.look(10.0, [0.001 * n for n in range(1, 101)])
    assert latencies.percentiles() == Latency(51.0, 100.0)


def test_gauges_are_read_from_a_metrics_page() -> None:
    """In flight by its name, the breaker by its state; all else is passed over."""
    page = (
        f'{metrics.IN_FLIGHT}{{source="a/b"}} 7.0\n'
        f'{metrics.BREAKER}{{source="a/b",state="closed"}} 0.0\n'
        f'{metrics.BREAKER}{{source="a/b",state="open"}} 1.0\n'
        "process_open_fds 9.0\n"
    )
    assert parsed(page) == {metrics.IN_FLIGHT: 7.0, "closed": 0.0, "open": 1.0}
