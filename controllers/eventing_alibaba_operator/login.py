"""Where the API server is and who we are there: as a pod of the cluster, or by a kubeconfig.

A pod's token is renewed in its file by the kubelet, so it is read again when it is a minute old.
"""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from eventing_alibaba.contract.errors import Misconfigured

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_READ_AGAIN: Final = 60.0


@dataclass(slots=True)
class Cluster:
    """An API server and our credentials for it.

    Attributes:
        server: `https://host:port`, or `http://...` for a test double.
        ca: PEM certificates of the server's authority; None = the system's.
        insecure: do not verify the server.
        certificate, key: PEM of a client certificate.
    """

    server: str
    ca: str | None = None
    insecure: bool = False
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    _token: str | None = field(default=None, repr=False)
    _token_file: Path | None = None
    _read_at: float = 0.0

    def token(self) -> str | None:
        """Return the bearer token as it is now; None where a certificate is shown."""
        if self._token_file is not None and time.monotonic() >= self._read_at + _READ_AGAIN:
            self.renew()
        return self._token

    def renew(self) -> None:
        """Read the token from its file, if it is in one; one that is unreadable stays."""
        if self._token_file is not None:
            with contextlib.suppress(OSError):
                self._token = self._token_file.read_text().strip()
                self._read_at = time.monotonic()

    def tls(self) -> ssl.SSLContext | None:
        """Return how connections are encrypted; None for http."""
        if not self.server.startswith("https:"):
            return None
        context = ssl.create_default_context(cadata=self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate and self.key:
            # Python reads a client's certificate from files only.
            with tempfile.TemporaryDirectory() as directory:
                pair = Path(directory, "cert.pem"), Path(directory, "key.pem")
                for path, text in zip(pair, (self.certificate, self.key), strict=True):
                    path.touch(mode=0o600)
                    path.write_text(text)
                context.load_cert_chain(*pair)
        return context


def cluster(kubeconfig: Path | None, environ: Mapping[str, str] = os.environ) -> Cluster:
    """Return the cluster that a kubeconfig names, or whose pod this process is.

    Raises Misconfigured with a sentence.
    """
    if kubeconfig is not None:
        return _by_kubeconfig(kubeconfig)
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise Misconfigured(
            "this is no pod of a cluster, as KUBERNETES_SERVICE_HOST is not set: give a kubeconfig"
            " with --kubeconfig or KUBECONFIG"
        )
    try:
        ca = (_ACCOUNT / "ca.crt").read_text()
    except OSError as error:
        raise Misconfigured(f"{_ACCOUNT}/ca.crt: cannot be read: {error.strerror}") from None
    found = Cluster(
        f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca=ca,
        _token_file=_ACCOUNT / "token",
    )
    found.renew()
    return found


def _by_kubeconfig(path: Path) -> Cluster:
    try:
        config: Any = yaml.safe_load(path.read_text())
        name = config["current-context"]
        context = _named(config, "contexts", name)["context"]
        there = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"] or {}
        server = str(there["server"]).rstrip("/")
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        raise Misconfigured(
            f"{path}: is no kubeconfig with a current-context whose cluster and user it has"
        ) from None
    if "exec" in user or "auth-provider" in user:
        raise Misconfigured(
            f"{path}: its user logs in with a program; give one with a token or a certificate"
        )
    token_file = user.get("tokenFile")
    found = Cluster(
        server,
        ca=_data(path, there, "certificate-authority"),
        insecure=bool(there.get("insecure-skip-tls-verify")),
        certificate=_data(path, user, "client-certificate"),
        key=_data(path, user, "client-key"),
        _token=user.get("token"),
        _token_file=path.parent / token_file if token_file else None,
    )
    found.renew()
    return found


def _named(config: Any, part: str, name: str) -> Any:
    return next(entry for entry in config[part] if entry["name"] == name)


def _data(path: Path, entry: Mapping[str, Any], name: str) -> str | None:
    """Return a PEM text, which stands in the entry itself or in a file beside the kubeconfig."""
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"]).decode()
    if name not in entry:
        return None
    try:
        return (path.parent / str(entry[name])).read_text()
    except OSError as error:
        raise Misconfigured(f"{path}: {name} cannot be read: {error.strerror}") from None
