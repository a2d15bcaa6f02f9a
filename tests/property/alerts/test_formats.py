"""Whatever an alert says, its other forms are valid, and independent readers find in them what it says."""

import json
import math
import os
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import capvalidator
import pytest
import takproto
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from shapely.geometry import Point, Polygon, shape

from agent.alerts.formats.cap import CATEGORY, REFERENCES_MAX, CapContext, cap, reference, remembered
from agent.alerts.formats.cot import TYPE, cot
from agent.alerts.formats.geojson import geojson
from agent.alerts.formats.rings import outline
from agent.alerts.formats.xml_text import clean
from agent.config.formats import FormatsSection, Language
from agent.core.geo import LatLon, distance_m
from agent.domain.alert import Alert, AlertStatus, AlertWeather, GeoJsonPolygon, HistoryEntry
from agent.domain.geojson import AlertFeatures
from agent.domain.hazard import Hazard
from agent.domain.sighting import DetectorRecord, ErrorEllipse, GeoPosition
from tests.doubles.alerts import PICTURE, SENT, VALID_UNTIL, alert, cap_context, formats

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks for a web client that reading does not need
    import pytak

NS = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
_SCHEMAS = os.environ.get("NEST_XML_SCHEMAS")

_moments = st.integers(1_577_836_800, 3_786_912_000).map(lambda unix_s: datetime.fromtimestamp(unix_s, UTC))
_degrees = st.floats(-0.02, 0.02).map(lambda d: round(d, 5))
_rings = st.lists(st.tuples(_degrees, _degrees), min_size=1, max_size=12)
_text = st.text(max_size=60)
_entries = st.builds(HistoryEntry, at=_moments, by=_text, status=st.sampled_from(AlertStatus), reason=_text)
_some = settings(max_examples=40, deadline=None)  # each makes and reads a whole document


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    lat, lon = draw(st.floats(-80.0, 80.0)), draw(st.floats(-179.0, 179.0))
    major_m = draw(st.floats(0.0, 5000.0))
    area = draw(st.none() | _rings)
    first = draw(_moments)
    return Alert(
        alert=draw(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)),
        sequence=draw(st.integers(1, 100_000)),
        status=draw(st.sampled_from(AlertStatus)),
        hazard=draw(st.sampled_from(Hazard)),
        severity=draw(st.sampled_from(["Extreme", "Severe", "Moderate", "Minor", "Unknown"])),
        urgency=draw(st.sampled_from(["Immediate", "Expected", "Future", "Past", "Unknown"])),
        certainty=draw(st.sampled_from(["Observed", "Likely", "Possible", "Unlikely", "Unknown"])),
        confidence=draw(st.floats(0.0, 1.0)),
        first_seen=first,
        last_seen=first + timedelta(seconds=draw(st.integers(0, 100_000))),
        position=GeoPosition(
            lat=lat,
            lon=lon,
            error_ellipse=ErrorEllipse(
                semi_major_m=major_m,
                semi_minor_m=draw(st.floats(0.0, major_m)),
                azimuth_deg=draw(st.floats(0.0, 360.0, exclude_max=True)),
            ),
        ),
        area=None if area is None else GeoJsonPolygon(coordinates=(tuple((lon + e, lat + n) for e, n in area),)),
        extent_m2=draw(st.none() | st.floats(0.0, 1e9)),
        growth_m2_per_min=draw(st.none() | st.floats(-1e6, 1e6)),
        flight=draw(st.none() | _text),
        inspection_point=draw(st.none() | _text),
        weather=draw(st.none() | st.just(AlertWeather(wind_m_s=3.0, wind_from_deg=9.0, temp_c=20.0, humidity=0.5))),
        detector=DetectorRecord(
            name=draw(_text), version="1", sha256="0" * 64, threshold=0.5, frames_seen=3, frames_confirmed=2
        ),
        history=draw(st.lists(_entries, max_size=3)),
        simulated=draw(st.booleans()),
    )


_languages = st.lists(st.sampled_from(Language), min_size=1, max_size=2, unique=True)


@_some
@given(alerts(), _languages, st.integers(0, 3))
def test_cap_is_valid_and_says_what_the_alert_says(told: Alert, languages: list[Language], earlier: int) -> None:
    references = tuple(f"n1,X.{n},2026-01-01T00:00:00+00:00" for n in range(earlier))
    xml = cap(told, cap_context(references), formats(*languages))
    assert capvalidator.check_schema(xml).passed  # the OASIS schema as the World Meteorological Organization ships it
    root = etree.fromstring(xml)

    def text(path: str) -> str:
        return str(root.xpath(f"string({path})", namespaces=NS))

    assert text("c:status") == ("Exercise" if told.simulated else "Actual")
    assert text("c:incidents") == told.alert
    assert text("c:references").split() == list(references)
    assert [e.text for e in root.iterfind("c:info/c:language", NS)] == [language.value for language in languages]
    assert text("c:info/c:category") == CATEGORY[told.hazard]
    assert text("c:info/c:severity") == told.severity
    assert (text("c:info/c:urgency") == "Past") or text("c:info/c:urgency") == told.urgency
    dates = [e.text for e in root.iter() if str(e.tag).split("}")[-1] in {"sent", "effective", "onset", "expires"}]
    assert all(date.endswith("+00:00") and datetime.fromisoformat(date) for date in dates)
    assert not set(text("c:identifier") + text("c:sender")) & set(" ,<&")


