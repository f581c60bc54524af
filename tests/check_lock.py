"""Does the lock still say what pyproject.toml asks for?

Every direct dependency must be locked, by hash, in a version its requirement allows, and no line
may carry an index's address. That the lock is the newest possible is for `make lock`, not for this
check: it needs no network.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent


def locked(path: Path) -> dict[str, list[Version]]:
    """Return the versions that a requirements file pins, by canonical name."""
    found: dict[str, list[Version]] = {}
    for name, version in re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^ \\;]+)", path.read_text()):
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


def problems() -> Iterator[str]:
    """Yield a sentence for each thing that is wrong."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    core = list(project["project"]["dependencies"])
    # What finds access keys brings a web client and its cryptography: a lock of its own.
    extras = dict(project["project"]["optional-dependencies"])
    ram = core + extras.pop("ram")
    operator = core + extras.pop("operator")  # another process, in another image
    wanted = core + [r for extra in extras.values() for r in extra]
    groups = project["dependency-groups"]
    browser = groups.pop("browser")
    grouped = [r for group in groups.values() for r in group if isinstance(r, str)]
    for name, requirements in (
        ("runtime", wanted),
        ("ram", ram),
        ("operator", operator),
        ("dev", wanted + ram + operator + grouped),
        ("browser", browser),
    ):
        path = ROOT / "requirements" / f"{name}.txt"
        text = path.read_text()
        pins = locked(path)
        if re.search(r"https?://|--(extra-)?index-url|--find-links", text):
            yield f"{path.name} carries an address; make lock writes it without one"
        for pin in re.findall(r"(?m)^\S+==.*\n(?!    --hash)", text):
            yield f"{path.name}: {pin.split()[0]} has no hash; run make lock"
        for requirement in map(Requirement, requirements):
            versions = pins.get(canonicalize_name(requirement.name), [])
            if not any(requirement.specifier.contains(v, prereleases=True) for v in versions):
                yield f"{path.name} does not hold {requirement}; run make lock"


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) or "the lock holds all that pyproject.toml asks for")  # noqa: T201
    sys.exit(bool(found))
