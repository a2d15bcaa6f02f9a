"""An answer that asks for another look becomes a request for a flight to the alert's place. Pure.

The request then goes the way of every other: rights, area, hours, quota, arbiter, answers, audit log.
"""

from datetime import datetime, timedelta

from agent.alerts.formats.rings import ellipse
from agent.core.outcome import Refused
from agent.domain.alert import Alert
from agent.domain.codes import words_of
from agent.domain.hub import ActionReceived, RequestReceived
from agent.domain.request import AreaTarget, FlightRequest, GeoJsonArea, PointTarget, Priority

SCENARIO = "look_again"
_WITHIN = timedelta(hours=1)
"""A look that could not begin by then is worth nothing: an answer that says nothing else expires."""
_ONE_VIEW_M = 60.0
"""From a stand-off of 60 m and as high, one view holds a place that is known better than this."""
_SEVERE = ("Extreme", "Severe")


def request_of(alert: Alert | None, received: ActionReceived, now: datetime, new_id: str) -> RequestReceived:
    """What the missions are asked for. Its body is a refusal where there is nothing to look at.

    Args:
        alert: as it stands; None: there is none of this id.
        received: the answer.
        now: the time.
        new_id: ULID of the request where the answer brings none.
    """
    request = received.action.request or new_id
    return _asked(received, request, _flight(alert, received, now, request))


def refused(code: str, received: ActionReceived) -> RequestReceived:
    """A look that is refused; it is answered and audited like any other request."""
    return _asked(received, received.action.request, Refused(code, words_of(code)))


def _asked(received: ActionReceived, request: str | None, body: FlightRequest | Refused) -> RequestReceived:
    return RequestReceived(
        department=received.department,
        body=body,
        request=request,
        data=received.data,
        signed=received.signed,
        signature=received.signature,
        reply_to=received.reply_to,
        alert=received.action.alert,
    )


def _flight(alert: Alert | None, received: ActionReceived, now: datetime, request: str) -> FlightRequest | Refused:
    if alert is None:
        return Refused("alert.unknown", words_of("alert.unknown"))
    if alert.status.closed:
        return Refused("alert.no_such_step", f"look_again does nothing to an alert that is {alert.status}")
    point, area = _target(alert)
    return FlightRequest(
        request=request,
        department=received.department,
        by=received.action.by,
        scenario=SCENARIO,
        point=point,
        area=area,
        priority=Priority.EMERGENCY if alert.severity in _SEVERE else Priority.ELEVATED,
        expires=received.action.expires or now + _WITHIN,
        on_detection="investigate",
    )


def _target(alert: Alert) -> tuple[PointTarget | None, AreaTarget | None]:
    """The place from upwind, or its whole ellipse from above where one view could miss it."""
    place = alert.position
    ring = ellipse(place) if place.error_ellipse.semi_major_m > _ONE_VIEW_M else None
    if ring is not None:
        return None, AreaTarget(polygon=GeoJsonArea(coordinates=(ring,)))
    upwind_deg = alert.weather.wind_from_deg if alert.weather else None
    return PointTarget(lat=place.lat, lon=place.lon, from_deg=upwind_deg), None
