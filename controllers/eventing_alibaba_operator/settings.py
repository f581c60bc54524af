"""What one operator is told, by flags and environment, as one value.

Each flag has a variable of the same name; the flag goes first.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eventing_alibaba.contract.errors import Misconfigured

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING}


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a run needs.

    Attributes:
        adapter_image: image of the adapters' pods.
        namespaces: the only ones that are served; empty = all.
        kubeconfig: how to reach the API server; None = as a pod of it.
        health_port, metrics_port: 0 = a free one.
        resync: seconds between two looks at everything.
        cross_namespace_sinks: whether a source may name a sink in another namespace.
        read_secrets: whether it is looked up that the Secrets exist; their values never are.
        trust_bundle_namespace: where ConfigMaps with certificates to trust are; None = nowhere.
        cluster_domain: what the names of Services end with.
        workers: sources that are worked on at once.
        json_logs: one JSON object a line instead of text.
        log_level: of the `logging` module.
    """

    adapter_image: str
    namespaces: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    health_port: int = 8080
    metrics_port: int = 9092
    resync: float = 600.0
    cross_namespace_sinks: bool = True
    read_secrets: bool = True
    trust_bundle_namespace: str | None = None
    cluster_domain: str = "cluster.local"
    workers: int = 8
    json_logs: bool = True
    log_level: int = logging.INFO


def settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raises Misconfigured; ends the process for `--help` and wrong flags."""
    given = _parser().parse_args(arguments)

    def told(name: str, default: str = "") -> str:
        flag = getattr(given, name)
        return environ.get(name.upper()) or default if flag is None else str(flag)

    image = told("adapter_image")
    if not image:
        raise Misconfigured("--adapter-image (ADAPTER_IMAGE): is required; the image of adapters")
    listed = given.namespace or environ.get("WATCH_NAMESPACES", "").split(",")
    config = given.kubeconfig or environ.get("KUBECONFIG", "").split(":")[0]
    return Settings(
        adapter_image=image,
        namespaces=tuple(dict.fromkeys(name.strip() for name in listed if name.strip())),
        kubeconfig=Path(config) if config else None,
        health_port=_whole("health_port", told("health_port", "8080"), 0, 65535),
        metrics_port=_whole("metrics_port", told("metrics_port", "9092"), 0, 65535),
        resync=_whole("resync", told("resync", "600"), 1, 86400),
        cross_namespace_sinks=_choice(
            "cross_namespace_sinks", told("cross_namespace_sinks", "allow"), "allow", "deny"
        ),
        read_secrets=_choice("read_secrets", told("read_secrets", "yes"), "yes", "no"),
        trust_bundle_namespace=told("trust_bundle_namespace", environ.get("POD_NAMESPACE", ""))
        or None,
        cluster_domain=told("cluster_domain", "cluster.local"),
        workers=_whole("workers", told("workers", "8"), 1, 256),
        json_logs=_choice("log_format", told("log_format", "json"), "json", "text"),
        log_level=_level(told("log_level", "info")),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventing-alibaba-operator",
        description="Runs an adapter for each source in a Kubernetes cluster.",
        epilog="Each flag has an environment variable of its name, such as ADAPTER_IMAGE;"
        " --namespace has WATCH_NAMESPACES, separated by commas.",
    )
    add = parser.add_argument
    add("--adapter-image", metavar="IMAGE", help="image of the adapters' pods (required)")
    add("--namespace", action="append", help="serve this one only; may be repeated (default: all)")
    add("--kubeconfig", metavar="FILE", help="how to reach the cluster (default: as a pod of it)")
    add("--health-port", metavar="PORT", help="of /healthz; 0: any (default: 8080)")
    add("--metrics-port", metavar="PORT", help="of /metrics; 0: any (default: 9092)")
    add("--resync", metavar="SECONDS", help="between two looks at everything (default: 600)")
    add("--cross-namespace-sinks", metavar="allow|deny", help="sinks elsewhere (default: allow)")
    add("--read-secrets", metavar="yes|no", help="look whether Secrets exist (default: yes)")
    add(
        "--trust-bundle-namespace",
        metavar="NAMESPACE",
        help="where ConfigMaps with certificates to trust are (default: POD_NAMESPACE)",
    )
    add("--cluster-domain", metavar="DOMAIN", help="of Services (default: cluster.local)")
    add("--workers", metavar="N", help="sources worked on at once (default: 8)")
    add("--log-format", metavar="json|text", help="default: json")
    add("--log-level", metavar="debug|info|warn", help="default: info")
    return parser


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
        raise Misconfigured(
            f"{_flag(name)}: must be a whole number from {least} to {most}; got {text!r}"
        )
    return int(text)


def _choice(name: str, text: str, yes: str, no: str) -> bool:
    if text not in (yes, no):
        raise Misconfigured(f"{_flag(name)}: must be {yes} or {no}; got {text!r}")
    return text == yes


def _level(text: str) -> int:
    if text not in _LEVELS:
        raise Misconfigured(f"{_flag('log_level')}: must be {', '.join(_LEVELS)}; got {text!r}")
    return _LEVELS[text]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')} ({name.upper()})"
