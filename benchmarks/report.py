"""What a benchmark leaves behind: a table to read and a file to compare with.

A row is the median, column by column, of the runs of one peer in one case. All runs are kept in the
file beside the rows, and so is the machine, because a figure without its machine says nothing.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One run, or the median of several; what a case does not measure is None."""

    peer: str
    case: str
    records: int
    duplicates: int | None = None
    records_per_second: float | None = None
    records_per_second_steady: float | None = None
    cpu_us_per_record: float | None = None
    cpu_us_per_record_steady: float | None = None
    peak_rss_mb: float | None = None
    first_event_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    wrk_rps: float | None = None
    """Posts per second that `wrk` reached on the same sink in the same minute."""


_DECIMALS = {
    "records_per_second": 0,
    "records_per_second_steady": 0,
    "cpu_us_per_record": 1,
    "cpu_us_per_record_steady": 1,
    "peak_rss_mb": 0,
    "first_event_s": 2,
    "p50_ms": 2,
    "p99_ms": 2,
    "wrk_rps": 0,
}
_HEADINGS = {
    "records_per_second": "records/s",
    "records_per_second_steady": "steady",
    "cpu_us_per_record": "CPU us/record",
    "cpu_us_per_record_steady": "steady",
    "peak_rss_mb": "RSS MB",
    "first_event_s": "first s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "wrk_rps": "wrk posts/s",
}


def medians(runs: Sequence[Row]) -> list[Row]:
    """One row per peer and case, in the order in which they first appear."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for run in runs:
        groups.setdefault((run.case, run.peer), []).append(run)
    return [_median(group) for group in groups.values()]


def _median(group: Sequence[Row]) -> Row:
    values: dict[str, Any] = {}
    for column in fields(Row):
        seen = [value for run in group if (value := getattr(run, column.name)) is not None]
        if column.name in {"peer", "case"}:
            values[column.name] = seen[0]
        elif column.name in {"records", "duplicates"}:
            values[column.name] = max(seen, default=None)
        else:
            found = statistics.median(seen) if seen else None
            values[column.name] = found and round(found, _DECIMALS[column.name] + 1)
    return Row(**values)


def table(rows: Sequence[Row]) -> str:
    """The rows as text, in columns."""
    head = ["case", "peer", "records", *_HEADINGS.values()]
    lines = [head]
    for row in rows:
        line = [row.case, row.peer, f"{row.records:,}"]
        for name, decimals in _DECIMALS.items():
            value = getattr(row, name)
            line.append("-" if value is None else f"{value:,.{decimals}f}")
        lines.append(line)
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n < 2 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    info = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count() or 0,
        "kernel": platform.release(),
        "python": sys.version,
    }


def write(
    path: Path, runs: Sequence[Row], *, settings: Mapping[str, Any], failures: Sequence[str]
) -> None:
    """Write everything as JSON; the file replaces an older one when it is complete."""
    content = {
        "header": {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine(),
            "settings": dict(settings),
            "failures": list(failures),
        },
        "rows": [asdict(row) for row in medians(runs)],
        "runs": [asdict(run) for run in runs],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(path)
