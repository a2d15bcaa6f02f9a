"""The few kinds of unexpected failure, named by situation.

Expected refusals are values (see :mod:`agent.core.outcome`). These exceptions are for what should not happen; each carries an
operator-facing code whose words and remedy stand in ``agent/domain/codes.yaml``.
"""


class NestError(Exception):
    """Root of every error the product raises on purpose.

    Args:
        code: operator-facing code, e.g. ``config.invalid``.
        message: names the thing, the value, the limit and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ConfigError(NestError):
    """The configuration, a route or another file given by a person is wrong."""


class LinkError(NestError):
    """A device or peer cannot be reached, or fell silent."""


class ProtocolError(NestError):
    """A peer answered, but not as its protocol says."""


class DeviceError(NestError):
    """A device reports a fault of its own."""


class ModelError(NestError):
    """A detector's files are missing, changed or do not do what their manifest says."""


class StoreError(NestError):
    """The disk or the database cannot do what it must."""
