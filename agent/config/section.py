"""The base of every section: frozen, nothing unknown, every field described."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """One part of the configuration. Units stand in the field names."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


Port = Annotated[int, Field(ge=1, le=65535)]
ExpandedPath = Annotated[Path, AfterValidator(Path.expanduser)]
