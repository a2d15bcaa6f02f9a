"""Looks into an ONNX file without loading it: operators, opsets, and whether it wants other files.

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
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_FUNCTION_NODE = 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_SPARSE_VALUES, _SPARSE_INDICES = 1, 2
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_DEPTH_MAX = 16

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
FORBIDDEN_OPERATORS = frozenset({"EPContext", "PythonOp", "PythonOpGrad", "TritonOp"})
"""Operators of com.microsoft that open other files or run other code."""


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What the file says of itself.

    Attributes:
        opsets: version of each operator set by domain.
        external_data: whether any tensor lies in another file.
        operators: (domain, name) of each operator, also of those in branches and functions.
    """

    opsets: dict[str, int]
    external_data: bool
    operators: frozenset[tuple[str, str]]


def inspect_onnx(data: bytes) -> OnnxFacts:
    """Reads the facts.

    Raises:
        ModelError: ``model.refused``, the bytes are not an ONNX model.
    """
    model = memoryview(data)
    try:
        opsets = dict(_opset(message) for message in _messages(model, _MODEL_OPSET))
        graphs = list(_messages(model, _MODEL_GRAPH))
        nodes = [node for graph in graphs for node in _nodes(graph, _GRAPH_NODE, 0)]
        nodes += [node for function in _messages(model, _MODEL_FUNCTIONS) for node in _nodes(function, _FUNCTION_NODE, 0)]
        tensors = [tensor for graph in graphs for tensor in _tensors_of_graph(graph)]
        tensors += [tensor for node in nodes for tensor in _tensors_of_node(node)]
        external = any(map(_is_external, tensors))
        operators = frozenset(map(_operator, nodes))
    except (ValueError, IndexError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError("model.refused", f"not an ONNX model: {error}") from error
    if len(graphs) != 1 or not opsets:
        raise ModelError("model.refused", "not an ONNX model: it has no graph or no operator set")
    return OnnxFacts(opsets, external, operators)


def _opset(message: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in _fields(message):
        if number == _OPSET_DOMAIN and isinstance(value, memoryview):
            domain = bytes(value).decode()
        elif number == _OPSET_VERSION and isinstance(value, int):
            version = value
    return domain, version


def _nodes(owner: memoryview, number: int, depth: int) -> Iterator[memoryview]:
    """All nodes of a graph or function, with those of the graphs inside them."""
    if depth > _DEPTH_MAX:
        raise ValueError("graphs are nested too deep")
    for node in _messages(owner, number):
        yield node
        for graph in _graphs_of(node):
            yield from _nodes(graph, _GRAPH_NODE, depth + 1)


def _graphs_of(node: memoryview) -> Iterator[memoryview]:
    for attribute in _messages(node, _NODE_ATTRIBUTE):
        yield from _messages(attribute, _ATTRIBUTE_GRAPH)
        yield from _messages(attribute, _ATTRIBUTE_GRAPHS)


def _operator(node: memoryview) -> tuple[str, str]:
    domain = b"".join(_messages(node, _NODE_DOMAIN))
    return domain.decode(), b"".join(_messages(node, _NODE_OPERATOR)).decode()


def _tensors_of_graph(graph: memoryview) -> Iterator[memoryview]:
    yield from _messages(graph, _GRAPH_INITIALIZER)
    yield from _sparse_parts(graph, _GRAPH_SPARSE)


def _tensors_of_node(node: memoryview) -> Iterator[memoryview]:
    """Tensors of a node's attributes, with the initializers of the graphs in them."""
    for attribute in _messages(node, _NODE_ATTRIBUTE):
        yield from _messages(attribute, _ATTRIBUTE_TENSOR)
        yield from _messages(attribute, _ATTRIBUTE_TENSORS)
        yield from _sparse_parts(attribute, _ATTRIBUTE_SPARSE)
        yield from _sparse_parts(attribute, _ATTRIBUTE_SPARSES)
    for graph in _graphs_of(node):
        yield from _tensors_of_graph(graph)


def _sparse_parts(message: memoryview, number: int) -> Iterator[memoryview]:
    """The two tensors of each sparse tensor in a field."""
    for tensor in _messages(message, number):
        yield from _messages(tensor, _SPARSE_VALUES)
        yield from _messages(tensor, _SPARSE_INDICES)


def _is_external(tensor: memoryview) -> bool:
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