@_some
@given(alerts())
def test_the_places_in_cap_hold_what_they_must(told: Alert) -> None:
    root = etree.fromstring(cap(told, cap_context(), formats()))
    circle = root.findtext("c:info/c:area/c:circle", namespaces=NS)
    assert circle is not None
    place, radius_km = circle.split()
    lat, lon = map(float, place.split(","))
    here = LatLon(told.position.lat, told.position.lon)
    assert distance_m(here, LatLon(lat, lon)) < 0.2
    assert float(radius_km) * 1000.0 >= told.position.error_ellipse.semi_major_m
    for polygon in root.iterfind("c:info/c:area/c:polygon", NS):
        assert polygon.text is not None
        ring = [tuple(map(float, pair.split(","))) for pair in polygon.text.split()]
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        assert Polygon(ring).is_valid
    if outline(told.area) is None:  # then it is the ellipse, and the place lies inside
        assert Polygon(ring).contains(Point(told.position.lat, told.position.lon))


@_some
@given(alerts())
def test_a_tak_reader_finds_the_alert_in_the_event(told: Alert) -> None:
    xml = cot(told, "n1", SENT, VALID_UNTIL, formats("zh-CN"))
    event = takproto.parse_proto(bytearray(xml)).cotEvent
    assert (event.type, event.uid) == (TYPE[told.hazard], f"n1.{told.alert}")
    assert (event.how, event.opex) == (("m-s", "e") if told.simulated else ("m-f", "o"))
    assert event.lat == pytest.approx(told.position.lat, abs=1e-7)
    assert event.lon == pytest.approx(told.position.lon, abs=1e-7)
    assert event.ce >= told.position.error_ellipse.semi_major_m
    assert event.startTime == round(SENT.timestamp() * 1000)
    assert (event.staleTime < event.startTime) == told.status.closed
    (cut_out,) = pytak.classes._extract_cot_events(xml.decode())
    assert etree.tostring(etree.fromstring(cut_out), method="c14n") == etree.tostring(etree.fromstring(xml), method="c14n")


@_some
@given(alerts())
def test_geojson_reads_back_and_its_shapes_are_sound(told: Alert) -> None:
    layer = AlertFeatures.model_validate_json(geojson(told, "n1", SENT, formats()))
    parts = {f.properties.part: shape(json.loads(f.geometry.model_dump_json())) for f in layer.features}
    assert all(geometry.is_valid for geometry in parts.values())
    assert all(polygon.exterior.is_ccw for name, polygon in parts.items() if name != "position")
    assert parts["position"].x == pytest.approx(told.position.lon, abs=1e-6)
    if "ellipse" in parts:
        assert parts["ellipse"].contains(parts["position"])
    assert len({f.id for f in layer.features}) == len(layer.features)
    for feature in layer.features:
        assert (feature.properties.alert, feature.properties.sequence) == (told.alert, told.sequence)


@settings(deadline=None)
@given(_rings)
def test_an_outline_is_a_ring_or_nothing(corners: list[tuple[float, float]]) -> None:
    ring = outline(GeoJsonPolygon(coordinates=(tuple(corners),)))
    if ring is not None:
        assert len(ring) >= 4
        assert ring[0] == ring[-1]
        assert Polygon(ring).is_valid
        assert Polygon(ring).area > 0.0
    else:
        assert Polygon(corners if len(corners) > 2 else [(0, 0)] * 3).buffer(0).area < 1e-5


@pytest.mark.parametrize("bad", [math.nan, math.inf, 181.0])
def test_nonsense_in_an_outline_is_left_out(bad: float) -> None:
    assert outline(GeoJsonPolygon(coordinates=(((0.0, 0.0), (1.0, bad), (bad, 1.0), (0.0, 0.0)),))) is None


@settings(deadline=None)
@given(st.text())
def test_any_text_can_stand_in_xml(text: str) -> None:
    read = etree.fromstring(f"<a>{clean(text).replace('&', '&amp;').replace('<', '&lt;')}</a>".encode())
    assert (read.text or "") == clean(text).replace("\r\n", "\n").replace("\r", "\n")


@settings(deadline=None)
@given(st.integers(1, 500))
def test_references_name_the_first_and_the_newest(messages: int) -> None:
    chain: tuple[str, ...] = ()
    for n in range(messages):
        chain = remembered(chain, str(n))
    assert len(chain) <= REFERENCES_MAX
    assert chain[0] == "0"
    assert list(map(int, chain[1:])) == list(range(messages))[-(len(chain) - 1) :] if len(chain) > 1 else True


def test_the_longest_message_fits_into_what_a_broker_must_take() -> None:
    section = FormatsSection.model_validate({"languages": ("en", "zh-CN"), "cap_sender": "s" * 200})
    context = CapContext("n" * 63, "d" * 31, SENT, VALID_UNTIL, (), (PICTURE,))
    named = reference(alert(sequence=99_999), context, section)
    whole = CapContext(context.nest, context.department, SENT, VALID_UNTIL, (named,) * REFERENCES_MAX, (PICTURE,))
    assert len(cap(alert(reason="r" * 2000), whole, section)) < 128_000


@pytest.mark.skipif(not _SCHEMAS, reason="NEST_XML_SCHEMAS names no folder with cap12.xsd (OASIS) and cot-event.xsd (MITRE)")
@_some
@given(told=alerts())
def test_the_published_schemas_agree(told: Alert) -> None:
    folder = Path(_SCHEMAS or "")
    for name, xml in (
        ("cap12.xsd", cap(told, cap_context(("a,b,c",)), formats("en", "zh-CN"))),
        ("cot-event.xsd", cot(told, "n1", SENT, VALID_UNTIL, formats())),
    ):
        etree.XMLSchema(etree.parse(str(folder / name))).assertValid(etree.fromstring(xml))
