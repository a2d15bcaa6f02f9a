"""Keeps in touch with camera and gimbal: finds the cameras, asks for what they do not say by themselves and for lost reports.

Knows that components may come and go; nothing here flies or fails a flight.
"""

import asyncio
import math

from agent.mavlink.codec import Frame
from agent.mavlink.commands import Command
from agent.mavlink.enums import AUTOPILOT_COMPONENT, Cmd
from agent.mavlink.facts import camera_of
from agent.mavlink.streams import message_id
from agent.vehicle.driver import Driver
from agent.vehicle.session import Session

_TURN_S = 0.5
_ASK_FIRST_S = 2.0
_ASK_MOST_S = 60.0  # a component without a camera accepts the request and sends nothing
_LEARN_AGAIN_S = 10.0  # a firmware without a mount never answers
_STATUS_S = 2.0
_STORAGE_S = 30.0


class Payload:
    """The drone's camera and gimbal.

    Args:
        session: the drone.
        driver: knows what the autopilot's own gimbal angles mean.
    """

    def __init__(self, session: Session, driver: Driver) -> None:
        self._session = session
        self._driver = driver
        self._known: set[int] = set()
        self._asked: dict[tuple[int, str], tuple[float, float]] = {}  # when, and how long until the next time
        self._cameras = {AUTOPILOT_COMPONENT}
        session.link.add_handler(self._on_frame, ("HEARTBEAT", "CAMERA_INFORMATION"))

    def _on_frame(self, frame: Frame) -> None:
        camera = camera_of(frame)
        if camera is not None:
            self._cameras.add(camera)
        if frame.name == "CAMERA_INFORMATION":
            self._known.add(frame.component)

    async def keep(self) -> None:
        """Asks for what is missing while the drone is heard; anew after a reboot. For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_asking())
            tasks.create_task(self._keep_learning())

    async def _keep_asking(self) -> None:
        boots = self._session.boots
        while True:
            if self._session.boots != boots:
                boots = self._session.boots
                self._known.clear()
                self._asked.clear()
            if self._session.in_contact:
                await self._ask_cameras()
            await asyncio.sleep(_TURN_S)

    async def _keep_learning(self) -> None:
        """What the gimbal's angles mean can change only with a reboot."""
        learned: int | None = None
        while True:
            boots = self._session.boots
            if learned != boots and self._session.in_contact:
                if not await self._driver.learn_gimbal():
                    await asyncio.sleep(_LEARN_AGAIN_S)
                    continue
                learned = boots
            await asyncio.sleep(_TURN_S)

    async def _ask_cameras(self) -> None:
        for component in sorted(self._cameras - self._known):
            await self._ask_each(component, "CAMERA_INFORMATION", _ASK_FIRST_S, _ASK_MOST_S)
        if self._session.telemetry.gimbal_reach_deg is None:
            await self._ask_each(AUTOPILOT_COMPONENT, "GIMBAL_MANAGER_INFORMATION", _ASK_FIRST_S, _ASK_MOST_S)
        for component in sorted(self._known - {AUTOPILOT_COMPONENT}):  # the autopilot's come as a stream
            await self._ask_each(component, "CAMERA_CAPTURE_STATUS", _STATUS_S, _STATUS_S)
            await self._ask_each(component, "STORAGE_INFORMATION", _STORAGE_S, _STORAGE_S)
        for want in self._session.pictures.due(self._session.now_s):
            await self._request(want.component, want.message, want.index)

    async def _ask_each(self, component: int, message: str, first_s: float, most_s: float) -> None:
        """Asks when the last time is long enough ago; waits twice as long for the next."""
        asked_s, wait_s = self._asked.get((component, message), (-math.inf, first_s / 2))
        if self._session.now_s - asked_s >= wait_s:
            self._asked[component, message] = (self._session.now_s, min(most_s, 2 * wait_s))
            await self._request(component, message, 0)

    async def _request(self, component: int, message: str, index: int) -> None:
        params = (float(message_id(message)), float(index))
        await self._session.commander.execute(Command(Cmd.REQUEST_MESSAGE, params, component=component, attempts=1))
