"""Whether every value that one JSON Schema allows is allowed by another: for the words that pydantic writes.

Cautious: where it cannot tell it says no. ``None`` where all is well, else the path of the first difference.
"""

from itertools import product
from typing import Any

Schema = dict[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_SAME = ("pattern", "format")


def difference(narrow: Schema, wide: Schema) -> str | None:
    """Where ``narrow`` allows something that ``wide`` does not."""
    return _difference(narrow, wide, narrow.get("$defs", {}), wide.get("$defs", {}), "")


def _difference(narrow: Schema, wide: Schema, of_narrow: Schema, of_wide: Schema, at: str) -> str | None:
    narrow, wide = _resolved(narrow, of_narrow), _resolved(wide, of_wide)
    if "anyOf" in narrow:
        found = (_difference(part, wide, of_narrow, of_wide, at) for part in narrow["anyOf"])
        return next((path for path in found if path), None)
    if "anyOf" in wide:
        found = [_difference(narrow, part, of_narrow, of_wide, at) for part in wide["anyOf"]]
        return None if None in found else found[0]
    for check in (_values, _bounds, _properties, _parts):
        problem = check(narrow, wide, of_narrow, of_wide, at)
        if problem:
            return problem
    return None


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    return _resolved(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)


def _values(narrow: Schema, wide: Schema, _n: Schema, _w: Schema, at: str) -> str | None:
    types = {narrow.get("type"), wide.get("type")}
    if "type" in wide and len(types) > 1 and (narrow.get("type"), wide["type"]) != ("integer", "number"):
        return f"{at}: {narrow.get('type')} for {wide['type']}"
    allowed = wide.get("enum", [wide["const"]] if "const" in wide else None)
    given = narrow.get("enum", [narrow["const"]] if "const" in narrow else None)
    if allowed is not None and (given is None or not set(given) <= set(allowed)):
        return f"{at}: {given} for {allowed}"
    return None


def _bounds(narrow: Schema, wide: Schema, _n: Schema, _w: Schema, at: str) -> str | None:
    for words, holds in ((_LOWER, lambda a, b: a >= b), (_UPPER, lambda a, b: a <= b), (_SAME, lambda a, b: a == b)):
        for word in words:
            if word in wide and (word not in narrow or not holds(narrow[word], wide[word])):
                return f"{at}: {word} {narrow.get(word)} for {wide[word]}"
    return None


def _properties(narrow: Schema, wide: Schema, of_narrow: Schema, of_wide: Schema, at: str) -> str | None:
    ours, theirs = narrow.get("properties", {}), wide.get("properties", {})
    missing = set(wide.get("required", ())) - set(narrow.get("required", ()))
    if missing:
        return f"{at}: {sorted(missing)} may be missing"
    extra = set(ours) - set(theirs)
    if extra and wide.get("additionalProperties") is False:
        return f"{at}: {sorted(extra)} are not known"
    for name in set(ours) & set(theirs):
        problem = _difference(ours[name], theirs[name], of_narrow, of_wide, f"{at}/{name}")
        if problem:
            return problem
    gone = set(theirs) - set(ours)
    return f"{at}: {sorted(gone)} are gone" if gone and "properties" in wide else None


def _parts(narrow: Schema, wide: Schema, of_narrow: Schema, of_wide: Schema, at: str) -> str | None:
    pairs: list[tuple[Schema, Schema]] = []
    if "prefixItems" in wide:
        pairs += zip(narrow.get("prefixItems", [{}]), wide["prefixItems"], strict=False)
    if "items" in wide:
        pairs += product([*narrow.get("prefixItems", ()), *([narrow["items"]] if "items" in narrow else ())], [wide["items"]])
    if isinstance(wide.get("additionalProperties"), dict) and isinstance(narrow.get("additionalProperties"), dict):
        pairs.append((narrow["additionalProperties"], wide["additionalProperties"]))
    found = (_difference(ours, theirs, of_narrow, of_wide, f"{at}[]") for ours, theirs in pairs)
    return next((path for path in found if path), None)
