"""Each mistake in the configuration gives one sentence that names the key and what to change."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alfvideo import configuration
from alfvideo.configuration import Configuration, ConfigurationError
from alfvideo.files import yaml_model
from alfvideo.pose.cascade import CascadeFile
from alfvideo.session import datasets
from alfvideo.trackers import TRACKERS
from alfvideo.views import configuration_table

REPO = Path(__file__).parents[2]
KEYS = yaml_model.schema_of(Configuration)["properties"]
ENCODER = yaml_model.schema_of(Configuration, "compression")["properties"]
WRONG = {"string": 17, "array": "left", "object": 3, "integer": "many", "boolean": "maybe"}


def test_readme_has_the_table_of_the_model():
    """To fix it: uv run python -m alfvideo.views.configuration_table."""
    assert configuration_table.table() in (REPO / "config" / "README.md").read_text()


def test_table_has_each_key_that_can_be_set():
    keys = re.findall(r"^\| `([\w.]+)` \|", configuration_table.table(), re.M)
    assert {key.partition(".")[0] for key in keys} == set(Configuration.model_fields)
    for name in ("compression", "registration"):
        settings = Configuration.model_fields[name].annotation.model_fields
        assert {f"{name}.{key}" for key in settings} <= set(keys)


def test_trackers_are_those_that_there_are():
    assert set(configuration.NO_CASCADES) == set(datasets.POSE) == set(TRACKERS)


def test_defaults_are_what_a_file_with_all_of_them_gives(config: Configuration):
    assert configuration.parse(config.model_dump(mode="json")) == config


def mistake(**changes: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        configuration.parse({"root": "/data", **changes})
    return str(caught.value)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_wrong_type_of_each_key(key: str):
    """The sentence is `key` is VALUE but must be DESCRIPTION."""
    wrong = WRONG[KEYS[key].get("type", "object")]
    assert mistake(**{key: wrong}) == (
        f"Configuration: `{key}` is {wrong!r} but must be {KEYS[key]['description']}."
    )


@pytest.mark.parametrize("key", sorted(ENCODER))
def test_wrong_type_of_each_setting_of_the_encoder(key: str):
    wrong = WRONG[ENCODER[key]["type"]]
    assert mistake(compression={key: wrong}) == (
        f"Configuration: `compression.{key}` is {wrong!r} but must be "
        f"{ENCODER[key]['description']}."
    )


def schemas(schema: dict) -> Iterator[dict]:
    """Of all values that can be wrong."""
    inner = [schema["items"]] if "items" in schema else []
    for kind in ("properties", "patternProperties", "$defs"):
        inner += schema.get(kind, {}).values()
    for each in inner:
        if each.get("type") != "object" or "properties" not in each:
            yield each
        yield from schemas(each)


@pytest.mark.parametrize("model", [Configuration, CascadeFile])
def test_descriptions_read_on_after_must_be(model: type[yaml_model.Model]):
    found = list(schemas(yaml_model.schema_of(model)))
    assert len(found) > 25
    for schema in found:
        description = schema["description"]
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
        ({"cameras": ["left-1"]}, ["`cameras", "'left-1'"]),
        ({"cameras": ["left", "left"]}, ["`cameras`"]),
        ({"sessions": []}, ["`sessions` is []"]),
        ({"subjects": [3]}, ["`subjects", "is 3"]),
        ({"root": ""}, ["`root` is ''", "folder that holds your sessions"]),
        ({"root": None}, ["`root` is None", "folder that holds your sessions"]),
        ({"keep_avi": 1}, ["`keep_avi` is 1", "true"]),
        ({"compression": {"crf": True}}, ["`compression.crf` is True", "a whole number"]),
        ({"cascades": {"dcl": {}}}, ["unknown key `cascades.dcl`", "dlc, lightningPose"]),
        ({"cascades": {"dlc": {"a b": "a"}}}, ["`cascades.dlc` has the key 'a b'", "letters"]),
        ({"cascades": {"dlc": {"left": 3}}}, ["`cascades.dlc.left` is 3", "path of a cascade"]),
        ({"trackers": ["dlc", "dlc"]}, ["`trackers` is ['dlc', 'dlc']"]),
        ({"wheel_regions": {"left": {"x": 1}}}, ["'y' is a required", "in wheel_regions.left;"]),
        ({"rot": 1, "root": None}, ["unknown key `rot`"]),
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
    description = KEYS[key]["items"]["description"]
    assert mistake(**{key: [3]}) == f"Configuration: `{key}.0` is 3 but must be {description}."


def test_key_that_is_a_number():
    with pytest.raises(ConfigurationError, match="unknown key `3`; remove it or use one of"):
        configuration.parse({"root": "/data", 3: 4})


def test_an_impossible_date_is_refused():
    assert "`from_date` is '2026-13-45'" in mistake(from_date="2026-13-45")


def test_date_without_quotes():
    parsed = configuration.parse({"root": "/data", "from_date": date(2026, 1, 5)})
    assert parsed.from_date == "2026-01-05"


def test_root_must_be_given():
    with pytest.raises(ConfigurationError, match=r"'root' .*add it\."):
        configuration.parse({})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_command_line_gives_text(text: str, value: bool):
    """Snakemake hands `--config keep_avi=false` on as the text 'false'."""
    assert configuration.parse({"root": "/data", "keep_avi": text}).keep_avi is value


def test_numbers_on_the_command_line_are_text_too():
    """Snakemake hands `--config compression={crf: 20}` on as the text '20'."""
    assert (
        configuration.parse({"root": "/data", "compression": {"crf": "20"}}).compression.crf == 20
    )


def test_each_tracker_has_cascades_and_an_environment():
    parsed = configuration.parse({"root": "/data", "cascades": {"dlc": {"left": "a.yaml"}}})
    assert parsed.cascades == {"dlc": {"left": "a.yaml"}, "lightningPose": {}}
    assert parsed.environments == {"dlc": "", "lightningPose": ""}


def test_changed_values_are_checked(config: Configuration):
    changed = config.changed(cameras=["left"], compression={"crf": 20})
    assert (changed.cameras, changed.compression.crf) == (("left",), 20)
    assert config.cameras == ("left", "right", "body", "belly")
    with pytest.raises(ConfigurationError, match="unknown key `camera`"):
        config.changed(camera="left")


def test_options_are_merged_into_a_file(tmp_path: Path):
    file = tmp_path / "lab.yaml"
    file.write_text("root: /data\nfrom_date: 2026-01-05\ncompression: {crf: 20, preset: fast}\n")
    read = configuration.read(file, {"root": "/other", "compression": {"crf": 30}})
    assert (read.root, read.from_date) == ("/other", "2026-01-05")
    assert (read.compression.crf, read.compression.preset) == (30, "fast")
    assert configuration.read(file).compression.crf == 20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("root: /data\ncameras: [left\nffmpeg: ''\n", r"cannot be read \(line 3: .*brackets"),
        ("- root", r"cannot be read \(it holds no mapping\)"),
        ("", "'root' is a required property"),
        (
            "root: /data\nroot: /other\n",
            r"cannot be read \(line 2: 'root' is there twice: keep one\)\.$",
        ),
        (
            "root: /data\ncompression: {crf: 017}",
            r"line 2: 017 may be an octal number: .* or in quotes",
        ),
        ("root: /data\ncompression: {crf: '['}", r"`compression\.crf` is '\[' but must be"),
        (None, r"cannot be read \(No such file"),
    ],
)
def test_file_that_is_of_no_use(tmp_path: Path, content: str | None, said: str):
    file = tmp_path / "lab.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        configuration.read(file)
    assert "\n" not in str(caught.value)
