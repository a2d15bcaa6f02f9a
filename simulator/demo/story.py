"""What the hub's messages tell of a run, gathered as a dispatcher's desk would. Knows topics, not the agent."""

import threading
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Story:
    """Everything heard so far; filled from the network's thread, read from the main one."""

    status: Json | None = None
    telemetry: Json | None = None
    flights: dict[str, Json] = field(default_factory=dict)
    alerts: dict[str, list[tuple[str, Json]]] = field(default_factory=dict)
    path: list[tuple[float, float, float]] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, topic: str, data: Json) -> None:
        """Takes a JSON message in."""
        parts = topic.split("/")
        with self._lock:
            if "nests" in parts:
                self._hear_nest(parts[parts.index("nests") + 2 :], data)
            elif "alerts" in parts:
                department = parts[parts.index("alerts") + 1]
                self.alerts.setdefault(data["alert"], []).append((department, data))

    def _hear_nest(self, parts: list[str], data: Json) -> None:
        if parts == ["status"]:
            self.status = data
        elif parts == ["telemetry"]:
            self.telemetry = data
            self._note_state(data["at"], data["flight_state"])
            if (place := data.get("position")) is not None:
                self.path.append((place["lat"], place["lon"], data.get("alt_rel_m") or 0.0))
        elif parts[0] == "flights":
            self.flights[data["flight"]] = data
            self._note_state(data.get("ended_at", ""), data["state"])

    def _note_state(self, at: str, state: str) -> None:
        if not self.states or self.states[-1][1] != state:
            self.states.append((at, state))

    @property
    def flight(self) -> Json | None:
        """The newest flight report."""
        with self._lock:
            return next(reversed(self.flights.values()), None)

    @property
    def newest_alerts(self) -> list[tuple[tuple[str, ...], Json]]:
        """Each alert once, as last told, with the departments that heard of it."""
        with self._lock:
            return [
                (tuple(sorted({department for department, _ in heard})), max(heard, key=lambda h: h[1]["sequence"])[1])
                for heard in self.alerts.values()
            ]

    @property
    def ended(self) -> bool:
        """Whether a flight has come to its end, good or bad."""
        flight = self.flight
        return flight is not None and "ended_at" in flight
