"""How alerts are worded and signed in the formats of emergency services (CAP, Cursor on Target, GeoJSON)."""

from enum import StrEnum

from pydantic import Field

from agent.config.section import Section


class Language(StrEnum):
    """A language in which alerts can be worded; the value is its tag (RFC 5646)."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


class FormatsSection(Section):
    """Alerts in the formats of emergency services."""

    languages: tuple[Language, ...] = Field(default=(Language.ENGLISH,), min_length=1)
    """Languages of the words, the first counts where there is room for one only. CAP gets an info block for each."""
    cap_sender: str | None = Field(default=None, pattern=r"^[^\s,<&]+$", max_length=200)
    """Who sends, as CAP wants it: one of its kind in the world, e.g. nest-01@forestry.example. Null: the nest's name."""
    cap_sender_name: str = Field(default="", max_length=200)
    """The same for people, e.g. the name of the forestry office."""
    cap_contact: str = Field(default="", max_length=200)
    """Whom to call about an alert."""
    picture_base: str = Field(default="mqtt:///", pattern=r"^[a-z][a-z0-9+.-]*:[^\s<>]*$", max_length=200)
    """Stands before a picture's topic to make its address in CAP. mqtt:/// means: on the broker that this came from."""
