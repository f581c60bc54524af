"""A double of an API server, for what the operator does and not for what a server is.

It keeps objects, versions and generations, lists and watches with label selectors, and applies with
the two preconditions that the operator leans on: a resource version that nothing has, and a uid. An
apply takes away what the same manager applied before. It validates nothing. kmock was considered
and would have needed these very parts as a subclass: its apply is no upsert and knows no
precondition.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import re
from collections.abc import Callable
from typing import Any, Final, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

Manifest = dict[str, Any]

_PATH: Final = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
    r"(?:/(?P<part>status))?"
)
_KINDS: Final = {
    "alikafkasources": "AliKafkaSource",
    "mnssources": "MnsSource",
    "rocketmqsources": "RocketMQSource",
}
SOURCES: Final = "sources.eventing-alibaba.dev/v1alpha1"


class Cluster:
    """An API server in this process, used as an async context manager.

    Attributes:
        writes: "VERB path" of each request that could change something.
        reads: the same of all others.
        refuse: called with verb and path; a status code instead of None is the answer.
        words: what such an answer says, by its code.
        crash: called with "before" or "after" and the request, around each write.
        kinds: what discovery knows, by API version: plural and kind.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.writes: list[str] = []
        self.reads: list[str] = []
        self.refuse: Callable[[str, str], int | None] = lambda _verb, _path: None
        self.words: dict[int, str] = {}
        self.crash: Callable[[str, str], None] = lambda _when, _what: None
        self.kinds: dict[str, dict[str, str]] = {SOURCES: dict(_KINDS)}
        self._versions = itertools.count(2)
        self._applied: dict[tuple[str, str, str, str], Manifest] = {}
        self._log: list[tuple[int, str, str, Manifest]] = []
        self._news = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.disconnect()
        await self._server.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._server.make_url("")).rstrip("/")

    def put(self, plural: str, manifest: Manifest) -> Manifest:
        """Create or change an object as somebody else would; return it."""
        about = manifest["metadata"]
        key = (plural, about["namespace"], about["name"])
        before = self.objects.get(key)
        return self._store(key, {**(before or {}), **copy.deepcopy(manifest)})

    def find(self, plural: str, namespace: str, name: str) -> Manifest:
        """Return an object."""
        return self.objects[plural, namespace, name]

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Remove an object, and what it owns."""
        gone = self.objects.pop((plural, namespace, name))
        gone["metadata"]["resourceVersion"] = str(next(self._versions))
        self._tell(plural, "DELETED", gone)
        for key, found in list(self.objects.items()):
            owners = found["metadata"].get("ownerReferences", ())
            if any(one["uid"] == gone["metadata"]["uid"] for one in owners):
                self.delete(*key)

    def disconnect(self) -> None:
        """End all watches."""
        self._log.append((0, "", "END", {}))
        self._ring()

    def run_pods(self, namespace: str, name: str) -> None:
        """Do a Deployment's work: all of its pods are available."""
        found = copy.deepcopy(self.find("deployments", namespace, name))
        replicas = found["spec"]["replicas"]
        names = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
        found["status"] = {
            "observedGeneration": found["metadata"]["generation"],
            **dict.fromkeys(names, replicas),
        }
        self._store(("deployments", namespace, name), found)
        if replicas:
            self.put("pods", pod(namespace, found["metadata"]["labels"]))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, verb = request.path, request.method
        what = f"{verb} {path}"
        (self.reads if verb == "GET" else self.writes).append(what)
        code = self.refuse(verb, path)
        if code is not None:
            words = self.words.get(code, f"no {verb} of {path} here")
            return _refusal(code, "Refused", words)
        discovered = self._discovery(path)
        if discovered is not None:
            return web.json_response(discovered)
        match = _PATH.fullmatch(path)
        if match is None:
            return _refusal(404, "NotFound", "there is nothing")
        plural, namespace, name = match["plural"], match["namespace"], match["name"]
        if verb == "GET" and name is None:
            if "watch" in request.query:
                return await self._watch(request, plural, namespace)
            return self._list(request, plural, namespace)
        self._maybe_crash("before", verb, what)
        answer = await self._one(request, (plural, namespace or "", name or ""), match["part"])
        self._maybe_crash("after", verb, what)
        return answer

    def _discovery(self, path: str) -> Manifest | None:
        groups = [version.split("/") for version in self.kinds if "/" in version]
        if path == "/api":
            return {"versions": ["v1"]}
        if path == "/apis":
            listed = [
                {"name": g, "versions": [{"version": v}], "preferredVersion": {"version": v}}
                for g, v in groups
            ]
            return {"groups": listed}
        version = path.removeprefix("/apis/" if path.startswith("/apis/") else "/api/")
        # Kopf begins only when it has seen the kind Namespace.
        kinds = self.kinds.get(version, {}) | (
            {"namespaces": "Namespace"} if version == "v1" else {}
        )
        if not kinds:
            return None
        return {
            "resources": [
                {
                    "name": plural,
                    "singularName": kind.lower(),
                    "kind": kind,
                    "namespaced": True,
                    "verbs": ["list", "watch", "patch"],
                }
                for plural, kind in kinds.items()
            ]
        }

    def _maybe_crash(self, when: str, verb: str, what: str) -> None:
        if verb != "GET":
            self.crash(when, what)

    async def _one(
        self, request: web.Request, key: tuple[str, str, str], part: str | None
    ) -> web.Response:
        if request.method == "POST":
            body = await request.json()
            body["metadata"]["name"] = f"{body['metadata'].get('generateName', '')}{len(self._log)}"
            return web.json_response(
                self._store((key[0], key[1], body["metadata"]["name"]), body), status=201
            )
        found = self.objects.get(key)
        if request.method == "GET":
            if found is None:
                return _refusal(404, "NotFound", f"{key[0]} {key[2]} not found")
            return web.json_response(found)
        return self._apply(key, part, json.loads(await request.text()), request.query)

    def _apply(
        self, key: tuple[str, str, str], part: str | None, body: Manifest, query: Any
    ) -> web.Response:
        found = self.objects.get(key)
        uid = body["metadata"].pop("uid", None)
        version = body["metadata"].pop("resourceVersion", None)
        if found is None and (part or uid):
            code = 404 if part else 409
            return _refusal(code, "NotFound", f"{key[0]} {key[2]} not found")
        if found is not None:
            about = found["metadata"]
            if version not in (None, about["resourceVersion"]) or uid not in (None, about["uid"]):
                return _refusal(409, "Conflict", "the object has been modified")
        base = copy.deepcopy(found or {})
        applied = (*key, query["fieldManager"])
        _without(base, self._applied.get(applied, {}))
        self._applied[applied] = copy.deepcopy(body)
        made = _merged(base, body)
        if found is not None and made == found:
            return web.json_response(found)
        return web.json_response(self._store(key, made), status=200 if found else 201)

    def _store(self, key: tuple[str, str, str], made: Manifest) -> Manifest:
        before = self.objects.get(key)
        about = made.setdefault("metadata", {})
        number = next(self._versions)
        old = before["metadata"] if before else {}
        about.update(name=key[2], namespace=key[1], resourceVersion=str(number))
        about["uid"] = old.get("uid") or about.get("uid") or f"uid-{number}"
        about.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        same = before is not None and before.get("spec") == made.get("spec")
        about["generation"] = old.get("generation", 0) + (0 if same else 1)
        self.objects[key] = made
        self._tell(key[0], "MODIFIED" if before else "ADDED", made)
        return made

    def _tell(self, plural: str, kind: str, found: Manifest) -> None:
        version = int(found["metadata"]["resourceVersion"])
        self._log.append((version, plural, kind, copy.deepcopy(found)))
        self._ring()

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _list(self, request: web.Request, plural: str, namespace: str | None) -> web.Response:
        items = [
            {name: part for name, part in found.items() if name not in ("apiVersion", "kind")}
            for (kind, _, _), found in self.objects.items()
            if kind == plural and _selected(request, found, namespace)
        ]
        version = str(next(self._versions))
        return web.json_response({"metadata": {"resourceVersion": version}, "items": items})

    async def _watch(
        self, request: web.Request, plural: str, namespace: str | None
    ) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        since, at = int(request.query["resourceVersion"]), 0
        ended = len([entry for entry in self._log if entry[2] == "END"])
        while True:
            news = self._news
            for version, kind, event, found in self._log[at:]:
                at += 1
                if event == "END":
                    ended -= 1
                    if ended < 0:
                        return answer
                elif kind == plural and version > since and _selected(request, found, namespace):
                    line = json.dumps({"type": event, "object": found}) + "\n"
                    await answer.write(line.encode())
            await news.wait()


