"""The fault test: a nest that raises alerts, a broker, a line, a disk and a clock that fail, and a consumer that counts.

The nest is a process of its own (``outbox_agent``), so it can be killed; the broker is a real one; the consumer is independent
of the agent, connects to the broker directly, and answers what it hears. What happens when stands in ``fault_plan``, the
judgement in ``fault_verdict``. A story of hours is told faster by raising the same alerts and faults in less time; every
process's clock runs as usual, so time-outs, reconnects and the disk are as slow as they are.
"""

import asyncio
import contextlib
import heapq
import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.hub.broker import Broker
from simulator.hub.fault_plan import Event, Kind, Story, plan
from simulator.hub.fault_verdict import Facts, Heard, Verdict, judge
from simulator.hub.relay import Line, Relay, relay
from simulator.hub.small_disk import fill, small_disk
from simulator.hub.subscriber import Account, Received, Subscriber
from simulator.runner.nest_process import NestProcess

_DEPARTMENTS = ("forestry", "emergency")
_ALERTS = "nest/v1/alerts/+/+/+/+"  # not their other forms below
_SETTLE_S = 120.0
_STILL_S = 5.0
_ANSWERS_MAX = 40  # a person answers so many alerts at once


@dataclass
class Picture:
    """How things stand, for whoever watches."""

    minute: float = 0.0
    raised: int = 0
    committed: int = 0
    heard: int = 0
    twice: int = 0
    what: str = ""
    down: set[str] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)


