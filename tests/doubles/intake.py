"""An office of requests in virtual time, without a drone, and what is asked of it."""

import base64
from datetime import time, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.requests import RequestKey, RequestRights
from agent.core.clock import Clock
from tests.doubles.flight import FRAME, run_virtual
from tests.doubles.requests import MORNING, WallClock, office

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
BOUNDED = RequestRights(
    scenarios=("fire",),
    priority_max="routine",
    from_utc=time(1, 0),
    until_utc=time(3, 0),
    daily_quota=3,
    keys=(RequestKey(public=PUBLIC),),
)


def hear(tmp_path, work, start=MORNING, **settings):
    """Runs ``work(office)`` on an office without a drone."""

    async def main():
        async with office(tmp_path, Clock(computer_unix_s=WallClock(start)), **settings) as opened:
            await work(opened)

    run_virtual(main())


def point(north_m=200.0, east_m=100.0, **more):
    place = FRAME.to_latlon(north_m, east_m)
    return {"lat": place.lat_deg, "lon": place.lon_deg, **more}


def later(hours):
    return (MORNING + timedelta(hours=hours)).isoformat()
