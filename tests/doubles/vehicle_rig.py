"""The built-in vehicle driven in memory: real MAVLink bytes both ways, time as fast as the computer allows."""

from collections.abc import Callable
from typing import Any

from agent.core.geo import LatLon
from simulator.vehicle import router
from simulator.vehicle.autopilot import Autopilot
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Peer
from simulator.vehicle.setup import Setup
from simulator.vehicle.wire import mavlink

HOME = LatLon(30.39, 119.84)
HOME_ALT_M = 10.0
STEP_S = 0.02
POSITION_ONLY = 0b0000_1101_1111_1000
VELOCITY_ONLY = 0b0000_1101_1100_0111
MISSION, FENCE, RALLY = 0, 1, 2
STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL, LAND, BRAKE = 0, 2, 3, 4, 5, 6, 9, 17


class Station:
    """A ground station on a link of its own."""

    def __init__(self, rig: "Rig", system: int, component: int) -> None:
        self.rig = rig
        self.log: list[tuple[float, Any]] = []
        self.frames: list[bytes] = []
        self._encoder = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
        self._decoder = mavlink.MAVLink(None)
        channel = rig.autopilot.open_channel(f"station {system}")
        self.peer = Peer(channel, self._receive, 1)

    def _receive(self, data: bytes) -> None:
        self.frames.append(data)
        for message in self._decoder.parse_buffer(data) or []:
            self.log.append((self.rig.time_s, message))

    def send(self, message: Any) -> None:
        """Encodes, decodes at the vehicle, and lets it answer."""
        data = message.pack(self._encoder)
        self._encoder.seq = (self._encoder.seq + 1) % 256
        self.send_bytes(data)

    def send_bytes(self, data: bytes) -> None:
        for decoded, frame in self.peer.decode(data):
            router.take(self.rig.autopilot, self.peer.channel, decoded, frame)
        self.rig.flush()

    def heartbeat(self) -> None:
        self.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))

    # -- reading ---------------------------------------------------------------------------------------------------------

    def all(self, name: str) -> list[Any]:
        return [message for _, message in self.log if message.get_type() == name]

    def last(self, name: str) -> Any:
        return self.all(name)[-1]

    def texts(self) -> list[str]:
        return [message.text for message in self.all("STATUSTEXT")]

    def clear(self) -> None:
        self.log.clear()

    # -- asking ----------------------------------------------------------------------------------------------------------

    def command(self, command: int, *params: float, target: int = 1) -> int:
        """COMMAND_LONG; the result of its acknowledgement."""
        values = [*params, *[0.0] * (7 - len(params))]
        self.clear_acks()
        self.send(mavlink.MAVLink_command_long_message(target, 1, command, 0, *values))
        acks = [ack for ack in self.all("COMMAND_ACK") if ack.command == command]
        return acks[-1].result if acks else -1

    def command_int(self, command: int, frame: int, *params: float, lat: float, lon: float, alt: float) -> int:
        values = [*params, *[0.0] * (4 - len(params))]
        self.clear_acks()
        place = (round(lat * 1e7), round(lon * 1e7), alt)
        self.send(mavlink.MAVLink_command_int_message(1, 1, frame, command, 0, 0, *values, *place))
        acks = [ack for ack in self.all("COMMAND_ACK") if ack.command == command]
        return acks[-1].result if acks else -1

    def clear_acks(self) -> None:
        self.log = [entry for entry in self.log if entry[1].get_type() != "COMMAND_ACK"]

    def mode(self, number: int) -> int:
        return self.command(mavlink.MAV_CMD_DO_SET_MODE, 1, number)

    def arm(self) -> int:
        return self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)

    def disarm(self) -> int:
        return self.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 0)

    def stream(self, message_id: int, hz: float) -> int:
        return self.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, 1e6 / hz)

    def set_param(self, name: str, value: float) -> None:
        self.send(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9))

    def param(self, name: str) -> float | None:
        self.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
        before = len(self.all("PARAM_VALUE"))
        self.rig.run(0.3)
        values = self.all("PARAM_VALUE")[before:]
        return values[-1].param_value if values else None

    # -- missions --------------------------------------------------------------------------------------------------------

    def count(self, number: int, kind: int = MISSION) -> None:
        self.send(mavlink.MAVLink_mission_count_message(1, 1, number, kind))

    def item(self, seq: int, kind: int = MISSION, **fields: Any) -> None:
        self.send(item_message(seq, kind, **fields))

    def upload(self, items: list[dict[str, Any]], kind: int = MISSION) -> int:
        """One by one as asked; the final MISSION_ACK's type."""
        self.log = [entry for entry in self.log if not entry[1].get_type().startswith("MISSION_")]
        self.count(len(items), kind)
        for _ in range(len(items) + 1):
            if acks := self.all("MISSION_ACK"):
                return int(acks[-1].type)
            wanted = self.last("MISSION_REQUEST")
            self.item(wanted.seq, kind, **items[wanted.seq])
        return int(self.last("MISSION_ACK").type)

    def download(self, kind: int = MISSION) -> list[Any]:
        self.log = [entry for entry in self.log if not entry[1].get_type().startswith("MISSION_")]
        self.send(mavlink.MAVLink_mission_request_list_message(1, 1, kind))
        for seq in range(self.last("MISSION_COUNT").count):
            self.send(mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind))
        return self.all("MISSION_ITEM_INT")


