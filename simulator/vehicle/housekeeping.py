"""Commands that fly nothing: streams, requests, camera, gimbal, fence switch, reboot.

Second part of the command table. Knows the autopilot and the link a command came from.
"""

import math
from typing import TYPE_CHECKING, Final

from simulator.vehicle.commands import ACCEPTED, DENIED, FAILED, FLIGHT, Handler, Order
from simulator.vehicle.payload import YAW_LOCK
from simulator.vehicle.streams import BUILDERS, FASTEST_HZ
from simulator.vehicle.wire import Message, mavlink

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot
    from simulator.vehicle.channel import Channel

_MOUNT_TARGETING: Final = int(mavlink.MAV_MOUNT_MODE_MAVLINK_TARGETING)
_MOUNT_NEUTRAL: Final = (int(mavlink.MAV_MOUNT_MODE_RETRACT), int(mavlink.MAV_MOUNT_MODE_NEUTRAL))


def set_message_interval(ap: "Autopilot", order: Order) -> int:
    """SET_MESSAGE_INTERVAL: -1 stops, 0 is the default; unknown ids and 1 kHz are DENIED."""
    message_id, interval_us = int(order.params[0]), order.params[1]
    if message_id not in BUILDERS:
        ap.say(f"No ap_message for mavlink id ({message_id})", mavlink.MAV_SEVERITY_INFO)
        return DENIED
    if not math.isfinite(interval_us) or 0 < interval_us < 1e6 / FASTEST_HZ or interval_us < -1:
        return DENIED
    if order.channel is not None:
        default_s = 1.0 if message_id == mavlink.MAVLINK_MSG_ID_HEARTBEAT else 0.0
        interval_s = default_s if interval_us == 0 else interval_us / 1e6
        order.channel.set_rate(message_id, interval_s, ap.craft.time_s)
    return ACCEPTED


def get_message_interval(ap: "Autopilot", order: Order) -> int:
    """GET_MESSAGE_INTERVAL."""
    message_id = int(order.params[0])
    if message_id not in BUILDERS:
        return FAILED
    if order.channel is not None:
        stream = order.channel.streams.get(message_id)
        interval_us = round(stream.interval_s * 1e6) if stream else -1
        order.channel.send(mavlink.MAVLink_message_interval_message(message_id, interval_us))
    del ap
    return ACCEPTED


def request_message(ap: "Autopilot", order: Order) -> int:
    """REQUEST_MESSAGE: accepted for every known id, and may send nothing, as measured."""
    builder = BUILDERS.get(int(order.params[0]))
    if builder is None:
        return FAILED
    message = builder(ap)
    if message is not None and order.channel is not None:
        order.channel.send(message)
    return ACCEPTED


def _request_one(message_id: int) -> Handler:
    def handler(ap: "Autopilot", order: Order) -> int:
        return request_message(ap, Order(order.command, (message_id, 0, 0, 0), 0, 0, 0, 0, order.channel))

    return handler


def image_start(ap: "Autopilot", order: Order) -> int:
    """IMAGE_START_CAPTURE; FAILED without a camera, and for a series without an interval."""
    interval_s, count = order.params[1], int(order.params[2])
    single = count == 1 or (count == 0 and interval_s == 0)
    if ap.parameters["CAM1_TYPE"] == 0 or (not single and not interval_s > 0):
        return FAILED
    if single:
        ap.shutter.shoot()
    else:
        ap.shutter.start(interval_s, count)
    return ACCEPTED


def image_stop(ap: "Autopilot", order: Order) -> int:
    """IMAGE_STOP_CAPTURE."""
    del order
    ap.shutter.stop()
    return ACCEPTED


def digicam(ap: "Autopilot", order: Order) -> int:
    """DO_DIGICAM_CONTROL: param5 1, or any in a mission, takes a picture."""
    if ap.parameters["CAM1_TYPE"] != 0 and (order.lat_deg == 1.0 or order.channel is None):
        ap.shutter.shoot()
    return ACCEPTED


def trigger_distance(ap: "Autopilot", order: Order) -> int:
    """DO_SET_CAM_TRIGG_DIST."""
    if ap.parameters["CAM1_TYPE"] != 0:
        ap.shutter.by_distance(order.params[0], now=order.params[2] == 1.0)
    return ACCEPTED


def mount_control(ap: "Autopilot", order: Order) -> int:
    """DO_MOUNT_CONTROL: pitch, roll, yaw in degrees, or back to neutral."""
    mode = int(order.alt_m) if math.isfinite(order.alt_m) else _MOUNT_TARGETING
    if order.channel is not None and mode in _MOUNT_NEUTRAL:
        ap.gimbal.point(0.0, 0.0)
    else:
        ap.gimbal.point(order.params[0], order.params[2])
    return ACCEPTED


def gimbal_pitch_yaw(ap: "Autopilot", order: Order) -> int:
    """DO_GIMBAL_MANAGER_PITCHYAW: angles, or rates when the angles are NaN; flags may lock the yaw to north."""
    pitch, yaw, pitch_rate, yaw_rate = order.params
    flags = int(order.lat_deg) if math.isfinite(order.lat_deg) else 0
    if math.isfinite(pitch) or math.isfinite(yaw):
        ap.gimbal.point(pitch, yaw, lock=bool(flags & YAW_LOCK))
    elif math.isfinite(pitch_rate) and math.isfinite(yaw_rate):
        ap.gimbal.turn(pitch_rate, yaw_rate)
    else:
        return FAILED
    return ACCEPTED


