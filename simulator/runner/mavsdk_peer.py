"""MAVSDK's plain upload of given items, for comparison; run by another Python that has mavsdk 4.

Imports nothing of this repository. Reads one JSON object from standard input: ``address``, ``runs`` and ``items`` (frame,
command, parameters 1 to 4, x, y, z). Writes one: ``version`` and ``seconds`` of each upload.
"""

import asyncio
import json
import sys
import time
from typing import Any

from mavsdk.asyncio import ComponentType, Configuration, Mavsdk
from mavsdk.asyncio.plugins.mission_raw import MissionRawAsync
from mavsdk.plugins.mission_raw import MissionItem


async def uploads(task: dict[str, Any]) -> dict[str, Any]:
    """Connects and uploads the items so many times, each time with other heights."""
    seconds: list[float] = []
    configuration = Configuration.create_with_component_type(ComponentType.GROUND_STATION)
    async with Mavsdk(configuration) as mavsdk:
        await mavsdk.add_any_connection(task["address"])
        plugin = MissionRawAsync(await mavsdk.first_autopilot(timeout_s=30.0))
        for run in range(task["runs"]):
            items = [
                MissionItem(seq, frame, command, int(seq == 0), 1, *params, x, y, z + (run if seq else 0), 0)
                for seq, (frame, command, *params, x, y, z) in enumerate(task["items"])
            ]
            began_s = time.monotonic()
            await plugin.upload_mission(items)
            seconds.append(time.monotonic() - began_s)
        return {"version": await mavsdk.version(), "seconds": seconds}


if __name__ == "__main__":
    json.dump(asyncio.run(uploads(json.load(sys.stdin))), sys.stdout)
