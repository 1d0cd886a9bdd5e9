"""YAML files that people write, as typed models: one description a key, one sentence a mistake."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from alfvideo.files import documents
from alfvideo.files.errors import DataError

SYNTAX_ADVICE = (
    "Compare the line and the one before it with the others: spaces and no tabs, brackets and "
    "quotes closed."
)

UNKNOWN_KEY = ("extra_forbidden", "invalid_key")
"""The names that pydantic has for a key that a model does not have, and for one that is no text."""


class ConfigurationError(DataError):
    """Something is wrong with a file or an option in which people say what they want."""


class Model(BaseModel):
    """A mapping in a YAML file, which cannot be changed and has no other keys than these."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


M = TypeVar("M", bound=Model)
T = TypeVar("T")


def key(must_be: str, does: str = "", **constraints: Any) -> FieldInfo:
    """Describe a key: the end of "`key` is VALUE but must be ..." and its line in the docs.

    `constraints` are those of `pydantic.Field`.
    """
    extra: JsonDict | None = {"does": does} if does else None
    info: FieldInfo = Field(description=must_be, json_schema_extra=extra, **constraints)
    return info


def _from_text(value: Any) -> Any:
    """Read numbers and truth values that the command line gives as text: `keep_avi=false`."""
    return documents.parse_yaml(value) if isinstance(value, str) else value


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    value = _from_text(value)
    check(value)
    return value


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise ValueError("each may be given once only")
    return values


Truth = Annotated[bool, BeforeValidator(_from_text)]
Whole = Annotated[int, BeforeValidator(_from_text)]
Number = Annotated[float, WrapValidator(_as_written), PlainSerializer(lambda number: number)]
"""Stays a whole number if it is written as one: records compare it as text."""
Items = Annotated[tuple[T, ...], Field(strict=False)]
"""A list in YAML."""
UniqueItems = Annotated[Items[T], AfterValidator(_unique)]


def load(file: Path, name: str) -> dict[str, Any]:
    """Return the content of a YAML file; `name` is what messages call it.

    Raises
    ------
    ConfigurationError
        One sentence, with the line if one is wrong.
    """
    try:
        content = documents.parse_yaml(documents.read(file))
    except OSError as error:
        raise ConfigurationError(
            f"{name} cannot be read ({error.strerror}). Correct its path or its permissions."
        ) from None
    except documents.UnreadableError as error:
        advice = f" {SYNTAX_ADVICE}" if isinstance(error, documents.SyntaxMistakeError) else ""
        raise ConfigurationError(f"{name} cannot be read ({error}).{advice}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{name} cannot be read (it holds no mapping). Write one `key: value` a line."
        )
    return content


def parse(model: type[M], content: Mapping[str, Any], name: str) -> M:
    """Check the content of a file against its model; `name` is what messages call it.

    Raises
    ------
    ConfigurationError
        One sentence that names the key, says what is wrong and what to change.
    """
    try:
        return model.model_validate(_with_dates_as_text(dict(content)))
    except ValidationError as error:
        raise ConfigurationError(_sentence(error, model, name)) from None


def _with_dates_as_text(value: Any) -> Any:
    """YAML makes dates of those that are not in quotes."""
    match value:
        case dict():
            return {key: _with_dates_as_text(item) for key, item in value.items()}
        case list():
            return [_with_dates_as_text(item) for item in value]
        case date():
            return value.isoformat()
    return value


def _sentence(error: ValidationError, model: type[Model], name: str) -> str:
    """Say what is wrong and what to change; unknown keys first: they may explain the others."""
    mistakes = error.errors(include_url=False)
    mistake = min(mistakes, key=lambda each: each["type"] not in UNKNOWN_KEY)
    *place, last = mistake["loc"]
    value = mistake["input"]
    if last == "[key]":
        *place, last = place
        names = schema_of(model, *place).get("propertyNames", {})
        known = names.get("enum")
        if not known:
            return (
                f"{name}: `{_dotted(*place)}` has the key {value!r} but each must be "
                f"{names['description']}."
            )
    else:
        known = schema_of(model, *place).get("properties")
    match mistake["type"]:
        case "missing":
            return (
                f"{name}: {last!r} is a required property in {_dotted(*place) or 'the file'}; "
                "add it."
            )
        case kind if kind not in UNKNOWN_KEY and mistake["loc"][-1] != "[key]":
            must_be = schema_of(model, *place, last, resolve=False)["description"]
            return f"{name}: `{_dotted(*place, last)}` is {value!r} but must be {must_be}."
    return (
        f"{name}: unknown key `{_dotted(*place, last)}`; "
        f"remove it or use one of: {', '.join(sorted(known))}."
    )


def _dotted(*place: int | str) -> str:
    return ".".join(map(str, place))


def schema_of(model: type[Model], *place: int | str, resolve: bool = True) -> dict[str, Any]:
    """Return the JSON schema of what stands at a place in a model: keys and numbers in lists.

    Without `resolve` it is that of the key, which has its description; else that of its model.
    """
    whole = model.model_json_schema()
    found: dict[str, Any] = whole
    for step in place:
        inner = _resolved(found, whole)
        if step in inner.get("properties", {}):
            found = inner["properties"][step]
        elif "items" in inner:
            found = inner["items"]
        else:
            of_all = list(inner.get("patternProperties", {}).values())
            found = of_all[0] if of_all else inner["additionalProperties"]
    return _resolved(found, whole) if resolve else found


def _resolved(schema: dict[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without the reference to another, and without that it may be left out."""
    given = (each for each in schema.get("anyOf", ()) if each.get("type") != "null")
    schema = next(given, schema)
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema
