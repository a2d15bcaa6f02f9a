"""Which messages are for this vehicle, and which are passed on to other links.

The rules of MAVLink routing as ArduPilot keeps them: broadcasts go to all other links, addressed messages to the links on which
the addressee was heard. Knows system and component ids; must not know sockets.
"""

from simulator.vehicle.autopilot import Autopilot
from simulator.vehicle.channel import Channel
from simulator.vehicle.wire import AUTOPILOT_COMPONENT, Message


def take(autopilot: Autopilot, channel: Channel, message: Message, frame: bytes) -> None:
    """Handles a decoded message that came on a channel, and forwards its bytes where they belong."""
    source = (int(message.get_srcSystem()), int(message.get_srcComponent()))
    own_system = int(autopilot.parameters["SYSID_THISMAV"])
    autopilot.wake(channel)
    if source != (own_system, AUTOPILOT_COMPONENT):
        channel.seen.add(source)
    target_system = int(getattr(message, "target_system", 0))
    target_component = int(getattr(message, "target_component", 0))
    broadcast = target_system == 0
    mine = target_system == own_system and target_component in (0, AUTOPILOT_COMPONENT)
    for other in autopilot.channels:
        if other is channel or not other.active:
            continue
        if broadcast or (not mine and _heard(other, target_system, target_component)):
            other.send(frame)
    for camera in autopilot.cameras:
        if (target_system, target_component) == (own_system, camera.component) and camera.there:
            camera.handle(message)
    if broadcast or mine:
        for answer in autopilot.handle(channel, message):
            channel.send(answer)


def _heard(channel: Channel, system: int, component: int) -> bool:
    return any(seen[0] == system and component in (0, seen[1]) for seen in channel.seen)
