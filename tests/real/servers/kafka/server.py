"""A real Kafka broker for a test: started in three seconds, killed and revived at will.

The jars come from Maven, once. A KRaft broker refuses a data folder that was not formatted, and the
formatter is one more Java start; so one formatted folder is kept beside the jars and copied for
each broker. All brokers therefore share a cluster id, which matters to nobody: they never meet.

Ports and data stay the same over `stop`, `kill`, `freeze` and `restart`, so clients see what they
would see of a broker that went away and came back. Methods block: from a coroutine, call them by
`asyncio.to_thread`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from tests.real.servers.certificates import Certificates, issue
from tests.real.servers.entered import Entered
from tests.real.servers.jars import CACHE, class_path, exclusive
from tests.real.servers.kafka.admin import KafkaAdmin
from tests.real.servers.kafka.settings import LISTENERS, Option, Ports, rendered, settings
from tests.real.servers.ports import free_ports
from tests.real.servers.process import ServerFailedError, ServerProcess
from tests.real.servers.tools import program

_HERE = Path(__file__).resolve().parent
_CACHE = CACHE / "kafka"
_POM = _HERE / "pom.xml"
_CLUSTER = "AAAAAAAAQACAAAAAAAAAAQ"
_TAKEN = "Address already in use"
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Starts in 2.5 s instead of 3.6 s, at the price of half the throughput."""