class FaultRun:
    """One run.

    Args:
        directory: for everything it leaves.
        story: what happens.
        seed: of all chance.
        minute_s: seconds in which a minute of the story is told.
        watch: is shown the picture, several times a second.
    """

    def __init__(self, directory: Path, story: Story, seed: int, minute_s: float, watch: Callable[[Picture], None]) -> None:
        self._directory = directory
        self._story = story
        self._seed = seed
        self._minute_s = minute_s
        self._watch = watch
        self._picture = Picture()
        self._broker_died: list[float] = []
        self._cuts: list[Line] = []
        self._fillers = 0
        self._answered: set[tuple[str, str]] = set()

    async def run(self) -> Verdict:
        """Tells the story, waits until all has arrived or nothing more comes, and judges."""
        disk = self._directory / "disk"
        size_mb = 64 if self._story.minutes > 60 else 24
        with ExitStack() as stack:
            if self._story.disk:
                stack.enter_context(small_disk(disk, size_mb))
            broker = stack.enter_context(Broker(self._directory / "broker"))
            desk = stack.enter_context(Subscriber(_account(broker), self._directory / "desk", (_ALERTS,)))
            async with relay(broker.port) as line:
                return await self._tell(broker, line, desk, disk)

    async def _tell(self, broker: Broker, line: Relay, desk: Subscriber, disk: Path) -> Verdict:
        agent = NestProcess(disk / "store", line.port, self._directory / "agent.log")
        async with _running(agent.run()), _running(self._show(agent, desk)):
            await agent.until_ready()
            self._begun_s = time.monotonic()
            await self._play(self._actions(agent, broker, line, desk, disk))
            await agent.until_ready()
            await self._settle(agent, desk, disk / "store" / "hub.sqlite")
        late = Subscriber(_account(broker), self._directory / "late", (_ALERTS,), client_id="late")
        with late:
            await _until_still(late)
            retained = frozenset(_department_and_alert(topic) for topic, m in late.retained.items() if m.data)
        on_disk, still_open = _of_disk(disk / "store" / "hub.sqlite")
        said = {(t["alert"], t["sequence"]): t["at_unix_s"] for t in agent.said if t["what"] == "committed"}
        times = {what: tuple(t["at_unix_s"] for t in agent.said if t["what"] == what) for what in ("connected", "disconnected")}
        return judge(
            Facts(
                committed={**dict.fromkeys(on_disk, 0.0), **said},
                open_alerts=still_open,
                departments=_DEPARTMENTS,
                heard=tuple(_heard(message) for message in desk.messages if message.data),
                retained=retained,
                connected=times["connected"],
                lost=times["disconnected"],
                broker_died=tuple(self._broker_died),
            )
        )

    async def _play(self, actions: list[tuple[float, int, str, Callable[[], Awaitable[None]]]]) -> None:
        while actions:
            at_min, _, what, act = heapq.heappop(actions)
            await asyncio.sleep(max(0.0, self._begun_s + at_min * self._minute_s - time.monotonic()))
            if what:
                self._picture.what = what
                self._picture.faults[what] += 1
            await act()

    def _actions(
        self, agent: NestProcess, broker: Broker, line: Relay, desk: Subscriber, disk: Path
    ) -> list[tuple[float, int, str, Callable[[], Awaitable[None]]]]:
        """When, a number that keeps equal times apart, what to count it as, and what to do."""
        count = itertools.count()
        actions = []
        for event in plan(self._story, self._seed):
            begin, end = self._doing(event, agent, broker, line, desk, disk)
            quiet = event.kind in {Kind.ALERT, Kind.ANSWERS}
            actions.append((event.at_min, next(count), "" if quiet else event.kind.value, begin))
            if end is not None:
                actions.append((event.at_min + event.amount, next(count), "", end))
        heapq.heapify(actions)
        return actions

    def _doing(
        self, event: Event, agent: NestProcess, broker: Broker, line: Relay, desk: Subscriber, disk: Path
    ) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]] | None]:
        """What an event does, and what ends it."""
        cut = {Kind.LINE_SILENT: Line.SILENT, Kind.LINE_BROKEN: Line.BROKEN}.get(event.kind)
        if cut is not None:
            return lambda: self._cut(line, cut), lambda: self._mend(line, cut)
        if event.kind is Kind.DISK_FULL:
            return lambda: self._fill(disk), lambda: self._free(disk)
        table: dict[Kind, Callable[[], Awaitable[None]]] = {
            Kind.ALERT: lambda: self._raise(agent, 1),
            Kind.BURST: lambda: self._raise(agent, int(event.amount)),
            Kind.ANSWERS: lambda: self._answer(desk, event.amount * self._minute_s),
            Kind.BROKER_RESTART: lambda: asyncio.to_thread(broker.restart),
            Kind.BROKER_KILL: lambda: self._kill_broker(broker, forget=False),
            Kind.BROKER_FORGETS: lambda: self._kill_broker(broker, forget=True),
            Kind.AGENT_KILL: lambda: self._kill_agent(agent),
            Kind.CLOCK: lambda: self._jump(agent, event.amount),
        }
        return table[event.kind], None

    async def _raise(self, agent: NestProcess, count: int) -> None:
        if await agent.tell(f"raise {count}"):
            agent.raised += count

    async def _answer(self, desk: Subscriber, age_s: float) -> None:
        """A person acknowledges, and later resolves, what all departments have heard of a while ago."""
        todo = [step for step in _answers(list(desk.messages), time.time() - age_s) if step not in self._answered]
        self._answered |= set(todo[:_ANSWERS_MAX])
        for alert, action in todo[:_ANSWERS_MAX]:
            desk.publish(f"nest/v1/acks/{_DEPARTMENTS[0]}/n1", {"alert": alert, "action": action, "by": "anna"})

    async def _kill_agent(self, agent: NestProcess) -> None:
        agent.kill()

    async def _jump(self, agent: NestProcess, by_s: float) -> None:
        agent.shift_s += by_s
        await agent.tell(f"clock {by_s}")

    async def _kill_broker(self, broker: Broker, *, forget: bool) -> None:
        self._broker_died.append(time.time())
        await asyncio.to_thread(broker.kill)
        if forget:
            broker.forget()
        await asyncio.to_thread(broker.start)

    async def _cut(self, line: Relay, how: Line) -> None:
        self._cuts.append(how)
        line.set(how)

    async def _mend(self, line: Relay, how: Line) -> None:
        self._cuts.remove(how)
        line.set(self._cuts[-1] if self._cuts else Line.WHOLE)

    async def _fill(self, disk: Path) -> None:
        self._fillers += 1
        await asyncio.to_thread(fill, disk / "filler")

    async def _free(self, disk: Path) -> None:
        self._fillers -= 1
        if not self._fillers:
            (disk / "filler").unlink()

    async def _settle(self, agent: NestProcess, desk: Subscriber, store: Path) -> None:
        """Waits until nothing waits at the nest and the last message of every alert was heard, or nothing moves any more."""
        before, since = (-1, -1), time.monotonic()
        while time.monotonic() - since < _SETTLE_S:
            waiting = await asyncio.to_thread(_waiting, store)
            last = {t["alert"]: t["sequence"] for t in agent.said if t["what"] == "committed"}
            heard = Counter((h.alert, h.sequence) for h in (_heard(m) for m in list(desk.messages) if m.data))
            missing = sum(heard[key] < len(_DEPARTMENTS) for key in last.items())
            self._picture.what = f"{waiting} messages wait, the last of {missing} alerts was not heard"
            if not waiting and (not missing or time.monotonic() - since > _STILL_S):
                break
            if (len(desk.messages), waiting) != before:
                before, since = (len(desk.messages), waiting), time.monotonic()
            await asyncio.sleep(0.5)
        await asyncio.sleep(_STILL_S)  # the nest compares what the broker retains after each connection, for three seconds

    async def _show(self, agent: NestProcess, desk: Subscriber) -> None:
        picture = self._picture
        while True:
            picture.minute = (time.monotonic() - getattr(self, "_begun_s", time.monotonic())) / self._minute_s
            picture.raised = agent.raised
            picture.committed = sum(t["what"] == "committed" for t in agent.said)
            picture.heard, picture.twice = len(desk.messages), len(desk.duplicates)
            picture.down = {cut.value for cut in self._cuts} | ({"disk full"} if self._fillers else set())
            self._watch(picture)
            await asyncio.sleep(0.25)


