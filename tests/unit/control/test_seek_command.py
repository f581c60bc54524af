"""The flags of `eventing-alibaba seek`; what it does to a group is tested with each broker."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.runtime.parcel import install

from eventing_alibaba.cli.main import main
from eventing_alibaba.contract.seek import Place


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "the following arguments are required: --to"),
        (["--to", "yesterday"], "argument --to: 'yesterday' must be earliest, latest, a time such"),
        (["--to", "-1"], "argument --to: "),
        (["--to", "1e3"], "argument --to: '1e3' must be"),
        (["--to", "٣"], "argument --to: '٣' must be"),
        (["--to", "9223372036854775808"], "is larger than any offset"),
        (["--to", "9" * 5000], "is larger than any offset"),
        (["--to", "2026-01-31"], "argument --to: '2026-01-31' must be"),
        (["--to", "2026-02-30T08:00:00Z"], "'2026-02-30T08:00:00Z' is no date and time"),
        (["--to", "2026-01-31T08:00:00"], "must be earliest, latest, a time such as"),
        (["--to", "latest", "--partition", "x"], "argument --partition: 'x' is no partition"),
        (["--to", "latest", "--partition", "-1"], "argument --partition: "),
        (["--to", "latest", "--secrets", "/nonexistent"], "'/nonexistent' is no directory"),
        (["--to", "latest", "--group", "g"], "unrecognized arguments: --group g"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_wrong_flag_is_2(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says which, before any manifest is read."""
    with pytest.raises(SystemExit) as caught:
        main(["seek", "-f", "/nonexistent/source.yaml", *flags])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "earliest",
        "latest",
        "2026-01-31T08:00:00Z",
        "2026-01-31t08:00:00.123456789z",
        "2026-01-31T08:00:00.5+08:00",
    ],
)
def test_places_are_read(text: str) -> None:
    """Each form that `initialOffset` takes as well."""
    assert Place.parse(text) == Place(text)


def test_a_number_is_an_offset() -> None:
    """Up to the largest there is."""
    assert Place.parse("0").offset == 0
    assert Place.parse(str(2**63 - 1)).offset == 2**63 - 1


def test_no_source_is_a_sentence_and_78(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a file nor K_SOURCE_CONFIG."""
    monkeypatch.delenv("K_SOURCE_CONFIG", raising=False)
    assert main(["seek", "--to", "latest"]) == 78
    assert "which source is meant? Give its manifest with `seek -f FILE`" in capsys.readouterr().err


def test_a_broker_without_places_is_a_sentence_and_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kind says that it can seek by having the method; this one has not."""
    install(tmp_path, monkeypatch)
    source = tmp_path / "source.yaml"
    source.write_text(
        "{apiVersion: sources.eventing-alibaba.dev/v1alpha1, kind: ParcelSource,"
        " metadata: {name: parcels}, spec: {depot: north}}"
    )
    assert main(["seek", "-f", str(source), "--to", "latest"]) == 78
    assert (
        "sources of kind ParcelSource cannot seek: their broker keeps no" in capsys.readouterr().err
    )
