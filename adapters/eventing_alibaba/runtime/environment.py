"""What one process is told, by flags, environment and manifest, as one value.

A flag goes before a variable, a variable before a default. Everything wrong is found here, before
anything is opened, and is one sentence that names the variable or the field. Knative's variables
keep Knative's meaning (see `names`); an empty variable counts as not set, since that is how
Kubernetes templates leave things out.

    K_SINK, K_CA_CERTS, K_AUDIENCE   the sink, before `spec.sink` (see `destination`)
    K_SINK_TIMEOUT                   seconds; instead of the *default* of `spec.delivery.timeout`
    K_CE_OVERRIDES                   JSON; its extensions go over `spec.ceOverrides`, name by name
    K_LOGGING_CONFIG                 JSON; only the level is read, and nothing in it stops a start
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.problems import shown
from eventing_alibaba.contract.spec import CloudEventOverrides, Context, Delivery, SourceSpec
from eventing_alibaba.contract.validation import read_tolerantly
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.runtime import manifest, names
from eventing_alibaba.runtime.destination import SinkAddress, address, dead_letter_address
from eventing_alibaba.runtime.levels import LEVELS, from_logging_config

LogFormat: TypeAlias = Literal["json", "text"]

_SERVICE_LINK: Final = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a run needs.

    Attributes:
        kind, namespace, name: of the source object.
        dead_letter: where exhausted events go, if that is an HTTP sink.
        uid: of the source object; None outside a cluster.
        spec: as validated, with the environment's overrides merged into `ce_overrides`.
        sink: where events go.
        sink_timeout: seconds the sink may take to answer.
        trust_directory: further certificates to trust for the sink; often it does not exist.
        credentials: resolves secret references.
        host: address the health and metrics servers bind; "" = all.
        port, metrics_port: their ports; 0 = a free one.
        log_format: None = JSON, but readable text on a terminal.
        log_level: of the `logging` module.
        warnings: sentences to log once logging is set up.
    """

    kind: str
    namespace: str
    name: str
    spec: SourceSpec
    sink: SinkAddress
    sink_timeout: float
    credentials: SecretResolver
    dead_letter: SinkAddress | None = None
    uid: str | None = None
    trust_directory: Path = Path(names.DEFAULT_TRUST_DIRECTORY)
    host: str = ""
    port: int = names.DEFAULT_PORT
    metrics_port: int = names.DEFAULT_METRICS_PORT
    log_format: LogFormat | None = None
    log_level: int = LEVELS["info"]
    warnings: tuple[str, ...] = ()

    def context(self, count: Callable[[str, int], None]) -> Context:
        """Return what the spec builds its source with; `count` raises the source's own counters."""
        return Context(
            kind=self.kind,
            namespace=self.namespace,
            name=self.name,
            credentials=self.credentials,
            event=self.spec.event,
            flow=self.spec.flow,
            count=count,
        )


def settings(
    environ: Mapping[str, str],
    *,
    file: Path | str | None = None,
    secrets: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    metrics_port: int | None = None,
    log_format: LogFormat | None = None,
    log_level: str | None = None,
) -> Settings:
    """Return the settings of a process that runs `file`, or else the object in K_SOURCE_CONFIG.

    Raises Misconfigured with a sentence, or one a line.
    """
    found = _manifest(environ, file)
    sink, note = address(found.spec.sink, environ)
    overrides, passed_over = _overrides(found.spec.ce_overrides, environ)
    level, complaint = _level(environ, log_level)
    ports = _ports(environ, port, metrics_port)
    directory = secrets or _path(environ, names.SECRETS)
    return Settings(
        kind=found.kind,
        namespace=found.namespace or environ.get(names.NAMESPACE) or "default",
        name=found.name,
        uid=found.uid,
        spec=found.spec.model_copy(update={"ce_overrides": overrides}),
        sink=sink,
        dead_letter=dead_letter_address(found.spec.delivery.dead_letter_sink, environ),
        sink_timeout=_timeout(found.spec.delivery, environ),
        credentials=SecretResolver(directory, found.secrets, environ),
        host=host if host is not None else environ.get(names.HOST, ""),
        port=ports[0],
        metrics_port=ports[1],
        log_format=log_format or _log_format(environ),
        log_level=level,
        warnings=tuple(w for w in (*found.warnings, note, passed_over, complaint) if w),
    )


