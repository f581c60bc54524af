"""The tables of the page on delivery against the code, and each of their rows against its test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from tests.unit.docs.pages import ROOT

from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.contract.spec import Delivery, FlowOptions
from eventing_alibaba.flow.delivered import MOST, SECONDS
from eventing_alibaba.flow.policies.breaker import THRESHOLD
from eventing_alibaba.sink.outcome import Verdict, judge, verdict_of
from eventing_alibaba.sources.kafka.bridge import DRAIN
from eventing_alibaba.sources.kafka.commits import PERIOD, RECORDS
from eventing_alibaba.sources.kafka.settings import FIXED
from eventing_alibaba.wire.errors import WireError

PAGE: Final = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")

VERDICTS: Final = {
    "accepted": Verdict.DELIVERED,
    "sick": Verdict.SICK,
    "suspect": Verdict.SUSPECT,
    "final": Verdict.FINAL,
}

PROOF: Final = {
    "the answer was lost": "test_failures_and_kills_lose_nothing",
    "the process is killed": "test_sigkills_lose_nothing_and_keep_order",
    "the same with `keyed` or `unordered`": "test_sigkills_lose_nothing_and_keep_order",
    "a rebalance takes a partition away": "test_adapters_that_join_and_leave_lose_nothing",
    "the group gives a partition away": "test_drain_of_lost_tracks_waits_for_nothing",
    "a commit fails": "test_an_ack_that_fails_is_tried_again_and_nothing_is_posted_twice",
    "stop: the service does not answer": "test_a_stop_cuts_what_is_not_answered_in_time",
    "stop: the broker does not take": "test_a_stop_does_not_wait_for_ever_for_acks",
}
"""The test that shows each cause of duplicates, and that it costs no more than the page says."""

LEASED_PROOF: Final = {
    "the answer was lost": "test_kills_and_failures_lose_nothing",
    "the process is killed": "test_kills_and_failures_lose_nothing",
    "the service takes longer than the lease": "test_a_service_that_takes_90_seconds_gets_nothing",
    "it takes longer than `flow.maxHold`": "test_a_post_that_never_ends_is_held_for_max_hold",
    "an acknowledgement fails": "test_a_failed_ack_is_tried_again_while_its_lease_is_extended",
    "a lease is lost": "test_a_post_whose_lease_was_lost_counts_when_it_comes_again",
    "stop: the service does not answer": "test_a_stop_leaves_what_is_cut_to_its_lease",
    "stop: the broker takes no": "test_a_stop_does_not_wait_for_hung_calls",
    "the broker delivers a message twice": "test_what_the_broker_delivers_twice_is_sent_twice",
}
"""The same for brokers with leases."""


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading or a line, without the table's own heading."""
    table = PAGE.split(heading, 1)[1].split("\n\n| ", 1)[1].split("\n\n", 1)[0]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.split("\n")[2:]
    ]


def verdict(row: list[str]) -> Verdict:
    """The class that a row of the first table names."""
    word = re.sub(r"[*]", "", row[1])
    return next(found for name, found in VERDICTS.items() if name in word)


def test_every_status_is_read_as_the_table_says() -> None:
    """The named ones as their row says, and all others as the row of "anything else"."""
    named: dict[int, Verdict] = {}
    classes: dict[int, Verdict] = {}
    for row in rows("## What each answer means"):
        for code in re.findall(r"\b[1-5][0-9]{2}\b", row[0]):
            named[int(code)] = verdict(row)
        for first in re.findall(r"\b([1-5])xx\b", row[0]):
            classes[int(first)] = verdict(row)
    assert set(classes) == {1, 2, 3, 5}
    for status in range(100, 600):
        expected = named.get(status) or classes.get(status // 100, Verdict.FINAL)
        assert verdict_of(status) is expected, status


@pytest.mark.parametrize(
    ("kind", "sent", "words"),
    [
        ("connect", False, "cannot be reached"),
        ("dns", False, "cannot be reached"),
        ("tls", False, "cannot be reached"),
        ("answer_timeout", True, "does not answer within"),
        ("closed", True, "the connection breaks"),
    ],
)
def test_what_happens_without_an_answer_is_read_as_the_table_says(
    kind: str, sent: bool, words: str
) -> None:
    """No connection says nothing about the event; a connection that ends with it may."""
    (row,) = [row for row in rows("## What each answer means") if words in row[0]]
    error = WireError(kind, "why", sent=sent)  # type: ignore[arg-type]
    assert judge(error).verdict is verdict(row)


@pytest.mark.parametrize(
    ("line", "proof"), [("\nFrom Kafka:", PROOF), ("\nFrom MNS and RocketMQ", LEASED_PROOF)]
)
def test_every_cause_of_duplicates_has_its_test(line: str, proof: dict[str, str]) -> None:
    """Each row of the duplicates tables names a cause that a test provokes."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in _tests())
    causes = [row[0] for row in rows(line)]
    assert len(causes) == len(proof)
    for cause, (start, name) in zip(causes, proof.items(), strict=True):
        assert cause.startswith(start)
        assert f"def {name}" in tests


def test_the_figures_are_those_of_the_code() -> None:
    """Periods, bounds and limits that the page names are the ones that are in force."""
    spec, flow = Delivery(), FlowOptions()
    session = int(FIXED["session.timeout.ms"]) // 1000
    assert f"{PERIOD:g} s or {RECORDS:,} records" in PAGE
    assert f"requests on the wire end within {DRAIN:g} s" in PAGE
    assert f"(the process was silent for {session} s)" in PAGE
    assert f"`flow.grace` ({seconds(flow.grace):g} s)" in PAGE
    assert f"({seconds(spec.retry_after_max) / 60:g} minutes;" in PAGE
    assert (
        f"{seconds(spec.backoff_max) / 120:g} to {seconds(spec.backoff_max) / 60:g} minutes" in PAGE
    )
    assert {5: "five"}[THRESHOLD] + " sick outcomes" in PAGE
    assert {3600.0: "(an hour)"}[seconds(flow.max_hold)] in PAGE
    assert f"among the last {MOST:,} such" in PAGE
    assert f"within {SECONDS / 3600:g} hours" in PAGE


def _tests() -> list[Path]:
    folders = ("flow", "real/kafka", "real/mns", "real/rocketmq")
    return [path for folder in folders for path in ROOT.glob(f"tests/{folder}/test_*.py")]
