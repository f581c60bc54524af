"""How a manifest names a secret, which it never holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from eventing_alibaba.contract.model import STANDALONE, Model, Name


class SecretKeyRef(Model):
    """A key of a Secret in the source's namespace."""

    name: Name
    """Name of the Secret."""
    key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(
        examples=["password"]
    )
    """Key within the Secret's data."""


class SecretReference(Model):
    """Where a secret value is found: exactly one of the fields.

    A changed value is picked up without a restart.
    """

    # In a cluster there is one way, so the CRD asks for it.
    model_config = ConfigDict(json_schema_extra={"required": ["secretKeyRef"]})

    secret_key_ref: SecretKeyRef | None = None
    """A key of a Secret. Standalone: the file `<name>/<key>` in the directory given by `--secrets`
    or `EVENTING_ALIBABA_SECRETS`, or a `kind: Secret` document in the same manifest."""
    value: str | None = Field(default=None, json_schema_extra=STANDALONE, repr=False)
    """The value itself. Standalone only."""
    env: str | None = Field(default=None, json_schema_extra=STANDALONE)
    """An environment variable that holds the value. Standalone only."""
    file: str | None = Field(default=None, json_schema_extra=STANDALONE)
    """A file that holds the value. Standalone only."""

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretReference:
        forms = ("secret_key_ref", "value", "env", "file")
        given = [to_camel(f) for f in forms if getattr(self, f) is not None]
        if len(given) != 1:
            msg = "must have exactly one of `secretKeyRef`, `value`, `env`, `file`, got " + (
                " and ".join(given) or "none"
            )
            raise ValueError(msg)
        return self
