"""The nest's connection to the MQTT broker, made again whenever it is lost or its certificates are replaced.

Knows when to connect and how long to wait between tries. Must not know MQTT: one connection is ``agent.messaging.link``.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_fixed, wait_random_exponential

from agent.config.hub import HubSection
from agent.core.errors import LinkError
from agent.core.tasks import background
from agent.domain.status import Reason
from agent.messaging.closing import PATIENT
from agent.messaging.envelope import Packet
from agent.messaging.link import Link, Listener
from agent.messaging.tls import Credentials

_STABLE_AFTER_S = 10.0
_SPREAD_S = 1.0
_SHORTEST_PAUSE_S = 0.1


class Broker:
    """The nest's connection.

    Args:
        config: address, protocol, login and limits.
        client_id: the same for every run of this nest, so that the broker finds its session.
        will: gives the message that the broker shall publish when the nest is lost; None: no message.
        subscriptions: filters of what the nest listens to, QoS 1.
    """

    def __init__(
        self, config: HubSection, client_id: str, will: Callable[[], Packet | None], subscriptions: tuple[str, ...] = ()
    ) -> None:
        self._config = config
        self._subscriptions = subscriptions
        self._client_id = client_id
        self._will = will
        self._link: Link | None = None
        self._credentials = Credentials(config.tls) if config.tls else None

    @property
    def version_5(self) -> bool:
        """Whether MQTT 5 is spoken, else 3.1.1."""
        return self._config.protocol == "5"

    def reasons(self, now: datetime) -> tuple[Reason, ...]:
        """What is wrong with the certificates, for the nest's status."""
        return self._credentials.reasons(now) if self._credentials else ()

    async def run(self, listener: Listener) -> None:
        """Connects, and connects again whenever the connection is lost, with growing pauses. Runs until it is cancelled."""
        while True:
            retrying = AsyncRetrying(retry=retry_if_exception_type(LinkError), wait=self._pause_s)
            async for attempt in retrying:
                with attempt:
                    await self._live(listener)
            # All nests lose a broker at the same moment; they must not all come back at the same moment.
            await asyncio.sleep(random.uniform(0.0, min(_SPREAD_S, self._config.reconnect_max_s)))  # noqa: S311 no secret

    def _pause_s(self, state: RetryCallState) -> float:
        """Growing and random, so that nests do not come in step; long from the start where haste does not help."""
        longest_s = self._config.reconnect_max_s
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, LinkError) and failure.code in PATIENT:
            return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 no secret
        return float((wait_fixed(_SHORTEST_PAUSE_S) + wait_random_exponential(multiplier=0.5, max=longest_s))(state))

    async def _live(self, listener: Listener) -> None:
        """One connection from its begin to its loss. Returns if it held for a while, so that the pauses begin anew."""
        loop = asyncio.get_running_loop()
        if self._credentials:
            await asyncio.to_thread(self._credentials.refresh)
        context = self._credentials.context if self._credentials else None
        link = Link(self._config, self._client_id, self._will(), context, listener)
        try:
            try:
                session = await link.open()
            except LinkError as error:
                listener.disconnected(error.code, error.message)
                raise
            link.subscribe(self._subscriptions)
            listener.connected(session)
            since = loop.time()
            self._link = link
            try:
                async with background(self._watch_files(link), "hub-certificates"):
                    await link.lost.wait()
            finally:
                self._link = None
            listener.disconnected(link.code, link.words)
            if loop.time() - since < _STABLE_AFTER_S:
                raise LinkError(link.code, link.words)
        finally:
            await asyncio.shield(asyncio.to_thread(link.close))

    async def _watch_files(self, link: Link) -> None:
        """Leaves the connection when there are new certificates, so that they are proved while the old ones may still do."""
        credentials, tls = self._credentials, self._config.tls
        while credentials is not None and tls is not None:
            await asyncio.sleep(tls.look_every_s)
            if await asyncio.to_thread(credentials.refresh):
                link.give_up("hub.new_certificate", "the files were replaced")

    def publish(self, packet: Packet) -> int | None:
        """Hands a packet to the network. Returns its number, under which PUBACK comes; None when there is no connection.

        Raises:
            ValueError: no broker could take such a packet.
        """
        return self._link.publish(packet) if self._link else None

    def subscribe(self, topic_filter: str) -> None:
        """Listens to one more filter for this connection, if there is one."""
        if self._link:
            self._link.subscribe((topic_filter,))

    def unsubscribe(self, topic_filter: str) -> None:
        """Listens to it no longer."""
        if self._link:
            self._link.unsubscribe(topic_filter)

    def renew(self, words: str) -> None:
        """Gives up a connection that does not do what it must; :meth:`run` makes a new one."""
        if self._link:
            self._link.give_up("hub.silent", words)
