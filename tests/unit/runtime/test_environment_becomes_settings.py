"""Flags, variables and manifest become one value, and each wrong one is a sentence."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import SecretKeyRef, SecretReference
from eventing_alibaba.runtime.environment import Settings, settings

pytestmark = pytest.mark.usefixtures("parcel")


def config(spec: dict[str, Any] | None = None, **metadata: str) -> dict[str, str]:
    """Return an environment as an operator makes it."""
    return {
        "K_SINK": "http://sink.post.svc/",
        "K_SOURCE_CONFIG": json.dumps(
            {
                "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
                "kind": "ParcelSource",
                "metadata": {"name": "parcels", **metadata},
                "spec": {"depot": "north", **(spec or {})},
            }
        ),
    }


def refused(environ: dict[str, str], **flags: Any) -> str:
    """Return the sentence."""
    with pytest.raises(Misconfigured) as caught:
        settings(environ, **flags)
    return str(caught.value)


def test_an_operators_environment_is_enough() -> None:
    """`K_SINK` and `K_SOURCE_CONFIG`; everything else has a default."""
    found = settings(config(namespace="post", uid="u-1"))
    assert (found.kind, found.namespace, found.name, found.uid) == (
        "ParcelSource",
        "post",
        "parcels",
        "u-1",
    )
    assert found.sink.uri == "http://sink.post.svc/"
    assert (found.host, found.port, found.metrics_port) == ("", 8080, 9092)
    assert (found.log_format, found.log_level) == (None, logging.INFO)
    assert found.sink_timeout == 600.0
    assert found.trust_directory == Path("/knative-custom-certs")
    assert found.warnings == ()


def test_nothing_to_run_says_how_to_give_something() -> None:
    """An empty variable is none."""
    for environ in ({}, {"K_SOURCE_CONFIG": ""}):
        assert refused(environ) == (
            "there is nothing to run: give a manifest with `run -f FILE`, or set "
            "K_SOURCE_CONFIG to a source object as JSON"
        )


def test_a_file_goes_before_the_environments_object(tmp_path: Path) -> None:
    """Who types a file means it; its Secrets come with it."""
    file = tmp_path / "source.yaml"
    file.write_text(
        "apiVersion: sources.eventing-alibaba.dev/v1alpha1\nkind: ParcelSource\n"
        "metadata: {name: typed}\nspec: {depot: south, sink: {uri: 'http://here/'}}\n"
        "---\nkind: Secret\nmetadata: {name: post}\nstringData: {password: hunter2}\n"
    )
    environ = config()
    del environ["K_SINK"]
    found = settings(environ, file=file)
    assert (found.name, found.sink.uri) == ("typed", "http://here/")
    reference = SecretReference(secret_key_ref=SecretKeyRef(name="post", key="password"))
    assert found.credentials.read(reference, field="x") == "hunter2"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("environ", "metadata", "namespace"),
    [
        ({}, {}, "default"),
        ({"NAMESPACE": "outer"}, {}, "outer"),
        ({"NAMESPACE": "outer"}, {"namespace": "own"}, "own"),
    ],
)
def test_the_objects_namespace_goes_before_the_pods(
    environ: dict[str, str], metadata: dict[str, str], namespace: str
) -> None:
    """Then NAMESPACE, then `default`."""
    assert settings(config(None, **metadata) | environ).namespace == namespace


def test_name_is_for_an_object_without_one() -> None:
    """Knative's NAME."""
    environ = config() | {"NAME": "outer"}
    assert settings(environ).name == "parcels"
    environ["K_SOURCE_CONFIG"] = environ["K_SOURCE_CONFIG"].replace('"name": "parcels"', "")
    assert settings(environ).name == "outer"


def test_unknown_fields_of_the_operators_object_are_a_warning() -> None:
    """It is logged when logging is set up."""
    [warning] = settings(config({"novel": 1})).warnings
    assert warning.endswith("spec.novel")


def overrides(text: str, own: dict[str, str] | None = None) -> Settings:
    """Return settings with K_CE_OVERRIDES."""
    spec = {"ceOverrides": {"extensions": own}} if own else {}
    return settings(config(spec) | {"K_CE_OVERRIDES": text})


