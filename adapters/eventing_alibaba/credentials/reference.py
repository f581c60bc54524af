"""Secret references, turned into values at the moment they are needed.

Nothing is kept: a value is read at each call, so a rotated Secret is picked up by the next
connection without a restart. In a pod `secretKeyRef` is the file `<directory>/<name>/<key>`, each
Secret being mounted as a whole directory (a `subPath` mount would never be updated); standalone the
same directory is given by `--secrets`, and `kind: Secret` documents beside the source stand in for
what it lacks.

One trailing line break is taken off what comes from a file or a Secret. Kubernetes keeps exact
bytes, and `kubectl create secret --from-file` keeps the line break an editor put there; as part of
a password it would only ever be a mistake that looks like a wrong password. A PEM text does not
miss it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eventing_alibaba.contract.errors import Unauthorized
from eventing_alibaba.contract.problems import nearest
from eventing_alibaba.contract.spec import SecretKeyRef, SecretReference

MOST_BYTES: Final = 1024 * 1024
"""What Kubernetes accepts as a Secret, and so the most that is read."""

_MOST_NAMES: Final = 8


class SecretResolver:
    """Reads secret values; implements `contract.spec.Credentials`.

    Attributes:
        directory: holds a directory for each Secret; None where none was given.
        documents: Secrets by name, their values by key, as bytes; only for what `directory` lacks.
        environ: where `env` references look.
    """

    def __init__(
        self,
        directory: Path | None = None,
        documents: Mapping[str, Mapping[str, bytes]] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.documents = documents or {}
        self.environ = os.environ if environ is None else environ

    def __repr__(self) -> str:
        return f"<SecretResolver directory={self.directory} documents={sorted(self.documents)}>"

    def read(self, reference: SecretReference, *, field: str) -> str:
        """Return the value, which is never empty unless the manifest itself says `value: ""`.

        Raises Unauthorized with a sentence that begins with `field` and says what is missing where.
        """
        if reference.value is not None:
            return reference.value
        if reference.env is not None:
            return self._from_environment(reference.env, field)
        if reference.file is not None:
            path = Path(reference.file)
            return _text(_bytes(path, f"the file {path}", field), f"the file {path}", field)
        if reference.secret_key_ref is not None:
            return self._from_secret(reference.secret_key_ref, field)
        raise _refusal(field, "says nowhere to read from", "SecretMissing")

    def _from_environment(self, name: str, field: str) -> str:
        value = self.environ.get(name)
        if value is None:
            raise _refusal(field, f"the environment variable {name} is not set", "SecretMissing")
        if not value:
            raise _refusal(field, f"the environment variable {name} is empty", "SecretMissing")
        return value

    def _from_secret(self, reference: SecretKeyRef, field: str) -> str:
        name, key = reference.name, reference.key
        what = f"key `{key}` of Secret `{name}`"
        # Models refuse these already; a reference may also be made without one.
        if any(part.startswith("..") or part == "." or "/" in part for part in (name, key)):
            raise _refusal(field, f"{what} is no name of a file", "SecretMissing")
        if self.directory is not None:
            path = self.directory / name / key
            if os.path.lexists(path):
                self._inside(path, what, field)
                return _text(_bytes(path, what, field), what, field)
        if key in self.documents.get(name, {}):
            return _text(self.documents[name][key], what, field)
        raise _refusal(field, self._missing(name, key), "SecretMissing")

    def _inside(self, path: Path, what: str, field: str) -> None:
        """Refuse a link that leads out of the directory; a mount's own links stay inside."""
        assert self.directory is not None
        # Not `Path.resolve`: that raises where links go in a circle.
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.directory)):
            raise _refusal(
                field, f"{what} is a link that leads out of {self.directory}", "SecretMissing"
            )

    def _missing(self, name: str, key: str) -> str:
        keys = set(self.documents.get(name, {}))
        if self.directory is not None:
            keys.update(_names(self.directory / name))
        if keys:
            meant = nearest(key, keys)
            hint = f"did you mean `{meant}`?" if meant else f"it has {_listed(keys)}"
            return f"Secret `{name}` has no key `{key}`; {hint}"
        if self.directory is None:
            return (
                f"Secret `{name}` is not to be found: give the directory that holds {name}/{key} "
                "with --secrets or EVENTING_ALIBABA_SECRETS, or put the Secret into the manifest"
            )
        if not os.access(self.directory, os.R_OK | os.X_OK):
            return f"the directory of secrets, {self.directory}, does not exist or is not readable"
        if os.path.lexists(self.directory / name):
            place = self.directory / name
            return f"Secret `{name}` has no key `{key}`: {place} is empty or not readable"
        known = {*self.documents, *_names(self.directory)}
        meant = nearest(name, known)
        hint = f"; did you mean `{meant}`?" if meant else f"; it needs the file {name}/{key}"
        return f"there is no Secret `{name}` in {self.directory}{hint}"


def _names(directory: Path) -> list[str]:
    """Names of the visible entries; a mount keeps its own under names that begin with dots."""
    try:
        return [entry.name for entry in directory.iterdir() if not entry.name.startswith("..")]
    except OSError:
        return []


def _listed(names: set[str]) -> str:
    first = [f"`{name}`" for name in sorted(names)]
    return ", ".join(first[:_MOST_NAMES] + ["..."] * (len(first) > _MOST_NAMES))


def _without_waiting(path: str, flags: int) -> int:
    """Open so that a pipe nobody writes to does not hold up the process."""
    return os.open(path, flags | os.O_NONBLOCK)


def _bytes(path: Path, what: str, field: str) -> bytes:
    """Read a plain file. A pipe is refused: it gives its value only once."""
    try:
        with open(path.expanduser(), "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _refusal(field, f"{what} is no plain file", "SecretUnreadable")
            data = bytes(file.read(MOST_BYTES + 1))
    except FileNotFoundError:
        raise _refusal(field, f"{what} does not exist", "SecretMissing") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be one"
        raise _refusal(field, f"{what} cannot be read: {reason}", "SecretUnreadable") from error
    if len(data) > MOST_BYTES:
        raise _refusal(field, f"{what} is larger than {MOST_BYTES} bytes", "SecretUnreadable")
    return data


def _text(data: bytes, what: str, field: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of {len(data)}"
        raise _refusal(field, f"{what} is no UTF-8 text ({where})", "SecretUnreadable") from None
    text = text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
    if not text:
        raise _refusal(field, f"{what} is empty", "SecretMissing")
    return text


def _refusal(field: str, why: str, reason: str) -> Unauthorized:
    return Unauthorized(f"{field}: {why}", reason=reason)
