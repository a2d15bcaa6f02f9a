"""Expected outcomes as values: a thing was accepted, or refused for a reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepted:
    """The thing asked for is done or under way."""

    words: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The thing asked for is not done.

    Attributes:
        code: operator-facing code, a row of ``agent/domain/codes.yaml``.
        words: the peer's own words where it gave any, else ours.
    """

    code: str
    words: str


Outcome = Accepted | Refused
