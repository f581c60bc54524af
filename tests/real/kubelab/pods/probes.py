"""Startup, readiness and liveness as the kubelet asks them, over HTTP."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException
from typing import Any


class Probe:
    """One probe of one container that has just started.

    Args:
        spec: the probe as in the pod; None for a probe that always succeeds.
        passing: what holds before the first verdict.
    """

    def __init__(
        self,
        spec: dict[str, Any] | None,
        container: dict[str, Any],
        address: str,
        *,
        passing: bool,
    ) -> None:
        self._spec = spec
        self._container = container
        self._address = address
        self.passing = passing or spec is None
        self._row = 0
        delay = 0 if spec is None else spec.get("initialDelaySeconds", 0)
        self._due = time.monotonic() + delay

    @property
    def exists(self) -> bool:
        """Whether the pod asks for it."""
        return self._spec is not None

    def turn(self) -> None:
        """Ask if it is time to; a verdict needs as many equal answers as the pod says."""
        if self._spec is None or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._spec.get("periodSeconds", 10)
        answer = self._ask(self._spec)
        if answer == self.passing:
            self._row = 0
            return
        self._row += 1
        name, default = ("successThreshold", 1) if answer else ("failureThreshold", 3)
        if self._row >= self._spec.get(name, default):
            self.passing, self._row = answer, 0

    def _ask(self, spec: dict[str, Any]) -> bool:
        get = spec["httpGet"]
        link = HTTPConnection(
            self._address, self._port(get["port"]), timeout=spec.get("timeoutSeconds", 1)
        )
        try:
            link.request("GET", get.get("path", "/"))
            return 200 <= link.getresponse().status < 400
        except (OSError, HTTPException):
            return False
        finally:
            link.close()

    def _port(self, port: int | str) -> int:
        if isinstance(port, int):
            return port
        ports = self._container["ports"]
        return int(next(entry["containerPort"] for entry in ports if entry["name"] == port))
