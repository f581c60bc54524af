"""A real RocketMQ 5 for a test: started in some seconds, killed and revived at will.

The jars come from Maven, once. There are three Java machines: name server, broker, and the proxy
that speaks gRPC. Broker and proxy could share one (RocketMQ's local mode); but that starts no
faster, and a test wants to take away the proxy alone, which keeps nothing, or the broker alone. A
small heap, the serial collector and the quick compiler start all three in eight seconds; the stock
scripts want eight gigabytes.

`kill` is the quick end. `stop` takes ten seconds for each of broker and proxy, which wait for
silence several times. A broker that was killed has all its messages, as they are in the kernel's
memory, and has forgotten acknowledgements of up to five seconds: it writes offsets as rarely.

Ports and data stay the same over `stop`, `kill` and `start`, so clients see what they would see of
a cluster that went away and came back. Methods block: from a coroutine, call them by
`asyncio.to_thread`.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tests.real.servers.certificates import Certificates, issue
from tests.real.servers.entered import Entered
from tests.real.servers.jars import CACHE, class_path
from tests.real.servers.ports import free_ports
from tests.real.servers.process import ServerFailedError, ServerProcess
from tests.real.servers.rocketmq import settings
from tests.real.servers.rocketmq.admin import RocketAdmin
from tests.real.servers.rocketmq.settings import Login, Option, Ports
from tests.real.servers.tools import program

Part: TypeAlias = Literal["names", "broker", "proxy"]

_HERE: Final = Path(__file__).resolve().parent
_CACHE: Final = CACHE / "rocketmq"
_POM: Final = _HERE / "pom.xml"
_ORDER: Final[tuple[Part, ...]] = ("names", "broker", "proxy")
_PATIENCE: Final = 90.0
_QUICK: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Starts in half the time, at the price of half the throughput."""

_OF_PROXIES: Final = "CID_DefaultHeartBeatSyncerTopic"
"""Group in which proxies tell each other of their clients; they do not make it themselves."""

_TAKEN: Final = ("Address already in use", "BindException")


