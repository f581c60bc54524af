"""The sink comes from `K_SINK` with its certificates and audience, else from the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import Destination, ObjectReference
from eventing_alibaba.runtime.destination import SinkAddress, address

PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
OTHER = PEM.replace("MII", "MIJ")
REF = ObjectReference(api_version="v1", kind="Service", name="shop")


def refused(sink: Destination | None, **environ: str) -> str:
    """Return the sentence."""
    with pytest.raises(Misconfigured) as caught:
        address(sink, environ)
    return str(caught.value)


def test_the_manifests_sink_is_used_where_the_environment_has_none() -> None:
    """An empty K_SINK is none."""
    sink = Destination(uri="http://shop/", CACerts=PEM, audience="shop")
    for environ in ({}, {"K_SINK": ""}):
        found, note = address(sink, environ)
        assert found == SinkAddress("http://shop/", PEM, "shop", Path("/oidc/token"))
        assert note is None


def test_the_environments_sink_goes_first_and_is_taken_whole() -> None:
    """A token for the manifest's audience must not go to another service."""
    sink = Destination(uri="http://shop/", CACerts=PEM, audience="shop")
    found, note = address(sink, {"K_SINK": "http://bound/"})
    assert found == SinkAddress("http://bound/", None, None, None)
    assert note == "K_SINK is set: it is used instead of spec.sink"
    found, _ = address(sink, {"K_SINK": "http://bound/", "K_CA_CERTS": OTHER, "K_AUDIENCE": "b"})
    assert found == SinkAddress("http://bound/", OTHER, "b", Path("/oidc/token"))


def test_a_resolved_reference_is_not_worth_a_note() -> None:
    """The operator's K_SINK is what `spec.sink.ref` stands for."""
    for sink in (Destination(ref=REF), Destination(ref=REF, uri="/in"), None):
        found, note = address(sink, {"K_SINK": "http://shop.default.svc/in"})
        assert found.uri == "http://shop.default.svc/in"
        assert note is None


def test_the_environment_fills_in_what_the_manifest_leaves_out() -> None:
    """Certificates and audience without K_SINK belong to the manifest's sink."""
    environ = {"K_CA_CERTS": OTHER, "K_AUDIENCE": "b"}
    found, _ = address(Destination(uri="http://shop/"), environ)
    assert (found.ca_certs, found.audience) == (OTHER, "b")
    found, _ = address(Destination(uri="http://shop/", CACerts=PEM, audience="a"), environ)
    assert (found.ca_certs, found.audience) == (PEM, "a")


def test_the_tokens_file_can_be_elsewhere() -> None:
    """There is none without an audience."""
    environ = {"K_SINK": "http://b/", "EVENTING_ALIBABA_OIDC_TOKEN_FILE": "/x/token"}
    assert address(None, environ)[0].token_file is None
    assert address(None, environ | {"K_AUDIENCE": "b"})[0].token_file == Path("/x/token")


@pytest.mark.parametrize(
    ("sink", "sentence"),
    [
        (None, "spec.sink: is required; write `sink: {uri: http://...}` or set K_SINK"),
        (
            Destination(ref=REF),
            (
                "spec.sink.ref: Service shop can be looked up in a cluster only; write "
                "spec.sink.uri, or set K_SINK (a SinkBinding does)"
            ),
        ),
        (Destination(ref=REF, uri="/in"), "spec.sink.ref: Service shop can be looked up"),
        (Destination(uri="/in"), "spec.sink.uri: the URL must start with http:// or https://"),
        (Destination(uri="ftp://h/"), "spec.sink.uri: "),
        (Destination(uri="http://"), "spec.sink.uri: "),
        (Destination(uri="http://h:99999/"), "spec.sink.uri: "),
        (Destination(uri="http://h/a b"), "spec.sink.uri: "),
        (
            Destination(uri="http://h/", CACerts="MII"),
            "spec.sink.CACerts: must be PEM certificates",
        ),
    ],
    ids=str,
)
def test_a_sink_that_cannot_be_one_says_what_to_write(
    sink: Destination | None, sentence: str
) -> None:
    """The field is named."""
    assert refused(sink).startswith(sentence)


def test_wrong_variables_are_named() -> None:
    """As the field is, where the manifest is wrong."""
    assert refused(None, K_SINK="shop").startswith("K_SINK: the URL must start with")
    assert refused(None, K_SINK="http://h/", K_CA_CERTS="x").startswith("K_CA_CERTS: must be PEM")
    sink = Destination(uri="http://h/")
    assert refused(sink, K_CA_CERTS="x").startswith("K_CA_CERTS: must be PEM")


def test_a_password_in_a_url_is_refused_unseen() -> None:
    """URLs end up in logs."""
    said = refused(None, K_SINK="http://user:hunter2@h/")
    assert said.startswith("K_SINK: the URL holds credentials")
    assert "hunter2" not in said


def test_the_repr_has_no_query() -> None:
    """Tokens are put into queries."""
    found, _ = address(None, {"K_SINK": "http://h/in?token=hunter2"})
    assert "hunter2" not in repr(found)
    assert "http://h/in" in repr(found)