@asynccontextmanager
async def _running(work: Any) -> AsyncIterator[None]:  # noqa: ANN401 a coroutine
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until_still(desk: Subscriber) -> None:
    """Waits until a desk that has just come gets no more of what is retained."""
    count = -1
    while count != len(desk.messages):
        count = len(desk.messages)
        await asyncio.sleep(2.0)


def _waiting(path: Path) -> int:
    """How many messages wait in the nest's own file."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM outbox WHERE set_aside IS NULL").fetchone()[0])
    finally:
        connection.close()


def _answers(messages: list[Received], before_unix_s: float) -> list[tuple[str, str]]:
    """The next step of each alert whose last message is old enough and that nobody is through with."""
    last: dict[str, dict[str, Received]] = {}
    for message in messages:
        if message.data:
            department, alert = _department_and_alert(message.topic)
            last.setdefault(alert, {})[department] = message
    step = {"open": "acknowledge", "acknowledged": "resolve"}
    ready = {
        alert: found[_DEPARTMENTS[0]].body["status"]
        for alert, found in last.items()
        if len(found) == len(_DEPARTMENTS) and max(m.received_unix_s for m in found.values()) < before_unix_s
    }
    return [(alert, step[status]) for alert, status in ready.items() if status in step]


def _account(broker: Broker) -> Account:
    return Account(broker.host, broker.port, version_5=broker.kind == "mosquitto")


def _department_and_alert(topic: str) -> tuple[str, str]:
    levels = topic.split("/")
    return levels[3], levels[6]


def _heard(message: Received) -> Heard:
    department, alert = _department_and_alert(message.topic)
    return Heard(message.received_unix_s, message.id, alert, int(message.body["sequence"]), department)


def _of_disk(path: Path) -> tuple[frozenset[tuple[str, int]], frozenset[str]]:
    """The last message of every alert in the nest's own file, and which are open.

    A nest that is killed between commit and word does not say what it committed; the file does.
    """
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        rows = [(json.loads(body), closed) for body, closed in connection.execute("SELECT body, closed FROM incident")]
    finally:
        connection.close()
    told = [(body["published"], closed) for body, closed in rows if body.get("published")]
    committed = frozenset((alert["alert"], int(alert["sequence"])) for alert, _ in told)
    return committed, frozenset(alert["alert"] for alert, closed in told if not closed)
