"""How a person speaks to an adapter that runs: one line of JSON there, one line back.

The place is a unix socket that only its owner may open, in the temporary directory under a name
made of the source's namespace and name. So `skip` finds the adapter with nothing but the manifest,
in a pod by `kubectl exec` as well, and no port is there for others to reach.

    {"do": "list"}                                  {"blocked": [{"id": ..., ...}]}
    {"do": "skip", "id": "...", "origin": "..."}    {"skipped": {...}, "settled": true}
                                                    {"error": "a sentence", "blocked": [...]}

A process that was killed leaves its socket behind; it is replaced, because nobody answers there.
One where somebody answers, and a file that is no socket, are left alone. An adapter delivers
without a socket as well, so whatever stands against it is one warning.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import socket
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, Self, cast

from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.runtime import names

log = logging.getLogger(__name__)

_LONGEST_PATH: Final = 100
"""Bytes; Linux takes 107 in a socket's address, others 103."""
_LONGEST: Final = 64 * 1024
"""Bytes of a request."""
_PATIENCE: Final = 10.0


class Controlled(Protocol):
    """The part of a pipeline that can be controlled."""

    def blocked(self) -> list[dict[str, object]]:
        """Return what is blocked: origin, id, reason, status, since."""

    def skip(self, identity: str, origin: str | None = None) -> bool:
        """Settle the oldest blocked message of this id and origin, if there is one."""


def socket_path(environ: Mapping[str, str], *, namespace: str, name: str) -> Path:
    """Return where the adapter of a source listens."""
    told = environ.get(names.CONTROL)
    if told:
        return Path(told)
    directory = Path(environ.get("TMPDIR") or "/tmp")  # noqa: S108 - only its owner may open it
    path = directory / f"eventing-alibaba.{namespace}.{name}.sock"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:16]
        path = directory / f"eventing-alibaba.{digest}.sock"
    return path


def answer(controlled: Controlled, line: bytes) -> dict[str, object]:
    """Do what a request says and return the answer."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        return {"error": "a request must be one line with a JSON object"}
    blocked = controlled.blocked()
    identity, origin = request.get("id"), request.get("origin")
    match request.get("do"):
        case "list":
            return {"blocked": blocked}
        case "skip" if isinstance(identity, str) and isinstance(origin, str | None):
            return _skip(controlled, blocked, identity, origin)
        case "skip":
            return {"error": "`skip` needs an `id`, and may have an `origin`, both text"}
        case other:
            return {"error": f"`do` must be list or skip; got {json.dumps(other)[:100]}"}


def _skip(
    controlled: Controlled,
    blocked: Sequence[Mapping[str, object]],
    identity: str,
    origin: str | None,
) -> dict[str, object]:
    meant = [b for b in blocked if b["id"] == identity and origin in {None, b["origin"]}]
    origins = sorted({str(b["origin"]) for b in meant})
    if len(origins) > 1:
        return {
            "error": f"{identity} is blocked in {' and '.join(origins)}: say which with --origin",
            "blocked": list(blocked),
        }
    if not meant or not controlled.skip(identity, origin):
        where = f" in {origin}" if origin is not None else ""
        return {"error": f"{identity} is not blocked{where}", "blocked": list(blocked)}
    left = [b for b in controlled.blocked() if (b["id"], b["origin"]) == (identity, origins[0])]
    return {"skipped": dict(meant[0]), "settled": len(left) < len(meant)}


class ControlSocket:
    """The adapter's end; `async with`. Enter it on the event loop that `controlled` belongs to."""

    def __init__(self, path: Path, controlled: Controlled) -> None:
        self._path = path
        self._controlled = controlled
        self._server: asyncio.Server | None = None
        self._inode: tuple[int, int] | None = None

    async def __aenter__(self) -> Self:
        try:
            bound = _bind(self._path)
        except (OSError, ValueError) as error:
            log.warning(
                "`eventing-alibaba skip` cannot reach this process: %s; give another place with %s",
                _why(self._path, error),
                names.CONTROL,
            )
            return self
        self._inode = _inode(self._path)
        self._server = await asyncio.get_running_loop().create_unix_server(self._client, sock=bound)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            if _inode(self._path) == self._inode:  # else it is somebody else's by now
                self._path.unlink(missing_ok=True)

    def _client(self) -> asyncio.Protocol:
        return _Client(lambda line: answer(self._controlled, line))

    def __repr__(self) -> str:
        return f"<ControlSocket {self._path} {'open' if self._server else 'closed'}>"


class _Client(asyncio.Protocol):
    """One request of one connection."""

    def __init__(self, do: Callable[[bytes], dict[str, object]]) -> None:
        self._do = do
        self._read = bytearray()
        self._transport: asyncio.Transport
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._late = asyncio.get_running_loop().call_later(_PATIENCE, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        self._read += data
        line, end, _ = self._read.partition(b"\n")
        if end:
            told = self._do(bytes(line))
        elif len(self._read) > _LONGEST:
            told = {"error": f"a request has at most {_LONGEST} bytes"}
        else:
            return
        self._transport.pause_reading()
        self._transport.write(json.dumps(told).encode() + b"\n")
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._late is not None:
            self._late.cancel()


def ask(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request to the adapter that listens at `path`; return its answer. Blocks.

    Raises Unavailable with a sentence where there is none, or it does not answer.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        found = json.loads(line)
    except TimeoutError:
        raise Unavailable(f"the adapter at {path} does not answer; see its log") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise Unavailable(
            f"no adapter of this source runs here: nobody listens at {path}; ask where it runs"
            f" (in a pod: kubectl exec), with the same {names.CONTROL} if it has one"
        ) from None
    except PermissionError:
        raise Unavailable(f"{path} belongs to another user: ask as the adapter's own") from None
    except (OSError, ValueError) as error:
        raise Unavailable(f"the adapter at {path} cannot be asked: {_why(path, error)}") from error
    if not isinstance(found, dict):
        raise Unavailable(f"what listens at {path} is no adapter")
    return found


def _bind(path: Path) -> socket.socket:
    """Return a socket that is bound to `path`, mode 0600. Raises OSError or ValueError."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is there and no socket")
        if _answers(path):
            raise FileExistsError(f"another process of this source listens at {path}")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX)
    # The mode has to be right from the beginning: what is opened in between stays open.
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    except BaseException:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(_PATIENCE)
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _why(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{path}: {error.strerror}"
    return str(error)
