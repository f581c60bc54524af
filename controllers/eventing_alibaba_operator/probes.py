"""The operator's own health and metrics, on two ports."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web

from eventing_alibaba.contract.errors import Unavailable

log = logging.getLogger(__name__)


class Page:
    """One page on one port, from `start` to `stop`; `port` 0 takes a free one."""

    def __init__(self, path: str, port: int, text: Callable[[], tuple[int, bytes]]) -> None:
        self._path = path
        self._text = text
        self._runner: web.AppRunner | None = None
        self.port = port

    async def start(self) -> None:
        """Serve. Raises Unavailable with a sentence when the port cannot be had."""
        app = web.Application()
        app.router.add_get(self._path, self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, None, self.port, shutdown_timeout=1.0)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(
                f"port {self.port} for {self._path} cannot be had: {error.strerror or error};"
                " choose another (0: any)",
                reason="PortUnavailable",
            ) from error
        # A free port is another one for each family, in no order: told is that of IPv4 where it is.
        told = {":" in address[0]: address[1] for address in self._runner.addresses}
        self.port = told.get(False) or told[True]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        status, text = self._text()
        return web.Response(status=status, body=text, content_type="text/plain", charset="utf-8")
