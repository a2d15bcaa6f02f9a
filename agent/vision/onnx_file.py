"""Looks into an ONNX file without loading it: opsets, and whether it wants other files.

Knows the few fields of the protobuf that matter and nothing of inference. Reading them here keeps a foreign file away from the
runtime until it is known to be harmless: a model that names external data could make the runtime open any file.
Field numbers are from onnx.proto3 of the ONNX project, which never reuses a number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.errors import ModelError

_MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTIONS = 7, 8, 25
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE = 5
_FUNCTION_NODE = 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_SPARSE_VALUES, _SPARSE_INDICES = 1, 2
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_DEPTH_MAX = 16

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What the file says of itself: version of each operator set by domain, and whether any tensor lies in another file."""

    opsets: dict[str, int]
    external_data: bool


def inspect_onnx(data: bytes) -> OnnxFacts:
    """Reads the facts.

    Raises:
        ModelError: ``model.refused``, the bytes are not an ONNX model.
    """
    opsets: dict[str, int] = {}
    external = False
    graphs = 0
    try:
        for number, value in _fields(memoryview(data)):
            if number == _MODEL_OPSET and isinstance(value, memoryview):
                domain, version = _opset(value)
                opsets[domain] = version
            elif number == _MODEL_GRAPH and isinstance(value, memoryview):
                graphs += 1
                external = external or _graph_is_external(value, 0)
            elif number == _MODEL_FUNCTIONS and isinstance(value, memoryview):
                external = external or any(_node_is_external(v, 0) for v in _messages(value, _FUNCTION_NODE))
    except (ValueError, IndexError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError("model.refused", f"not an ONNX model: {error}") from error
    if graphs != 1 or not opsets:
        raise ModelError("model.refused", "not an ONNX model: it has no graph or no operator set")
    return OnnxFacts(opsets, external)


def _opset(message: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in _fields(message):
        if number == _OPSET_DOMAIN and isinstance(value, memoryview):
            domain = bytes(value).decode()
        elif number == _OPSET_VERSION and isinstance(value, int):
            version = value
    return domain, version


def _graph_is_external(graph: memoryview, depth: int) -> bool:
    if depth > _DEPTH_MAX:
        raise ValueError("graphs are nested too deep")
    tensors = [*_messages(graph, _GRAPH_INITIALIZER), *_sparse_parts(graph, _GRAPH_SPARSE)]
    return any(map(_tensor_is_external, tensors)) or any(_node_is_external(n, depth) for n in _messages(graph, _GRAPH_NODE))


def _sparse_parts(message: memoryview, number: int) -> list[memoryview]:
    """The two tensors of each sparse tensor in a field."""
    sparse = list(_messages(message, number))
    return [part for tensor in sparse for field in (_SPARSE_VALUES, _SPARSE_INDICES) for part in _messages(tensor, field)]


def _node_is_external(node: memoryview, depth: int) -> bool:
    for attribute in _messages(node, _NODE_ATTRIBUTE):
        tensors = [
            *_messages(attribute, _ATTRIBUTE_TENSOR),
            *_messages(attribute, _ATTRIBUTE_TENSORS),
            *_sparse_parts(attribute, _ATTRIBUTE_SPARSE),
            *_sparse_parts(attribute, _ATTRIBUTE_SPARSES),
        ]
        graphs = [*_messages(attribute, _ATTRIBUTE_GRAPH), *_messages(attribute, _ATTRIBUTE_GRAPHS)]
        if any(map(_tensor_is_external, tensors)) or any(_graph_is_external(g, depth + 1) for g in graphs):
            return True
    return False


def _tensor_is_external(tensor: memoryview) -> bool:
    return any(
        number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value != 0) for number, value in _fields(tensor)
    )


def _messages(data: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in _fields(data):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one protobuf message: varints as int, everything else as bytes."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size, at = _size_of(data, at, kind)
        if at + size > end:
            raise ValueError("the file ends within a field")
        yield number, data[at : at + size]
        at += size


def _size_of(data: memoryview, at: int, kind: int) -> tuple[int, int]:
    """Bytes of a value of this wire type, and where it begins."""
    if kind == 2:
        return _varint(data, at)
    if kind in (1, 5):
        return (8 if kind == 1 else 4), at
    raise ValueError(f"wire type {kind} is not used by ONNX")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is longer than 10 bytes")
