"""How the sink answers: a list of rules, the first that applies decides, else the default.

Rules may be changed at any time; they hold from the next request. Chance is a function of the seed,
the event and its attempt, not of a running generator: the same event fails in every run, in
whatever order connections bring it.
"""

from __future__ import annotations

import hashlib
import http
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from eventing_alibaba.testing.sink.decode import ReceivedEvent

Framing: TypeAlias = Literal["length", "chunked", "close"]
After: TypeAlias = Literal["keep", "close", "hangup"]
Fault: TypeAlias = Literal["drop", "reset", "half", "never"]

_NO_BODY: Final = frozenset({204, 304})


@dataclass(slots=True, frozen=True, kw_only=True)
class Answer:
    """One way to answer a request.

    Attributes:
        status: of the final answer.
        delay: seconds between the whole request and the first byte of the answer.
        headers: further headers.
        retry_after: value of Retry-After: seconds, or an HTTP date.
        body: of the answer; ignored for statuses that have none.
        framing: how the body's end is marked: `length` by Content-Length, `chunked` in two chunks,
            `close` by the end of the connection.
        informational: 1xx answers before the final one.
        after: `close` announces the end of the connection and ends it, `hangup` ends it without
            having said so: what an idle timeout looks like to a client.
        fault: instead of a whole answer. `drop` closes before the first byte, `reset` does so with
            a TCP reset, `half` sends half of the answer's bytes and closes, `never` leaves the
            request unanswered and the connection open. The other fields still shape what is cut.
    """

    status: int = 204
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | str | None = None
    body: str = ""
    framing: Framing = "length"
    informational: Sequence[int] = ()
    after: After = "keep"
    fault: Fault | None = None
    # The bytes, where writing them is all there is to do: made once, not once a request.
    plain: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 100 <= self.status <= 999:
            raise ValueError(f"status must be a number from 100 to 999, got {self.status}")
        if self.delay < 0:
            raise ValueError(f"delay must not be negative, got {self.delay}")
        for name, value, accepted in (
            ("framing", self.framing, get_args(Framing)),
            ("after", self.after, get_args(After)),
            ("fault", self.fault, (None, *get_args(Fault))),
        ):
            if value not in accepted:
                raise ValueError(f"{name} must be one of {accepted}, got {value!r}")
        if not (self.delay or self.fault or self.closes):
            object.__setattr__(self, "plain", self.encode())

    @property
    def closes(self) -> bool:
        """Whether the connection ends after this answer."""
        return self.after != "keep" or self.framing == "close"

    def encode(self, *, keep_alive: bool = True) -> bytes:
        """Return all bytes of the answer, the informational ones included."""
        interim = b"".join(_head(status) + b"\r\n" for status in self.informational)
        parts = [_head(self.status)]
        if self.retry_after is not None:
            parts.append(f"Retry-After: {self.retry_after}\r\n".encode())
        parts += [f"{name}: {value}\r\n".encode("latin-1") for name, value in self.headers.items()]
        if self.after == "close" or self.framing == "close" or not keep_alive:
            parts.append(b"Connection: close\r\n")
        body = self.body.encode()
        if self.status < 200 or self.status in _NO_BODY:
            body = b""
        elif self.framing == "chunked":
            parts.append(b"Transfer-Encoding: chunked\r\n")
            middle = (len(body) + 1) // 2
            pieces = [piece for piece in (body[:middle], body[middle:]) if piece]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        elif self.framing == "length":
            parts.append(b"Content-Length: %d\r\n" % len(body))
        return interim + b"".join(parts) + b"\r\n" + body

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Make an answer from its JSON form: the same names in camelCase, or just a status.

        Raises ValueError naming an unknown field.
        """
        if isinstance(value, int):
            return cls(status=value)
        return cls(**_fields(cls, value))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {_camel(name): value for name, value in asdict(self).items() if name != "plain"}


@dataclass(slots=True, kw_only=True)
class Rule:
    """Gives `answer` to a delivery that fulfils all conditions.

    Attributes:
        answer: what it gets.
        match: attributes the event must have, with these values.
        when: any further condition; cannot be sent to another process.
        attempts: only the first so many deliveries of each event.
        limit: only so many deliveries in all.
        fraction: only this part of deliveries, by chance.
        seed: of the chance.
        used: how often it applied so far.
    """

    answer: Answer
    match: Mapping[str, str] = field(default_factory=dict)
    when: Callable[[ReceivedEvent], bool] | None = None
    attempts: int | None = None
    limit: int | None = None
    fraction: float = 1.0
    seed: int = 0
    used: int = 0

    def applies(self, event: ReceivedEvent, attempt: int) -> bool:
        """Say whether the rule decides about this delivery; does not count it as used."""
        return (
            (self.attempts is None or attempt <= self.attempts)
            and (self.limit is None or self.used < self.limit)
            and all(event.attributes.get(name) == value for name, value in self.match.items())
            and (self.fraction >= 1.0 or _chance(self.seed, event, attempt) < self.fraction)
            and (self.when is None or self.when(event))
        )

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Make a rule from its JSON form. Raises ValueError naming an unknown or missing field."""
        given = _fields(cls, value)
        if "answer" not in given or "when" in given:
            raise ValueError("a rule must have `answer`, and cannot have `when` in JSON")
        return cls(**{**given, "answer": Answer.from_json(given["answer"])})

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form. Raises ValueError when there is a `when`."""
        if self.when is not None:
            raise ValueError("a rule with `when` cannot be sent to another process: use `match`")
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "when"}
        return {_camel(name): value for name, value in given.items()} | {
            "answer": self.answer.to_json(),
            "match": dict(self.match),
        }


@dataclass(slots=True)
class Script:
    """Decides the answer to each request.

    Attributes:
        rules: the first that applies decides.
        default: where none does.
        invalid: what a request without a valid CloudEvent gets.
    """

    rules: list[Rule] = field(default_factory=list)
    default: Answer = field(default_factory=Answer)
    invalid: Answer = field(default_factory=lambda: Answer(status=400))

    def answer(self, deliveries: Sequence[tuple[ReceivedEvent, int]]) -> Answer:
        """Return the answer to a request of these events, each with its attempt.

        A batch gets the answer of the first of its events that a rule applies to.
        """
        for event, attempt in deliveries:
            for rule in self.rules:
                if rule.applies(event, attempt):
                    rule.used += 1
                    return rule.answer
        return self.default


def _head(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def _chance(seed: int, event: ReceivedEvent, attempt: int) -> float:
    text = f"{seed}\n{event.source}\n{event.id}\n{attempt}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest()) / (1 << 56)


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _fields(cls: type[Answer | Rule], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{cls.__name__} must be a JSON object, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - wrong input, not a wrong call
    known = {_camel(f.name): f.name for f in fields(cls) if f.init}
    unknown = [name for name in value if name not in known]
    if unknown:
        raise ValueError(f"{cls.__name__} has no field {unknown[0]!r}; it has {', '.join(known)}")
    return {known[name]: content for name, content in value.items()}
