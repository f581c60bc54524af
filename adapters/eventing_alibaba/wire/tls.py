"""TLS: whom to believe, who we are, and contexts that follow their files.

Certificates are rotated under a running process: Kubernetes swaps the files of a mounted secret,
cert-manager renews daily. So before a new connection, at most once a second, the files are looked
at (names, times, sizes), and a change makes a new context. Connections that are open keep theirs.
A file that is broken, or that is just being written, leaves the old context in use and is reported
once; it is tried again a second later.

The context is built by hand and not by `ssl.create_default_context`, whose strictness depends on
the version of Python. Any certificate that was given as an authority is a trust anchor, also an
intermediate one, as in Go and so in Knative.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0

_Signature: TypeAlias = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """What TLS needs to know.

    Attributes:
        system: believe the authorities that the system believes.
        ca_files: PEM files with further authorities.
        ca_directories: directories (trust bundles) in which every file that does not start with a
            dot is such a PEM file. One that is missing counts as empty.
        ca_pem: further authorities as PEM text.
        cert_file: our client certificate with its chain, PEM.
        key_file: its key, PEM and not encrypted; None = in `cert_file`.
    """

    system: bool = True
    ca_files: tuple[str, ...] = ()
    ca_directories: tuple[str, ...] = ()
    ca_pem: str = ""
    cert_file: str | None = None
    key_file: str | None = None


class TlsContext:
    """A context for new connections that follows its files."""

    def __init__(
        self,
        options: TlsOptions | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        report: Callable[[str], None] = _log.warning,
    ) -> None:
        self._options = options or TlsOptions()
        self._clock = clock
        self._report = report
        self._reported = ""
        self._checked = float("-inf")
        self._signature: _Signature | None = None
        self._context: ssl.SSLContext | None = None

    def get(self) -> ssl.SSLContext:
        """Return the context for a connection that opens now.

        Raises:
            ValueError: there is none yet, and the files do not make one; the sentence names the
                file.
        """
        now = self._clock()
        if self._context is None or now - self._checked >= CHECK_SECONDS:
            self._checked = now
            self._refresh()
        assert self._context is not None
        return self._context

    def _refresh(self) -> None:
        try:
            # Taken before the files are read, so that a change in between is seen the next time.
            signature = _signature(self._options)
            if signature == self._signature:
                return
            self._context = build(self._options)
        except ValueError as error:
            if self._context is None:
                raise
            if str(error) != self._reported:
                self._reported = str(error)
                self._report(f"TLS files changed but cannot be used, the old ones stay: {error}")
        else:
            self._signature = signature
            self._reported = ""


def build(options: TlsOptions) -> ssl.SSLContext:
    """Return a client context.

    Raises:
        ValueError: a file is missing, unreadable or not what it should be; the sentence names it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    if options.system:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if options.ca_pem:
        # Comments between certificates may be in any language.
        pem = options.ca_pem.encode("ascii", "ignore").decode("ascii")
        _believe(context, "the given CA text", cadata=pem)
    for path in _files(options):
        _believe(context, f"the CA file {path}", cafile=path)
    if options.cert_file is not None:
        _present(context, options.cert_file, options.key_file)
    return context


def _believe(
    context: ssl.SSLContext, what: str, *, cafile: str | None = None, cadata: str | None = None
) -> None:
    try:
        context.load_verify_locations(cafile=cafile, cadata=cadata)
    except ssl.SSLError:
        raise ValueError(f"{what} holds no valid PEM certificate (BEGIN CERTIFICATE)") from None
    except OSError as error:
        raise ValueError(f"{what} cannot be read: {error.strerror}") from None


def _present(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    def password() -> str:
        raise ValueError(
            f"the key in {key_file or cert_file} is encrypted: give one that is not, the secret"
            " store protects it"
        )

    try:
        context.load_cert_chain(cert_file, key_file, password)
    except ssl.SSLError as error:
        why = "do not belong together" if "MISMATCH" in str(error) else "are not both valid PEM"
        raise ValueError(
            f"the client certificate {cert_file} and its key {key_file or cert_file} {why}"
        ) from None
    except OSError as error:
        raise ValueError(
            f"the client certificate {cert_file} or its key {key_file or cert_file} cannot be read:"
            f" {error.strerror}"
        ) from None


def _files(options: TlsOptions) -> list[str]:
    """Return the paths of all authority files, those of directories in the order of their names."""
    paths = list(options.ca_files)
    for directory in options.ca_directories:
        try:
            with os.scandir(directory) as entries:
                names = sorted(e.name for e in entries if e.is_file() and e.name[0] != ".")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ValueError(
                f"the CA directory {directory} cannot be read: {error.strerror}"
            ) from None
        paths += [f"{directory}/{name}" for name in names]
    return paths


def _signature(options: TlsOptions) -> _Signature:
    paths = _files(options)
    paths += [path for path in (options.cert_file, options.key_file) if path is not None]
    seen = []
    for path in paths:
        try:
            stat = os.stat(path)  # noqa: PTH116
        except OSError:
            seen.append((path, 0, 0, 0))  # build() says what is wrong with it
        else:
            seen.append((path, stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(seen)


def explain(error: ssl.SSLError, address: str) -> str:
    """Return a sentence that tells what went wrong between us and `address`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _VERIFY.get(error.verify_code, f"cannot be verified: {error.verify_message}")
        return f"the certificate of {address} {why}"
    reason = (error.reason or "").upper()
    for part, why in _REASONS:
        if part in reason:
            return f"{address} {why}"
    return f"TLS with {address} failed: {(error.reason or 'unknown reason').lower()}"


_UNKNOWN = "was issued by an authority that is not known here: give its CA certificate"
_VERIFY = {
    9: "is not valid yet: is the clock of this machine right?",
    10: "has expired",
    18: "is self-signed: give it as a CA certificate to believe it",
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: "was revoked",
    62: "is for another host name",
    64: "is for another address: add the address to it, or use the name that it holds",
}
"""Answers of OpenSSL's X509_verify_cert_error (openssl-verification-options(1))."""
_REASONS = (
    ("WRONG_VERSION_NUMBER", "does not speak TLS: is it http instead of https?"),
    ("HTTP_REQUEST", "does not speak TLS: is it http instead of https?"),
    ("UNSUPPORTED_PROTOCOL", "speaks only TLS versions older than 1.2"),
    ("PROTOCOL_VERSION", "speaks only TLS versions older than 1.2"),
    ("CERTIFICATE_REQUIRED", "wants a client certificate, and none was given"),
    ("ALERT_UNKNOWN_CA", "does not know the authority of our client certificate"),
    ("ALERT_CERTIFICATE_EXPIRED", "says that our client certificate has expired"),
    ("ALERT_BAD_CERTIFICATE", "refused our client certificate"),
    ("HANDSHAKE_FAILURE", "refused the handshake: no common cipher, or no client certificate"),
    ("ALERT_UNRECOGNIZED_NAME", "has no certificate for this name"),
)
