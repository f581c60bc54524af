"""The flags of `check`, and the order of its questions: manifest, broker, sink.

The exit code says what `run` would do: 78 where it would give up at once, because only another
manifest helps; 1 where it would start, be not ready, and try again for ever; 0 where it would
deliver.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from eventing_alibaba.cli.check.report import Finding, JsonReport, Report, TextReport
from eventing_alibaba.cli.check.sink import sinks
from eventing_alibaba.cli.main import MISCONFIGURED, UNAVAILABLE
from eventing_alibaba.cli.text import add_file, add_secrets
from eventing_alibaba.contract.check import Step
from eventing_alibaba.contract.errors import Misconfigured, SourceError
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.runtime import kinds, names
from eventing_alibaba.runtime.environment import Settings, settings
from eventing_alibaba.runtime.subject import subject

_EXAMPLES: Final = """\
examples:
  eventing-alibaba check -f source.yaml
      ask the broker and the service whether this would run, and name what stands in the way
  eventing-alibaba check -f source.yaml --json | jq '.steps[] | select(.ok | not)'
      the same for programs
  kubectl exec deploy/orders -- eventing-alibaba check
      in a pod: the source object is in K_SOURCE_CONFIG, the sink in K_SINK

An adapter may be running meanwhile and notices nothing: no group is joined, no offset is moved, no
message is taken. The service is sent one OPTIONS request without a body, which is no event.

exit codes: 0 would deliver; 1 would start and try again until it is mended; 78 would give up
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `check`."""
    parser.epilog = _EXAMPLES
    add_file(parser)
    add_secrets(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document when all is asked"
    )


def execute(given: argparse.Namespace) -> int:
    """Ask, print, and return the exit code."""
    # A client's own words would stand before the sentence that says the same better.
    logging.getLogger("eventing_alibaba").addHandler(logging.NullHandler())
    return asyncio.run(_check(given, JsonReport() if given.json else TextReport()))


async def _check(given: argparse.Namespace, report: Report) -> int:
    chosen: list[Settings] = []

    async def manifest() -> str:
        chosen.append(_settings(given))
        return _described(chosen[0])

    failures = [await _ask(Step("manifest", manifest), report)]
    if chosen:
        for warning in chosen[0].warnings:
            report.note(warning)
        async with aclosing(_steps(chosen[0])) as steps:
            async for step in steps:
                failures.append(await _ask(step, report))  # noqa: PERF401 - one after the other
    found = [failure for failure in failures if failure is not None]
    code = 0 if not found else UNAVAILABLE
    if any(isinstance(failure, Misconfigured) for failure in found):
        code = MISCONFIGURED
    report.end(code)
    return code


async def _ask(step: Step, report: Report) -> SourceError | None:
    """Ask one question and report the answer; return what is wrong."""
    report.begin(step.name)
    begun = time.perf_counter()
    detail, failure = "", None
    try:
        detail = await step.ask()
    except SourceError as error:
        failure = error
    report.step(Finding(step.name, time.perf_counter() - begun, detail, failure))
    return failure


async def _steps(chosen: Settings) -> AsyncGenerator[Step, None]:
    check: Callable[[Context], AsyncGenerator[Step, None]] | None = getattr(
        chosen.spec, "check", None
    )
    if check is None:
        yield Step("broker", _answered(f"sources of kind {chosen.kind} cannot ask theirs"))
    else:
        try:
            steps = check(chosen.context(lambda _name, _amount: None))
        except ImportError as error:
            yield Step("broker", _failed(_missing(chosen, error)))
        else:
            async with aclosing(steps):
                async for step in steps:
                    yield step
    async for step in sinks(chosen):
        yield step


def _settings(given: argparse.Namespace) -> Settings:
    if given.file is None and not os.environ.get(names.SOURCE_CONFIG):
        subject(os.environ, command="check")  # says what to give
    return settings(os.environ, file=given.file, secrets=given.secrets)


def _described(chosen: Settings) -> str:
    spec = chosen.spec
    said = [f"{chosen.kind} {chosen.namespace}/{chosen.name}"]
    if spec.filters:
        said.append(f"{len(spec.filters)} filter{'' if len(spec.filters) == 1 else 's'}")
    if spec.paused:
        said.append("paused: it would receive nothing")
    return ", ".join(said)


def _missing(chosen: Settings, error: ImportError) -> SourceError:
    return Misconfigured(kinds.missing(chosen.kind, error), reason="MissingDependency")


def _answered(detail: str) -> Callable[[], Awaitable[str]]:
    async def ask() -> str:
        return detail

    return ask


def _failed(error: SourceError) -> Callable[[], Awaitable[str]]:
    async def ask() -> str:
        raise error

    return ask
