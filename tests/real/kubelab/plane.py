"""A real Kubernetes control plane for a test: etcd, API server and controllers; no node.

What a server does (validation, pruning, defaults, field ownership, permissions, garbage collection,
subresources, admission) is only proved against the server. All of it runs here on loopback ports
and in one folder, up in four seconds. What a cluster has besides is not here: no node, no
scheduler, no containers, no cluster network and no names of Services. `kubelet.py` plays the node.

The order of the start is a part of it. The garbage collector asks what kinds there are only every
30 seconds, so custom resources are defined before the controllers start. Each of them has an
identity of its own, because the shared one may neither collect garbage nor aggregate roles. The
admission plug-in for owner references is on, as on OpenShift: whoever blocks the deletion of an
owner must be allowed to update its finalizers.

The API server keeps its port and its certificate over a restart and is stopped by SIGKILL only,
because on SIGTERM it waits for every open watch. Methods block.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.real.kubelab.audit import POLICY, AuditLog
from tests.real.kubelab.build import kubelab
from tests.real.kubelab.client import Kubernetes, Manifest, RefusedError, eventually
from tests.real.servers.entered import Entered
from tests.real.servers.ports import free_ports
from tests.real.servers.process import ServerProcess

_CONTROLLERS: Final = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
)
_ADMIN: Final = "admin-token"
_MANAGER: Final = "controller-manager-token"
_COLLECT_SELDOM: Final = {"GOGC": "400", "GOMEMLIMIT": "3GiB"}
"""Go's garbage collection costs the API server a tenth to a fifth of its time; memory is there."""
_FORGETFUL: Final = 10.0
"""Seconds without the API server after which controllers may take a minute to come back."""


class ControlPlane(Entered):
    """A control plane on 127.0.0.1, used as a context manager.

    Attributes:
        admin: a client that may do everything.
        audit: what anybody has asked since the start.
        folder: its data and logs; removed on exit.
    """

    admin: Kubernetes
    audit: AuditLog

    def __init__(self, definitions: Iterable[Manifest] = ()) -> None:
        """Prepare a plane; nothing runs yet.

        Args:
            definitions: custom resource definitions, there before any controller starts.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="kubelab-"))
        self._definitions = list(definitions)
        self._authority = self.folder / "authority.pem"
        self._parts: dict[str, ServerProcess] = {}

    def __repr__(self) -> str:
        return f"<ControlPlane {list(self._parts.values())}>"

    def start(self) -> None:
        """Start all parts and wait until they can be used.

        Raises:
            MissingToolError, UnbuiltError: there is no program to start.
            ServerFailedError: a part did not come up; the message has its log's tail.
        """
        self._program = str(kubelab())
        self._etcd, self._peer, self._api, self._manager = free_ports(4)
        self.audit = AuditLog(self.folder / "audit.log")
        self._write_files()
        server = f"https://127.0.0.1:{self._api}"
        self.admin = Kubernetes(server, self._authority, _ADMIN)
        self.admin.as_account(_MANAGER).kubeconfig(self.folder / "manager.kubeconfig")
        self._start_etcd()
        self._launch_api_server()
        self._await_api_server()
        for definition in self._definitions:
            self.define(definition)
        self._start_manager()
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        eventually(lambda: self.admin.find(account), what="a default ServiceAccount")

    def close(self) -> None:
        """Stop all parts and remove the folder; idempotent."""
        for part in self._parts.values():
            part.kill()
        self._parts.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def define(self, definition: Manifest) -> None:
        """Apply a custom resource definition and wait until its objects can be asked for.

        "Established" comes up to a second before discovery knows the kind, so that is waited for.
        """
        self.admin.apply(definition)
        spec = definition["spec"]
        for version in spec["versions"]:
            if version["served"]:
                place = f"{spec['group']}/{version['name']}"
                kind = spec["names"]["kind"]
                look = functools.partial(self._listable, place, kind)
                eventually(look, what=f"{kind} can be listed")

    def kill_api_server(self) -> None:
        """End the API server as a crash would; it stays away until `revive_api_server`."""
        self._parts["kube-apiserver"].kill()

    def revive_api_server(self) -> None:
        """Start it again on its port and wait until it is ready."""
        self._launch_api_server()
        self._await_api_server()

    def restart_api_server(self, *, away: float = 0.0) -> None:
        """Kill the API server and start it again `away` seconds later.

        After a long absence the controllers are started anew as well: their own informers would
        wait up to a minute.
        """
        self.kill_api_server()
        if away:
            time.sleep(away)
        self.revive_api_server()
        if away > _FORGETFUL:
            self._parts["kube-controller-manager"].kill()
            self._start_manager()

    @contextlib.contextmanager
    def namespace(self, **labels: str) -> Iterator[str]:
        """A fresh namespace with a default ServiceAccount, deleted at the end without waiting."""
        name = f"t-{uuid.uuid4().hex[:8]}"
        manifest: Manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        self.admin.create(manifest)
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": name},
        }
        eventually(lambda: self.admin.find(account), what="a default ServiceAccount")
        try:
            yield name
        finally:
            self.admin.delete(manifest)

    def resident(self) -> dict[str, int]:
        """Memory that each part holds now, in bytes."""
        found = {}
        for name, part in self._parts.items():
            pages = int(Path(f"/proc/{part.pid}/statm").read_text().split()[1])
            found[name] = pages * 4096
        return found

    def _write_files(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self._authority)
        server = authority.issue_cert("127.0.0.1", "localhost")
        server.private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        (self.folder / "accounts.key").write_bytes(key)
        tokens = f'{_ADMIN},admin,1,"system:masters"\n{_MANAGER},system:kube-controller-manager,2\n'
        (self.folder / "tokens.csv").write_text(tokens)
        (self.folder / "audit-policy.json").write_text(json.dumps(POLICY))

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, self._peer))
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            "--name=lab",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=lab={peer}",
            "--unsafe-no-fsync",
            "--logger=zap",
            "--log-level=warn",
        )

    def _launch_api_server(self) -> None:
        port = self._api
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            f"--tls-cert-file={self.folder / 'server.pem'}",
            f"--tls-private-key-file={self.folder / 'server.pem'}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--service-account-issuer=https://127.0.0.1:{port}",
            f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
            f"--service-account-key-file={self.folder / 'accounts.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--enable-priority-and-fairness=false",
            "--profiling=false",
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            f"--audit-policy-file={self.folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit.path}",
            "--audit-log-mode=blocking",
        )

    def _await_api_server(self) -> None:
        self._parts["kube-apiserver"].wait_until(self._ready, seconds=60)

    def _start_manager(self) -> None:
        """With 500 requests a second: by default a thousand Deployments would take minutes."""
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.folder / 'manager.kubeconfig'}",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
            f"--root-ca-file={self._authority}",
            f"--secure-port={self._manager}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.folder / 'manager-certificates'}",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            f"--controllers={','.join(_CONTROLLERS)}",
        )

    def _run(self, part: str, *arguments: str) -> None:
        log = self.folder / f"{part}.log"
        env = {**os.environ, **_COLLECT_SELDOM}
        self._parts[part] = ServerProcess([self._program, part, *arguments], log=log, env=env)

    def _ready(self) -> bool:
        try:
            self.admin.request("GET", "/readyz")
        except (OSError, HTTPException, RefusedError):
            return False
        return True

    def _listable(self, place: str, kind: str) -> bool:
        self.admin.list(place, kind)
        return True
