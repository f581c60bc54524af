"""What a test says to the API server: HTTP and JSON over kept connections.

It is not the operator's client, on purpose: a test that used the code under test to look at what
that code has done would share its mistakes. Where things lie is asked of the server's discovery,
so that objects are named by `apiVersion` and `kind` as in a manifest.
"""

from __future__ import annotations

import collections
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON."""

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
PATCH: Final = "application/json-patch+json"


class RefusedError(RuntimeError):
    """The API server answered with something other than 2xx; its sentence is the text.

    Attributes:
        code: HTTP status.
        reason: Kubernetes' CamelCase word, such as `NotFound`.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason


class Kubernetes:
    """An API server and who one is there; safe to use from several threads.

    Args:
        server: `https://host:port`.
        authority: PEM file with the server's certificate or its authority's.
        token: bearer token.
    """

    def __init__(self, server: str, authority: Path, token: str) -> None:
        self.server = server
        self.authority = authority
        self.token = token
        parts = urlsplit(server)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._idle: collections.deque[HTTPSConnection] = collections.deque()
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def __repr__(self) -> str:
        return f"<Kubernetes {self.server}>"

    def as_account(self, token: str) -> Kubernetes:
        """The same server with another identity."""
        return Kubernetes(self.server, self.authority, token)

    def kubeconfig(self, path: Path, *, namespace: str = "default") -> Path:
        """Write a kubeconfig for this server and identity; return its path."""
        cluster = {"server": self.server, "certificate-authority": str(self.authority)}
        context = {"cluster": "lab", "user": "lab", "namespace": namespace}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": {"token": self.token}}],
            "contexts": [{"name": "lab", "context": context}],
            "current-context": "lab",
        }
        path.write_text(json.dumps(content, indent=2))
        path.chmod(0o600)
        return path

    def request(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> Any:
        """One request; returns the decoded answer (text where it is no JSON).

        Connections that the server has closed in the meantime are passed over.

        Raises:
            RefusedError: the answer is not 2xx.
            OSError, HTTPException: there is no answer.
        """
        payload = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content}
        while True:
            try:
                link, fresh = self._idle.pop(), False
            except IndexError:
                link, fresh = self._connect(), True
            try:
                link.request(method, path, payload, headers)
                answer = link.getresponse()
                text = answer.read()
            except (OSError, HTTPException):
                link.close()
                if fresh:
                    raise
                continue
            self._idle.append(link)
            return _decoded(answer.status, answer.headers.get_content_type(), text)

    def path(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        name: str | None = None,
        part: str | None = None,
    ) -> str:
        """Where objects of a kind lie. Raises LookupError for a kind that the server lacks."""
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        plural, namespaced = self._plural(root, api_version, kind)
        pieces = [root]
        if namespaced and namespace is not None:
            pieces += ["namespaces", namespace]
        return "/".join(piece for piece in (*pieces, plural, name, part) if piece)

    def of(self, manifest: Mapping[str, Any], part: str | None = None) -> str:
        """Where an object lies; in the namespace `default` where it names none."""
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace", "default")
        return self.path(
            manifest["apiVersion"], manifest["kind"], namespace, metadata["name"], part
        )

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """POST an object."""
        where = self.of(manifest).rpartition("/")[0]
        strict = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return dict(self.request("POST", f"{where}?{urlencode(strict)}", manifest))

    def apply(self, manifest: Manifest, *, manager: str = "kubectl") -> Manifest:
        """Server-side apply, as `kubectl apply --server-side --force-conflicts` does."""
        query = urlencode({"fieldManager": manager, "force": "true", "fieldValidation": "Strict"})
        target = f"{self.of(manifest)}?{query}"
        return dict(self.request("PATCH", target, manifest, content=APPLY))

    def merge(self, manifest: Manifest, change: Manifest, *, part: str | None = None) -> Manifest:
        """Merge-patch an object that `manifest` names."""
        return dict(self.request("PATCH", self.of(manifest, part), change, content=MERGE))

    def get(self, manifest: Manifest) -> Manifest:
        """Read the object anew. Raises RefusedError 404 when it is gone."""
        return dict(self.request("GET", self.of(manifest)))

    def find(self, manifest: Manifest) -> Manifest | None:
        """Read the object anew; None when it is gone."""
        try:
            return self.get(manifest)
        except RefusedError as error:
            if error.code == 404:
                return None
            raise

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, **query: str
    ) -> list[Manifest]:
        """All objects of a kind, in one namespace or in all; query: `labelSelector` and so on."""
        asked = f"?{urlencode(query)}" if query else ""
        where = self.path(api_version, kind, namespace)
        items: list[Manifest] = self.request("GET", where + asked)["items"] or []
        for item in items:  # lists leave out what they are lists of
            item.setdefault("apiVersion", api_version)
            item.setdefault("kind", kind)
        return items

    def delete(self, manifest: Manifest, **options: Any) -> None:
        """Delete an object; options are those of `DeleteOptions`. What is gone already is fine."""
        try:
            self.request("DELETE", self.of(manifest), options or None)
        except RefusedError as error:
            if error.code != 404:
                raise

    def account_token(
        self, namespace: str, account: str, *, audience: str | None = None, seconds: int = 3600
    ) -> str:
        """A bound token of a service account, as the kubelet would mount it."""
        spec: dict[str, Any] = {"expirationSeconds": seconds}
        if audience is not None:
            spec["audiences"] = [audience]
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return str(self.request("POST", path, request)["status"]["token"])

    def _plural(self, root: str, api_version: str, kind: str) -> tuple[str, bool]:
        key = (api_version, kind)
        if key not in self._plurals:
            try:
                found = self.request("GET", root)["resources"]
            except RefusedError as error:
                if error.code != 404:
                    raise
                found = []
            for resource in found:
                if "/" not in resource["name"]:
                    known = (resource["name"], resource["namespaced"])
                    self._plurals[api_version, resource["kind"]] = known
        if key not in self._plurals:
            msg = f"the server has no {kind} of {api_version}"
            raise LookupError(msg)
        return self._plurals[key]

    def __del__(self) -> None:
        for link in self._idle:
            link.close()

    def _connect(self) -> HTTPSConnection:
        return HTTPSConnection(self._host, self._port, context=self._tls, timeout=60)


