"""Models with one field of each sort, for tests of what is said about them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from eventing_alibaba.contract.duration import Duration
from eventing_alibaba.contract.spec import CommonSpec, Model, ObjectReference, SecretReference

Label = Annotated[str, StringConstraints(pattern=r"^[A-Z]+$", max_length=8)]


class Login(Model):
    """User and password."""

    enable: bool = False
    user: str | None = None
    password: SecretReference | None = None
    pin: int | None = Field(default=None, repr=False)
    proof: SecretReference | None = None
    api_token: Label | None = None


class Route(Model):
    """A way to take."""

    via: str
    stops: Annotated[int, Field(ge=0, lt=10)] = 0


class ParcelSpec(CommonSpec):
    """Parcels of a depot."""

    depot: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    size: Literal["small", "large"] = "small"
    shelves: Annotated[list[Label], Field(min_length=1, max_length=3)] = Field(
        default_factory=lambda: ["A"]
    )
    routes: list[Route] = Field(default_factory=list)
    wait: Duration = "PT1S"
    waits: dict[str, Duration] = Field(default_factory=dict)
    owner: ObjectReference | None = None
    login: Login = Login()
    weight: Annotated[int, Field(gt=0, le=100)] = 1
    fragile: bool = False

    @field_validator("depot")
    @classmethod
    def _known(cls, depot: str) -> str:
        if depot == "nowhere":
            msg = "`nowhere` is no depot"
            raise ValueError(msg)
        return depot
