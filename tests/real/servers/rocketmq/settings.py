"""What a test cluster is told: one name server, one broker, one proxy, all on 127.0.0.1.

Where a default would need a large machine (commit log files of 1 GiB, a disk that must be a
quarter free) or make a test wait (a route that is twenty seconds old) it is lowered. What clients
see of the protocol is left alone: the shortest invisible duration, the batch sizes and the polling
times are RocketMQ's own. Topics and groups are not created by asking for them, since a missing one
must look as it does in production.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.real.servers.certificates import Certificates

Option: TypeAlias = str | int | bool

CLUSTER: Final = "DefaultCluster"
BROKER: Final = "broker-a"

_AUTH: Final = "org.apache.rocketmq.auth"
_AT_BROKER: Final = (
    f"{_AUTH}.authentication.provider.LocalAuthenticationMetadataProvider",
    f"{_AUTH}.authorization.provider.LocalAuthorizationMetadataProvider",
)
_AT_PROXY: Final = (
    "org.apache.rocketmq.proxy.auth.ProxyAuthenticationMetadataProvider",
    "org.apache.rocketmq.proxy.auth.ProxyAuthorizationMetadataProvider",
)
"""Where users and their rights are looked up: a broker has them, a proxy asks a broker."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the cluster listens, on 127.0.0.1.

    Attributes:
        names: of the name server.
        broker: of the broker; it takes the two below and the one above as well.
        metrics: of the broker's Prometheus page.
        grpc: of the proxy, plain and TLS.
        remoting: of the proxy, for clients of RocketMQ 4.
    """

    names: int
    broker: int
    metrics: int
    grpc: int
    remoting: int


@dataclass(frozen=True, slots=True)
class Login:
    """A user of RocketMQ's access control (ACL 2.0)."""

    username: str
    password: str

    def text(self) -> str:
        """Return the user as RocketMQ's settings want it: JSON in a string."""
        return json.dumps({"username": self.username, "password": self.password})


def name_server(ports: Ports, folder: Path) -> dict[str, str]:
    """Return the settings of the name server."""
    return _texts(
        {
            "listenPort": ports.names,
            "bindAddress": "127.0.0.1",
            "rocketmqHome": folder,
            "kvConfigPath": folder / "kvConfig.json",
            "configStorePath": folder / "namesrv.properties",
            "unRegisterBrokerQueueCapacity": 100,
        }
    )


def broker(
    ports: Ports, folder: Path, *, login: Login | None, options: Mapping[str, Option]
) -> dict[str, str]:
    """Return the settings of the broker, `options` last.

    Args:
        ports: of the cluster.
        folder: for its store; an existing one goes on where it was.
        login: with one, what has no signature of its own is refused.
        options: settings by RocketMQ's own names.
    """
    told: dict[str, Any] = {
        "brokerClusterName": CLUSTER,
        "brokerName": BROKER,
        "brokerId": 0,
        "brokerIP1": "127.0.0.1",
        "bindAddress": "127.0.0.1",
        "listenPort": ports.broker,
        "namesrvAddr": f"127.0.0.1:{ports.names}",
        "brokerRole": "ASYNC_MASTER",
        "flushDiskType": "ASYNC_FLUSH",
        "storePathRootDir": folder / "store",
        "mappedFileSizeCommitLog": 64 * 1024 * 1024,
        "mappedFileSizeConsumeQueue": 6_000_000,
        "mappedFileSizeTimerLog": 10 * 1024 * 1024,
        "diskMaxUsedSpaceRatio": 98,
        "autoCreateTopicEnable": False,
        "autoCreateSubscriptionGroup": False,
        "enablePropertyFilter": True,
        # A machine that is busy with tests shall be slow, not refuse with "broker busy".
        "waitTimeMillsInSendQueue": 10_000,
        "metricsExporterType": "PROM",
        "metricsPromExporterHost": "127.0.0.1",
        "metricsPromExporterPort": ports.metrics,
    }
    return _texts({**told, **_access(login, _AT_BROKER), **options})


def proxy(
    ports: Ports,
    certificates: Certificates,
    *,
    login: Login | None,
    options: Mapping[str, Option],
) -> str:
    """Return the settings of the proxy, `options` last, as the text of its file.

    Args:
        ports: of the cluster.
        certificates: what it shows on TLS; the same port takes plain connections too.
        login: with one, what is not signed by it is refused.
        options: settings by RocketMQ's own names.
    """
    told: dict[str, Any] = {
        "rocketMQClusterName": CLUSTER,
        "namesrvAddr": f"127.0.0.1:{ports.names}",
        "proxyMode": "CLUSTER",
        "localServeAddr": "127.0.0.1",
        "remotingAccessAddr": "127.0.0.1",
        "grpcServerPort": ports.grpc,
        "remotingListenPort": ports.remoting,
        "useEndpointPortFromRequest": False,
        "tlsTestModeEnable": False,
        "tlsKeyPath": str(certificates.server_key),
        "tlsCertPath": str(certificates.server_certificate),
        # A topic that was made or deleted is seen in a second instead of twenty.
        "topicRouteServiceCacheExpiredSeconds": 2,
        "topicRouteServiceCacheRefreshSeconds": 1,
        "topicConfigCacheExpiredSeconds": 2,
        "topicConfigCacheRefreshSeconds": 1,
        "subscriptionGroupConfigCacheExpiredSeconds": 2,
        "subscriptionGroupConfigCacheRefreshSeconds": 1,
    }
    return json.dumps({**told, **_access(login, _AT_PROXY), **options}, indent=1)


def rendered(told: Mapping[str, str]) -> str:
    """Return settings as the text of a properties file."""
    return "".join(f"{name}={value}\n" for name, value in told.items())


def _access(login: Login | None, kept: tuple[str, str]) -> dict[str, Any]:
    if login is None:
        return {}
    inner = json.dumps({"accessKey": login.username, "secretKey": login.password})
    return {
        "authenticationEnabled": True,
        "authenticationProvider": f"{_AUTH}.authentication.provider.DefaultAuthenticationProvider",
        "authenticationMetadataProvider": kept[0],
        "authorizationEnabled": True,
        "authorizationProvider": f"{_AUTH}.authorization.provider.DefaultAuthorizationProvider",
        "authorizationMetadataProvider": kept[1],
        "initAuthenticationUser": login.text(),
        "innerClientAuthenticationCredentials": inner,
        # Or the proxy asks the broker without a signature; a broker does not know the setting.
        "enableAclRpcHookForClusterMode": True,
    }


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return {name: text(value) for name, value in told.items()}
