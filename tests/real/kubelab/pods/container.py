"""One container as a process: exactly the environment its pod describes, on paths that exist here.

Nothing of this process' own environment is handed on but the search path, so a container that works
only because the developer's shell is well furnished fails here, as it would in a cluster.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.real.kubelab.client import Kubernetes, Manifest
from tests.real.kubelab.pods.fields import expanded, field
from tests.real.kubelab.pods.image import Image
from tests.real.kubelab.pods.volumes import NotMountableError, Volumes, read

_TERMINATION_LOG: Final = "/dev/termination-log"
_MOST_MESSAGE: Final = 4096
_MOST_LOG: Final = 2048
_QUANTITY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "m": 0.001, "": 1.0}


class Container:
    """A container of a pod, started any number of times.

    Args:
        folder: where its log and termination message lie.
    """

    def __init__(
        self,
        cluster: Kubernetes,
        pod: Manifest,
        spec: dict[str, Any],
        *,
        image: Image,
        volumes: Volumes,
        folder: Path,
        address: str,
    ) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.log = folder / f"{self.name}.log"
        self._message = folder / f"{self.name}.termination"
        self._cluster = cluster
        self._pod = pod
        self._image = image
        self._address = address
        self._paths = _rooted(spec.get("volumeMounts", []), volumes, volumes.root(self.name))
        self._paths[spec.get("terminationMessagePath", _TERMINATION_LOG)] = str(self._message)
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Container {self.name} pid={self.pid}>"

    @property
    def pid(self) -> int | None:
        """Process id, None before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def ended(self) -> int | None:
        """Exit status as Kubernetes tells it (137 for SIGKILL), None while it runs."""
        code = None if self._process is None else self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def start(self) -> None:
        """Start the process. Raises NotMountableError where a variable's value is not there."""
        environment = self.environment()
        command = [*self.spec.get("command", self._image.entrypoint), *self.spec.get("args", [])]
        command = [self.moved(expanded(word, environment)) for word in command]
        program = self._image.programs / command[0]
        if program.exists():
            command[0] = str(program)
        self._message.write_bytes(b"")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once and wait for it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def message(self) -> str:
        """Its last words: the termination message, or the log's end if it failed without one."""
        text = self._message.read_text(errors="replace")[:_MOST_MESSAGE]
        policy = self.spec.get("terminationMessagePolicy", "File")
        if not text and policy == "FallbackToLogsOnError" and self.ended:
            text = self.log.read_text(errors="replace")[-_MOST_LOG:]
        return text

    def moved(self, text: str) -> str:
        """The text with each path below a mount turned into the one it has here."""
        longest_first = sorted(self._paths, key=len, reverse=True)
        known = "|".join(re.escape(path) for path in longest_first)
        pattern = rf"(?<![\w./-])(?:{known})(?=/|:|$|[\s\"'])"
        return re.sub(pattern, lambda found: self._paths[found[0]], text)

    def environment(self) -> dict[str, str]:
        """Its variables. Raises NotMountableError where a value is not there."""
        known: dict[str, str] = {}
        for source in self.spec.get("envFrom", []):
            kind = "Secret" if "secretRef" in source else "ConfigMap"
            reference = source.get("secretRef") or source["configMapRef"]
            content = self._read(kind, reference)
            prefix = source.get("prefix", "")
            known |= {f"{prefix}{key}": value.decode() for key, value in content.items()}
        for variable in self.spec.get("env", []):
            if "valueFrom" in variable:
                value = self._value(variable["valueFrom"])
                if value is None:
                    continue
            else:
                value = expanded(variable.get("value", ""), known)
            known[variable["name"]] = value
        moved = {name: self.moved(value) for name, value in known.items()}
        for path, name in self._image.paths.items():
            moved.setdefault(name, self.moved(path))
        if self._image.address:
            moved.setdefault(self._image.address, self._address)
        return {"PATH": f"{self._image.programs}:{os.defpath}", **moved}

    def _value(self, source: dict[str, Any]) -> str | None:
        if "fieldRef" in source:
            return field(self._pod, source["fieldRef"]["fieldPath"], address=self._address)
        if "resourceFieldRef" in source:
            return self._resource(source["resourceFieldRef"])
        kind = "Secret" if "secretKeyRef" in source else "ConfigMap"
        reference = source.get("secretKeyRef") or source["configMapKeyRef"]
        content = self._read(kind, reference)
        if reference["key"] in content:
            return content[reference["key"]].decode()
        if reference.get("optional"):
            return None
        raise NotMountableError(f"{kind} {reference['name']} has no key {reference['key']}")

    def _read(self, kind: str, reference: dict[str, Any]) -> dict[str, bytes]:
        namespace = self._pod["metadata"]["namespace"]
        content = read(self._cluster, kind, namespace, reference["name"])
        if content is None and not reference.get("optional"):
            raise NotMountableError(f"{kind} {namespace}/{reference['name']} is not there")
        return content or {}

    def _resource(self, source: dict[str, Any]) -> str:
        where, _, what = source["resource"].partition(".")
        text = self.spec.get("resources", {}).get(where, {}).get(what, "0")
        number = re.fullmatch(r"([0-9.]+)(Ki|Mi|Gi|m|)", text)
        if number is None:
            raise NotMountableError(f"the quantity {text!r} is not played")
        value = float(number[1]) * _QUANTITY[number[2]]
        divisor = source.get("divisor", "1")
        scale = _QUANTITY[divisor.lstrip("0123456789")] if divisor != "0" else 1.0
        return str(int(-(-value // scale)))


def _rooted(mounts: list[dict[str, Any]], volumes: Volumes, root: Path) -> dict[str, str]:
    """Lay links to volumes that lie elsewhere; return where each path of the container is here.

    A folder that is there only because something is mounted below it is moved as well, since a
    program may be told of that: `/etc/app/secrets` for a mount at `/etc/app/secrets/login`.
    """
    moved: dict[str, str] = {}
    for mount in mounts:
        path = Path(mount["mountPath"])
        place, volume = root / path.relative_to("/"), volumes.path(mount["name"])
        place.parent.mkdir(parents=True, exist_ok=True)
        if place != volume and not place.is_symlink():
            place.symlink_to(volume)
        moved[str(path)] = str(place)
        for parent in path.parents:
            if not parent.exists():
                moved[str(parent)] = str(root / parent.relative_to("/"))
    return moved