class Rig:
    """A vehicle and the stations on it."""

    def __init__(self, *params: str, boot_s: float = 0.5, seed: int = 1, ground: Any = None, charge: float = 1.0) -> None:
        place = Place(HOME, HOME_ALT_M, 0.0)
        self.autopilot = Autopilot(
            Setup(place, seed=seed, boot_s=boot_s, unix_boot_s=1.8e9, parameters=params, ground=ground, charge=charge)
        )
        self.stations: list[Station] = []

    @property
    def time_s(self) -> float:
        return self.autopilot.craft.time_s

    @property
    def mode(self) -> int:
        return self.autopilot.mode.number

    def station(self, system: int = 255, component: int = 190, *, quiet: bool = False) -> Station:
        """A new station; unless quiet it says hello."""
        station = Station(self, system, component)
        self.stations.append(station)
        if not quiet:
            station.heartbeat()
        return station

    def flush(self) -> None:
        for station in self.stations:
            station.peer.flush()

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Advances; True when the condition came true in time (or none was given)."""
        end_s = self.time_s + seconds
        while self.time_s < end_s:
            self.autopilot.step(STEP_S)
            self.flush()
            if until is not None and until():
                return True
        return until is None

    def ready(self) -> Station:
        """Booted, position good, one station that asked for the usual messages."""
        station = self.station()
        assert self.run(10.0, lambda: self.autopilot.position_ok and self.autopilot.prearm_ok)
        for message_id in (mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE, mavlink.MAVLINK_MSG_ID_MISSION_CURRENT):
            station.stream(message_id, 5)
        return station

    def airborne(self, height_m: float = 20.0) -> Station:
        """Ready, armed in GUIDED and at a height."""
        station = self.ready()
        assert station.mode(GUIDED) == 0
        assert station.arm() == 0
        assert station.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, height_m) == 0
        assert self.run(60.0, lambda: self.autopilot.craft.height_rel_m() > height_m - 0.3)
        self.run(1.0)
        return station

    @property
    def height_m(self) -> float:
        return self.autopilot.craft.height_rel_m()

    def offset(self, north_m: float, east_m: float) -> tuple[float, float]:
        """Latitude and longitude so far from home."""
        return tuple(self.autopilot.craft.frame.to_latlon(north_m, east_m))  # type: ignore[return-value]


def item_message(seq: int, kind: int = MISSION, **fields: Any) -> Any:
    values = {"frame": 3, "command": 16, "p": (0, 0, 0, 0), "lat": HOME.lat_deg, "lon": HOME.lon_deg, "alt": 20.0} | fields
    return mavlink.MAVLink_mission_item_int_message(
        1, 1, seq, values["frame"], values["command"], 0, 1, *values["p"],
        round(values["lat"] * 1e7), round(values["lon"] * 1e7), values["alt"], kind,
    )  # fmt: skip


def home_item() -> dict[str, Any]:
    return {"frame": 0, "alt": HOME_ALT_M}


def takeoff(alt_m: float = 15.0) -> dict[str, Any]:
    return {"command": mavlink.MAV_CMD_NAV_TAKEOFF, "lat": 0, "lon": 0, "alt": alt_m}


def do(command: int, *params: float) -> dict[str, Any]:
    return {"command": command, "frame": 2, "p": (*params, *[0.0] * (4 - len(params))), "lat": 0, "lon": 0, "alt": 0}


def polygon(rig: Rig, half_m: float) -> list[dict[str, Any]]:
    """A square inclusion fence round home."""
    corners = [(-half_m, -half_m), (-half_m, half_m), (half_m, half_m), (half_m, -half_m)]
    vertex = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
    places = [rig.offset(*corner) for corner in corners]
    return [{"frame": 0, "command": vertex, "p": (4, 0, 0, 0), "lat": lat, "lon": lon, "alt": 0} for lat, lon in places]


def at(rig: Rig, north_m: float, east_m: float, **more: object) -> dict:
    lat, lon = rig.offset(north_m, east_m)
    return {"lat": lat, "lon": lon, **more}


def lap(rig: Rig) -> list[dict]:
    """Take-off, a speed, two points, home."""
    return [home_item(), takeoff(12.0), do(178, 1, 8, -1), at(rig, 40, 0, alt=12.0), at(rig, 40, 40, alt=15.0), do(20)]


def down(rig: Rig, seconds: float = 200.0) -> bool:
    return rig.run(seconds, lambda: not rig.autopilot.craft.armed)


def set_point(station: Station, rig: Rig, north_m: float, east_m: float, alt_m: float) -> None:
    lat, lon = rig.offset(north_m, east_m)
    station.send(
        mavlink.MAVLink_set_position_target_global_int_message(
            0, 1, 1, 6, POSITION_ONLY, round(lat * 1e7), round(lon * 1e7), alt_m, 0, 0, 0, 0, 0, 0, 0, 0
        )
    )


def velocity(station: Station, north: float, east: float, down_m_s: float) -> None:
    station.send(
        mavlink.MAVLink_set_position_target_local_ned_message(
            0, 1, 1, 1, VELOCITY_ONLY, 0, 0, 0, north, east, down_m_s, 0, 0, 0, 0, 0
        )
    )
