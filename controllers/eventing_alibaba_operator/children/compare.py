"""What of what is wanted is not there.

What exists has more: defaults, other managers' fields, the server's own. So what is wanted is
looked for in it. The hash alone would not tell, as it is a field like any other and stays when
somebody changes a replica count; and a memory of generations would be lost with the process, which
then would write everything again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
    "hostAliases": "ip",
}
"""Lists that server-side apply merges by a key, so others' entries may stand between ours."""

_AMOUNT: Final = re.compile(r"\.resources\.(limits|requests)\.")
_QUANTITY: Final = re.compile(r"([0-9.]+)([a-zA-Z]*)")
_UNITS: Final[Mapping[str, Decimal]] = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{unit: Decimal(1000) ** n for n, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** n for n, unit in enumerate("KMGTPE", 1)},
}


def difference(wanted: Any, live: Any, path: str = "") -> str | None:
    """Return the path of the first thing in `wanted` that `live` lacks; None if it has all."""
    if isinstance(wanted, list) and wanted == live:
        return None  # the most part of it, and compared by C
    name = path.rpartition(".")[2]
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return path if wanted or live is not None else None
        for key, value in wanted.items():
            found = difference(value, live.get(key), f"{path}.{key}" if path else key)
            if found is not None:
                return found
        return None
    if isinstance(wanted, list):
        return _in_lists(wanted, live or [], path, _KEYS.get(name))
    if not wanted and live is None:
        return None
    if _AMOUNT.search(path):
        return None if _amount(wanted) == _amount(live) else path
    same = wanted == live and isinstance(wanted, bool) == isinstance(live, bool)
    return None if same else path


def _in_lists(wanted: list[Any], live: list[Any], path: str, key: str | None) -> str | None:
    if key is not None and all(isinstance(item, dict) for item in (*wanted, *live)):
        by_key = {item.get(key): item for item in live}
        pairs = [(item, by_key.get(item.get(key)), str(item.get(key))) for item in wanted]
    elif len(wanted) != len(live):
        return path
    else:
        pairs = [(a, b, str(n)) for n, (a, b) in enumerate(zip(wanted, live, strict=True))]
    for item, there, which in pairs:
        if there is None and item is not None:
            return f"{path}[{which}]"
        found = difference(item, there, f"{path}[{which}]")
        if found is not None:
            return found
    return None


def _amount(value: object) -> object:
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match[2] not in _UNITS:
        return value
    return Decimal(match[1]) * _UNITS[match[2]]
