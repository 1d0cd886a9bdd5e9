"""Smoothing of ensembles in the real engine process: known truth, and the library beside it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alfvideo.pose import messages

REPO = Path(__file__).parents[2]
N_FRAMES = 600
PUPIL = ["pupil_top_r", "pupil_bottom_r", "pupil_right_r", "pupil_left_r"]
PUPIL_SETTINGS = {"kind": "pupil", "parts": PUPIL, "diameter": 0.9999, "centre": 0.999}
PAWS = ["paw_l", "paw_r"]
PAWS_SETTINGS = {"kind": "points", "parts": PAWS, "s": 10, "variance_scale": 100}
COLUMNS = ["x", "y", "likelihood", "x_ens_median", "y_ens_median", "x_ens_var", "y_ens_var"]
COLUMNS += ["x_posterior_var", "y_posterior_var"]

pytestmark = pytest.mark.engines

LIBRARY = """
import sys
import numpy as np
from eks.ibl_pupil_smoother import ensemble_kalman_smoother_ibl_pupil
from eks.marker_array import MarkerArray
from eks.singlecam_smoother import ensemble_kalman_smoother_singlecam

def result(smoother, poses, parts, **settings):
    markers = MarkerArray(poses[:, np.newaxis], data_fields=["x", "y", "likelihood"])
    modes = {"avg_mode": "median", "var_mode": "confidence_weighted_var"}
    table = smoother(markers, parts, **settings, **modes)[0]
    table = table.droplevel("scorer", axis=1)
    return np.stack([table[part].to_numpy() for part in parts], axis=1)

poses = np.load(sys.argv[1])
pupil = ["pupil_top_r", "pupil_bottom_r", "pupil_right_r", "pupil_left_r"]
smoother = ensemble_kalman_smoother_ibl_pupil
pupil = result(smoother, poses["pupil"], pupil, smooth_params=[0.9999, 0.999])
smoother = ensemble_kalman_smoother_singlecam
paws = result(smoother, poses["paws"], ["paw_l", "paw_r"], smooth_param=10)
np.savez(sys.argv[2], pupil=pupil, paws=paws)
"""
"""The library called as its own documentation says, in float32 as it is by itself."""

REFUSALS = """
import json, sys
import numpy as np
from alfvideo.pose.engines.network import EngineError
from alfvideo.pose.engines.smoothing import smooth

for settings, shape, _ in json.loads(sys.argv[1]):
    try:
        smooth(settings, np.ones(shape))
    except EngineError as error:
        print(error)
"""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1"}


def members_of(truth: np.ndarray, n_members: int) -> np.ndarray:
    """Poses of an ensemble whose members are wrong by 1 px, each on its own."""
    random = np.random.default_rng(len(truth[0]))
    noise = random.normal(0, 1, (n_members, *truth.shape))
    likelihoods = random.uniform(0.8, 1, (n_members, *truth.shape[:2], 1))
    return np.concatenate([truth + noise, likelihoods], axis=-1)


def pupil_truth() -> np.ndarray:
    """The points of a pupil (n_frames, 4, 2) in the order of `PUPIL`; right is at larger x."""
    seconds = np.arange(N_FRAMES) / 60
    radius = 15 + 2 * np.sin(0.7 * seconds)
    x, y = 60 + 3 * np.sin(seconds), 45 + 2 * np.cos(seconds)
    points = [(x, y - radius), (x, y + radius), (x + radius, y), (x - radius, y)]
    return np.stack([np.stack(point, axis=-1) for point in points], axis=1)


def paws_truth() -> np.ndarray:
    """Two paws that turn a wheel, (n_frames, 2, 2)."""
    phase = 2 * np.pi * np.arange(N_FRAMES) / 60
    left = np.stack([300 + 40 * np.cos(phase), 200 + 30 * np.sin(phase)], axis=-1)
    return np.stack([left, left + np.array([90, 10])], axis=1)


@pytest.fixture(scope="module")
def engine(engine_python) -> Iterator[subprocess.Popen]:
    """The engine process without a network."""
    process = subprocess.Popen(
        [engine_python("lightningPose"), "-m", "alfvideo.pose.engines"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    messages.send(process.stdin, {"engine": "lightningPose", "threads": 1, "models": {}})
    assert messages.receive(process.stdout)[0] == {"started": True}
    header, _ = messages.receive(process.stdout)
    assert "error" not in header
    yield process
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.fixture(scope="module")
def library(engine_python, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Return the library's own result for the same poses, under its names."""
    folder = tmp_path_factory.mktemp("library")
    poses = {"pupil": members_of(pupil_truth(), 5), "paws": members_of(paws_truth(), 4)}
    np.savez(folder / "poses.npz", **poses)
    files = [folder / "poses.npz", folder / "smoothed.npz"]
    command = [engine_python("lightningPose"), "-c", LIBRARY, *files]
    subprocess.run(command, check=True, env=environment() | {"JAX_PLATFORMS": "cpu"})
    return dict(np.load(files[1]))


def smooth(engine: subprocess.Popen, settings: dict, poses: np.ndarray) -> np.ndarray:
    messages.send(engine.stdin, {"smooth": settings}, poses=poses)
    header, arrays = messages.receive(engine.stdout)
    limited = settings.get("diameter", 0) > 0.999
    assert header["columns"] == COLUMNS
    assert [("the library limits them" in note) for note in header["notes"]] == [True] * limited
    smoothed = arrays["smoothed"]
    assert smoothed.shape == (poses.shape[1], poses.shape[2], len(COLUMNS))
    assert smoothed.dtype == np.float64
    return smoothed


