"""A scripted autopilot at the other end of an in-memory link. It speaks real MAVLink bytes; a test says how it behaves.

Written against the protocol's text, with pymavlink's own parser and packer, so that an error in the agent's codec cannot hide.
"""

import asyncio
import random
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.mavlink.link import Link
from agent.mavlink.transport import Chunk, MemoryTransport, memory_pair
from simulator.loops import VirtualLoop

T = TypeVar("T")


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs on a loop whose time jumps."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


@dataclass
class Script:
    """How the autopilot behaves.

    loss: share of frames lost, each way. delay_s: one way. results: answers per command id, the last one repeats; "lost" does
    the command and loses its answer. px4: asks with MISSION_REQUEST_INT, answers a wrong sequence by asking again.
    one_by_one: ends with ERROR at an item that cannot be the answer to its request. busy: DENIED to so many offers.
    reject_item: item index to mission result. spoil: changes an item when it is read back. lose_final_ack: of a transfer.
    forever: keeps asking for item 0. identity: MISSION_COUNT tells the items' opaque_id.
    """

    loss: float = 0.0
    delay_s: float = 0.002
    seed: int = 1
    results: dict[int, list[Any]] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    px4: bool = False
    one_by_one: bool = False
    busy: int = 0
    busy_result: int = 14
    reject_item: dict[int, int] = field(default_factory=dict)
    spoil: Callable[[Any], None] | None = None
    lose_final_ack: bool = False
    forever: bool = False
    identity: bool = False
    mute: bool = False
    params: dict[str, float] = field(default_factory=dict)


