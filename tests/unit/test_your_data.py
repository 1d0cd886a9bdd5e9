"""The examples of docs/your_data.md are read as the page says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from alfvideo import configuration
from alfvideo.daq import tables
from alfvideo.session import description
from alfvideo.timing import frame_log, sync
from alfvideo.timing.frame_data import SYNC_PIN

PAGE = (Path(__file__).parents[2] / "docs" / "your_data.md").read_text()


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


EVENTS, SAMPLES, LOG = examples("csv")
LINES, SAMPLED_LINES = examples("json")
DESCRIPTION, MAPPED = examples("yaml")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_description_and_wiring(tmp_path: Path):
    session = description.parse(tmp_path, yaml.safe_load(DESCRIPTION))
    assert list(session.cameras) == ["side", "top"]
    assert (session.namespace, session.sync_collection) == ("openephys", "raw_ephys_data")
    assert session.cameras["side"].sync_label == "trial"
    channels = sync.wired_channels([write(tmp_path / "cameras.wiring.json", LINES)])
    assert channels == {"side_camera": 1, "top_camera": 2, "trial": 3}


def test_table_of_events(tmp_path: Path):
    found = tables.read(write(tmp_path / "ttl.csv", EVENTS))
    assert found.times.tolist() == [0.1, 0.105, 0.1167, 0.1217]
    assert found.channels.tolist() == [1, 1, 1, 1]
    assert found.polarities.tolist() == [1, -1, 1, -1]


@pytest.mark.parametrize("extra", [{}, {"SAMPLE_RATE": 500, "TIME_UNIT": "ms"}])
def test_table_of_samples(tmp_path: Path, extra: dict):
    path = write(tmp_path / "daq.csv", SAMPLES)
    wiring = json.loads(SAMPLED_LINES)
    (tmp_path / "daq.wiring.json").write_text(json.dumps({**wiring, "THRESHOLD": 0.5, **extra}))
    found = tables.read(path)
    np.testing.assert_allclose(found.times, np.array([1, 2, 3]) * (1e-6 if extra else 1e-3))
    assert found.channels.tolist() == [0, 1, 0]
    assert found.polarities.tolist() == [1, 1, -1]


def test_log_of_frames(tmp_path: Path):
    path = write(tmp_path / "side.csv", LOG)
    mapped = configuration.parse({"root": "x", **yaml.safe_load(MAPPED)}).frame_logs["side"]
    for columns in (None, mapped.model_dump(mode="json")):
        found = frame_log.load(path, columns)
        assert found.count.tolist() == [0, 1, 2, 3]
        np.testing.assert_allclose(found.timestamps, np.arange(4) / 59.94, atol=1e-6)
        assert found.gpio[:, SYNC_PIN].tolist() == [False, False, True, True]
