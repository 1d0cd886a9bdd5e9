"""Each mistake in the configuration gives one sentence that names the key and what to change."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake.exceptions import WorkflowError

from alfvideo import configuration
from alfvideo.views import configuration_table

REPO = Path(__file__).parents[2]
SCHEMA = REPO / "config" / "config.schema.yaml"
PROPERTIES = yaml.safe_load(SCHEMA.read_text())["properties"]
WRONG = {"string": 17, "array": "left", "object": 3, "integer": "many", "boolean": "maybe"}


def test_readme_has_the_table_of_the_schema():
    """To fix it: uv run python -m alfvideo.views.configuration_table config/config.schema.yaml."""
    made = configuration_table.table({"properties": PROPERTIES})
    assert made in (REPO / "config" / "README.md").read_text()


def test_table_has_each_key_that_can_be_set():
    keys = re.findall(
        r"^\| `([\w.]+)` \|", configuration_table.table({"properties": PROPERTIES}), re.M
    )
    assert {key.partition(".")[0] for key in keys} == set(PROPERTIES)
    for name in ("compression", "registration"):
        settings = {f"{name}.{key}" for key in PROPERTIES[name]["properties"]}
        assert settings <= set(keys)


def mistake(**changes: object) -> str:
    content = {"root": "/data", **changes}
    with pytest.raises(WorkflowError) as caught:
        configuration.check(content, SCHEMA)
    return str(caught.value)


def test_shipped_configuration_is_valid_and_complete():
    content = yaml.safe_load((REPO / "config" / "config.yaml").read_text())
    shipped = set(content)
    configuration.check(content, SCHEMA)
    assert shipped == set(PROPERTIES)


def test_defaults_are_filled_in_and_are_those_of_the_shipped_file():
    content = {"root": "/data/Subjects"}
    configuration.check(content, SCHEMA)
    assert content == yaml.safe_load((REPO / "config" / "config.yaml").read_text())


@pytest.mark.parametrize("key", sorted(PROPERTIES))
def test_wrong_type_of_each_key(key: str):
    """The sentence is `key` is VALUE but must be DESCRIPTION."""
    wrong = WRONG[PROPERTIES[key]["type"]]
    description = PROPERTIES[key]["description"]
    assert mistake(**{key: wrong}) == (
        f"Configuration: `{key}` is {wrong!r} but must be {description}."
    )


@pytest.mark.parametrize("key", sorted(PROPERTIES["compression"]["properties"]))
def test_wrong_type_of_each_setting_of_the_encoder(key: str):
    schema = PROPERTIES["compression"]["properties"][key]
    wrong = WRONG[schema["type"]]
    assert mistake(compression={key: wrong}) == (
        f"Configuration: `compression.{key}` is {wrong!r} but must be {schema['description']}."
    )


def described(properties: dict) -> list[str]:
    texts = []
    for schema in properties.values():
        texts.append(schema.get("description", ""))
        texts += described(schema.get("properties", {}))
        texts += described({"item": schema["items"]} if "items" in schema else {})
    return texts


@pytest.mark.parametrize("description", described(PROPERTIES))
def test_descriptions_read_on_after_must_be(description: str):
    first = description.partition(" ")[0]
    assert first in {"a", "an", "the", "one", "true"}, f"'must be {description}'"
    assert not description.endswith(".")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rot": 1}, ["unknown key `rot`", "remove it or use one of", "root"]),
        ({"compression": {"crd": 1}}, ["unknown key `compression.crd`", "crf, crf_bpod, preset"]),
        ({"from_date": "1.2.2026"}, ["`from_date` is '1.2.2026'", "YYYY-MM-DD"]),
        ({"to_date": "2026-1-1"}, ["`to_date` is '2026-1-1'", "YYYY-MM-DD"]),
        ({"compression": {"crf": 52}}, ["`compression.crf` is 52", "from 0", "to 51"]),
        ({"compression": {"preset": "fastest"}}, ["`compression.preset`", "from ultrafast to"]),
        ({"cameras": []}, ["`cameras` is []", "[left, right, body]"]),
        ({"cameras": ["Left"]}, ["`cameras", "'Left'"]),
        ({"cameras": ["left", "left"]}, ["`cameras`"]),
        ({"sessions": []}, ["`sessions` is []"]),
        ({"subjects": [3]}, ["`subjects", "is 3"]),
        ({"root": ""}, ["`root` is ''", "folder that holds your sessions"]),
        ({"root": None}, ["`root` is None", "folder that holds your sessions"]),
    ],
)
def test_other_mistakes(changes: dict, expected: list[str]):
    text = mistake(**changes)
    for words in expected:
        assert words in text
    assert text.startswith("Configuration: ")
    assert text.count("\n") == 0
    assert "non-empty" not in text
    assert "not of type" not in text
    assert "does not match" not in text


@pytest.mark.parametrize("key", ["cameras", "sessions", "subjects"])
def test_wrong_item_of_a_list(key: str):
    description = PROPERTIES[key]["items"]["description"]
    assert mistake(**{key: [3]}) == f"Configuration: `{key}.0` is 3 but must be {description}."


def test_an_impossible_date_is_refused():
    assert "`from_date` is '2026-13-45'" in mistake(from_date="2026-13-45")


def test_root_must_be_given():
    with pytest.raises(WorkflowError, match=r"'root' .*add it\."):
        configuration.check({}, SCHEMA)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_command_line_gives_text(text: str, value: bool):
    """Snakemake hands `--config keep_avi=false` on as the text 'false'."""
    content = {"root": "/data", "keep_avi": text}
    configuration.check(content, SCHEMA)
    assert content["keep_avi"] is value


def test_numbers_on_the_command_line_are_text_too():
    """Snakemake hands `--config compression={crf: 20}` on as the text '20'."""
    content = {"root": "/data", "compression": {"crf": "20"}}
    configuration.check(content, SCHEMA)
    assert content["compression"]["crf"] == 20
