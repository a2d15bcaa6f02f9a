"""Keeps the CAP messages that are in force, and prints each change. An example; needs paho-mqtt only.

CAP 1.2, section 3.2.1: an Update takes the place of the messages it refers to, a Cancel takes them away. Exercises are shown
as such. A message that comes twice is dropped by its name: sender, identifier, sent.
"""

import argparse
import xml.etree.ElementTree as ET

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

NS = {"cap": "urn:oasis:names:tc:emergency:cap:1.2"}


class InForce:
    """The messages in force, by what others call them: sender, identifier, sent."""

    def __init__(self) -> None:
        self.messages: dict[str, ET.Element] = {}
        self._seen: set[str] = set()

    def take(self, xml: bytes) -> str | None:
        """Takes a message in. Returns the line to print; None for one that came before."""
        message = ET.fromstring(xml)  # who does not trust the hub's nests takes defusedxml
        name = ",".join(text(message, part) for part in ("sender", "identifier", "sent"))
        if name in self._seen:
            return None
        self._seen.add(name)
        for earlier in text(message, "references").split():
            self.messages.pop(earlier, None)
        if text(message, "msgType") != "Cancel":
            self.messages[name] = message
        kind, status, headline = (text(message, part) for part in ("msgType", "status", "info/headline"))
        return f"{kind} {status} {text(message, 'incidents')} {headline} | in force: {len(self.messages)}"


def text(element: ET.Element, path: str) -> str:
    """Text of the first element on a path; empty where there is none."""
    return element.findtext("/".join(f"cap:{part}" for part in path.split("/")), "", NS)


def main() -> None:
    """Reads until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("host", "port", "department"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("ca", "user", "password"):
        parser.add_argument(f"--{name}")
    asked = parser.parse_args()
    in_force = InForce()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    if asked.user:
        client.username_pw_set(asked.user, asked.password)
    if asked.ca:
        client.tls_set(asked.ca)

    def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        line = in_force.take(message.payload) if message.payload else None
        if line:
            print(line, flush=True)

    client.on_message = on_message
    client.on_connect = lambda c, *_: c.subscribe(f"nest/v1/alerts/{asked.department}/+/+/+/cap", 1)
    client.connect(asked.host, int(asked.port))
    client.loop_forever()


if __name__ == "__main__":
    main()
