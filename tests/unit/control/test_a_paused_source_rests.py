"""`spec.paused: true`: an adapter that is well and does nothing."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba.testing.adapter import AdapterProcess, manifest


def test_it_opens_nothing_is_ready_and_stops_in_order(tmp_path: Path) -> None:
    """Nobody connects to its broker or its sink; a signal ends it with 0."""
    with (
        socket.create_server(("127.0.0.1", 0)) as broker,
        socket.create_server(("127.0.0.1", 0)) as sink,
    ):
        document: dict[str, Any] = {
            "paused": True,
            "bootstrapServers": [f"127.0.0.1:{broker.getsockname()[1]}"],
            "topics": ["orders"],
            "sink": {"uri": f"http://127.0.0.1:{sink.getsockname()[1]}/"},
        }
        control = {"EVENTING_ALIBABA_CONTROL": str(tmp_path / "s")}
        with AdapterProcess(manifest("AliKafkaSource", document), environ=control) as adapter:
            adapter.wait_ready()
            status = adapter.status()
            assert (status["state"], status["reason"]) == ("running", "Paused")
            assert "spec.paused is true" in status["message"]
            assert adapter.get("/readyz")[0] == 200
            assert adapter.stop() == 0
        for server in (broker, sink):
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()
    assert not (tmp_path / "s").exists()


def test_a_wrong_manifest_is_found_out_while_it_is_paused(tmp_path: Path) -> None:
    """Not only when it is to go on."""
    document = {
        "paused": True,
        "bootstrapServers": ["127.0.0.1:9"],
        "topics": ["orders"],
        "sink": {"uri": "http://127.0.0.1:9/", "CACerts": "no PEM"},
    }
    with AdapterProcess(manifest("AliKafkaSource", document)) as adapter:
        assert adapter.wait() == 78
