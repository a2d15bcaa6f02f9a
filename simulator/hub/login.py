"""Names and passwords for the pure-Python broker, as one of its plug-ins."""

import hmac
from dataclasses import dataclass, field

from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class LoginPlugin(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is not typed
    """Lets in who has the right password; everybody, where no users are named."""

    @dataclass
    class Config:
        """Users and their passwords."""

        users: dict[str, str] = field(default_factory=dict)

    async def authenticate(self, *, session: Session) -> bool:
        """Whether this client may come in."""
        users: dict[str, str] = self.config.users
        if not users:
            session.is_anonymous = session.username is None
            return True
        expected = users.get(session.username or "")
        return expected is not None and hmac.compare_digest(expected, session.password or "")
