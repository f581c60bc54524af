"""Requests to the API server: what is asked, how long it may take, and what went wrong as types.

Reads are repeated here, twice and soon, since they change nothing. Whatever changes something is
sent once: whether it is wanted still is for the queue to decide, which comes back to it.

Objects are created by server-side apply, too. With `POST`, the fields would belong to the creation
for ever, and those that a later apply leaves out would stay. An object that must not be there yet
is applied with a resource version that nothing ever has: a server that finds an object of the name,
whoever's it is, answers 409 and touches nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import aiohttp
import orjson

from eventing_alibaba_operator.login import Cluster

Object: TypeAlias = dict[str, Any]

_TIMEOUT: Final = 15.0
_CONNECT: Final = 5.0
_SILENCE: Final = 90.0
"""Seconds without a byte after which a watch is dead; bookmarks come every minute."""
_RETRIES: Final = (0.1, 0.5)
_NEVER: Final = "1"
"""A resource version older than any object: the store's own first entry has it."""
_METADATA: Final = "application/json;as={};g=meta.k8s.io;v=v1"
_APPLY: Final = "application/apply-patch+yaml"
_MOST_LINE: Final = 16 * 1024 * 1024


class KubeError(Exception):
    """The API server refused, or could not be asked. The text is its sentence.

    Attributes:
        code: HTTP status; 0 = there was no answer.
        reason: Kubernetes' word, such as `AlreadyExists`.
        delay: seconds after which it wants to be asked again; None = it does not say.
    """

    def __init__(
        self, message: str, *, code: int = 0, reason: str = "", delay: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.delay = delay


class UnreachableError(KubeError):
    """No answer, a 5xx, or an answer that is none: ask again."""


class TooManyRequestsError(KubeError):
    """429: ask again later."""


class UnauthorizedError(KubeError):
    """401: the token is not accepted; it is read again."""


class ForbiddenError(KubeError):
    """403: a rule is missing."""


class NotFoundError(KubeError):
    """404."""


class ConflictError(KubeError):
    """409: it is there already, or is not what was expected."""


class GoneError(KubeError):
    """410: the watch is too old; list again."""


class InvalidError(KubeError):
    """Any other 4xx: it will never be accepted as it is."""


# An apply of a field that the API server does not know, or of two entries with one key, is a user's
# mistake, and answered as a fault of the server's.
_NOT_TYPED: Final = ("failed to create typed patch object", "duplicate entries for key")
_TYPES: Final[Mapping[int, type[KubeError]]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    429: TooManyRequestsError,
}


class Kube:
    """A client of one API server, used as an async context manager.

    Attributes:
        requests: how many were sent, by verb; for the metrics.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.requests: dict[str, int] = {}
        self._tls = cluster.tls()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=64, ssl=self._tls if self._tls is not None else True
            ),
            json_serialize=lambda value: orjson.dumps(value).decode(),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def __repr__(self) -> str:
        return f"<Kube {self.cluster.server}>"

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, metadata: bool = False
    ) -> Object:
        """Return the object or list at `path`, or its metadata alone. Raises KubeError.

        A list is what is asked for with a `limit`.
        """
        shape = (
            "PartialObjectMetadataList" if "limit" in (params or {}) else "PartialObjectMetadata"
        )
        accept = _METADATA.format(shape) if metadata else "application/json"
        for pause in (*_RETRIES, None):
            try:
                return await self._send("GET", path, params=params, headers={"Accept": accept})
            except (UnreachableError, UnauthorizedError):
                if pause is None:
                    raise
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - only spreads
        raise AssertionError

    async def apply(self, path: str, body: Object, *, manager: str, create: bool = False) -> Object:
        """Make what is at `path` have the fields of `body`, which then are `manager`'s.

        With `create` nothing may be there yet, else ConflictError. Without, a `metadata.uid` in the
        body must be that of what is there. Raises KubeError.
        """
        if create:
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": _NEVER}}
        return await self._send(
            "PATCH",
            path,
            params={"fieldManager": manager, "force": "true"},
            headers={"Content-Type": _APPLY},
            data=orjson.dumps(body),
        )

    async def find(self, path: str, *, metadata: bool = False) -> Object | None:
        """Return what is at `path`, by the right to list; None if nothing is. Raises KubeError."""
        collection, _, name = path.rpartition("/")
        page = await self.get(
            collection, {"fieldSelector": f"metadata.name={name}"}, metadata=metadata
        )
        there = page["items"] or ()  # an empty list of metadata is null
        return next((item for item in there if item["metadata"]["name"] == name), None)

    async def create(self, path: str, body: Object) -> Object:
        """POST an object into a collection. Raises KubeError."""
        return await self._send(
            "POST",
            path,
            headers={"Content-Type": "application/json"},
            data=orjson.dumps(body),
        )

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Object]:
        """Yield events until the server ends the stream. Raises KubeError."""
        assert self._session is not None
        self._count("WATCH")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE)
        wanted = {**params, "watch": "true", "allowWatchBookmarks": "true"}
        try:
            async with self._session.get(
                self.cluster.server + path,
                params=wanted,
                headers=self._headers({}),
                timeout=timeout,
            ) as answer:
                if answer.status != 200:
                    raise self._refusal(answer.status, await answer.read(), answer.headers)
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        if line:
                            yield orjson.loads(line)
                    if len(rest) > _MOST_LINE:
                        raise UnreachableError("an event of the watch has no end")
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as error:
            raise UnreachableError(f"the watch of {path} broke: {_why(error)}") from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str],
        data: bytes | None = None,
    ) -> Object:
        assert self._session is not None
        self._count(method)
        try:
            async with self._session.request(
                method,
                self.cluster.server + path,
                params=params,
                headers=self._headers(headers),
                data=data,
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT, sock_connect=_CONNECT),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                if 200 <= answer.status < 300:
                    value: Object = orjson.loads(body)
                    return value
                raise self._refusal(answer.status, body, answer.headers)
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as error:
            raise UnreachableError(
                f"the API server cannot be asked ({method} {path}): {_why(error)}"
            ) from error

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        token = self.cluster.token()
        return {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def _count(self, verb: str) -> None:
        self.requests[verb] = self.requests.get(verb, 0) + 1

    def _refusal(self, code: int, body: bytes, headers: Mapping[str, str]) -> KubeError:
        if code == 401:
            self.cluster.renew()
        try:
            status = orjson.loads(body)
            message, reason = str(status.get("message", "")), str(status.get("reason", ""))
        except (orjson.JSONDecodeError, AttributeError):
            message, reason = body[:200].decode(errors="replace"), ""
        delay = headers.get("Retry-After", "")
        kind = _TYPES.get(code, InvalidError if 400 <= code < 500 else UnreachableError)
        if code == 500 and any(words in message for words in _NOT_TYPED):
            kind = InvalidError
        return kind(
            message or f"the API server answered {code}",
            code=code,
            reason=reason,
            delay=float(delay) if delay.isdigit() else None,
        )


def newer(one: Object, other: Object) -> bool:
    """Whether `one` is the later state of the same object; versions grow (KEP-5504)."""
    try:
        return int(one["metadata"]["resourceVersion"]) > int(other["metadata"]["resourceVersion"])
    except (KeyError, ValueError):
        return True


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__


def now() -> str:
    """Return the time as the API server writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
