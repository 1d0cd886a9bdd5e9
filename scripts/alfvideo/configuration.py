"""The configuration: checked against its schema, with one sentence for each mistake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import ValidationError
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate


def check(config: dict[str, Any], schema: Path) -> None:
    """Check a configuration and fill in defaults.

    Raises
    ------
    WorkflowError
        One sentence that names the key, says what is wrong and what to change.
    """
    try:
        validate(config, schema=str(schema))
    except WorkflowError as error:
        causes = [cause for cause in error.args if isinstance(cause, ValidationError)]
        cause = causes[0] if causes else error.__context__
        if not isinstance(cause, ValidationError):
            raise
        raise WorkflowError(sentence(cause)) from None


def sentence(error: ValidationError) -> str:
    """What is wrong with the configuration and what to change, in one sentence."""
    key = ".".join(map(str, error.absolute_path)) or "the configuration"
    schema: Mapping[str, Any] = error.schema
    match error.validator:
        case "additionalProperties":
            known = schema["properties"]
            unknown = sorted(set(error.instance) - set(known))
            place = "" if not error.absolute_path else f"{key}."
            return (
                f"Configuration: unknown key `{place}{unknown[0]}`; "
                f"remove it or use one of: {', '.join(sorted(known))}."
            )
        case "required":
            return f"Configuration: {error.message} in {key}; add it to config/config.yaml."
        case _:
            return (
                f"Configuration: `{key}` is {error.instance!r} but must be "
                f"{schema.get('description', error.message).rstrip('.')}."
            )
