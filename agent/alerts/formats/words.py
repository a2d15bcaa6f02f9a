"""What an alert says to people, one table a language. Nothing else in the formats depends on the language."""

from dataclasses import dataclass

from agent.config.formats import Language
from agent.core.clock import rfc3339
from agent.domain.alert import Alert, AlertStatus
from agent.domain.hazard import Hazard


@dataclass(frozen=True)
class Words:
    """One language. The texts in braces are filled in; see :func:`headline` and :func:`description`."""

    event: dict[Hazard, str]
    certainty: dict[str, str]
    status: dict[AlertStatus, str]
    headline: str
    headline_closed: str
    exercise: str
    nobody: str
    area: str
    seen: str
    extent: str
    growth: str
    confidence: str
    wind: str
    reason: str
    picture: str
    thermal: str
    between: str


_S = AlertStatus

WORDS: dict[Language, Words] = {
    Language.ENGLISH: Words(
        event={
            Hazard.FIRE: "Fire",
            Hazard.SMOKE: "Smoke",
            Hazard.FLOOD: "Flood",
            Hazard.HOT_SPOT: "Hot spot",
            Hazard.PERSON: "Person",
            Hazard.VEHICLE: "Vehicle",
            Hazard.LOGGING: "Logging",
            Hazard.POLLUTION: "Pollution",
        },
        certainty={
            "Observed": "observed",
            "Likely": "likely",
            "Possible": "possible",
            "Unlikely": "unlikely",
            "Unknown": "certainty unknown",
        },
        status={
            _S.OPEN: "new",
            _S.UPDATED: "updated",
            _S.ACKNOWLEDGED: "acknowledged",
            _S.DISPATCHED: "help is on the way",
            _S.RESOLVED: "over",
            _S.FALSE_ALARM: "false alarm",
            _S.WITHDRAWN: "withdrawn",
            _S.EXPIRED: "expired",
        },
        headline="{event} ({status}), {certainty}: {place}",
        headline_closed="{event} ({status}): {place}",
        exercise="EXERCISE. ",
        nobody="This is an exercise. Nobody must be sent.",
        area="Within {error_m:.0f} m of {place}",
        seen="Seen by the drone of nest {nest} from {first} to {last}.",
        extent="About {extent_m2:.0f} square metres.",
        growth="Changes by {growth_m2_per_min:+.0f} square metres a minute.",
        confidence="Confidence {percent:.0f} %.",
        wind="Wind {wind_m_s:.1f} m/s from {wind_from_deg:.0f} degrees at the nest.",
        reason="Last note: {reason}",
        picture="Picture from the drone",
        thermal="Thermal picture from the drone",
        between=" ",
    ),
    Language.CHINESE: Words(
        event={
            Hazard.FIRE: "火情",
            Hazard.SMOKE: "烟雾",
            Hazard.FLOOD: "洪水",
            Hazard.HOT_SPOT: "热点",
            Hazard.PERSON: "人员",
            Hazard.VEHICLE: "车辆",
            Hazard.LOGGING: "采伐",
            Hazard.POLLUTION: "污染",
        },
        certainty={
            "Observed": "已观测到",
            "Likely": "很可能",
            "Possible": "可能",
            "Unlikely": "不太可能",
            "Unknown": "可能性未知",
        },
        status={
            _S.OPEN: "新警报",
            _S.UPDATED: "更新",
            _S.ACKNOWLEDGED: "已确认收到",
            _S.DISPATCHED: "已派出救援",
            _S.RESOLVED: "已结束",
            _S.FALSE_ALARM: "误报",
            _S.WITHDRAWN: "已撤回",
            _S.EXPIRED: "已过期",
        },
        headline="{event}（{status}），{certainty}：{place}",
        headline_closed="{event}（{status}）：{place}",
        exercise="【演习】",
        nobody="这是演习，请勿派出人员。",
        area="{place} 周围 {error_m:.0f} 米以内",
        seen="由机巢 {nest} 的无人机于 {first} 至 {last} 观测。",
        extent="面积约 {extent_m2:.0f} 平方米。",
        growth="每分钟变化 {growth_m2_per_min:+.0f} 平方米。",
        confidence="置信度 {percent:.0f}%。",
        wind="机巢处风速 {wind_m_s:.1f} 米/秒，风向 {wind_from_deg:.0f} 度。",
        reason="最近备注：{reason}",
        picture="无人机图片",
        thermal="无人机热成像图片",
        between="",
    ),
}


def headline(alert: Alert, words: Words) -> str:
    """One line: what, how far along, how sure, where; an exercise says so first."""
    line = (words.headline_closed if alert.status.closed else words.headline).format(
        event=words.event[alert.hazard],
        status=words.status[alert.status],
        certainty=words.certainty[alert.certainty],
        place=place(alert),
    )
    return f"{words.exercise if alert.simulated else ''}{line}"


def description(alert: Alert, words: Words, nest: str) -> str:
    """Some sentences with what was measured. What was not measured is not spoken of."""
    reason = next((entry.reason for entry in reversed(alert.history) if entry.reason), "")
    sentences = [words.seen.format(nest=nest, first=rfc3339(alert.first_seen), last=rfc3339(alert.last_seen))]
    if alert.extent_m2 is not None:
        sentences.append(words.extent.format(extent_m2=alert.extent_m2))
    if alert.growth_m2_per_min is not None:
        sentences.append(words.growth.format(growth_m2_per_min=alert.growth_m2_per_min))
    sentences.append(words.confidence.format(percent=100.0 * alert.confidence))
    if alert.weather is not None:
        sentences.append(words.wind.format(wind_m_s=alert.weather.wind_m_s, wind_from_deg=alert.weather.wind_from_deg))
    if reason:
        sentences.append(words.reason.format(reason=reason))
    return words.between.join(sentences)


def place_in_words(alert: Alert, words: Words) -> str:
    """The place and how far from it the thing can be."""
    return words.area.format(error_m=alert.position.error_ellipse.semi_major_m, place=place(alert))


def place(alert: Alert) -> str:
    """Latitude and longitude to about a metre, with their hemispheres."""
    lat, lon = alert.position.lat, alert.position.lon
    return f"{abs(lat):.5f}°{'N' if lat >= 0 else 'S'} {abs(lon):.5f}°{'E' if lon >= 0 else 'W'}"
