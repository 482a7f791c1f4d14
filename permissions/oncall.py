"""Who is on call: rotations that hand over at fixed times, and shifts that stand in for them."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from permissions.model import Record
from permissions.patterns import Moment, Span, UserId


class Shift(Record):
    """From a moment until another these people are on call, whoever's turn it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    from_: Moment = Field(alias="from")
    until: Moment
    users: tuple[UserId, ...]

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.until <= self.from_:
            raise ValueError("the shift ends before it begins")
        return self


class Rotation(Record):
    """The people take turns in their order, each for ``every``, from ``start`` on; ``shifts`` come first."""

    start: Moment
    every: Span
    users: tuple[UserId, ...]
    shifts: tuple[Shift, ...] = ()

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.users:
            raise ValueError("the rotation has nobody in it")
        return self

    @property
    def everybody(self) -> frozenset[str]:
        """The user ids of all who take turns or stand in, whoever's turn it is."""
        return frozenset((*self.users, *(user for shift in self.shifts for user in shift.users)))

    def on_call(self, at: float) -> tuple[str, ...]:
        """The user ids at a moment (epoch seconds); nobody before the start."""
        standing_in = [
            user for shift in self.shifts if shift.from_ <= at < shift.until for user in shift.users
        ]
        if standing_in:
            return tuple(standing_in)
        if at < self.start:
            return ()
        return (self.users[int((at - self.start) // self.every) % len(self.users)],)
