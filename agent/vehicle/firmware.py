"""Makes the autopilot's parameters those of the set: on the ground, disarmed, with the restarts that they need.

The state is looked at before each value and before each restart. A parameter may only appear once another is set, and may only
take effect after a restart; so it goes round: compare and set while there is something to set, then restart if one of the
changed asks for it or if a parameter is still missing, and compare again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.telemetry import LandedState
from agent.mavlink.commands import Command
from agent.mavlink.enums import Cmd
from agent.vehicle.driver import Driver, on_ground
from agent.vehicle.parameter_set import Comparison, compare_rows
from firmware_config.schema import Metadata, ParameterRow

_ROUNDS_MOST = 8
_STATE_S = 10.0
_DOWN_S = 15.0
_UP_S = 90.0
_UP_TRIES = 10
_SETTLE_S = 3.0  # an autopilot that beats again still reads its parameters
_FRESH_S = 2.0
_REBOOT_AUTOPILOT = 1.0

Progress = Callable[[str, int, int], None]
"""Called with what is done now, how many steps of it are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it.

    Attributes:
        changed: the parameters that were set, in order.
        restarts: how often the autopilot was restarted.
        left: what is wrong even so.
        why: what the autopilot said to values that it did not take, and to a restart.
        restart_due: whether some of it takes effect only when a person switches the drone off and on.
    """

    changed: tuple[str, ...]
    restarts: int
    left: tuple[Comparison, ...]
    why: tuple[Refused, ...] = ()
    restart_due: bool = False


class Application:
    """One application of some rows.

    Args:
        driver: of the drone.
        rows: what must be right.
        metadata: what the firmware says about each.
        own_system_id: the nest's.
        firmware: version of the autopilot, None where it is not known.
        progress: told of every step.
    """

    def __init__(
        self,
        driver: Driver,
        rows: Sequence[ParameterRow],
        metadata: dict[str, Metadata],
        own_system_id: int,
        firmware: str | None,
        progress: Progress,
    ) -> None:
        self._driver = driver
        self._rows = rows
        self._metadata = metadata
        self._own_system_id = own_system_id
        self._firmware = firmware
        self._progress = progress
        self._changed: dict[str, bool] = {}  # by name: whether it was changed since the last restart
        self._refused: dict[str, Refused] = {}
        self._restarts = 0
        self._denied: Refused | None = None  # a restart

    async def run(self) -> Applied | Refused:
        """Sets every row to its nearest right value."""
        for _ in range(_ROUNDS_MOST):
            wrong = [one for one in await self._compare() if one.wrong is not None]
            settable = [one for one in wrong if one.actual is not None and one.row.name not in self._refused]
            if settable:
                problem = await self._set_all(settable)
            elif self._denied is None and self._restart_due(wrong):
                problem = await self._restart()
            else:
                break
            if problem is not None:
                return problem
        left = tuple(one for one in await self._compare() if one.wrong is not None)
        why = (*self._refused.values(), *(() if self._denied is None else (self._denied,)))
        return Applied(tuple(self._changed), self._restarts, left, why, restart_due=self._denied is not None)

    async def _compare(self) -> list[Comparison]:
        return await compare_rows(self._driver, self._rows, self._own_system_id, self._firmware)

    def _restart_due(self, wrong: Sequence[Comparison]) -> bool:
        fresh = [row for row in self._rows if self._changed.get(row.name)]
        missing = any(one.actual is None for one in wrong)
        return any(row.restart or self._metadata[row.name].reboot for row in fresh) or (missing and bool(fresh))

    async def _set_all(self, wrong: Sequence[Comparison]) -> Refused | None:
        for done, one in enumerate(wrong):
            self._progress("parameters", done, len(wrong))
            problem = await still_on_the_ground(self._driver)
            if problem is not None:
                return problem
            row = one.row
            outcome = await self._driver.parameters.set(row.name, row.nearest(one.actual or 0.0, self._own_system_id))
            if isinstance(outcome, Refused):
                self._refused[row.name] = outcome
            else:
                self._changed[row.name] = True
        self._progress("parameters", len(wrong), len(wrong))
        return None

    async def _restart(self) -> Refused | None:
        self._progress("restart", 0, 1)
        outcome = await restart(self._driver)
        if isinstance(outcome, Refused) and outcome.code == "vehicle.restart_denied":
            self._denied = outcome
            return None
        if isinstance(outcome, Refused):
            return outcome
        self._restarts += 1
        self._changed = dict.fromkeys(self._changed, False)
        self._progress("restart", 1, 1)
        return None


async def still_on_the_ground(driver: Driver) -> Refused | None:
    """Why nothing may be changed now: it flies, its motors run, or nobody knows."""
    session = driver.session
    await session.until(lambda t: t.armed is not None and t.landed is not LandedState.UNKNOWN, _STATE_S)
    if session.telemetry.armed is not False:
        words = "the motors are armed, or their state is unknown; parameters are changed on the ground only"
        return Refused("vehicle.armed", words)
    if not on_ground(session.telemetry):
        return Refused("vehicle.not_on_ground", f"the drone says that it is {session.telemetry.landed.value}")
    return None


async def restart(driver: Driver) -> Outcome:
    """Restarts the autopilot on the ground and waits until it answers again."""
    problem = await still_on_the_ground(driver)
    if problem is not None:
        return problem
    session = driver.session
    boots, asked_s = session.boots, session.now_s
    answer = await driver.command(Command(Cmd.PREFLIGHT_REBOOT_SHUTDOWN, (_REBOOT_AUTOPILOT,), repeatable=False))
    if answer.result is not None and not answer.accepted:
        words = f"the autopilot answered {answer.result.name}" + (f": {answer.words}" if answer.words else "")
        return Refused("vehicle.restart_denied", words)
    # Down: its time since boot starts anew, or nothing is heard of it.
    await session.until(lambda _: session.boots != boots or not session.in_contact, _DOWN_S)
    for _ in range(_UP_TRIES):  # up: it beats, and answers for a parameter
        since_s = max(asked_s + _SETTLE_S, session.now_s - _FRESH_S)
        await session.until(lambda t, s=since_s: t.heartbeat is not None and t.heartbeat.at_s > s, _UP_S)  # type: ignore[misc]
        if session.in_contact and await driver.parameters.get(driver.traits.fence_ceiling) is not None:
            return Accepted()
        if session.now_s > asked_s + _UP_S:
            break
    return Refused("vehicle.restart_silent", f"it was not heard again within {_UP_S:g} s of its restart")
