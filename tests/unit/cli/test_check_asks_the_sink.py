"""`eventing-alibaba check` asks the sink without an event, and names what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.unit.cli.checking import SOURCE, Told, check, write
from tests.unit.cli.services import closed_port, listener, service
from tests.unit.runtime.parcel import install

from eventing_alibaba.cli.check import sink as probe

CA = trustme.CA()
SECRET = {"value": "open-sesame"}


@pytest.fixture(autouse=True)
def _kind(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path_factory.mktemp("site"), monkeypatch, source=SOURCE)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Check a sink of these settings; what else the spec has."""

    def run(url: str, **spec: Any) -> Told:
        sink = {"uri": url, **spec.pop("sink", {})}
        return check(write(tmp_path / "source.yaml", {"sink": sink, **spec}), capsys)

    return run  # type: ignore[return-value]


def test_one_request_that_is_no_event(ask: Any) -> None:
    """OPTIONS, without a body, without an attribute; and nothing else."""
    with service() as seen:
        told = ask(seen.url)
    ((method, headers, body),) = seen.requests
    assert (method, body) == ("OPTIONS", b"")
    assert not [name for name in headers if name.startswith("ce-")]
    assert headers["kn-namespace"] == "default"
    assert told.code == 0
    assert told.step("sink")["detail"] == "answers OPTIONS with 204"


@pytest.mark.parametrize("status", [200, 400, 405, 500, 501])
def test_answers_that_say_nothing_about_events(ask: Any, status: int) -> None:
    """Few services expect OPTIONS: the status is told and does not count."""
    with service(status, body=b"whatever") as seen:
        told = ask(seen.url)
    assert (told.code, told.step("sink")["detail"]) == (0, f"answers OPTIONS with {status}")


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (401, "SinkUnauthorized", "wants to know who we are; give credentials in spec.sinkAuth"),
        (403, "SinkForbidden", "may not send events there"),
        (404, "SinkNotFound", "nothing at the path of spec.sink.uri"),
        (301, "SinkRedirects", "write the final URL into spec.sink.uri"),
        (308, "SinkRedirects", "answers 308, a redirect"),
        (429, "SinkUnavailable", "answers 429"),
        (502, "SinkUnavailable", "answers 502"),
        (503, "SinkUnavailable", "away or too busy"),
        (504, "SinkUnavailable", "answers 504"),
    ],
)
def test_answers_that_an_event_would_get_too(
    ask: Any, status: int, reason: str, words: str
) -> None:
    """They count, and the sentence names the field."""
    with service(status) as seen:
        told = ask(seen.url)
    step = told.step("sink")
    assert (told.code, step["reason"]) == (1, reason)
    assert words in step["message"]


def test_credentials_are_shown_and_their_refusal_is_told(ask: Any) -> None:
    """As with an event; the secret itself is in no sentence."""
    auth = {"bearer": {"token": SECRET}}
    with service(204) as seen:
        assert ask(seen.url, sinkAuth=auth).code == 0
    assert seen.requests[0][1]["authorization"] == "Bearer open-sesame"
    with service(401) as seen:
        told = ask(seen.url, sinkAuth=auth)
    assert "refuses the credentials that it was shown; check spec.sinkAuth" in str(told.document)
    assert "open-sesame" not in str(told.document)


def test_missing_credentials_are_named_and_nothing_is_sent(ask: Any) -> None:
    """The field and what is missing."""
    auth = {"bearer": {"token": {"env": "NO_SUCH_VARIABLE_HERE"}}}
    with service() as seen:
        told = ask(seen.url, sinkAuth=auth)
    assert seen.requests == []
    assert told.step("sink")["reason"] == "SecretMissing"
    assert "spec.sinkAuth.bearer.token" in told.step("sink")["message"]


