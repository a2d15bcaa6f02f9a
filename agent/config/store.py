"""Where the nest keeps what must survive."""

from pydantic import Field

from agent.config.section import ExpandedPath, Section


class StoreSection(Section):
    """Database, journal and pictures."""

    directory: ExpandedPath
    """Folder of everything the agent writes."""
    media_quota_mb: float = Field(default=4000.0, ge=10)
    """Most disk space for pictures, those of open alerts last to go; a tenth of it may be taken on top by new evidence."""
    outbox_quota_mb: float = Field(default=1000.0, ge=1)
    """Most that may wait for the hub; beyond it the oldest flight reports go, then the oldest pictures. Alerts stay."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Least severity that is logged."""
