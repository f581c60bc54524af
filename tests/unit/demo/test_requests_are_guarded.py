"""Which requests the page's server answers: those of its own page, of no other web site."""

from __future__ import annotations

import pytest

from eventing_alibaba.cli.demo.guard import refusal

_OWN = {
    "host": "127.0.0.1:8421",
    "origin": "http://127.0.0.1:8421",
    "content-type": "application/json",
}


@pytest.mark.parametrize("host", ["127.0.0.1:8421", "localhost:8421", "LOCALHOST", "[::1]:1"])
def test_names_of_this_machine_are_answered(host: str) -> None:
    """Whoever asks for this machine by one of its own names gets an answer."""
    assert refusal("GET", {"host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example:8421",
        "127.0.0.1.evil.example",
        "localhost:x",
        "a@127.0.0.1",
        "127.0.0.1/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_is_refused(host: str, method: str) -> None:
    """A foreign name that leads to 127.0.0.1 (DNS rebinding) sees nothing and commands nothing."""
    headers = {**_OWN, "host": host, "origin": f"http://{host}"}
    assert (refusal(method, headers) or (0, ""))[0] == 421


def test_a_command_of_the_own_page_passes() -> None:
    """Same origin, JSON: a command; a parameter of the type changes nothing."""
    assert refusal("POST", _OWN) is None
    assert refusal("POST", {**_OWN, "content-type": "Application/JSON; charset=utf-8"}) is None


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://evil.example", "https://127.0.0.1:8421", "http://127.0.0.1:9999"],
)
def test_a_command_from_elsewhere_is_refused(origin: str) -> None:
    """A page of another site, or of another port of this machine, cannot break anything."""
    assert (refusal("POST", {**_OWN, "origin": origin}) or (0, ""))[0] == 403


def test_a_command_without_origin_is_refused() -> None:
    """What does not say where it comes from is no command."""
    headers = {name: value for name, value in _OWN.items() if name != "origin"}
    assert (refusal("POST", headers) or (0, ""))[0] == 403


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_form_is_no_command(kind: str) -> None:
    """What a form of another site could send without asking first is refused."""
    assert (refusal("POST", {**_OWN, "content-type": kind}) or (0, ""))[0] == 415


def test_other_methods_are_refused() -> None:
    """OPTIONS among them, so that no preflight of another site succeeds."""
    for method in ("OPTIONS", "PUT", "DELETE"):
        assert (refusal(method, _OWN) or (0, ""))[0] == 405
