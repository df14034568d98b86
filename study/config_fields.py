"""Types of the configuration's values, and the base of its tables."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        msg = "Input should be a number"
        raise ValueError(msg)  # noqa: TRY004  # pydantic turns no other error into its own
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        msg = "holds a value twice"
        raise ValueError(msg)
    return values


Int = Annotated[int, BeforeValidator(_number)]
Float = Annotated[float, BeforeValidator(_number)]
PositiveInt = Annotated[Int, Field(gt=0)]
NaturalInt = Annotated[Int, Field(ge=0)]
PositiveFloat = Annotated[Float, Field(gt=0.0)]
NaturalFloat = Annotated[Float, Field(ge=0.0)]
Fraction = Annotated[Float, Field(gt=0.0, le=1.0)]
Level = Annotated[Float, Field(gt=0.0, lt=1.0)]
Angle = Annotated[Float, Field(gt=0.0, lt=180.0)]
SOME: Final = (Field(min_length=1), AfterValidator(_distinct))
"""What lists of choices fulfil: not empty, nothing twice."""


class Section(BaseModel):
    """A table of the configuration: frozen, no unknown keys, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
