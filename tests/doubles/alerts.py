"""Alerts to be put into other formats, and everything that a message about them needs."""

from datetime import timedelta
from typing import Any

from agent.alerts.formats.cap import CapContext, Picture
from agent.alerts.incident import SightingContext, opened, said
from agent.config.formats import FormatsSection
from agent.domain.alert import Alert, AlertStatus, AlertWeather, GeoJsonPolygon
from agent.domain.hazard import Hazard
from tests.doubles.hub import NOON, sighting

ALERT_ID = "01KB3ZV6J1Q8W9E4R5T6Y7XA2S"
SENT = NOON + timedelta(seconds=2)
VALID_UNTIL = NOON + timedelta(days=1)
PICTURE = Picture(
    "snapshot",
    "mqtt:///nest/v1/alerts/forestry/fire/n1/" + ALERT_ID + "/snapshot",
    48_211,
    "a9993e364706816aba3e25717850c26c9cd0d89d",
)
FIELD = GeoJsonPolygon(
    coordinates=(((119.8398, 30.3898), (119.8403, 30.3898), (119.8403, 30.3902), (119.8399, 30.3903), (119.8398, 30.3898)),)
)


def alert(
    hazard: Hazard = Hazard.FIRE,
    status: AlertStatus = AlertStatus.OPEN,
    reason: str = "",
    simulated: bool = False,
    **fields: Any,
) -> Alert:
    """An alert of one message in a given status."""
    weather = AlertWeather(wind_m_s=4.2, wind_from_deg=225.0, temp_c=31.0, humidity=0.2)
    context = SightingContext(flight="F1", route="ridge", inspection_point="p7", weather=weather)
    incident = opened(ALERT_ID, sighting(hazard=hazard, extent_m2=850.0), context, ("forestry",), simulated=simulated)
    told = said(incident, status, SENT, "anna@forestry" if reason else "/nests/n1", reason).current
    return told.model_copy(update={"area": FIELD, **fields})


def cap_context(references: tuple[str, ...] = (), pictures: tuple[Picture, ...] = (PICTURE,)) -> CapContext:
    """The context of a message to forestry."""
    return CapContext("n1", "forestry", SENT, VALID_UNTIL, references, pictures)


def formats(*languages: str, **fields: Any) -> FormatsSection:
    """The configuration; English unless told otherwise."""
    return FormatsSection.model_validate({"languages": languages or ("en",), **fields})
