"""A pod's volumes as folders on this machine, kept up to date as the kubelet keeps them.

Secrets, ConfigMaps and projected volumes are written the kubelet's way: the files lie in a folder
of their own, `..data` links to it, and each name links to what is behind `..data`. A change makes
a new folder and moves that one link, so a reader sees all of the old or all of the new. Nothing is
written when nothing has changed, and a token is renewed after four fifths of its time.
"""

from __future__ import annotations

import base64
import shutil
import time
import uuid
from pathlib import Path
from typing import Any, Final

from tests.real.kubelab.client import Kubernetes, Manifest, RefusedError
from tests.real.kubelab.pods.fields import field

_RENEWED: Final = 0.8
_TOKEN_SECONDS: Final = 3600


class NotMountableError(RuntimeError):
    """A volume cannot be made now; the sentence says why. The kubelet would try again."""


class Volumes:
    """The volumes of one pod below `folder`."""

    def __init__(self, cluster: Kubernetes, pod: Manifest, folder: Path, *, address: str) -> None:
        self._cluster = cluster
        self._pod = pod
        self._folder = folder
        self._address = address
        self._places: dict[str, Path] = {
            mount["name"]: folder / container["name"] / mount["mountPath"].lstrip("/")
            for container in reversed(pod["spec"]["containers"])
            for mount in reversed(container.get("volumeMounts", []))
        }
        self._written: dict[str, dict[str, bytes]] = {}
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}

    def path(self, volume: str) -> Path:
        """Where a volume lies: where its first mount is, so that no link leads there."""
        return self._places.get(volume, self._folder / volume)

    def root(self, container: str) -> Path:
        """Where the file system of a container begins, as far as there is one."""
        return self._folder / container

    def refresh(self) -> None:
        """Make or update all of them.

        Raises:
            NotMountableError: something that is not optional is missing.
        """
        for volume in self._pod["spec"].get("volumes", []):
            self.path(volume["name"]).mkdir(parents=True, exist_ok=True)
            if "emptyDir" not in volume:
                self._write(volume["name"], self._content(volume))

    def _content(self, volume: dict[str, Any]) -> dict[str, bytes]:
        if "secret" in volume:
            secret = volume["secret"]
            return self._object("Secret", {**secret, "name": secret["secretName"]})
        if "configMap" in volume:
            return self._object("ConfigMap", volume["configMap"])
        if "downwardAPI" in volume:
            return self._downward(volume["downwardAPI"])
        if "projected" not in volume:
            raise NotMountableError(f"volume {volume['name']} is of a type that is not played")
        found: dict[str, bytes] = {}
        for source in volume["projected"]["sources"]:
            if "secret" in source:
                found |= self._object("Secret", source["secret"])
            elif "configMap" in source:
                found |= self._object("ConfigMap", source["configMap"])
            elif "downwardAPI" in source:
                found |= self._downward(source["downwardAPI"])
            elif "serviceAccountToken" in source:
                found |= self._token(source["serviceAccountToken"])
            else:
                raise NotMountableError(f"volume {volume['name']} projects what is not played")
        return found

    def _object(self, kind: str, source: dict[str, Any]) -> dict[str, bytes]:
        namespace = self._pod["metadata"]["namespace"]
        content = read(self._cluster, kind, namespace, source["name"])
        if content is None:
            if source.get("optional"):
                return {}
            raise NotMountableError(f"{kind} {namespace}/{source['name']} is not there")
        if not source.get("items"):
            return content
        chosen = {}
        for item in source["items"]:
            if item["key"] in content:
                chosen[item["path"]] = content[item["key"]]
            elif not source.get("optional"):
                raise NotMountableError(f"{kind} {source['name']} has no key {item['key']}")
        return chosen

    def _downward(self, source: dict[str, Any]) -> dict[str, bytes]:
        return {
            item["path"]: field(
                self._pod, item["fieldRef"]["fieldPath"], address=self._address
            ).encode()
            for item in source["items"]
        }

    def _token(self, source: dict[str, Any]) -> dict[str, bytes]:
        audience, path = source.get("audience", ""), source["path"]
        seconds = source.get("expirationSeconds", _TOKEN_SECONDS)
        due, token = self._tokens.get((audience, path), (0.0, ""))
        if time.monotonic() >= due:
            account = self._pod["spec"].get("serviceAccountName") or "default"
            try:
                token = self._cluster.account_token(
                    self._pod["metadata"]["namespace"],
                    account,
                    audience=audience or None,
                    seconds=seconds,
                )
            except RefusedError as error:
                raise NotMountableError(f"no token of {account}: {error}") from error
            self._tokens[audience, path] = (time.monotonic() + _RENEWED * seconds, token)
        return {path: token.encode()}

    def _write(self, name: str, content: dict[str, bytes]) -> None:
        if self._written.get(name) == content:
            return
        root = self.path(name)
        fresh = root / f"..{uuid.uuid4().hex}"
        fresh.mkdir()
        for path, data in content.items():
            file = fresh / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        current = root / "..data"
        old = current.resolve() if current.is_symlink() else None
        link = root / "..data.new"
        link.symlink_to(fresh.name)
        link.rename(current)
        tops = {path.split("/")[0] for path in content}
        for top in tops:
            if not (root / top).is_symlink():
                (root / top).symlink_to(f"..data/{top}")
        for entry in root.iterdir():
            if not entry.name.startswith("..") and entry.name not in tops:
                entry.unlink()
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        self._written[name] = dict(content)


def read(cluster: Kubernetes, kind: str, namespace: str, name: str) -> dict[str, bytes] | None:
    """What a Secret or a ConfigMap holds by key; None where there is none of that name."""
    found = cluster.find(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}
    )
    if found is None:
        return None
    encoded = found.get("data" if kind == "Secret" else "binaryData") or {}
    content = {key: base64.b64decode(value) for key, value in encoded.items()}
    if kind == "ConfigMap":
        content |= {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return content
