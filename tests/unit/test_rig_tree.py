"""The tree of many sessions: as many of each kind as were asked for, and each of them its own."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.test_pending import finish

from alfvideo.configuration import Configuration
from alfvideo.jobs import provenance
from alfvideo.planning import pending
from alfvideo.planning.pending import State
from rigsim import Rig, tree


@pytest.fixture
def template(
    tmp_path: Path, config: Configuration, rendered: Callable[[Path, Rig], Path]
) -> tree.Template:
    """A session that was not really processed, but has all files and records of one that was."""
    new, done = (rendered(tmp_path / name, tree.RIG) for name in ("new", "done"))
    finish(done, config)
    return tree.Template(new, done)


def kinds(root: Path, config: Configuration) -> Counter[State]:
    """Count sessions by what is left to do: nothing, something, or blocked."""
    states: dict[Path, set[State]] = {}
    for status in pending.scan(root, config):
        states.setdefault(status.session, set()).add(status.state)
    order = (State.PENDING, State.BLOCKED, State.DONE)
    return Counter(next(s for s in order if s in found) for found in states.values())


def test_each_kind(tmp_path: Path, config: Configuration, template: tree.Template):
    paths = tree.make(tmp_path / "tree", template, 60, pending=5, blocked=6, new=7)
    assert len(set(paths)) == 60
    assert kinds(tmp_path / "tree", config) == {
        State.DONE: 42,
        State.PENDING: 12,
        State.BLOCKED: 6,
    }
    statuses = pending.scan(tmp_path / "tree", config)
    waiting = Counter(s.session for s in statuses if s.state is State.PENDING)
    assert Counter(waiting.values()) == {6: 5, 12: 7}, "times and QC, or all, of three cameras"
    reasons = Counter(s.reason.split(":")[0].split(" (")[0] for s in statuses if s.reason)
    assert reasons["no description file"] == reasons["transfer unfinished"] == 2
    assert reasons["raw video missing"] == 2 * 9


def test_sessions_are_independent(tmp_path: Path, config: Configuration, template: tree.Template):
    """A file that is written in place or replaced in one stays as it is in the others."""
    first, second = tree.make(tmp_path / "tree", template, 2)
    for name in ("raw_video_data/_iblrig_leftCamera.raw.avi", "_ibl_experiment.description.yaml"):
        with (first / name).open("r+b") as file:
            file.write(b"sync: {}\n")
    provenance.record_failure(
        first, provenance.Work("dlc", "left", {}, [first / "alf/a"], {}, Path("log")), "no"
    )
    assert kinds(tmp_path / "tree", config) == {State.BLOCKED: 1, State.DONE: 1}
    for name in ("raw_video_data/_iblrig_leftCamera.raw.avi", "provenance.json"):
        assert (second / name).read_bytes() == (template.done / name).read_bytes()
    assert not (second / "failed.json").exists()


def test_more_exceptions_than_sessions(tmp_path: Path, template: tree.Template):
    with pytest.raises(ValueError, match="3 of 2 sessions cannot be pending, blocked or new"):
        tree.make(tmp_path / "tree", template, 2, pending=3)


@pytest.mark.slow
def test_template_is_done_by_the_real_workflow(tmp_path: Path, config: Configuration):
    config = config.changed(compression={"preset": "ultrafast"})
    made = tree.template(tmp_path, config)
    tree.make(tmp_path / "tree", made, 2)
    assert kinds(tmp_path / "tree", config) == {State.DONE: 2}
    assert len(provenance.read(made.done)) == 18, (
        "record, mp4, times and their record, QC and its picture"
    )
    assert kinds(tmp_path / "new", config) == {State.PENDING: 1}
