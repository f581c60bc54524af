"""Wrong manifests, variables and flags of `run`: the field, the value, what is accepted, and 78."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Runs

from eventing_alibaba.cli.main import main

KAFKA = """\
apiVersion: sources.eventing-alibaba.dev/v1alpha1
kind: AliKafkaSource
metadata: {name: orders}
spec:
  bootstrapServers: ["localhost:9092"]
  topics: [orders]
  sink: {uri: "http://localhost:3000/"}
"""
LOGIN = "net: {sasl: {enable: true, user: {value: u}, password: %s}}"


def wrong(
    runs: Runs, capsys: pytest.CaptureFixture[str], path: Path, manifest: str | bytes
) -> list[str]:
    """Run a manifest that must be refused; return the sentences, each without its beginning."""
    path.write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
    assert main(["run", "-f", str(path)]) == 78
    assert runs == [], "it was not to run"
    out, err = capsys.readouterr()
    assert out == ""
    assert "hunter2" not in err
    lines = err.splitlines()
    assert all(line.startswith("eventing-alibaba: ") for line in lines), "no trace, no other text"
    return [line.removeprefix("eventing-alibaba: ").removeprefix(f"{path}: ") for line in lines]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("foo: 1", "spec.foo: is no field of spec, which has `sink`,"),
        ("consumergroup: a", "spec.consumergroup: is no field of spec; did you mean"),
        ("consumerGroup: ''", "spec.consumerGroup: must not be empty"),
        ("initialOffset: newest", "spec.initialOffset: 'newest' must be `earliest`, `latest` or"),
        ("initialOffset: 2026-13-01T00:00:00Z", "spec.initialOffset: '2026-13-01T00:00:00Z' is no"),
        (
            "ordering: fifo",
            "spec.ordering: must be `ordered` or `keyed` or `unordered`; got 'fifo'",
        ),
        (
            "keyType: long",
            "spec.keyType: must be `string` or `int` or `float` or `byte-array`; got",
        ),
        (LOGIN % "hunter2", "spec.net.sasl.password: must be a mapping: say where the secret is"),
        (LOGIN % "{}", "spec.net.sasl.password: must have exactly one of `secretKeyRef`"),
        (LOGIN % "{value: hunter2, env: P}", "spec.net.sasl.password: must have exactly one of"),
        ("net: {sasl: {enable: true}}", "spec.net.sasl: `user` must be given because `enable`"),
        ("net: {sasl: {type: GSSAPI}}", "spec.net.sasl.type: must be `PLAIN` or `SCRAM-SHA-256`"),
        ("net: {tls: {key: {file: k}}}", "spec.net.tls: `cert` must be given because `key` is"),
        ("delivery: {retry: -1}", "spec.delivery.retry: -1 is too small; must be at least 0"),
        ("delivery: {retry: '5'}", "spec.delivery.retry: must be a whole number, without quotes"),
        ("delivery: {retry: 1.5}", "spec.delivery.retry: must be a whole number; got 1.5"),
        (
            "delivery: {retryAfterMax: -1}",
            "spec.delivery.retryAfterMax: -1 is no ISO 8601 duration",
        ),
        ("delivery: {retryAfterMax: P1Y}", "spec.delivery.retryAfterMax: 'P1Y' is no ISO 8601"),
        ("delivery: {backoffMax: 5m}", "spec.delivery.backoffMax: '5m' is no ISO 8601 duration;"),
        (
            "delivery: {timeout: 30}",
            "spec.delivery.timeout: 30 is no ISO 8601 duration; write PT30S",
        ),
        ("delivery: {timeout: PT0S}", "spec.delivery: `timeout: PT0S` would let no request be"),
        (
            "delivery: {backoffPolicy: none}",
            "spec.delivery.backoffPolicy: must be `exponential` or",
        ),
        (
            "delivery: {onExhausted: release}",
            "spec: `delivery.onExhausted: release` is not possible",
        ),
        ("delivery: {onExhausted: deadLetter}", "spec.delivery: `onExhausted: deadLetter` needs a"),
        (
            "delivery: {deadLetterSink: {}}",
            "spec.delivery.deadLetterSink: must have exactly one of",
        ),
        (
            "delivery: {deadLetterSink: {mns: {queue: q}}}",
            "spec: `delivery.deadLetterSink.mns` is of another broker than this source",
        ),
        ("flow: {concurrency: 0}", "spec.flow.concurrency: 0 is too small; must be at least 1"),
        ("flow: {maxBytes: 32Mi}", "spec.flow.maxBytes: must be a whole number; got '32Mi'"),
        ("flow: {rateLimit: 0}", "spec.flow.rateLimit: 0 is too small; must be at least 1"),
        ("flow: {grace: 25}", "spec.flow.grace: 25 is no ISO 8601 duration; write PT25S"),
        ("event: {mode: xml}", "spec.event.mode: must be `binary` or `structured`; got 'xml'"),
        ("event: {source: a b}", "spec.event.source: 'a b' is no URI reference"),
        (
            "event: {contentType: json}",
            "spec.event.contentType: 'json' is no media type; write one",
        ),
        ("event: {format: raw, batch: {}}", "spec.event: `format: raw` sends no CloudEvents, so"),
        ("event: {batch: {maxEvents: 0}}", "spec.event.batch.maxEvents: 0 is too small; must be"),
        ("event: {maxAge: PT0S}", "spec.event: `maxAge: PT0S` would let nothing through"),
        (
            "ceOverrides: {extensions: {id: x}}",
            "spec.ceOverrides: `extensions.id` must not override",
        ),
        (
            "ceOverrides: {extensions: {Ab: x}}",
            "spec.ceOverrides: `extensions.Ab` must have a name",
        ),
        ("ceOverrides: {extensions: {a: 5}}", "spec.ceOverrides.extensions.a: must be text"),
        ("filters: [{regex: {type: a}}]", "spec.filters[0].regex: is no field of spec.filters[0]"),
        ("filters: [{exact: {}}]", "spec.filters[0].exact: is empty; must have at least 1"),
        (
            "filters: [{cesql: 'type ='}]",
            "spec.filters[0].cesql: it ends where a value must follow",
        ),
        ("filters: {exact: {type: a}}", "spec.filters: must be a list; got a mapping"),
        ("sinkAuth: {bearer: hunter2}", "spec.sinkAuth.bearer: must be a mapping"),
        ("consumers: -1", "spec.consumers: -1 is too small; must be at least 0"),
        ("paused: 'yes'", "spec.paused: must be true or false; got 'yes'"),
        ("template: {foo: 1}", "spec.template.foo: is no field of spec.template, which has"),
    ],
)
def test_a_wrong_field(
    runs: Runs, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, sentence: str
) -> None:
    """One sentence for one mistake, beginning with the field."""
    (told,) = wrong(runs, capsys, tmp_path / "m.yaml", f"{KAFKA}  {line}\n")
    assert told.startswith(sentence)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[orders]", "orders", "spec.topics: must be a list, one item a line"),
        ("[orders]", "[5]", "spec.topics[0]: must be text: put it in quotes; got 5"),
        ("[orders]", "[orders, orders]", "spec.topics: `orders` stands here 2 times"),
        ("localhost:9092", "kafka://a:1", "spec.bootstrapServers[0]: 'kafka://a:1' must be `host:"),
        ("name: orders", "name: Orders_X", "metadata.name: 'Orders_X' must be made of lower-case"),
        ("AliKafkaSource", "KafkaSource", "kind KafkaSource is not installed; did you mean"),
        (
            "v1alpha1",
            "v1",
            "apiVersion 'sources.eventing-alibaba.dev/v1' of kind AliKafkaSource is",
        ),
        ("http://l", "ftp://l", "spec.sink.uri: the URL's scheme is 'ftp': only http and https"),
        (
            "http://l",
            "l",
            "spec.sink.uri: the URL must start with http:// or https:// and name a h",
        ),
        ("//l", "//me:hunter2@l", "spec.sink.uri: the URL holds credentials in front of the host"),
        (":3000", ":99999", "spec.sink.uri: the URL's port is '99999': it must be a number from 1"),
        ("3000/", "3000/\\r\\nX: y", "spec.sink.uri: the URL holds '\\r' at position 22"),
        ('{uri: "http://localhost:3000/"}', "{}", "spec.sink: must have `ref` or `uri`"),
        ("  sink:", "  topics: [b]\n  sink:", "m.yaml, line 7, column 3: `topics` is already set"),
    ],
)
def test_a_wrong_value(
    runs: Runs,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    old: str,
    new: str,
    sentence: str,
) -> None:
    """The value that was seen, and what may stand there."""
    assert old in KAFKA
    (told,) = wrong(runs, capsys, tmp_path / "m.yaml", KAFKA.replace(old, new))
    assert sentence in told


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "{{{",
        "- 1",
        "hello",
        "kind: 5",
        "[" * 3000,
        KAFKA + "\0",
        b"\xff\xfe",
        "a: !!python/x {}",
        f"{KAFKA}---\n{KAFKA}",
        "a: &a [*a]",
        "a: &a [1]\nb: [*a, *a]",
    ],
)
def test_what_is_no_manifest(
    runs: Runs, capsys: pytest.CaptureFixture[str], tmp_path: Path, manifest: str | bytes
) -> None:
    """A sentence all the same, with the place where there is one."""
    (told,) = wrong(runs, capsys, tmp_path / "m.yaml", manifest)
    assert told


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "K_SINK",
            "sink:80",
            "K_SINK: the URL must start with http:// or https:// and name a host;",
        ),
        (
            "K_SINK",
            "http://me:hunter2@s/",
            "K_SINK: the URL holds credentials in front of the host",
        ),
        ("K_CE_OVERRIDES", "{", "K_CE_OVERRIDES: must be JSON such as"),
        (
            "K_CE_OVERRIDES",
            '{"extensions":[]}',
            "K_CE_OVERRIDES.extensions: must be a mapping; got",
        ),
        ("K_SINK_TIMEOUT", "10s", "K_SINK_TIMEOUT: must be a whole number of seconds; got '10s'"),
        ("K_SINK_TIMEOUT", "9" * 5000, "K_SINK_TIMEOUT: must be a whole number of seconds; got"),
        ("EVENTING_ALIBABA_PORT", "x", "EVENTING_ALIBABA_PORT: must be a port from 0 to 65535"),
        ("EVENTING_ALIBABA_PORT", "9092", "port 9092 is to serve health and metrics both"),
        ("EVENTING_ALIBABA_METRICS_PORT", "70000", "EVENTING_ALIBABA_METRICS_PORT: must be a port"),
        (
            "EVENTING_ALIBABA_LOG_FORMAT",
            "xml",
            "EVENTING_ALIBABA_LOG_FORMAT: must be json or text;",
        ),
        ("EVENTING_ALIBABA_LOG_LEVEL", "loud", "EVENTING_ALIBABA_LOG_LEVEL: must be one of debug,"),
    ],
)
def test_a_wrong_variable(
    runs: Runs,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    sentence: str,
) -> None:
    """It is named as it is written in the environment."""
    monkeypatch.setenv(name, value)
    (told,) = wrong(runs, capsys, tmp_path / "m.yaml", KAFKA)
    assert told.startswith(sentence)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--port x", "argument --port: 'x' is no port: must be a number from 0 to 65535"),
        ("--port=-1", "argument --port: '-1' is no port"),
        ("--metrics-port 65536", "argument --metrics-port: '65536' is no port"),
        ("--log-level loud", "argument --log-level: invalid choice: 'loud' (choose from"),
        ("--log-format xml", "argument --log-format: invalid choice: 'xml' (choose from"),
        ("--secrets /no/where", "argument --secrets: '/no/where' is no directory"),
        ("--forever", "unrecognized arguments: --forever"),
    ],
)
def test_a_wrong_flag(
    runs: Runs, capsys: pytest.CaptureFixture[str], flags: str, sentence: str
) -> None:
    """Its name, the value, and exit code 2, as everywhere."""
    with pytest.raises(SystemExit) as caught:
        main(["run", *flags.split()])
    assert caught.value.code == 2
    assert runs == []
    assert sentence in capsys.readouterr().err.splitlines()[-1]