class ScriptedAutopilot:
    """The peer. Counts what it hears in ``heard``; keeps uploaded items in ``items``."""

    def __init__(self, script: Script, transport: MemoryTransport, system: int = 1) -> None:
        self.script = script
        self.heard: Counter[str] = Counter()
        self.log: list[Any] = []
        self.items: dict[int, list[Any]] = defaultdict(list)
        self.on_command: dict[int, Callable[[Any], None]] = {}
        self.on_silence: dict[int, Callable[[Any], None]] = {}  # what happens where a command is lost
        self.on_param_set: Callable[[Any], Any] | None = None  # the message that answers instead
        self.codec = mavlink.MAVLink(None, srcSystem=system, srcComponent=1)
        self.codec.robust_parsing = True
        self._random = random.Random(script.seed)  # noqa: S311 a repeatable test
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._due_s = 0.0
        self._upload: dict[str, Any] | None = None
        self._retry: asyncio.TimerHandle | None = None
        transport.start(self)

    # transport's receiver

    def opened(self) -> None:
        pass

    def closed(self, error: Any) -> None:
        pass

    def received(self, chunk: Chunk) -> None:
        for message in self.codec.parse_buffer(bytearray(chunk.data)) or []:
            self._in_order(self._hear, message)

    def _in_order(self, function: Callable[..., Any], *args: Any) -> None:
        """Calls after the link's delay. The loop does not keep the order of equal times, so none are equal."""
        self._due_s = max(self._loop.time() + self.script.delay_s, self._due_s + 1e-6)
        self._loop.call_at(self._due_s, function, *args)

    def send(self, message: Any) -> None:
        data = message.pack(self.codec)
        self.codec.seq = (self.codec.seq + 1) % 256
        if self.script.mute or self._random.random() < self.script.loss:
            return
        self._in_order(self._transport.write, data)

    def send_bytes(self, message_id: int, payload: bytes, crc_extra: int) -> None:
        """A MAVLink 2 frame packed by hand."""
        head = struct.pack("<BBBBBB", len(payload), 0, 0, self.codec.seq, self.codec.srcSystem, 1)
        head += message_id.to_bytes(3, "little")
        self.codec.seq = (self.codec.seq + 1) % 256
        crc = mavlink.x25crc(bytearray(head + payload + bytes([crc_extra]))).crc
        self._in_order(self._transport.write, b"\xfd" + head + payload + struct.pack("<H", crc))

    def beat(self, *, mode: int = 0, armed: bool = False, autopilot: int = 3) -> None:
        self.send(mavlink.MAVLink_heartbeat_message(2, autopilot, 1 | (128 if armed else 0), mode, 3, 3))

    def _hear(self, message: Any) -> None:
        name = message.get_type()
        if self._random.random() < self.script.loss:
            return
        self.heard[name] += 1
        self.log.append(message)
        handler = getattr(self, f"_on_{name.lower()}", None)
        if handler is not None:
            handler(message)

    # commands, parameters, time

    def _on_command_long(self, message: Any) -> None:
        results = self.script.results.get(message.command, [0])
        result = results.pop(0) if len(results) > 1 else results[0]
        if result == "silence":
            self.on_silence.get(message.command, lambda _: None)(message)
            return
        if message.command in self.script.texts:
            self._loop.call_later(
                0.1, self.send, mavlink.MAVLink_statustext_message(2, self.script.texts[message.command].encode())
            )
        if result in {0, "lost"} and message.command in self.on_command:
            self.on_command[message.command](message)
        if result != "lost":
            self.send(mavlink.MAVLink_command_ack_message(message.command, result, 0, 0, 255, 190))

    _on_command_int = _on_command_long

    def _on_timesync(self, message: Any) -> None:
        if message.tc1 == 0:
            self.send(mavlink.MAVLink_timesync_message(1, message.ts1))

    def _on_param_request_read(self, message: Any) -> None:
        if message.param_id in self.script.params:
            self._send_param(message.param_id)
        elif self.script.px4:
            self.send(mavlink.MAVLink_param_error_message(255, 190, message.param_id.encode(), -1, 1))

    def _on_param_set(self, message: Any) -> None:
        if self.on_param_set is not None:
            self.send(self.on_param_set(message))
        elif message.param_id in self.script.params:
            self.script.params[message.param_id] = message.param_value
            self._send_param(message.param_id)

    def _send_param(self, name: str) -> None:
        kind = 6 if self.script.px4 else 9
        self.send(mavlink.MAVLink_param_value_message(name.encode(), self.script.params[name], kind, 1, 0))

    # missions

    def _ack(self, kind: int, result: int) -> None:
        self.send(mavlink.MAVLink_mission_ack_message(255, 190, result, kind))

    def _on_mission_count(self, message: Any) -> None:
        if self.script.busy > 0:
            self.script.busy -= 1
            self._ack(message.mission_type, self.script.busy_result)
            return
        if message.count == 0:
            self.items[message.mission_type] = []
            self._ack(message.mission_type, 0)
            return
        self._upload = {"kind": message.mission_type, "count": message.count, "next": 0, "new": []}
        self._ask()

    def _ask(self) -> None:
        if self._upload is None:
            return
        make = mavlink.MAVLink_mission_request_int_message if self.script.px4 else mavlink.MAVLink_mission_request_message
        self.send(make(255, 190, self._upload["next"], self._upload["kind"]))
        self._upload["asked_s"] = self._loop.time()
        if self._retry is not None:
            self._retry.cancel()
        self._retry = self._loop.call_later(0.26 if self.script.px4 else 1.0, self._ask)

    def _on_mission_item_int(self, message: Any) -> None:
        upload = self._upload
        if upload is None:
            self._ack(message.mission_type, 1)
            return
        if message.seq != upload["next"] or self.script.forever:
            self._ask() if self.script.px4 or self.script.forever else self._ack(upload["kind"], 13)
            return
        refused = self.script.reject_item.get(message.seq)
        early = self.script.one_by_one and self._loop.time() < upload["asked_s"] + 1.5 * self.script.delay_s
        if refused is not None or early:
            self._end(refused if refused is not None else 1)
            return
        upload["new"].append(message)
        if not self.script.px4:
            self.items[upload["kind"]] = list(upload["new"])
        upload["next"] += 1
        if upload["next"] == upload["count"]:
            self.items[upload["kind"]] = upload["new"]
            self._end(0)
        else:
            self._ask()

    def _end(self, result: int) -> None:
        assert self._upload is not None
        kind, self._upload = self._upload["kind"], None
        if self._retry is not None:
            self._retry.cancel()
        if not (self.script.lose_final_ack and result == 0):
            self._ack(kind, result)

    def _on_mission_ack(self, message: Any) -> None:
        if self.script.px4 and message.type == 15:
            self._upload = None

    def _on_mission_clear_all(self, message: Any) -> None:
        self._upload = None
        self.items[message.mission_type] = []
        self._ack(message.mission_type, 0)

    def _on_mission_request_list(self, message: Any) -> None:
        items = self.items[message.mission_type]
        count = mavlink.MAVLink_mission_count_message(255, 190, len(items), message.mission_type)
        if not self.script.identity:
            self.send(count)
            return
        # The dialect does not know the field yet: it is put behind the others by hand.
        identity = zlib.crc32(repr([item.to_dict() for item in items]).encode()).to_bytes(4, "little")
        payload = struct.pack("<HBBB", len(items), 255, 190, message.mission_type) + identity
        self.send_bytes(count.get_msgId(), payload, count.crc_extra)

    def _on_mission_request_int(self, message: Any) -> None:
        items = self.items[message.mission_type]
        if message.seq >= len(items):
            self._ack(message.mission_type, 13)
            return
        item = items[message.seq]
        frame = {6: 3, 5: 0}.get(item.frame, item.frame)
        copy = mavlink.MAVLink_mission_item_int_message(
            255, 190, item.seq, frame, item.command, 0, 1, item.param1, item.param2, item.param3, item.param4,
            item.x, item.y, item.z, item.mission_type,
        )  # fmt: skip
        if self.script.spoil is not None:
            self.script.spoil(copy)
        self.send(copy)


def scripted(script: Script, *, system: int = 1) -> tuple[Link, ScriptedAutopilot]:
    """A link and its scripted peer. Run ``link.run()`` as a task, or use ``linked``."""
    near, far = memory_pair()
    link = Link(lambda: near, system=system)
    return link, ScriptedAutopilot(script, far, system)


def with_peer(script: Script, body: Callable[[Link, ScriptedAutopilot], Coroutine[Any, Any, T]]) -> T:
    """Runs a test's body in virtual time with a link that is open."""

    async def main() -> T:
        link, peer = scripted(script)
        running = asyncio.create_task(link.run())
        while not link.up:  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.001)
        try:
            async with asyncio.timeout(3600):
                return await body(link, peer)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    return run_virtual(main())