class RocketServer(Entered):
    """One cluster on 127.0.0.1, used as a context manager.

    Attributes:
        certificates: of the proxy's TLS, which is on the same port as the plain connections.
        folder: its data, settings and logs; removed on exit.
        login: the user that may do everything, where access is controlled.
    """

    def __init__(
        self,
        *,
        login: Login | None = None,
        broker: Mapping[str, Option] | None = None,
        proxy: Mapping[str, Option] | None = None,
        heap: str = "512m",
        quick: bool = True,
    ) -> None:
        """Prepare a cluster; nothing runs yet.

        Args:
            login: Refuse what is not signed by this user.
            broker: Settings of the broker by RocketMQ's names.
            proxy: The same of the proxy.
            heap: Largest Java heap of each process but the name server, as Java writes it.
            quick: Start fast rather than run fast.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="rocketmq-"))
        self.certificates: Certificates = issue(self.folder / "certificates")
        self.login = login
        self._broker = dict(broker or {})
        self._proxy = dict(proxy or {})
        self._java = [f"-Xmx{heap}", "-Xms128m", *(_QUICK if quick else ())]
        self._ports: Ports | None = None
        self._parts: dict[Part, ServerProcess] = {}

    def __repr__(self) -> str:
        return f"<RocketServer {self._ports or 'not started'} {self._parts}>"

    @property
    def ports(self) -> Ports:
        """Where it listens. Raises RuntimeError before its first start."""
        if self._ports is None:
            raise RuntimeError("the cluster has no ports before its first start")
        return self._ports

    @property
    def endpoint(self) -> str:
        """`host:port` of the proxy, for gRPC, plain or TLS."""
        return f"127.0.0.1:{self.ports.grpc}"

    @property
    def admin(self) -> RocketAdmin:
        """Topics, groups, messages."""
        return RocketAdmin(self.ports, self.login)

    @property
    def alive(self) -> bool:
        """Whether all parts run."""
        return len(self._parts) == len(_ORDER) and all(p.alive for p in self._parts.values())

    def log(self, part: Part) -> Path:
        """Return the file of what a part has printed, over all its starts."""
        return self.folder / f"{part}.log"

    def start(self) -> None:
        """Start what does not run and wait until it answers; on the same ports and data as before.

        Raises:
            MissingToolError: Java or Maven is not installed.
            UnresolvedJarsError: Maven could not fetch RocketMQ.
            ServerFailedError: a part ended, or did not answer in time; with its log's tail.
        """
        first = self._ports is None
        for attempts_left in (2, 1, 0):
            if self._ports is None:
                self._settle()
            try:
                for part in _ORDER:
                    self._start(part)
                    self._await(part)
            except ServerFailedError as error:
                # Only a cluster whose address nobody has seen yet may take another one.
                taken = any(word in str(error) for word in _TAKEN)
                if not (first and attempts_left and taken):
                    raise
                self.kill()
                self._ports = None
            else:
                return

    def stop(self, *parts: Part) -> None:
        """End these parts, or all, by SIGTERM: they flush and leave."""
        for part in reversed(parts or _ORDER):
            if part in self._parts:
                self._parts[part].stop()

    def kill(self, *parts: Part) -> None:
        """End these parts, or all, by SIGKILL, as a crash would."""
        for part in reversed(parts or _ORDER):
            if part in self._parts:
                self._parts[part].kill()

    def restart(self, *parts: Part) -> None:
        """Stop these parts, or all, and start them."""
        self.stop(*parts)
        self.start()

    def freeze(self, *parts: Part) -> None:
        """Stop the clock of these parts, or of all: connections stay open, nothing is answered."""
        for part in parts or _ORDER:
            self._parts[part].freeze()

    def thaw(self, *parts: Part) -> None:
        """Let frozen parts go on."""
        for part in parts or _ORDER:
            self._parts[part].thaw()

    def close(self) -> None:
        """Kill what runs and remove the folder; idempotent."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _settle(self) -> None:
        """Choose ports, and lay the settings and an empty folder for data."""
        names, metrics, grpc, remoting = free_ports(4)
        told = Ports(names, _room_for_broker(), metrics, grpc, remoting)
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        conf = self.folder / "conf"  # the proxy looks for its files here
        conf.mkdir(exist_ok=True)
        (conf / "namesrv.conf").write_text(
            settings.rendered(settings.name_server(told, self.folder))
        )
        broker = settings.broker(told, self.folder, login=self.login, options=self._broker)
        (conf / "broker.conf").write_text(settings.rendered(broker))
        (conf / "rmq-proxy.json").write_text(
            settings.proxy(
                told,
                self.certificates,
                login=self.login,
                options=self._proxy,
            )
        )
        self._ports = told

    def _start(self, part: Part) -> None:
        running = self._parts.get(part)
        if running is not None and running.alive:
            return
        conf = self.folder / "conf"
        names = f"127.0.0.1:{self.ports.names}"
        package = "org.apache.rocketmq"
        command = {
            "names": ("namesrv.NamesrvStartup", "-c", str(conf / "namesrv.conf")),
            "broker": ("broker.BrokerStartup", "-n", names, "-c", str(conf / "broker.conf")),
            "proxy": (
                "proxy.ProxyStartup",
                "-n",
                names,
                "-pc",
                str(conf / "rmq-proxy.json"),
                "-pm",
                "cluster",
            ),
        }[part]
        java = ["-Xmx64m", *_QUICK] if part == "names" else self._java
        self._parts[part] = ServerProcess(
            [
                str(program("java")),
                *java,
                f"-Duser.home={self.folder}",
                f"-Drmq.logback.configurationFile={_HERE / 'logback.xml'}",
                "-Drocketmq.broker.diskSpaceWarningLevelRatio=0.98",
                "-cp",
                class_path(_POM, into=_CACHE),
                f"{package}.{command[0]}",
                *command[1:],
            ],
            log=self.log(part),
            cwd=self.folder,
            env={
                **os.environ,
                "ROCKETMQ_HOME": str(self.folder),
                "RMQ_PROXY_HOME": str(self.folder),
            },
        )

    def _await(self, part: Part) -> None:
        ready = {
            # A broker keeps trying until there is a name server, so nobody waits for that one.
            "names": lambda: True,
            "broker": self.admin.answers,
            "proxy": lambda: _listens(self.ports.grpc) and self.admin.answers(),
        }[part]
        self._parts[part].wait_until(ready, seconds=_PATIENCE)
        if part == "broker":
            self.admin.create_group(_OF_PROXIES)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False


def _room_for_broker() -> int:
    """Return a free port; the broker listens on the one two below and the one above, too."""
    while True:
        (port,) = free_ports(1)
        if all(not _listens(near) for near in (port - 2, port + 1)):
            return port