def test_overrides_of_the_environment_go_over_the_manifests() -> None:
    """Name by name; the manifest's others stay."""
    found = overrides('{"extensions": {"a": "1", "b": "2"}}', {"b": "own", "c": "own"})
    assert found.spec.ce_overrides.extensions == {"a": "1", "b": "2", "c": "own"}


@pytest.mark.parametrize("text", ["", "{}", '{"extensions": null}', '{"extensions": {}}'])
def test_empty_overrides_change_nothing(text: str) -> None:
    """SinkBinding sets the variable even when there is nothing to override."""
    assert overrides(text, {"a": "own"}).spec.ce_overrides.extensions == {"a": "own"}


def test_unknown_parts_of_overrides_are_a_warning() -> None:
    """A later Knative may add some."""
    found = overrides('{"novel": 1, "extensions": {"a": "1"}}')
    assert found.spec.ce_overrides.extensions == {"a": "1"}
    assert found.warnings == ("passed over K_CE_OVERRIDES.novel",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", 'must be JSON such as {"extensions": {"name": "value"}}; got \'{\''),
        ("[]", "must be JSON such as"),
        ("[" * 100_000, "must be JSON such as"),
        ('{"extensions": {"a": 1}}', "extensions.a: must be text: put it in quotes; got 1"),
        ('{"extensions": {"id": "1"}}', "`extensions.id` must not override"),
        ('{"extensions": {"A": "1"}}', "`extensions.A` must have a name"),
    ],
    ids=lambda text: text[:30],
)
def test_wrong_overrides_are_refused(text: str, sentence: str) -> None:
    """Knative's source contract has sources reject these."""
    said = refused(config() | {"K_CE_OVERRIDES": text})
    assert said.startswith("K_CE_OVERRIDES")
    assert said[len("K_CE_OVERRIDES") :].lstrip(":. ").startswith(sentence)


@pytest.mark.parametrize(
    ("written", "variable", "seconds"),
    [
        (None, None, 600.0),
        (None, "30", 30.0),
        (None, "", 600.0),
        (None, "0", 600.0),
        (None, "-1", 600.0),
        ("PT5M", "30", 300.0),
        ("PT0.5S", None, 0.5),
        ("PT600S", "30", 30.0),
    ],
)
def test_the_sinks_timeout_replaces_the_default_only(
    written: str | None, variable: str | None, seconds: float
) -> None:
    """An API server writes defaults out, so PT600S counts as not written; 0 and -1 do too."""
    environ = config({"delivery": {"timeout": written}} if written else {})
    if variable is not None:
        environ["K_SINK_TIMEOUT"] = variable
    assert settings(environ).sink_timeout == seconds


def test_a_wrong_timeout_is_refused() -> None:
    """In the variable and in the manifest."""
    assert refused(config() | {"K_SINK_TIMEOUT": "30s"}) == (
        "K_SINK_TIMEOUT: must be a whole number of seconds; got '30s'"
    )
    assert refused(config({"delivery": {"timeout": "PT0S"}})) == (
        "K_SOURCE_CONFIG: spec.delivery: `timeout: PT0S` would let no request be answered;"
        " must be longer than PT0S"
    )


def test_a_flag_goes_before_a_variable_and_a_variable_before_the_default(tmp_path: Path) -> None:
    """For each of those that have both."""
    environ = config() | {
        "EVENTING_ALIBABA_HOST": "127.0.0.1",
        "EVENTING_ALIBABA_PORT": "1",
        "EVENTING_ALIBABA_METRICS_PORT": "2",
        "EVENTING_ALIBABA_SECRETS": str(tmp_path / "a"),
        "EVENTING_ALIBABA_LOG_FORMAT": "json",
        "EVENTING_ALIBABA_LOG_LEVEL": "error",
    }
    found = settings(environ)
    assert (found.host, found.port, found.metrics_port) == ("127.0.0.1", 1, 2)
    assert found.credentials.directory == tmp_path / "a"
    assert (found.log_format, found.log_level) == ("json", logging.ERROR)
    found = settings(
        environ,
        host="::1",
        port=0,
        metrics_port=0,
        secrets=tmp_path / "b",
        log_format="text",
        log_level="debug",
    )
    assert (found.host, found.port, found.metrics_port) == ("::1", 0, 0)
    assert found.credentials.directory == tmp_path / "b"
    assert (found.log_format, found.log_level) == ("text", logging.DEBUG)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("EVENTING_ALIBABA_PORT", "x", "must be a port from 0 to 65535 (0: any); got 'x'"),
        ("EVENTING_ALIBABA_PORT", "65536", "must be a port from 0 to 65535 (0: any); got '65536'"),
        (
            "EVENTING_ALIBABA_METRICS_PORT",
            "-1",
            "must be a port from 0 to 65535 (0: any); got '-1'",
        ),
        ("EVENTING_ALIBABA_PORT", "9" * 9999, "must be a port from 0 to 65535 (0: any); got "),
        ("EVENTING_ALIBABA_LOG_FORMAT", "xml", "must be json or text; got 'xml'"),
        ("EVENTING_ALIBABA_LOG_LEVEL", "loud", "must be one of debug, info, warn, "),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_variable_is_named(variable: str, value: str, sentence: str) -> None:
    """With what it takes and what it has."""
    assert refused(config() | {variable: value}).startswith(f"{variable}: {sentence}")


