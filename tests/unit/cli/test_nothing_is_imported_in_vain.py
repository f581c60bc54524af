"""The help is instant, and the core needs no broker client: proven by what gets imported."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

CLIENTS = {"confluent_kafka", "grpc", "defusedxml", "alibabacloud_credentials", "google"}


def imported(code: str) -> set[str]:
    """Return the top-level modules that a fresh process has after `code`."""
    report = "import json, sys; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    script = f"{textwrap.dedent(code)}\n{report}\n"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_next_to_nothing() -> None:
    """Models, metrics and the event loop take a quarter of a second that help does not need."""
    found = imported("""
        import contextlib
        from eventing_alibaba.cli.main import main
        with contextlib.suppress(SystemExit):
            main(["--help"])
    """)
    heavy = {"pydantic", "prometheus_client", "asyncio", "uvloop", "yaml", "orjson", "httptools"}
    assert "argparse" in found
    assert found & (heavy | CLIENTS) == set()


def test_the_core_imports_no_broker_client() -> None:
    """Every module but the sources' own and the test kit's."""
    found = imported("""
        import importlib, pkgutil, eventing_alibaba
        own = ("eventing_alibaba.sources.", "eventing_alibaba.testing.")
        for module in pkgutil.walk_packages(eventing_alibaba.__path__, "eventing_alibaba."):
            if not module.name.startswith(own) and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    """)
    assert {"pydantic", "prometheus_client"} <= found
    assert found & CLIENTS == set()


def test_a_manifest_is_validated_without_a_client() -> None:
    """The operator has none: models of all kinds load without."""
    found = imported("""
        from eventing_alibaba.runtime import kinds
        for kind in kinds.installed():
            kinds.spec_of(kind)
        assert kinds.installed()
    """)
    assert found & CLIENTS == set()
