"""A log line is one JSON object for collectors and one readable line for people."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator

import pytest

from eventing_alibaba.runtime import logs

log = logging.getLogger("eventing_alibaba.tests")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Put the root logger back: pytest has handlers there."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def out() -> io.StringIO:
    """Return where JSON lines go."""
    stream = io.StringIO()
    logs.configure("json", stream=stream, level=logging.DEBUG)
    return stream


def lines(out: io.StringIO) -> list[dict[str, object]]:
    """Return the lines as objects."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_json_line_has_knatives_keys_first(out: io.StringIO) -> None:
    """Then what the caller gave as extra."""
    log.warning("lost %d of %s", 3, "orders", extra={"partition": 7, "names": ["a"]})
    [line] = lines(out)
    assert list(line) == ["ts", "level", "logger", "msg", "partition", "names"]
    assert line["level"] == "warn"
    assert line["logger"] == "eventing_alibaba.tests"
    assert line["msg"] == "lost 3 of orders"
    assert line["partition"] == 7


def test_the_time_is_iso_8601_in_utc(out: io.StringIO) -> None:
    """With milliseconds and Z."""
    record = logging.LogRecord("a", logging.INFO, "", 0, "x", None, None)
    record.created = 1767225600.25
    logging.getLogger().handle(record)
    assert lines(out)[0]["ts"] == "2026-01-01T00:00:00.250Z"


def test_an_extra_cannot_replace_a_key(out: io.StringIO) -> None:
    """A collector relies on them."""
    log.info("x", extra={"level": "none", "ts": 0, "logger": "none"})
    [line] = lines(out)
    assert (line["level"], line["logger"]) == ("info", "eventing_alibaba.tests")
    assert line["ts"] != 0


def test_an_exception_is_part_of_its_line(out: io.StringIO) -> None:
    """A traceback over many lines would be many records."""
    try:
        int("x")
    except ValueError:
        log.exception("failed")
    [line] = lines(out)
    assert line["error"] == "ValueError(\"invalid literal for int() with base 10: 'x'\")"
    assert "Traceback" in str(line["stacktrace"])


@pytest.mark.parametrize(
    "value",
    ["\ud800", 2**70, object(), {1: 2}, b"\xff", float("nan")],
    ids=lambda value: type(value).__name__,
)
def test_any_extra_makes_a_line(out: io.StringIO, value: object) -> None:
    """Nothing that is logged can fail to be."""
    log.info("x %s", "y", extra={"value": value})
    assert lines(out)[0]["msg"] == "x y"


def test_a_message_stays_on_its_line(out: io.StringIO) -> None:
    """Also one with line breaks."""
    log.info("a\nb")
    assert len(out.getvalue().splitlines()) == 1
    assert lines(out)[0]["msg"] == "a\nb"


def test_the_level_is_kept() -> None:
    """What is below is not written."""
    stream = io.StringIO()
    logs.configure("json", stream=stream, level=logging.WARNING)
    log.info("no")
    log.warning("yes")
    assert [line["msg"] for line in lines(stream)] == ["yes"]


def test_configuring_again_replaces_what_was(out: io.StringIO) -> None:
    """One message is one line."""
    second = io.StringIO()
    logs.configure("json", stream=second)
    log.info("x")
    assert lines(out) == []
    assert len(lines(second)) == 1


def test_warnings_of_python_are_messages(out: io.StringIO) -> None:
    """They would be plain text on stderr otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert lines(out)[0]["logger"] == "py.warnings"


def test_a_terminal_gets_text_and_a_pipe_json() -> None:
    """Unless the style is given."""
    for style, stream, text in (
        (None, Terminal(), True),
        (None, io.StringIO(), False),
        ("json", Terminal(), False),
        ("text", io.StringIO(), True),
    ):
        logs.configure(style, stream=stream)  # type: ignore[arg-type]
        log.info("x")
        assert stream.getvalue().startswith("{") is not text


def test_text_is_readable() -> None:
    """Time, level, message, extras."""
    stream = io.StringIO()
    logs.configure("text", stream=stream)
    log.error("lost %d", 3, extra={"partition": 7})
    assert stream.getvalue()[8:] == " error lost 3 partition=7\n"


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is honoured, and a file has none."""
    for stream, no_color, coloured in (
        (Terminal(), "", True),
        (Terminal(), "1", False),
        (io.StringIO(), "", False),
    ):
        monkeypatch.setenv("NO_COLOR", no_color)
        logs.configure("text", stream=stream)
        log.error("x", extra={"a": 1})
        assert ("\033[" in stream.getvalue()) is coloured


def test_text_leaves_the_terminal_alone() -> None:
    """Control characters of a message or an extra are shown, not obeyed."""
    stream = io.StringIO()
    logs.configure("text", stream=stream)
    log.error("a\nb\x1b[2J", extra={"c": "\r\x9b"})
    assert stream.getvalue()[8:] == " error a\\nb\\x1b[2J c=\\r\\x9b\n"


def test_text_shows_a_traceback_below() -> None:
    """People read it in lines."""
    stream = io.StringIO()
    logs.configure("text", stream=stream)
    try:
        int("x")
    except ValueError:
        log.exception("failed")
    first, second, *_ = stream.getvalue().splitlines()
    assert first.endswith("failed")
    assert second.startswith("Traceback")


def test_a_closed_pipe_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """`run | head` ends quietly."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    logs.configure("json", stream=Closed())
    log.info("x")
    assert capsys.readouterr().err == ""


def test_another_error_of_a_handler_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong format string is a defect, and seen."""
    logs.configure("json", stream=io.StringIO())
    log.info("%d", "x")
    assert "Logging error" in capsys.readouterr().err


def test_stdout_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Log Service and others collect it."""
    logs.configure("json")
    log.info("x")
    assert '"msg":"x"' in capsys.readouterr().out
    assert sys.stdout is not None
