"""Which rule decides about a delivery."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventing_alibaba.testing.sink import Answer, ReceivedEvent, Rule, Script

FAIL = Answer(status=500)


def event(event_id: str, **attributes: str) -> ReceivedEvent:
    """Return an event without data."""
    required = {"id": event_id, "source": "/s", "type": "t", "specversion": "1.0"}
    return ReceivedEvent(required | attributes, None, "binary", [])


def status(script: Script, *deliveries: tuple[ReceivedEvent, int]) -> int:
    """Return what a request of these deliveries is answered."""
    return script.answer(deliveries).status


def test_the_first_rule_that_applies_decides() -> None:
    """Order counts, and the default is for the rest."""
    script = Script(
        rules=[
            Rule(answer=Answer(status=429), match={"id": "a"}),
            Rule(answer=FAIL, match={"key": "k", "type": "t"}),
        ],
        default=Answer(status=202),
    )
    assert status(script, (event("a", key="k"), 1)) == 429
    assert status(script, (event("b", key="k"), 1)) == 500
    assert status(script, (event("b", key="other"), 1)) == 202


def test_attempts_are_counted_per_event() -> None:
    """`attempts=2` fails the first two deliveries of each event, whenever they come."""
    script = Script(rules=[Rule(answer=FAIL, attempts=2)])
    assert [status(script, (event("a"), n)) for n in (1, 2, 3)] == [500, 500, 204]
    assert status(script, (event("b"), 1)) == 500


def test_limit_is_counted_over_all_events() -> None:
    """`limit=2` applies to two deliveries and never again; only those that match use it up."""
    rule = Rule(answer=FAIL, limit=2, when=lambda e: e.id != "spared")
    script = Script(rules=[rule])
    ids = ["a", "spared", "b", "c"]
    assert [status(script, (event(i), 1)) for i in ids] == [500, 204, 500, 204]
    assert rule.used == 2


def test_a_batch_gets_the_answer_of_its_first_match() -> None:
    """One event with a rule is enough for the batch."""
    script = Script(rules=[Rule(answer=FAIL, match={"id": "c"})])
    assert status(script, (event("a"), 1), (event("b"), 1)) == 204
    assert status(script, (event("a"), 1), (event("c"), 1)) == 500


@settings(deadline=None, max_examples=20)
@given(st.integers(), st.floats(0.05, 0.95))
def test_chance_follows_seed_event_and_attempt(seed: int, fraction: float) -> None:
    """The same deliveries fail in every run, about as many as wished, others with another seed."""
    deliveries = [(event(f"p/{i}"), attempt) for i in range(250) for attempt in (1, 2)]

    def failed(with_seed: int) -> list[bool]:
        rule = Rule(answer=FAIL, fraction=fraction, seed=with_seed)
        return [rule.applies(*delivery) for delivery in deliveries]

    first = failed(seed)
    assert first == failed(seed)
    assert first != failed(seed + 1)
    assert first[::2] != first[1::2]  # the first attempts against the second ones
    assert abs(sum(first) / 500 - fraction) < 0.12  # more than five standard deviations


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": 7}, "status must be a number from 100 to 999, got 7"),
        ({"delay": -1}, "delay must not be negative"),
        ({"framing": "none"}, "framing must be one of"),
        ({"after": "that"}, "after must be one of"),
        ({"fault": "explode"}, "fault must be one of"),
        ({"retryafter": 1}, "Answer has no field 'retryafter'"),
    ],
)
def test_a_wrong_answer_is_refused(fields: dict[str, Any], sentence: str) -> None:
    """What cannot be meant is refused with the field's name."""
    with pytest.raises(ValueError, match=sentence):
        Answer.from_json(fields)


def test_rules_travel_as_json() -> None:
    """A rule is the same after its way to another process; a bare number is a status."""
    rule = Rule(
        answer=Answer(status=503, retry_after="2", informational=(103,), headers={"a": "b"}),
        match={"id": "x"},
        attempts=1,
        fraction=0.5,
        seed=9,
    )
    back = Rule.from_json(rule.to_json())
    assert back.to_json() == rule.to_json()
    assert back.answer.encode() == rule.answer.encode()
    assert Rule.from_json({"answer": 418}).answer == Answer(status=418)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "Rule must be a JSON object, got list"),
        ({"limit": 1}, "must have `answer`"),
        ({"answer": 500, "whenever": 1}, "Rule has no field 'whenever'"),
    ],
)
def test_a_wrong_rule_is_refused(value: Any, sentence: str) -> None:
    """So is a rule."""
    with pytest.raises(ValueError, match=sentence):
        Rule.from_json(value)


def test_a_python_condition_cannot_travel() -> None:
    """A rule with `when` says so instead of losing its condition on the way."""
    with pytest.raises(ValueError, match="use `match`"):
        Rule(answer=FAIL, when=lambda _: True).to_json()