def _manifest(environ: Mapping[str, str], file: Path | str | None) -> manifest.Manifest:
    name = environ.get(names.NAME) or None
    if file is not None:
        return manifest.load(file, name=name)
    config = environ.get(names.SOURCE_CONFIG)
    if not config:
        raise Misconfigured(
            "there is nothing to run: give a manifest with `run -f FILE`, or set "
            f"{names.SOURCE_CONFIG} to a source object as JSON"
        )
    return manifest.from_config(config, origin=names.SOURCE_CONFIG, name=name)


def _overrides(
    own: CloudEventOverrides, environ: Mapping[str, str]
) -> tuple[CloudEventOverrides, str | None]:
    text = environ.get(names.OVERRIDES)
    if not text:
        return own, None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Misconfigured(
            f"{names.OVERRIDES}: must be JSON such as "
            '{"extensions": {"name": "value"}}; got ' + shown(text)
        )
    theirs, unknown = read_tolerantly(CloudEventOverrides, data, root=names.OVERRIDES)
    merged = {**own.extensions, **theirs.extensions}
    note = f"passed over {', '.join(unknown)}" if unknown else None
    return CloudEventOverrides(extensions=merged), note


def _timeout(delivery: Delivery, environ: Mapping[str, str]) -> float:
    """An explicit `spec.delivery.timeout` wins; an API server writes defaults out, so compare."""
    given = seconds(delivery.timeout)
    text = environ.get(names.SINK_TIMEOUT)
    if not text:
        return given
    try:
        theirs = int(text)
    except ValueError:
        raise Misconfigured(
            f"{names.SINK_TIMEOUT}: must be a whole number of seconds; got {shown(text)}"
        ) from None
    if theirs <= 0 or delivery.timeout != Delivery().timeout:
        return given
    return float(theirs)


def _ports(
    environ: Mapping[str, str], port: int | None, metrics_port: int | None
) -> tuple[int, int]:
    health = _port(environ, names.PORT, names.DEFAULT_PORT) if port is None else port
    metrics = (
        _port(environ, names.METRICS_PORT, names.DEFAULT_METRICS_PORT)
        if metrics_port is None
        else metrics_port
    )
    if health == metrics != 0:
        raise Misconfigured(
            f"port {health} is to serve health and metrics both; give them two ports "
            f"({names.PORT} and {names.METRICS_PORT}, or --port and --metrics-port)"
        )
    return health, metrics


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    # A Service of the name `eventing-alibaba` makes Kubernetes set EVENTING_ALIBABA_PORT to a URL.
    if not text or _SERVICE_LINK.match(text):
        return default
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise Misconfigured(f"{name}: must be a port from 0 to 65535 (0: any); got {shown(text)}")
    return int(text)


def _level(environ: Mapping[str, str], flag: str | None) -> tuple[int, str | None]:
    for origin, text in (("--log-level", flag), (names.LOG_LEVEL, environ.get(names.LOG_LEVEL))):
        if text:
            if text.lower() not in LEVELS:
                raise Misconfigured(
                    f"{origin}: must be one of {', '.join(LEVELS)}; got {shown(text)}"
                )
            return LEVELS[text.lower()], None
    return from_logging_config(
        environ.get(names.LOGGING_CONFIG, ""), component=environ.get(names.COMPONENT, "")
    )


def _log_format(environ: Mapping[str, str]) -> LogFormat | None:
    text = environ.get(names.LOG_FORMAT)
    if not text:
        return None
    if text not in ("json", "text"):
        raise Misconfigured(f"{names.LOG_FORMAT}: must be json or text; got {shown(text)}")
    return cast("LogFormat", text)


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    return Path(text) if text else None
