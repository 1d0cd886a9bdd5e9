"""The configuration and other YAML files: checked against a schema, one sentence a mistake."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from jsonschema import ValidationError
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate


def check_syntax(file: Path) -> None:
    """See that a YAML file can be read; Snakemake does not say where one is wrong.

    Raises
    ------
    WorkflowError
        One sentence with the line.
    """
    try:
        yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: {error.problem}" if mark else str(error)
        raise WorkflowError(
            f"Configuration: {file} cannot be read ({where}). Compare the line and the one before "
            "it with the others: spaces and no tabs, brackets and quotes closed."
        ) from None


def check(config: dict[str, Any], schema: Path, name: str = "Configuration") -> None:
    """Check a configuration and fill in defaults; `name` is what messages call it.

    Raises
    ------
    WorkflowError
        One sentence that names the key, says what is wrong and what to change.
    """
    config.update(_typed(config, yaml.safe_load(schema.read_text(encoding="utf-8"))))
    try:
        validate(config, schema=str(schema))
    except WorkflowError as error:
        causes = [cause for cause in error.args if isinstance(cause, ValidationError)]
        cause = causes[0] if causes else error.__context__
        if not isinstance(cause, ValidationError):
            raise
        raise WorkflowError(sentence(cause, name)) from None


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Give a value the type that its schema asks for, as far as the way it was given hides that.

    `--config keep_avi=false` arrives as text, and an unquoted date of a YAML file as a date.
    """
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {key: _typed(item, known.get(key, {})) for key, item in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and schema.get("type") in ("boolean", "integer", "number"):
        return yaml.safe_load(value)
    return value


def sentence(error: ValidationError, name: str) -> str:
    """What is wrong with a configuration and what to change, in one sentence."""
    key = ".".join(map(str, error.absolute_path)) or "the file"
    schema: Mapping[str, Any] = error.schema
    match error.validator:
        case "additionalProperties":
            known = schema["properties"]
            unknown = sorted(set(error.instance) - set(known))
            place = "" if not error.absolute_path else f"{key}."
            return (
                f"{name}: unknown key `{place}{unknown[0]}`; "
                f"remove it or use one of: {', '.join(sorted(known))}."
            )
        case "required":
            return f"{name}: {error.message} in {key}; add it."
        case _:
            return (
                f"{name}: `{key}` is {error.instance!r} but must be "
                f"{schema.get('description', error.message).rstrip('.')}."
            )