def test_a_service_link_is_no_port() -> None:
    """A Service called `eventing-alibaba` makes Kubernetes set the variable to its address."""
    found = settings(config() | {"EVENTING_ALIBABA_PORT": "tcp://10.0.0.7:80"})
    assert found.port == 8080


def test_one_port_for_both_is_refused() -> None:
    """Health and metrics are two servers."""
    assert refused(config(), port=9092).startswith("port 9092 is to serve health and metrics both")


@pytest.mark.parametrize(
    ("text", "component", "level"),
    [
        ("", "", logging.INFO),
        ("{}", "", logging.INFO),
        ('{"level": "debug"}', "", logging.DEBUG),
        ('{"zap-logger-config": "{\\"level\\": \\"warn\\"}"}', "", logging.WARNING),
        ('{"zap-logger-config": "", "loglevel.x": "error"}', "x", logging.ERROR),
        ('{"zap-logger-config": "{\\"level\\": \\"warn\\"}", "loglevel.x": "error"}', "y", 30),
        ('{"level": "dpanic"}', "", logging.CRITICAL),
    ],
)
def test_the_level_of_knatives_logging_config_is_taken(
    text: str, component: str, level: int
) -> None:
    """As a zap configuration, inside its ConfigMap's key, or for the component alone."""
    found = settings(config() | {"K_LOGGING_CONFIG": text, "K_COMPONENT": component})
    assert found.log_level == level
    assert found.warnings == ()


@pytest.mark.parametrize("text", ["{", "[]", '{"level": 3}', '{"level": "loud"}', "[" * 99_999])
def test_a_broken_logging_config_stops_nothing(text: str) -> None:
    """The platform sets it, and Knative's adapters start too."""
    found = settings(config() | {"K_LOGGING_CONFIG": text})
    assert found.log_level == logging.INFO
    assert found.warnings[0].startswith("K_LOGGING_CONFIG ")


def test_our_own_level_goes_before_knatives() -> None:
    """For one adapter that is to say more than all others."""
    environ = config() | {
        "K_LOGGING_CONFIG": '{"level": "error"}',
        "EVENTING_ALIBABA_LOG_LEVEL": "DEBUG",
    }
    assert settings(environ).log_level == logging.DEBUG


def test_knatives_other_variables_are_accepted() -> None:
    """What they hold does not matter."""
    others = (
        "K_RESOURCE_GROUP K_OIDC_SERVICE_ACCOUNT K_METRICS_CONFIG K_TRACING_CONFIG "
        "K_OBSERVABILITY_CONFIG K_LEADER_ELECTION_CONFIG K_KLOG_VERBOSITY"
    )
    environ = config() | dict.fromkeys(others.split(), "{")
    assert settings(environ).warnings == ()


def test_a_source_is_built_with_who_it_is_and_what_the_user_wishes() -> None:
    """The context carries identity, credentials, wishes and the counter."""
    found = settings(config({"flow": {"concurrency": 7}}, namespace="post"))
    counted: list[tuple[str, int]] = []
    context = found.context(lambda name, amount: counted.append((name, amount)))
    assert (context.kind, context.namespace, context.name) == ("ParcelSource", "post", "parcels")
    assert context.flow.concurrency == 7
    assert context.event == found.spec.event
    assert context.credentials is found.credentials
    context.count("lost", 2)
    assert counted == [("lost", 2)]
