"""The remote control of emulators and sinks: JSON over HTTP on a port of its own.

A process that is being tested must be breakable from outside, also while the port under test
refuses, hangs or lies; so the control never shares that port. It is HTTP because `curl` is then
enough to break something by hand. One request body is one JSON object, one answer is one JSON
value; what the caller did wrong comes back as 400 and a sentence in `error`.

Only what this needs of HTTP is here: `Content-Length` bodies, one request after the other. The
listener binds to the loopback address unless told otherwise, because it has no access control.
"""

from __future__ import annotations

import asyncio
import http.client
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

Handler: TypeAlias = Callable[[dict[str, Any]], Any | Awaitable[Any]]
"""Gets the JSON object of the body (query parameters merged in); returns what is answered."""

_MAX_BODY: Final = 64 * 1024 * 1024


class AdminError(RuntimeError):
    """The other side refused a command; the text is its sentence."""


class AdminServer:
    """Serves `routes`, a table from "METHOD /path" to a handler.

    A handler raises ValueError for what the caller did wrong (answered 400) and LookupError for
    what does not exist (404).
    """

    def __init__(self, routes: Mapping[str, Handler]) -> None:
        self._routes = dict(routes)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; return the URL. Raises OSError where the address cannot be bound."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.url = f"http://{host}:{self._server.sockets[0].getsockname()[1]}"
        return self.url

    async def close(self) -> None:
        """Stop listening and end open connections."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # The caller left, or speaks no HTTP: nothing is owed.
        except asyncio.CancelledError:
            pass  # close() ends it; streams would log the cancellation as a failure.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = head[0].partition(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > _MAX_BODY:
            status, result = 411, {"error": "send a body with Content-Length, at most 64 MiB"}
            keep = False
        else:
            body = await reader.readexactly(int(length))
            status, result = await self._answer(method, rest.partition(" ")[0], body)
            keep = headers.get("connection", "").lower() != "close"
        payload = orjson.dumps(result, option=orjson.OPT_APPEND_NEWLINE)
        writer.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"
            % (
                status,
                http.client.responses[status].encode(),
                len(payload),
                b"" if keep else b"Connection: close\r\n",
                payload,
            )
        )
        await writer.drain()
        return keep

    async def _answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        handler = self._routes.get(f"{method} {parts.path}")
        if handler is None:
            known = ", ".join(self._routes)
            return 404, {"error": f"no route {method} {parts.path}; there are {known}"}
        try:
            result = handler({**dict(parse_qsl(parts.query)), **_object(body)})
            if inspect.isawaitable(result):
                result = await result
        except LookupError as error:
            return 404, {"error": str(error.args[0] if error.args else error)}
        except TimeoutError as error:
            return 504, {"error": str(error) or "timed out"}
        except (ValueError, RuntimeError) as error:
            return 400, {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - one bad command must not end the control
            return 500, {"error": f"{type(error).__name__}: {error}"}
        return 200, {} if result is None else result


def _object(body: bytes) -> dict[str, Any]:
    value = orjson.loads(body) if body.strip() else {}
    if not isinstance(value, dict):
        msg = f"the body must be one JSON object, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - what the caller sent is wrong, not our code
    return value


class AdminClient:
    """Calls an `AdminServer`, blocking; cheap to make, one connection a call."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80

    def call(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float = 10.0,
    ) -> Any:
        """Return the JSON value that is answered.

        Raises AdminError with the other side's sentence when it refuses, TimeoutError when it
        says that waiting was in vain, OSError when it is gone.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        try:
            if method == "GET":
                body = None
                path = f"{path}?{urlencode(arguments)}" if arguments else path
            else:
                body = orjson.dumps(dict(arguments or {}))
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            result = orjson.loads(response.read())
        finally:
            connection.close()
        if response.status == 504:
            raise TimeoutError(result["error"])
        if response.status != 200:
            raise AdminError(f"{method} {path}: {result['error']}")
        return result

    def __repr__(self) -> str:
        return f"<AdminClient {self.url}>"
