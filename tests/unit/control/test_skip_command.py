"""`eventing-alibaba skip` and a real adapter that is stuck."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.unit.control.conftest import MakeAdapter, MakeTopic

from eventing_alibaba.cli.main import main
from eventing_alibaba.testing.sink import Answer, Rule, SinkProcess

SOURCE = {
    "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
    "kind": "AliKafkaSource",
    "metadata": {"name": "adapter", "namespace": "default"},
    "spec": {"bootstrapServers": ["localhost:9"], "topics": ["orders"]},
}


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a manifest, without a sink: `run` may have it from its environment."""
    monkeypatch.setenv("EVENTING_ALIBABA_CONTROL", str(tmp_path / "control.sock"))
    monkeypatch.delenv("K_SOURCE_CONFIG", raising=False)
    path = tmp_path / "source.json"
    path.write_text(json.dumps(SOURCE))
    return path


def test_a_stuck_adapter_goes_on_after_a_skip(
    adapter: MakeAdapter,
    topic: MakeTopic,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Listed, refused for another id, skipped, committed over; the same without a file."""
    first, second = "partition:0/offset:0", "partition:0/offset:1"
    name = topic("bad", "bad too", "good")
    refused = [Rule(answer=Answer(status=400), match={"id": i}) for i in (first, second)]
    with SinkProcess(rules=refused) as sink:
        running = adapter(name, sink.ready["url"]).start()
        running.wait_status(lambda status: status["blocked"])
        assert main(["skip", "-f", str(source)]) == 0
        head, row = capsys.readouterr().out.splitlines()
        assert head.split() == ["ID", "ORIGIN", "SINCE", "STATUS", "REASON"]
        assert row.split()[:2] == [first, name]
        assert row.split()[3] == "400"

        assert main(["skip", "-f", str(source), second]) == 1
        said = capsys.readouterr().err.splitlines()
        assert said[0] == f"eventing-alibaba: {second} is not blocked"
        assert first in said[2]

        assert main(["skip", "-f", str(source), first]) == 0
        assert capsys.readouterr().out.startswith(f"skipped {name} {first}: ")
        running.wait_status(lambda s: [one["id"] for one in s["blocked"]] == [second])
        monkeypatch.setenv("K_SOURCE_CONFIG", json.dumps(SOURCE))
        assert main(["skip", second]) == 0
        running.wait_status(lambda s: s["counters"]["settled"].get("acked") == 3)
        assert main(["skip", "--list"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "nothing is blocked"
        assert running.status()["counters"]["settled"] == {"skipped": 2, "acked": 3}
        [line] = [x for x in running.log if first in x["msg"] and "skipped" in x["msg"]]
        assert (line["level"], line["origin"], line["id"]) == ("warn", name, first)
        assert running.stop() == 0


def test_no_adapter_is_a_sentence_and_1(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where was looked."""
    assert main(["skip", "-f", str(source)]) == 1
    assert "no adapter of this source runs here" in capsys.readouterr().err


def test_no_source_is_a_sentence_and_78(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a file nor K_SOURCE_CONFIG."""
    assert main(["skip"]) == 78
    assert "which source is meant? Give its manifest with `skip -f FILE`" in capsys.readouterr().err


def test_what_an_id_holds_does_not_steer_a_terminal(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids come from whoever sends messages."""
    from eventing_alibaba.cli import skip

    one = {"id": "\x1b[2J", "origin": "o", "reason": "a\nb", "status": None, "since": 0.0}
    monkeypatch.setattr(skip, "ask", lambda _path, _request: {"blocked": [one]})
    assert main(["skip", "-f", str(source)]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row == "\\x1b[2J  o       1970-01-01T00:00:00Z  -       a\\nb"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["1", "--list"], "not allowed with argument"),
        (["1", "2"], "unrecognized arguments: 2"),
        (["--all"], "unrecognized arguments: --all"),
    ],
    ids=["both", "two", "unknown"],
)
def test_a_wrong_flag_is_2(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says which."""
    with pytest.raises(SystemExit) as caught:
        main(["skip", *flags])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_an_origin_without_an_id_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing it could narrow down."""
    assert main(["skip", "--origin", "orders"]) == 2
    assert "--origin is of use only with the ID" in capsys.readouterr().err


def test_the_command_imports_no_client(source: Path) -> None:
    """In a pod it runs beside the adapter, in the adapter's memory limit."""
    import subprocess

    code = (
        "import sys; from eventing_alibaba.cli.main import main;"
        f" main(['skip', '-f', {str(source)!r}]);"
        " print([m for m in ('confluent_kafka', 'uvloop', 'prometheus_client')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
