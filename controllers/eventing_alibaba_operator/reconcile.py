"""What is done for one source, step by step; whoever wakes it, the same steps are gone.

Each step finds out or does one thing and leaves a verdict. A step that cannot go on leaves the rest
to the next time: what runs already is left alone, and the status is told in any case. Errors that
say nothing about the source (the API server is away) are the queue's: it comes again, later.
"""

from __future__ import annotations

import calendar
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba.contract.validation import Invalid, read_tolerantly
from eventing_alibaba_operator import observe, reasons
from eventing_alibaba_operator.apply import Children, NameTakenError
from eventing_alibaba_operator.children import deployment as pods_of
from eventing_alibaba_operator.children.facts import facts
from eventing_alibaba_operator.children.naming import child_name
from eventing_alibaba_operator.children.secrets import secret_names
from eventing_alibaba_operator.children.template import TemplateRefusedError
from eventing_alibaba_operator.children.wish import Address, Wish
from eventing_alibaba_operator.credentials import SecretLookup
from eventing_alibaba_operator.events import Events
from eventing_alibaba_operator.inventory import Inventory, Source
from eventing_alibaba_operator.kinds import Key, Kind
from eventing_alibaba_operator.kube import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Object,
)
from eventing_alibaba_operator.pods import Pods
from eventing_alibaba_operator.rounds import Rounds
from eventing_alibaba_operator.sinks import Sinks, UnresolvedError
from eventing_alibaba_operator.status import (
    BLOCKED,
    CONSUMING,
    CREDENTIALS,
    DEPLOYED,
    REACHABLE,
    READY,
    SINK,
    Findings,
    Verdict,
    condition,
)
from eventing_alibaba_operator.telling import Telling
from eventing_alibaba_operator.trust import TrustBundles
from eventing_alibaba_operator.words import Listener

_LOOK_AGAIN: Final = 30.0
_SOON: Final = 2.0
_NAME_TAKEN: Final = 5.0
"""Seconds after which a name that somebody else has is looked at again; nobody tells of it."""


@dataclass(slots=True)
class Work:
    """One going over a source.

    Attributes:
        wish: what it wants; None until that is known.
        live: its Deployment.
        again: seconds after which to look again; None = only when woken.
    """

    key: Key
    source: Source
    findings: Findings = field(default_factory=Findings)
    wish: Wish | None = None
    live: Object | None = None
    again: float | None = None
    sink: Address | None = None
    dead_letter: Address | None = None

    def look_again(self, seconds: float) -> None:
        """Look again after this time, or earlier."""
        self.again = seconds if self.again is None else min(self.again, seconds)

    def say(self, kind: str, reason: reasons.Reason, fact: str = "") -> None:
        """Leave a verdict."""
        self.findings.verdicts[kind] = Verdict.of(reason, fact)