def pod(namespace: str, labels: Manifest, *, name: str = "pod-1", ready: bool = True) -> Manifest:
    """Return a running pod."""
    return {
        "metadata": {
            "name": f"{labels['app.kubernetes.io/instance']}-{name}",
            "namespace": namespace,
            "labels": labels,
        },
        "status": {
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "adapter", "state": {"running": {}}}],
        },
    }


def _refusal(code: int, reason: str, message: str) -> web.Response:
    return web.json_response({"code": code, "reason": reason, "message": message}, status=code)


def _selected(request: web.Request, found: Manifest, namespace: str | None) -> bool:
    if namespace and found["metadata"]["namespace"] != namespace:
        return False
    wanted = request.query.get("labelSelector", "")
    labels = found["metadata"].get("labels") or {}
    pairs = (pair.split("=") for pair in wanted.split(",") if pair)
    return all(labels.get(name) == value for name, value in pairs)


def _merged(base: Manifest, over: Manifest) -> Manifest:
    made = dict(base)
    for name, value in over.items():
        inner = made.get(name)
        both = isinstance(value, dict) and isinstance(inner, dict)
        made[name] = _merged(inner, value) if both else copy.deepcopy(value)  # type: ignore[arg-type]
    return made


def _without(base: Manifest, gone: Manifest) -> None:
    for name, value in gone.items():
        inner = base.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            _without(inner, value)
            if not inner:
                del base[name]
        elif name in base:
            del base[name]