_UNCHANGED, _SENDER, _GIVE_BACK = -1, -2, -3


def gimbal_control(ap: "Autopilot", order: Order) -> int:
    """DO_GIMBAL_MANAGER_CONFIGURE: who steers. Only told: this autopilot obeys everybody."""
    system, component = int(order.params[0]), int(order.params[1])
    if not (_GIVE_BACK <= system <= 255 and _GIVE_BACK <= component <= 255):
        return FAILED
    before = ap.gimbal.control
    if system == _SENDER:
        ap.gimbal.control = order.source
    elif system == _GIVE_BACK:
        ap.gimbal.control = (0, 0) if before == order.source else before
    elif system != _UNCHANGED:
        ap.gimbal.control = (system, component)
    if ap.gimbal.control != before:
        ap.emit_report(mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_STATUS)
    return ACCEPTED


def accept(ap: "Autopilot", order: Order) -> int:
    """Taken without an effect, as the real one does for devices that it does not have."""
    del ap, order
    return ACCEPTED


def fence_enable(ap: "Autopilot", order: Order) -> int:
    """DO_FENCE_ENABLE."""
    if order.params[0] not in (0.0, 1.0):
        return FAILED
    ap.parameters.set("FENCE_ENABLE", order.params[0])
    return ACCEPTED


def reboot(ap: "Autopilot", order: Order) -> int:
    """PREFLIGHT_REBOOT_SHUTDOWN: refused when armed, else the autopilot starts anew."""
    if ap.craft.armed or order.params[0] not in (1.0, 3.0):
        return FAILED
    ap.reboot_wanted = True
    return ACCEPTED


def run_prearm(ap: "Autopilot", order: Order) -> int:
    """RUN_PREARM_CHECKS: says what is wrong now."""
    del order
    if ap.craft.armed:
        return int(mavlink.MAV_RESULT_TEMPORARILY_REJECTED)
    ap.tell_prearm()
    return ACCEPTED


HOUSEKEEPING: Final[dict[int, Handler]] = {
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: set_message_interval,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: get_message_interval,
    mavlink.MAV_CMD_REQUEST_MESSAGE: request_message,
    mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: _request_one(mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION),
    mavlink.MAV_CMD_GET_HOME_POSITION: _request_one(mavlink.MAVLINK_MSG_ID_HOME_POSITION),
    mavlink.MAV_CMD_IMAGE_START_CAPTURE: image_start,
    mavlink.MAV_CMD_IMAGE_STOP_CAPTURE: image_stop,
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL: digicam,
    mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST: trigger_distance,
    mavlink.MAV_CMD_DO_MOUNT_CONTROL: mount_control,
    mavlink.MAV_CMD_DO_MOUNT_CONFIGURE: accept,
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW: gimbal_pitch_yaw,
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE: gimbal_control,
    mavlink.MAV_CMD_VIDEO_START_CAPTURE: accept,
    mavlink.MAV_CMD_VIDEO_STOP_CAPTURE: accept,
    mavlink.MAV_CMD_SET_CAMERA_ZOOM: accept,
    mavlink.MAV_CMD_DO_SET_SERVO: accept,
    mavlink.MAV_CMD_DO_SET_RELAY: accept,
    mavlink.MAV_CMD_DO_LAND_START: accept,
    mavlink.MAV_CMD_DO_FENCE_ENABLE: fence_enable,
    mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN: reboot,
    mavlink.MAV_CMD_RUN_PREARM_CHECKS: run_prearm,
}

COMMANDS: Final = FLIGHT | HOUSEKEEPING

PLACED: Final = (
    mavlink.MAV_CMD_NAV_TAKEOFF,
    mavlink.MAV_CMD_DO_REPOSITION,
    mavlink.MAV_CMD_DO_SET_HOME,
    mavlink.MAV_CMD_DO_SET_ROI,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION,
)
"""Commands whose x and y are a place; in the others they are plain numbers."""


def order_of(message: Message, channel: "Channel") -> Order:
    """Either wire form as an order."""
    params = (float(message.param1), float(message.param2), float(message.param3), float(message.param4))
    source = (int(message.get_srcSystem()), int(message.get_srcComponent()))
    if message.get_type() == "COMMAND_INT":
        scale = 1e7 if message.command in PLACED else 1.0
        lat, lon = message.x / scale, message.y / scale
        return Order(message.command, params, lat, lon, float(message.z), int(message.frame), channel, source)
    # COMMAND_LONG has no frame: heights are above home, except the height of home itself.
    own_height = message.command == mavlink.MAV_CMD_DO_SET_HOME
    frame = mavlink.MAV_FRAME_GLOBAL if own_height else mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT
    lat, lon = float(message.param5), float(message.param6)
    return Order(message.command, params, lat, lon, float(message.param7), int(frame), channel, source)
