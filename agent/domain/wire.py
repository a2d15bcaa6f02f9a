"""The base of every value that crosses a process or the network: frozen, and nothing unknown gets in."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


def printable(text: str) -> str:
    """No character that is not seen, or that turns the reading direction: the text stands in logs and on desks.

    Raises:
        ValueError: it has one.
    """
    hidden = next((sign for sign in text if unicodedata.category(sign).startswith("C")), None)
    if hidden is not None:
        raise ValueError(f"must not hold U+{ord(hidden):04X}, a character that is not seen")
    return text


Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]
Azimuth = Annotated[float, Field(ge=0.0, lt=360.0)]
Utc = AwareDatetime
Person = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]


class Wire(BaseModel):
    """A frozen value with a JSON form."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")
