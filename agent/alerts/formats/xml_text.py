"""Writes XML with the standard library. The nest reads none."""

import re
from xml.etree import ElementTree as ET

_NOT_ALLOWED = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def clean(text: str) -> str:
    """The text with every character that XML 1.0 (section 2.2) does not allow replaced: people's words may hold any."""
    return _NOT_ALLOWED.sub("\N{REPLACEMENT CHARACTER}", text)


def child(parent: ET.Element, tag: str, text: str | None) -> None:
    """Adds an element with a text; nothing where there is no text."""
    if text:
        ET.SubElement(parent, tag).text = clean(text)


def document(root: ET.Element) -> bytes:
    """The document in UTF-8, indented for those who read it with their eyes."""
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
