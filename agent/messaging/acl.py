"""Who may read and write which topics of the hub, and how two brokers want that written down. Pure.

The table is the contract's chapter on sharing. Knows topics and roles; must not know a broker's process or its certificates.
What no row allows is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """What a client of the broker is."""

    NEST = "nest"
    DEPARTMENT = "department"
    PUBLIC = "public"


Access = Literal["read", "write"]

# {me} is the nest's or department's own name.
RIGHTS: dict[Role, tuple[tuple[Access, str], ...]] = {
    Role.NEST: (
        ("write", "nests/{me}/#"),
        ("write", "alerts/+/+/{me}/#"),
        ("write", "replies/+/{me}/#"),
        ("write", "public/{me}"),
        ("read", "nests/+/#"),
        ("read", "alerts/+/+/{me}/#"),  # compared with what it told, after each connection
        ("read", "requests/+/{me}"),
        ("read", "acks/+/{me}"),
        ("read", "cues/+"),
    ),
    Role.DEPARTMENT: (
        ("write", "requests/{me}/+"),
        ("write", "acks/{me}/+"),
        ("write", "cues/{me}"),
        ("read", "alerts/{me}/#"),
        ("read", "replies/{me}/#"),
        ("read", "nests/+/#"),
    ),
    Role.PUBLIC: (("read", "public/+"),),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A client of the broker.

    Attributes:
        name: the nest's or department's name; empty for the public.
    """

    role: Role
    name: str = ""

    @property
    def user(self) -> str:
        """User name at the broker and common name of its certificate. The prefix keeps a nest from being a department."""
        prefix = "desk" if self.role is Role.DEPARTMENT else self.role.value
        return f"{prefix}-{self.name}" if self.name else prefix

    def rights(self, root: str) -> tuple[tuple[Access, str], ...]:
        """Its rows of the table, as topic filters under a root."""
        return tuple((access, f"{root}/{pattern.format(me=self.name)}") for access, pattern in RIGHTS[self.role])


def identities(nests: Iterable[str], departments: Iterable[str]) -> tuple[Identity, ...]:
    """All clients of a hub: its nests, its departments, and the public."""
    return (
        *(Identity(Role.NEST, name) for name in sorted(set(nests))),
        *(Identity(Role.DEPARTMENT, name) for name in sorted(set(departments))),
        Identity(Role.PUBLIC),
    )


def mosquitto(root: str, clients: Iterable[Identity]) -> str:
    """The file for Mosquitto's ``acl_file``."""
    lines = ["# Written by nest-agent hub acl. What is not allowed here is refused."]
    for client in clients:
        lines += ["", f"user {client.user}"]
        lines += [f"topic {access} {topic}" for access, topic in client.rights(root)]
    return "\n".join(lines) + "\n"


def emqx(root: str, clients: Iterable[Identity]) -> str:
    """The file for EMQX's authorisation source ``file`` (Erlang terms, the first that fits counts)."""
    lines = ["%% Written by nest-agent hub acl. What is not allowed here is refused."]
    for client in clients:
        for access, action in (("write", "publish"), ("read", "subscribe")):
            topics = ", ".join(f'"{topic}"' for kind, topic in client.rights(root) if kind == access)
            if topics:
                lines.append(f'{{allow, {{username, "{client.user}"}}, {action}, [{topics}]}}.')
    return "\n".join([*lines, "{deny, all}."]) + "\n"
