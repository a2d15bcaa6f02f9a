"""Which of the reasons that the nest tells keep its drone on the ground. Pure, one table.

A warning that keeps nothing from flying must not take the nest out of a dispatcher's choice; one that a mandatory preflight
check would refuse must. The rows follow the preflight table; a test holds the two against each other.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from agent.config import Config
from agent.domain.codes import is_error
from agent.flight.preflight import CLOSE_UP_CODES

Rule = Callable[[str, Config], bool]


def _never(code: str, config: Config) -> bool:  # noqa: ARG001 a rule's signature
    return False


def _always(code: str, config: Config) -> bool:  # noqa: ARG001 a rule's signature
    return True


def _error(code: str, config: Config) -> bool:  # noqa: ARG001 a rule's signature
    return is_error(code)


def _without_markers(code: str, config: Config) -> bool:
    """Where the nest lands by position too, a dead eye is no reason to stay."""
    return config.landing is not None and config.landing.required and code not in CLOSE_UP_CODES


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "dock": _always,  # any fault: preflight.dock_well, preflight.mains
        "landing": _without_markers,  # preflight.pad_camera_required
        "hub": _never,  # what a flight finds waits on disk
        "alert": _never,
        "audit": _never,
        "gimbal": _never,  # preflight.gimbal only advises
    }
)
"""By the first part of the code. All others keep the drone on the ground if they are errors."""


def blocks(code: str, config: Config) -> bool:
    """Whether no flight can begin while this is wrong."""
    return RULES.get(code.partition(".")[0], _error)(code, config)


def ready(codes: Iterable[str], config: Config) -> bool:
    """Whether a flight could begin, as far as these reasons say."""
    return not any(blocks(code, config) for code in codes)
