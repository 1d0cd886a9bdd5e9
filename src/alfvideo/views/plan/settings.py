"""The parameters of a job in a form that can be compared."""

import json
from collections.abc import Mapping
from typing import Any


def text(params: Mapping[str, Any]) -> str:
    """As JSON, as they are kept in the records."""
    return json.dumps(params, sort_keys=True)
