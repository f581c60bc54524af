"""The kinds of sources that are installed, found by entry point and by nothing else.

A package says `Kind = "module:SpecClass"` in the group `eventing_alibaba.sources`; ours does so for
its own. Listing the kinds imports none of them. A kind whose broker client is not installed is
still a kind: what is missing is said as the extra that brings it, looked up in the metadata of the
package that declares the kind.
"""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.problems import nearest
from eventing_alibaba.contract.spec import SourceSpec

GROUP: Final = "eventing_alibaba.sources"

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA: Final = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def installed() -> list[str]:
    """Return the names of the kinds, sorted."""
    return sorted(entry_points(group=GROUP).names)


def spec_of(kind: str) -> type[SourceSpec]:
    """Return the model of a kind's spec.

    Raises Misconfigured with a sentence: the kind is not installed, is declared by two packages, is
    broken, or misses a module (then it says which extra to install).
    """
    entry = _entry(kind)
    try:
        found = entry.load()
    except ImportError as error:
        raise Misconfigured(missing(kind, error), reason="MissingDependency") from error
    except AttributeError as error:
        raise Misconfigured(f"kind {kind} is broken: {error}", reason="BrokenKind") from error
    if not (isinstance(found, type) and issubclass(found, SourceSpec)):
        raise Misconfigured(f"kind {kind} is broken: {entry.value} is no SourceSpec")
    return found


def missing(kind: str, error: ImportError) -> str:
    """Return the sentence for a module that a kind needs and that cannot be imported."""
    module = (error.name or "").partition(".")[0]
    if not module:
        return f"kind {kind} cannot be loaded: {error}"
    entry = _entry(kind)
    package = entry.dist.name if entry.dist else ""
    for requirement in (entry.dist.requires or ()) if entry.dist else ():
        name, extra = _REQUIREMENT.match(requirement), _EXTRA.search(requirement)
        if name and extra and _brings(name[1], module):
            return (
                f"kind {kind} needs {name[1]}, which is not installed: "
                f"pip install '{package}[{extra[1]}]'"
            )
    return f"kind {kind} needs the Python module `{module}`, which cannot be imported: {error}"


def _entry(kind: str) -> EntryPoint:
    found = {entry.value: entry for entry in entry_points(group=GROUP, name=kind)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise Misconfigured(
            f"kind {kind} is declared by more than one package ({', '.join(sorted(found))}): "
            "uninstall all but one",
            reason="AmbiguousKind",
        )
    kinds = installed()
    meant = nearest(kind, kinds)
    hint = f"did you mean {meant}?" if meant else f"installed are {', '.join(kinds) or 'none'}"
    raise Misconfigured(f"kind {kind} is not installed; {hint}", reason="UnknownKind")


def _brings(requirement: str, module: str) -> bool:
    """Whether a distribution of this name would bring the module (`grpcio` brings `grpc`)."""
    distribution = re.sub(r"[-_.]+", "_", requirement).lower()
    return distribution.startswith(module.lower())