class KafkaServer(Entered):
    """One broker on 127.0.0.1, used as a context manager.

    Attributes:
        users: Names and passwords for SASL PLAIN.
        certificates: Files that its TLS listeners' clients need.
        folder: Its data, settings and log; removed on exit.
    """

    def __init__(
        self,
        *,
        options: Mapping[str, Option] | None = None,
        users: Mapping[str, str] | None = None,
        authorizer: bool = False,
        heap: str = "512m",
        quick: bool = True,
    ) -> None:
        """Prepare a broker; nothing runs yet.

        Args:
            options: Settings by Kafka's names, such as `{"log.retention.ms": 1000}`.
            users: SASL PLAIN names and passwords; by default `alice` with `alice-password`.
            authorizer: Deny access that no ACL allows (`admin.allow`), except to anonymous clients.
            heap: Largest Java heap, as Java writes it.
            quick: Start fast rather than run fast.
        """
        self.users = {"alice": "alice-password"} if users is None else dict(users)
        self.folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        self.certificates: Certificates = issue(self.folder / "certificates")
        self._options = dict(options or {})
        self._authorizer = authorizer
        self._java = [f"-Xmx{heap}", "-Xms128m", *(_QUICK if quick else ())]
        self._ports: Ports | None = None
        self._process: ServerProcess | None = None

    def __repr__(self) -> str:
        where = self._ports.address("PLAINTEXT") if self._ports else "not started"
        return f"<KafkaServer {where} {self._process!r}>"

    @cached_property
    def admin(self) -> KafkaAdmin:
        """Topics, users and permissions; through the PLAINTEXT listener."""
        return KafkaAdmin(self.client())

    @property
    def log(self) -> Path:
        """What the broker has printed, over all its starts."""
        return self.folder / "broker.log"

    def bootstrap(self, listener: str = "PLAINTEXT") -> str:
        """`host:port` of one of the listeners PLAINTEXT, SASL_PLAINTEXT, SSL, SASL_SSL."""
        if self._ports is None:
            msg = "the broker has no ports before its first start"
            raise RuntimeError(msg)
        return self._ports.address(listener)

    def client(
        self,
        listener: str = "PLAINTEXT",
        *,
        mechanism: str = "PLAIN",
        user: str = "alice",
        password: str | None = None,
        certificate: bool = False,
    ) -> dict[str, str]:
        """Settings with which a librdkafka client reaches the broker.

        Args:
            listener: The listener's name, which is its security protocol.
            mechanism: SASL mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
            user: SASL user.
            password: Its password; by default the one that PLAIN knows.
            certificate: Whether to show the client certificate.
        """
        told = {"bootstrap.servers": self.bootstrap(listener), "security.protocol": listener}
        if listener.startswith("SASL"):
            told["sasl.mechanism"] = mechanism
            told["sasl.username"] = user
            told["sasl.password"] = self.users[user] if password is None else password
        if listener.endswith("SSL"):
            told["ssl.ca.location"] = str(self.certificates.authority)
            if certificate:
                told["ssl.certificate.location"] = str(self.certificates.client_certificate)
                told["ssl.key.location"] = str(self.certificates.client_key)
        return told

    def start(self) -> None:
        """Start the broker and wait until it answers; on the same ports and data as before.

        Raises:
            MissingToolError: Java or Maven is not installed.
            UnresolvedJarsError: Maven could not fetch the broker.
            ServerFailedError: it ended, or did not answer within a minute; with its log's tail.
        """
        if self.alive:
            msg = f"{self!r} runs already"
            raise RuntimeError(msg)
        first = self._ports is None
        for attempts_left in (2, 1, 0):
            if self._ports is None:
                self._settle()
            try:
                self._launch()
            except ServerFailedError as error:
                # Only a broker whose address nobody has seen yet may take another one.
                if not (first and attempts_left and _TAKEN in str(error)):
                    raise
                self._ports = None
            else:
                return

    def stop(self) -> None:
        """End the broker by SIGTERM: it hands over, flushes and leaves."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """End the broker by SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the broker's clock: connections stay open, nothing is answered."""
        self._running().freeze()

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        self._running().thaw()

    def close(self) -> None:
        """Kill what runs and remove the folder; idempotent."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int:
        """Process id of the broker."""
        return self._running().pid

    def _running(self) -> ServerProcess:
        if self._process is None or not self._process.alive:
            msg = f"{self!r} does not run"
            raise RuntimeError(msg)
        return self._process

    def _settle(self) -> None:
        """Choose ports, and lay the settings and an empty data folder."""
        *listeners, controller = free_ports(len(LISTENERS) + 1)
        ports = Ports(dict(zip(LISTENERS, listeners, strict=True)), controller)
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(_formatted(), data)
        told = settings(
            ports=ports,
            data=data,
            certificates=self.certificates,
            users=self.users,
            authorizer=self._authorizer,
            options=self._options,
        )
        (self.folder / "server.properties").write_text(rendered(told))
        self._ports = ports

    def _launch(self) -> None:
        command = [
            str(program("java")),
            *self._java,
            f"-Dlog4j2.configurationFile={_HERE / 'broker.log4j2.properties'}",
            "-cp",
            class_path(_POM, into=_CACHE),
            "kafka.Kafka",
            str(self.folder / "server.properties"),
        ]
        self._process = ServerProcess(command, log=self.log, cwd=self.folder)
        patience = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 50, "log_level": 0}
        probe = AdminClient({**self.client(), **patience})
        self._process.wait_until(lambda: _answers(probe), seconds=60)


def _answers(probe: AdminClient) -> bool:
    try:
        return bool(probe.list_topics(timeout=0.5).brokers)
    except KafkaException:
        return False


def _formatted() -> Path:
    """A formatted, empty data folder to copy, made once per state of the pom by Kafka's tool."""
    classes = class_path(_POM, into=_CACHE)
    wanted = Path(classes).parent.with_suffix(".formatted")
    if wanted.exists():
        return wanted
    with exclusive(_CACHE), tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
        if wanted.exists():
            return wanted
        data, told = Path(scratch) / "data", Path(scratch) / "server.properties"
        minimal = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": "1@127.0.0.1:1",
            "controller.listener.names": "CONTROLLER",
            "listeners": "PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
            "log.dirs": str(data),
        }
        told.write_text(rendered(minimal))
        command = [str(program("java")), *_QUICK, "-cp", classes, "kafka.tools.StorageTool"]
        done = subprocess.run(
            [*command, "format", "--cluster-id", _CLUSTER, "--config", str(told)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            msg = f"Kafka could not format a data folder: {done.stdout}{done.stderr}"
            raise ServerFailedError(msg)
        data.rename(wanted)
    return wanted
