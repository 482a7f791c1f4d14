"""The frozen base of every record that crosses a boundary."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen model that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