def test_a_closed_port(ask: Any) -> None:
    """Host and port are named."""
    port = closed_port()
    told = ask(f"http://127.0.0.1:{port}/")
    assert (told.code, told.step("sink")["reason"]) == (1, "Unreachable")
    assert f"cannot connect to 127.0.0.1:{port}" in told.step("sink")["message"]


def test_a_name_that_does_not_resolve(ask: Any) -> None:
    """The name is."""
    told = ask("http://no-such-service.invalid/")
    assert told.step("sink")["reason"] == "HostNotFound"
    assert "no-such-service.invalid" in told.step("sink")["message"]


def test_no_answer(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that takes the request and says nothing."""
    monkeypatch.setattr(probe, "PATIENCE", 0.05)
    with listener() as port:
        told = ask(f"http://127.0.0.1:{port}/")
    assert told.step("sink")["reason"] == "NoAnswer"


def test_no_http(ask: Any) -> None:
    """Something else listens there."""
    with listener(says=b"SSH-2.0-OpenSSH\r\n") as port:
        told = ask(f"http://127.0.0.1:{port}/")
    assert told.step("sink")["reason"] == "ProtocolMismatch"


def test_http_to_a_port_that_wants_tls(ask: Any) -> None:
    """A TLS alert, or the sentence that most servers answer."""
    with service(tls=CA.issue_cert("127.0.0.1")) as seen:
        told = ask(seen.url.replace("https", "http"))
    assert told.step("sink")["ok"] is False
    page = b"<h1>400</h1>The plain HTTP request was sent to HTTPS port"
    with service(400, body=page) as seen:
        told = ask(seen.url)
    assert told.step("sink")["reason"] == "TlsMismatch"
    assert "write https:// in spec.sink.uri" in told.step("sink")["message"]


def test_tls_to_a_port_that_speaks_none(ask: Any) -> None:
    """The other way round."""
    with service() as seen:
        told = ask(seen.url.replace("http", "https"))
    assert told.step("sink")["reason"] == "TlsFailed"
    assert "does not speak TLS" in told.step("sink")["message"]


def test_an_authority_that_is_not_trusted(ask: Any) -> None:
    """Until it is given."""
    with service(tls=CA.issue_cert("127.0.0.1")) as seen:
        told = ask(seen.url)
        assert "issued by an authority that is not known here" in told.step("sink")["message"]
        assert ask(seen.url, sink={"CACerts": CA.cert_pem.bytes().decode()}).code == 0


def test_a_certificate_for_another_name(ask: Any) -> None:
    """Told apart from one that is not trusted."""
    with service(tls=CA.issue_cert("service.example.com")) as seen:
        told = ask(seen.url, sink={"CACerts": CA.cert_pem.bytes().decode()})
    assert "is for another address" in told.step("sink")["message"]


def test_the_environments_sink_goes_first(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `run`: the sentence names K_SINK, and a note says that it was used."""
    with service(404) as seen:
        monkeypatch.setenv("K_SINK", seen.url)
        told = ask("http://elsewhere.invalid/")
    assert "K_SINK" in told.step("sink")["message"]
    assert told.document["notes"] == ["K_SINK is set: it is used instead of spec.sink"]


def test_the_dead_letter_sink_is_asked_too(ask: Any) -> None:
    """By its own address, and without what `sinkAuth` shows to the other."""
    with service() as seen, service(404) as dead:
        told = ask(
            seen.url,
            sinkAuth={"bearer": {"token": SECRET}},
            delivery={"deadLetterSink": {"uri": dead.url}},
        )
    assert told.step("sink")["ok"]
    assert "spec.delivery.deadLetterSink.uri" in told.step("dead-letter sink")["message"]
    assert "authorization" not in dead.requests[0][1]


def test_a_secret_in_the_path_is_not_shown(ask: Any) -> None:
    """Webhooks carry tokens in paths and queries."""
    with service(404) as seen:
        told = ask(f"{seen.url}/hook-4711?token=open-sesame")
    assert "4711" not in str(told.document)
    assert "open-sesame" not in str(told.document)
