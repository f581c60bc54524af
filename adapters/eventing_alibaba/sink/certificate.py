"""The client certificate of `sinkAuth`, from secrets to where OpenSSL can read it.

OpenSSL reads a certificate and its key from a file and from nowhere else, while a secret may come
from a Secret, a variable or a manifest. So both are written, as one PEM text, into a file that
exists in memory only and has no name that another process could open (`memfd_create`); where a
platform has none, into a file that only its owner may read, and that is removed in the end. The
TLS layer looks at that file's time and size before each new connection, as at any other, and so
follows a rotation without being told.

What does not fit together never gets into that file: the pair in use stays, and the reason is
reported once.
"""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from eventing_alibaba.contract.sinkauth import ClientCertificate
from eventing_alibaba.contract.spec import Credentials
from eventing_alibaba.sink.auth import FIELD, secret
from eventing_alibaba.sink.identity import Headers, NoProofError

log = logging.getLogger(__name__)

_NAME: Final = "sink-client-certificate"


class SecretCertificate:
    """A `Proof` that is shown in the TLS handshake.

    Attributes:
        path: the file for the TLS layer; it holds certificate and key from the first successful
            `headers` on.
    """

    def __init__(
        self,
        wanted: ClientCertificate,
        credentials: Credentials,
        *,
        report: Callable[[str], None] = log.warning,
    ) -> None:
        self._wanted = wanted
        self._credentials = credentials
        self._report = report
        self._reported = ""
        self._pem = ""
        self._file = _PrivateFile()
        self.path = self._file.path

    def headers(self) -> Headers:
        """See `Proof`."""
        try:
            pem = self._read()
            if pem != self._pem:
                _check(pem)
                self._file.write(pem)
                self._pem = pem
        except NoProofError as error:
            if not self._pem:
                raise
            if str(error) != self._reported:
                self._reported = str(error)
                self._report(f"the client certificate for the sink stays as it was: {error}")
        else:
            self._reported = ""
        return ()

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _read(self) -> str:
        wanted = self._wanted
        cert = secret(self._credentials, wanted.cert, "clientCertificate.cert")
        key = secret(self._credentials, wanted.key, "clientCertificate.key")
        return f"{cert}\n{key}\n"

    def __repr__(self) -> str:
        return f"<SecretCertificate {'read' if self._pem else 'not read yet'}>"


def _check(pem: str) -> None:
    """Let OpenSSL read a pair, in a context that nobody uses. Raises NoProofError."""
    where = f"{FIELD}.clientCertificate"

    def password() -> str:
        raise NoProofError(
            f"{where}.key: is encrypted; give one that is not, the Secret protects it"
        )

    trial = _PrivateFile()
    try:
        trial.write(pem)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(trial.path, None, password)
    except ssl.SSLError as error:
        why = (
            "`cert` and `key` do not belong together"
            if "MISMATCH" in str(error)
            else "`cert` and `key` are not both valid PEM (BEGIN CERTIFICATE, BEGIN ... KEY)"
        )
        raise NoProofError(f"{where}: {why}") from None
    finally:
        trial.close()


class _PrivateFile:
    """A file for this process alone; in memory where the platform can."""

    def __init__(self) -> None:
        self._named = False
        if hasattr(os, "memfd_create"):
            with suppress(OSError):  # a sandbox may forbid it
                self._file = os.memfd_create(_NAME)
                self.path = f"/proc/self/fd/{self._file}"
                return
        self._file, self.path = tempfile.mkstemp(prefix=_NAME)
        self._named = True

    def write(self, text: str) -> None:
        """Replace what is in it."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text.encode(), 0)

    def close(self) -> None:
        """Remove it. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            if self._named:
                with suppress(FileNotFoundError):
                    Path(self.path).unlink()
