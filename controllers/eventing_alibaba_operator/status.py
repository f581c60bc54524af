"""What is known of a source, as its status; pure.

`Ready` is made of the others: the first that is False, in the order of their list, else the first
that is not True where it must be. `SinkReachable` takes no part in it: a service may be away while
the source is as it should be, and nothing is lost meanwhile. Nor does `Blocked`, which is there
while an event holds up its partition or key, since all others go on. To kstatus (Flux, Helm)
`Ready=False` means "in progress", so what waiting does not cure is told by `Stalled`, and what it
may cure by `Reconciling`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.reasons import Reason

SINK: Final = "SinkProvided"
CREDENTIALS: Final = "CredentialsProvided"
DEPLOYED: Final = "Deployed"
CONSUMING: Final = "Consuming"
REACHABLE: Final = "SinkReachable"
BLOCKED: Final = "Blocked"
READY: Final = "Ready"
STALLED: Final = "Stalled"
RECONCILING: Final = "Reconciling"

_MUST_BE_TRUE: Final = (SINK, DEPLOYED)
_ORDER: Final = (SINK, CREDENTIALS, CONSUMING, DEPLOYED)
_INFORMATIVE: Final = (REACHABLE, BLOCKED)

Condition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition before it has a time.

    Attributes:
        reason: why.
        message: all of it, advice and link too.
        name: a reason's name that is the adapter's own.
    """

    reason: Reason
    message: str = ""
    name: str | None = None

    @classmethod
    def of(cls, reason: Reason, fact: str = "", *, name: str | None = None) -> Verdict:
        """Make one of a reason and what is special about this case."""
        return cls(reason, reason.says(fact), name)

    @classmethod
    def before(cls, status: Mapping[str, Any], kind: str) -> Verdict | None:
        """Return a condition as a status has it; None if it has none, or one of an unknown reason.

        An adapter's own reason is unknown in this sense.
        """
        known = condition(status, kind)
        reason = next((one for one in reasons.ALL if one.name == known.get("reason")), None)
        return None if reason is None else cls(reason, known.get("message", ""))

    @property
    def word(self) -> str:
        """The reason's name."""
        return self.name or self.reason.name


@dataclass(slots=True)
class Findings:
    """All that the steps of a reconcile have found.

    Attributes:
        verdicts: by type of condition.
        facts: fields of the status besides conditions; None = absent.
        invalid: why the spec cannot be used at all.
    """

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    invalid: Verdict | None = None
    resting: Verdict | None = None


def status(
    findings: Findings, *, generation: int, before: Mapping[str, Any], now: str
) -> dict[str, Any]:
    """Return the whole status. A condition's time is kept from `before` while its state is."""
    ready = _ready(findings)
    conditions = [_condition(READY, ready)]
    conditions += [
        _condition(kind, findings.verdicts[kind])
        for kind in (*_ORDER, *_INFORMATIVE)
        if kind in findings.verdicts
    ]
    if ready.reason.state != "True":
        final = ready.reason.final
        kind = STALLED if final else RECONCILING
        conditions.append(
            {"type": kind, "status": "True", "reason": ready.word, "message": ready.message}
        )
    known = {one.get("type"): one for one in before.get("conditions", ())}
    for one in conditions:
        old = known.get(one["type"], {})
        same = old.get("status") == one["status"]
        one["lastTransitionTime"] = old.get("lastTransitionTime", now) if same else now
    told = {name: value for name, value in findings.facts.items() if value not in (None, "", [])}
    return {"observedGeneration": generation, "conditions": conditions, **told}


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return a condition of a status; an empty mapping if it has none."""
    found: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    return next((one for one in found if one.get("type") == kind), {})


def _ready(findings: Findings) -> Verdict:
    if findings.invalid is not None:
        return findings.invalid
    verdicts = findings.verdicts
    there = [verdicts[kind] for kind in _ORDER if kind in verdicts]
    for verdict in there:
        if verdict.reason.state == "False":
            return verdict
    if findings.resting is not None and _all_true(verdicts):
        return findings.resting
    for kind in _MUST_BE_TRUE:
        verdict = verdicts.get(kind, Verdict.of(reasons.NOT_DEPLOYED))
        if verdict.reason.state != "True":
            return verdict
    return Verdict.of(reasons.READY)


def _all_true(verdicts: Mapping[str, Verdict]) -> bool:
    return all(kind in verdicts and verdicts[kind].reason.state == "True" for kind in _MUST_BE_TRUE)


def _condition(kind: str, verdict: Verdict) -> Condition:
    made = {"type": kind, "status": verdict.reason.state, "reason": verdict.word}
    if verdict.message:
        made["message"] = verdict.message
    if kind in _INFORMATIVE and verdict.reason.state == "False":
        made["severity"] = "Info"
    return made
