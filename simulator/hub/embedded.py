"""The pure-Python broker (amqtt) as a program of its own: MQTT 3.1.1 on the loopback interface, nothing on disk.

It is for computers without Mosquitto. It forgets sessions and retained messages when it ends.
"""

import argparse
import asyncio
import signal
import warnings

from simulator.hub.broker import HOST


async def serve(port: int, users: dict[str, str]) -> None:
    """Runs the broker until the process is asked to end."""
    from amqtt.broker import Broker as AmqttBroker

    plugins = {"simulator.hub.login.LoginPlugin": {"users": users}}
    config = {"listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}}, "plugins": plugins}
    broker = AmqttBroker(config)
    await broker.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    await broker.shutdown()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", action="append", default=[], help="NAME:PASSWORD; without any, everybody may come in")
    arguments = parser.parse_args()
    users = dict(entry.split(":", 1) for entry in arguments.user)
    warnings.simplefilter("ignore")
    asyncio.run(serve(arguments.port, users))


if __name__ == "__main__":
    main()