@dataclass(slots=True)
class Reconciler:
    """The steps and what they need."""

    kinds: dict[str, Kind]
    image: str
    inventory: Inventory
    sinks: Sinks
    secrets: SecretLookup
    children: Children
    pods: Pods
    listener: Listener
    trust: TrustBundles
    events: Events
    rounds: Rounds
    telling: Telling

    async def reconcile(self, key: Key) -> float | None:
        """Go over a source; return the seconds after which to look again. Raises KubeError."""
        source = self.inventory.get(key)
        if source is None or "deletionTimestamp" in source.body["metadata"]:
            self._forget(key)
            return None
        work = Work(key, source)
        steps: tuple[Callable[[Work], Awaitable[bool]], ...] = (
            self._validate,
            self._resolve,
            self._credentials,
            self._children,
        )
        for step in steps:
            if not await step(work):
                break
        await self._observe(work)
        again = await self.telling.tell(key, source, work.findings)
        if self.inventory.get(key) is None:  # its status could not be written, as it is gone
            self._forget(key)
            return None
        if again is not None:
            work.look_again(again)
        return work.again

    def _forget(self, key: Key) -> None:
        self.sinks.forget(key)
        self.rounds.forget(key)
        self.telling.forget(key)

    async def _validate(self, work: Work) -> bool:
        source = work.source
        if source.checked != source.generation:
            model = self.kinds[work.key.kind].spec
            try:
                source.spec, _ = read_tolerantly(model, source.body.get("spec") or {})
                source.problem = None
            except Invalid as error:
                source.spec, source.problem = None, "; ".join(error.problems)
            source.checked = source.generation
        if source.problem is not None:
            work.findings.invalid = Verdict.of(reasons.INVALID_SPEC, source.problem)
            return False
        return True

    async def _resolve(self, work: Work) -> bool:
        spec = work.source.spec
        assert spec is not None
        self.sinks.forget(work.key)
        dead_letter = spec.delivery.dead_letter_sink
        try:
            if spec.sink is None:
                work.say(SINK, reasons.SINK_NOT_FOUND, "spec.sink is not given")
                return False
            work.sink = await self.sinks.resolve(work.key, spec.sink, "spec.sink")
            if dead_letter is not None and (dead_letter.ref or dead_letter.uri):
                work.dead_letter = await self.sinks.resolve(
                    work.key, dead_letter, "spec.delivery.deadLetterSink"
                )
        except UnresolvedError as error:
            work.findings.verdicts[SINK] = error.verdict
            work.look_again(_LOOK_AGAIN)
        except TimeoutError:
            work.say(SINK, reasons.SINK_LOOKED_UP, "the API server takes long to list its kind")
            work.look_again(_SOON)
        else:
            work.say(SINK, reasons.SINK_PROVIDED)
        return self._wish(work, spec)

    def _wish(self, work: Work, spec: SourceSpec) -> bool:
        """Say what is wanted, with the addresses of before where there are no others.

        So a source is paused, scaled and changed also while its sink is not to be found, and its
        adapters go on sending to where they did. False where no address was ever known.
        """
        before, dead_letter = work.source.status, spec.delivery.dead_letter_sink
        sink = work.sink or _known(before, "sink")
        buried = work.dead_letter
        if dead_letter is not None and (dead_letter.ref or dead_letter.uri) and buried is None:
            buried = _known(before, "deadLetterSink")
            if buried is None:
                return False
        if sink is None:
            return False
        work.wish = Wish(
            key=work.key,
            uid=work.source.uid,
            spec=spec,
            raw=work.source.body["spec"],
            sink=sink,
            dead_letter=buried,
            image=self.image,
        )
        return True

    async def _credentials(self, work: Work) -> bool:
        before = work.source.status
        known = condition(before, CREDENTIALS).get("status") == "True"
        same = before.get("observedGeneration") == work.source.generation
        if known and same and condition(before, READY).get("status") == "True":
            work.say(CREDENTIALS, reasons.CREDENTIALS_PROVIDED)
            return True
        listed = secret_names(work.source.body["spec"])
        verdict = await self.secrets.provided(work.key.namespace, listed)
        work.findings.verdicts[CREDENTIALS] = verdict
        if verdict.reason is reasons.SECRET_NOT_FOUND:
            # The adapter is started all the same: it takes the Secret up when it is there.
            work.look_again(_LOOK_AGAIN / 3)
        return True

    async def _children(self, work: Work) -> bool:
        wish = work.wish
        assert wish is not None
        before = condition(work.source.status, DEPLOYED).get("reason")
        taken = before == reasons.NAME_TAKEN.name
        try:
            deployment = pods_of.deployment(wish)
            await self.trust.ensure(work.key.namespace)
            account = pods_of.account(wish)
            if account is not None:
                made = await self.children.ensure(account, taken=taken)
                if made.again is not None:
                    work.look_again(made.again)
            outcome = await self.children.ensure(deployment, taken=taken)
        except TemplateRefusedError as error:
            work.say(DEPLOYED, reasons.TEMPLATE_REFUSED, str(error))
            return False
        except NameTakenError as error:
            work.say(DEPLOYED, reasons.NAME_TAKEN, str(error))
            work.look_again(_NAME_TAKEN)
            return False
        except (InvalidError, ForbiddenError, NotFoundError) as error:
            work.say(DEPLOYED, reasons.CHILD_REFUSED, str(error))
            work.look_again(_LOOK_AGAIN)
            return False
        work.live = outcome.live
        if outcome.again is not None:
            work.look_again(outcome.again)
        if outcome.created:
            self.events.tell(
                work.key,
                work.source.uid,
                reason="AdapterDeploymentCreated",
                message=f"created the Deployment {deployment['metadata']['name']}",
            )
        return True

    async def _observe(self, work: Work) -> None:
        key, findings = work.key, work.findings
        name = child_name(key)
        if work.live is None:
            work.live = self.children.find("Deployment", key.namespace, name, work.source.uid)
        findings.facts = facts(
            key, work.source.spec, work.wish, work.live, before=work.source.status
        )
        if work.live is None:
            self.rounds.forget(key)
            return
        verdict = observe.deployed(work.live)
        replicas = work.live["spec"].get("replicas", 1)
        findings.verdicts.setdefault(DEPLOYED, verdict)
        if replicas == 0:
            paused = work.source.spec is not None and work.source.spec.paused
            reason = reasons.PAUSED if paused else reasons.SCALED_TO_ZERO
            why = "spec.paused is true" if paused else "spec.consumers is 0"
            fact = f"{why}: nothing is received, and messages wait in their broker"
            findings.resting = Verdict.of(reason, fact)
            work.say(CONSUMING, reasons.NOT_CONSUMING, fact)
            self.rounds.forget(key)
            return
        pods = self.pods.of(key.namespace, name)
        told = await self.listener.consuming(pods)
        findings.verdicts[CONSUMING] = told.verdict
        known = self.rounds.of(key, pods, told)
        if known.version is not None:
            findings.facts["adapterVersion"] = known.version
        # Until they were asked, what a status says of them may well be so still.
        sink = known.sink if known.asked else Verdict.before(work.source.status, REACHABLE)
        blocked = known.blocked if known.asked else Verdict.before(work.source.status, BLOCKED)
        for kind, one in ((REACHABLE, sink), (BLOCKED, blocked)):
            if one is not None:
                findings.verdicts[kind] = one
        if told.verdict.reason.state != "True":
            work.look_again(min(max(_SOON, _age(pods)), _LOOK_AGAIN))
        elif findings.verdicts[DEPLOYED].reason is reasons.ROLLING_OUT:
            await self._newest(work)

    async def _newest(self, work: Work) -> None:
        """While old adapters work and new ones do not get ready, say what the new ones say."""
        newest = max(
            self.pods.of(work.key.namespace, child_name(work.key)),
            key=lambda pod: pod.started,
            default=None,
        )
        if newest is None or newest.ready or newest.ending:
            return
        told = await self.listener.consuming([newest])
        if told.verdict.reason.state == "False":
            said = told.verdict.message.removesuffix(told.verdict.reason.link).strip()
            work.say(DEPLOYED, reasons.ROLLING_OUT, f"{said} The adapters of before go on.")
        work.look_again(min(max(_SOON, _age([newest])), _LOOK_AGAIN))


def _known(status: Mapping[str, Any], sink: str) -> Address | None:
    """Return an address as a status has it."""
    uri = status.get(f"{sink}Uri")
    if uri is None:
        return None
    return Address(uri, status.get(f"{sink}CACerts"), status.get(f"{sink}Audience"))


def _age(pods: Any) -> float:
    """Return the seconds since the newest pod was created; without pods there is none to ask."""
    newest = max((pod.started for pod in pods if not pod.ending), default=None)
    if newest is None:
        return math.inf
    return time.time() - calendar.timegm(time.strptime(newest, "%Y-%m-%dT%H:%M:%SZ"))
