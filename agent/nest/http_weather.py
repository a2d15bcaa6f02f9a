"""A weather station that serves its newest reading as a JSON object over HTTP.

Speaks HTTP/1.0 over asyncio streams: one small answer, closed by the server, no chunks. Knows nothing of limits; what the drone
may fly in is decided elsewhere. Fields are those of ``docs/dock-registers.md``, section "Weather station".
"""

import asyncio
from datetime import datetime
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from agent.config.nest import WeatherSection
from agent.core.clock import Clock
from agent.core.errors import ConfigError, LinkError, ProtocolError
from agent.domain.nest_state import Weather

_ANSWER_LIMIT = 65536
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Reading(BaseModel):
    """The station's JSON. Limits are what sensors of this kind can measure on Earth; outside them one is broken."""

    model_config = ConfigDict(extra="ignore")

    time: AwareDatetime | None = None
    wind_m_s: _Finite = Field(ge=0, le=120)
    gust_m_s: _Finite = Field(ge=0, le=150)
    wind_from_deg: _Finite = Field(ge=0, le=360)
    rain_mm_h: _Finite = Field(ge=0, le=500)
    temp_c: _Finite = Field(ge=-60, le=80)
    humidity: _Finite = Field(ge=0, le=1)
    pressure_hpa: _Finite | None = Field(default=None, ge=300, le=1100)
    visibility_m: _Finite | None = Field(default=None, ge=0)


class HttpWeather:
    """A :class:`agent.nest.interface.WeatherStation` behind HTTP.

    Args:
        config: the station's address; a connection and an answer together may take ``response_timeout_s``.
        clock: tells how old a reading is that carries its own time.

    Raises:
        ConfigError: the address is not an http or https URL.
    """

    def __init__(self, config: WeatherSection, clock: Clock) -> None:
        self._url = _parse(config.url)
        self._timeout_s = config.response_timeout_s
        self._clock = clock

    async def read(self) -> Weather:
        """See :meth:`agent.nest.interface.WeatherStation.read`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                raw = await _get(self._url)
        except (OSError, TimeoutError, asyncio.LimitOverrunError) as error:
            words = f"the weather station at {self._url.geturl()} cannot be read ({str(error) or type(error).__name__})"
            raise LinkError("weather.unreachable", words) from error
        reading = _decode(raw)
        return self._weather(reading, asyncio.get_running_loop().time())

    def _weather(self, reading: _Reading, now_s: float) -> Weather:
        age_s = 0.0 if reading.time is None else max(0.0, _seconds(self._clock.utc(), reading.time))
        return Weather(
            at_s=now_s - age_s,
            wind_m_s=reading.wind_m_s,
            gust_m_s=max(reading.gust_m_s, reading.wind_m_s),
            wind_from_deg=reading.wind_from_deg,
            rain_mm_h=reading.rain_mm_h,
            temp_c=reading.temp_c,
            humidity=reading.humidity,
            pressure_hpa=reading.pressure_hpa,
            visibility_m=reading.visibility_m,
        )


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
    if not port_is_good or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError("config.invalid", f"weather.url: {url!r} is not like http://192.168.1.20/weather; correct the value")
    return parts


async def _get(url: SplitResult) -> bytes:
    """The whole answer, headers and body.

    Raises:
        OSError: no connection.
        ProtocolError: the answer is longer than any reading.
    """
    secure = url.scheme == "https"
    reader, writer = await asyncio.open_connection(url.hostname, url.port or (443 if secure else 80), ssl=secure or None)
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        writer.write(
            f"GET {path} HTTP/1.0\r\nHost: {url.netloc}\r\nAccept: application/json\r\n\r\n".encode("ascii", "replace")
        )
        await writer.drain()
        raw = bytearray()
        while chunk := await reader.read(_ANSWER_LIMIT):
            raw += chunk
            if len(raw) > _ANSWER_LIMIT:
                raise ProtocolError("weather.protocol", f"the weather station's answer is longer than {_ANSWER_LIMIT} bytes")
        return bytes(raw)
    finally:
        writer.close()


def _decode(raw: bytes) -> _Reading:
    head, separator, body = raw.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    if not separator or len(status) < 2 or not status[0].startswith(b"HTTP/"):
        raise ProtocolError("weather.protocol", f"the weather station does not speak HTTP: {raw[:40]!r}")
    if status[1] != b"200":
        raise ProtocolError("weather.protocol", f"the weather station answers {b' '.join(status[1:]).decode('latin-1')}")
    try:
        return _Reading.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise ProtocolError("weather.protocol", f"weather station: {where}: {first['msg']}") from error


def _seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds()
