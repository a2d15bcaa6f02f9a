"""The nest's connection to the MQTT broker, made again whenever it is lost.

Knows when to connect and how long to wait between tries. Must not know MQTT: one connection is ``agent.messaging.link``.
"""

import asyncio
import random
from collections.abc import Callable

from tenacity import AsyncRetrying, retry_if_exception_type
from tenacity.wait import wait_fixed, wait_random_exponential

from agent.config.hub import HubSection
from agent.core.errors import LinkError
from agent.messaging.envelope import Packet
from agent.messaging.link import Link, Listener, tls_context

_STABLE_AFTER_S = 10.0
_SPREAD_S = 1.0
_SHORTEST_PAUSE_S = 0.1


class Broker:
    """The nest's connection.

    Args:
        config: address, protocol, login and limits.
        client_id: the same for every run of this nest, so that the broker finds its session.
        will: gives the message that the broker shall publish when the nest is lost.
        subscriptions: filters of what the nest listens to, QoS 1.
    """

    def __init__(
        self, config: HubSection, client_id: str, will: Callable[[], Packet], subscriptions: tuple[str, ...] = ()
    ) -> None:
        self._config = config
        self._subscriptions = subscriptions
        self._client_id = client_id
        self._will = will
        self._link: Link | None = None
        self._tls = tls_context(config.tls) if config.tls else None

    @property
    def version_5(self) -> bool:
        """Whether MQTT 5 is spoken, else 3.1.1."""
        return self._config.protocol == "5"

    async def run(self, listener: Listener) -> None:
        """Connects, and connects again whenever the connection is lost, with growing pauses. Runs until it is cancelled."""
        while True:
            retrying = AsyncRetrying(
                retry=retry_if_exception_type(LinkError),
                wait=wait_fixed(_SHORTEST_PAUSE_S) + wait_random_exponential(multiplier=0.5, max=self._config.reconnect_max_s),
            )
            async for attempt in retrying:
                with attempt:
                    await self._live(listener)
            # All nests lose a broker at the same moment; they must not all come back at the same moment.
            await asyncio.sleep(random.uniform(0.0, min(_SPREAD_S, self._config.reconnect_max_s)))  # noqa: S311 no secret

    async def _live(self, listener: Listener) -> None:
        """One connection from its begin to its loss. Returns if it held for a while, so that the pauses begin anew."""
        loop = asyncio.get_running_loop()
        link = Link(self._config, self._client_id, self._will(), self._tls, listener)
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
                await link.lost.wait()
            finally:
                self._link = None
            listener.disconnected(link.code, link.words)
            if loop.time() - since < _STABLE_AFTER_S:
                raise LinkError(link.code, link.words)
        finally:
            await asyncio.shield(asyncio.to_thread(link.close))

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