def errors(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Root mean square error of each part in px."""
    return np.sqrt(np.mean(np.sum((points - truth) ** 2, axis=-1), axis=-2))


def assert_columns_of_the_ensemble(smoothed: np.ndarray, poses: np.ndarray) -> None:
    """Median, mean likelihood, and variance over the members divided by the mean likelihood."""
    likelihood = poses[..., 2].mean(axis=0)
    np.testing.assert_allclose(smoothed[..., 2], likelihood, rtol=1e-12)
    np.testing.assert_allclose(smoothed[..., 3:5], np.median(poses[..., :2], axis=0), rtol=1e-6)
    variance = poses[..., :2].var(axis=0) / likelihood[..., np.newaxis]
    np.testing.assert_allclose(smoothed[..., 5:7], variance, rtol=1e-6)


def test_pupil_is_nearer_to_the_truth_than_each_network(engine: subprocess.Popen) -> None:
    truth = pupil_truth()
    poses = members_of(truth, 5)
    smoothed = smooth(engine, PUPIL_SETTINGS, poses)
    assert errors(smoothed[..., :2], truth).max() < errors(poses[..., :2], truth).min() / 3
    # This needs the right labels: bottom and right are 20 px from one another.
    assert errors(smoothed[..., :2], truth).max() < 0.5
    assert_columns_of_the_ensemble(smoothed, poses)
    assert (smoothed[..., 7:] > 0).all()


def test_parts_of_the_pupil_may_come_in_any_order(engine: subprocess.Popen) -> None:
    poses = members_of(pupil_truth(), 3)
    order = [3, 1, 0, 2]
    settings = PUPIL_SETTINGS | {"parts": [PUPIL[part] for part in order]}
    smoothed = smooth(engine, settings, poses[:, :, order])
    np.testing.assert_array_equal(smoothed, smooth(engine, PUPIL_SETTINGS, poses)[:, order])


def test_library_still_swaps_two_points_of_the_pupil(library: dict[str, np.ndarray]) -> None:
    """When this fails the library is fixed, and the relabelling in `smoothing` can go."""
    medians = np.median(members_of(pupil_truth(), 5)[..., :2], axis=0)
    found = library["pupil"][..., 3:5]
    assert np.abs(found - medians[:, [0, 2, 1, 3]]).max() < 1e-3


def test_pupil_is_what_the_library_returns(
    engine: subprocess.Popen, library: dict[str, np.ndarray]
) -> None:
    smoothed = smooth(engine, PUPIL_SETTINGS, members_of(pupil_truth(), 5))
    returned = library["pupil"][:, [0, 2, 1, 3]]
    # Likelihoods are checked above: the library does not swap them.
    columns = [0, 1, *range(3, 9)]
    np.testing.assert_allclose(smoothed[..., columns], returned[..., columns], atol=5e-3)


def test_paws_are_what_the_library_returns(
    engine: subprocess.Popen, library: dict[str, np.ndarray]
) -> None:
    truth = paws_truth()
    poses = members_of(truth, 4)
    smoothed = smooth(engine, PAWS_SETTINGS, poses)
    returned = library["paws"] * np.where(np.arange(len(COLUMNS)) < 7, 1, 100)
    np.testing.assert_allclose(smoothed, returned, rtol=1e-3, atol=5e-3)
    assert errors(smoothed[..., :2], truth).max() < errors(poses[..., :2], truth).min()
    assert_columns_of_the_ensemble(smoothed, poses)


def test_a_part_alone_is_smoothed_as_among_others(engine: subprocess.Popen) -> None:
    poses = members_of(paws_truth(), 3)
    both = smooth(engine, PAWS_SETTINGS, poses)
    alone = smooth(engine, PAWS_SETTINGS | {"parts": ["paw_r"]}, poses[:, :, 1:])
    np.testing.assert_allclose(alone[:, 0], both[:, 1], rtol=1e-9)


@pytest.mark.parametrize("settings", [PUPIL_SETTINGS, PAWS_SETTINGS])
def test_members_that_agree_and_likelihoods_of_zero_give_numbers(
    engine: subprocess.Popen, settings: dict
) -> None:
    truth = pupil_truth() if settings is PUPIL_SETTINGS else paws_truth()
    poses = members_of(truth, 2)
    poses[1, 100:200] = poses[0, 100:200]
    poses[:, 300:310, :, 2] = 0
    smoothed = smooth(engine, settings, poses)
    assert np.isfinite(smoothed).all()
    assert (smoothed[300:310, :, 2] == 0).all()
    assert errors(smoothed[..., :2], truth).max() < 2


def test_ensembles_that_cannot_be_smoothed_are_refused(engine_python) -> None:
    """The settings, the shape of the poses, and what the message says."""
    cases = [
        (PAWS_SETTINGS, (1, 100, 2, 3), "needs two or more models"),
        (PAWS_SETTINGS, (3, 1, 2, 3), "needs two or more frames, the video has 1"),
        (
            PAWS_SETTINGS,
            (3, 100, 4, 3),
            "is set for 2 body parts (paw_l, paw_r), the models give 4",
        ),
        (
            PAWS_SETTINGS | {"kind": "nose"},
            (3, 100, 2, 3),
            "no smoother 'nose': use pupil or points",
        ),
        (
            PUPIL_SETTINGS | {"parts": ["pupil", *PUPIL[1:]]},
            (3, 100, 4, 3),
            "needs the body parts pupil_top_r, pupil_bottom_r, pupil_right_r, pupil_left_r; the "
            "cascade names pupil, pupil_bottom_r",
        ),
    ]
    result = subprocess.run(
        [engine_python("lightningPose"), "-c", REFUSALS, json.dumps(cases)],
        check=True,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    answers = result.stdout.splitlines()
    assert len(answers) == len(cases)
    for answer, (_, _, message) in zip(answers, cases, strict=True):
        assert message in answer