def _decoded(status: int, kind: str, text: bytes) -> Any:
    value: Any = json.loads(text) if kind == "application/json" else text.decode()
    if 200 <= status < 300:
        return value
    if isinstance(value, dict):
        raise RefusedError(status, value.get("reason", ""), value.get("message", ""))
    raise RefusedError(status, "", str(value).strip())


def eventually(
    look: Callable[[], Any], *, seconds: float = 20.0, what: str = "", every: float = 0.02
) -> Any:
    """Call `look` until it returns something true, `every` so many seconds; return that.

    Raises TimeoutError, with what `look` returned or raised last, after `seconds`. A refusal, an
    absent object and a missing key are reasons to look again.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: object
        try:
            last = look()
        except (RefusedError, LookupError, OSError, HTTPException) as error:
            last = repr(error)
        else:
            if last:
                return last
        if time.monotonic() > deadline:
            msg = f"after {seconds:g} s still not {what or look}: {last}"
            raise TimeoutError(msg)
        time.sleep(every)


def conditions(manifest: Mapping[str, Any]) -> dict[str, Manifest]:
    """The conditions of an object's status by their type; empty where there are none."""
    found = (manifest.get("status") or {}).get("conditions") or []
    return {condition["type"]: condition for condition in found}


def documents(folder: Path) -> Iterator[tuple[Path, Manifest]]:
    """Every object in the YAML files directly in `folder`, with its file."""
    import yaml

    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document:
                yield path, document
