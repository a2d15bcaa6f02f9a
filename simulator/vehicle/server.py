"""The vehicle as a process: sockets and the clock round an autopilot.

Physics runs with a fixed step; how many steps are due is what the time base says. Knows asyncio; must not know what messages
mean.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from agent.core.clock import Clock
from agent.core.errors import ConfigError
from simulator.vehicle import router
from simulator.vehicle.autopilot import Autopilot
from simulator.vehicle.links import Address, Peer
from simulator.vehicle.setup import Setup
from simulator.vehicle.sockets import Sockets
from simulator.vehicle.tlog import Tlog

STEP_S: Final = 0.01
_TURN_S: Final = 0.005  # computer time between turns at high rates
_FAR_BEHIND_S: Final = 5.0
_FORGET_S: Final = 300.0
_STEPS_A_FLUSH: Final = 5
_STEPS_A_TURN: Final = 200  # then the sockets get their turn, however far behind the clock is


class VehicleServer:
    """An autopilot with its links. Use as ``async with``, then :meth:`run`.

    Args:
        setup: the vehicle; its boot time is set when the server starts.
        addresses: links to open.
        clock: product time.
        tlog: where to record, or None.
        step_s: fixed step of the physics.
    """

    def __init__(
        self, setup: Setup, addresses: Sequence[Address], clock: Clock, tlog: Path | None = None, step_s: float = STEP_S
    ) -> None:
        self._clock = clock
        self._addresses = addresses
        self._step_s = step_s
        self._tlog = Tlog(tlog, clock.unix_s) if tlog else None
        self.autopilot = Autopilot(replace(setup, unix_boot_s=clock.unix_s()))
        self._peers: list[Peer] = []
        self._sockets = Sockets[Peer](self)
        self.bound: list[Address] = []
        self.behind_s = 0.0  # how far the last turn was behind the clock

    async def __aenter__(self) -> Self:
        try:
            for index, address in enumerate(self._addresses):
                self.bound.append(await self._sockets.open(address, usb=index == 0))
        except ConfigError:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        self._sockets.stop_listening()
        for peer in list(self._peers):
            if peer.hang_up is not None:
                peer.hang_up()
        await self._sockets.close()
        if self._tlog is not None:
            self._tlog.close()

    # -- what the sockets report -----------------------------------------------------------------------------------------

    def opened(self, name: str, write: Callable[[bytes], None], hang_up: Callable[[], None] | None, *, usb: bool) -> Peer:
        """A new other end."""
        channel = self.autopilot.open_channel(name, usb=usb)
        record = self._tlog.write if self._tlog is not None else None
        peer = Peer(
            channel,
            write,
            int(self.autopilot.parameters["SYSID_THISMAV"]),
            hang_up,
            record=record,
            signing=self.autopilot.signing,
        )
        self._peers.append(peer)
        return peer

    def received(self, peer: Peer, data: bytes) -> None:
        """Bytes came."""
        peer.heard_s = self._clock.unix_s()
        self.autopilot.wire_time_s = self._clock.unix_s() - self.autopilot.setup.unix_boot_s
        for message, frame in peer.decode(data):
            router.take(self.autopilot, peer.channel, message, frame)
        for other in self._peers:
            other.flush()

    def closed(self, peer: Peer) -> None:
        """The other end is gone."""
        if peer in self._peers:
            self._peers.remove(peer)
            self.autopilot.close_channel(peer.channel)

    # -- time ------------------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event, warn: Callable[[str], None] | None = None) -> None:
        """Keeps the vehicle at the clock's time until told to stop; says once when the computer is too slow for that."""
        pause_s = max(self._step_s / self._clock.base.rate, _TURN_S)
        while not stop.is_set():
            self.behind_s = self._catch_up()
            if self.behind_s > _FAR_BEHIND_S and warn is not None:
                warn(f"{self.behind_s:.0f} s behind the clock: this computer is too busy for rate {self._clock.base.rate:g}")
                warn = None
            if self.autopilot.reboot_wanted:
                self._reboot()
            self._forget_silent()
            if self.behind_s > self._step_s:
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)

    def _catch_up(self) -> float:
        """Takes the steps that are due; how many seconds are still due afterwards."""
        autopilot = self.autopilot
        target_s = self._clock.unix_s() - autopilot.setup.unix_boot_s
        for count in range(_STEPS_A_TURN):
            if autopilot.craft.time_s + self._step_s > target_s:
                break
            autopilot.step(self._step_s)
            if count % _STEPS_A_FLUSH == 0:
                self._flush()
        self._flush()
        return target_s - autopilot.craft.time_s

    def _flush(self) -> None:
        for peer in self._peers:
            if peer.channel.outbox:
                peer.flush()

    def _forget_silent(self) -> None:
        """UDP has no end of a connection: a sender that restarted on another port is dropped after a while."""
        now_s = self._clock.unix_s()
        for peer in [p for p in self._peers if p.forget is not None and now_s - p.heard_s > _FORGET_S]:
            if peer.forget is not None:
                peer.forget()

    def _reboot(self) -> None:
        """The autopilot starts anew where it stands; TCP clients are cut off, UDP ones hear it boot."""
        self._flush()
        old = self.autopilot
        self.autopilot = old.rebooted(self._clock.unix_s())
        for peer in list(self._peers):
            if peer.hang_up is not None:
                self._peers.remove(peer)
                peer.hang_up()
                continue
            peer.channel = self.autopilot.open_channel(peer.channel.name, usb=peer.channel.usb)
