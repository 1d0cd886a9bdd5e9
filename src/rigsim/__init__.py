"""Renders recording sessions in the raw layout of real rigs, with the truth kept aside."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from rigsim import behaviour, clock, layout, pose, scene, session, truth, video
from rigsim.specification import CAMERAS, FAULTS, Fault, Rig
from rigsim.truth import load_truth

__all__ = ["CAMERAS", "FAULTS", "Fault", "Rig", "load_truth", "render"]


def render(root: Path, rig: Rig) -> Path:
    """Render a session below `root` and return its path; a session already there is replaced.

    The files are those of docs/rig.md. The truth goes to `root/.truth`, under the same relative
    path. The same `rig` gives the same bytes.
    """
    root = Path(root)
    path = root / rig.session
    aside = truth.truth_folder(root, rig)
    for folder in (path, aside):
        shutil.rmtree(folder, ignore_errors=True)
    (path / layout.VIDEO).mkdir(parents=True)
    planned = session.plan(rig)
    poses = {camera: _poses(rig, planned, camera) for camera in rig.labels}
    truth.write_truth(aside, rig, planned, poses)
    layout.write_description(path, rig)
    layout.write_sync(path, rig, planned)
    layout.write_task(path, rig, planned)
    if rig.wheel:
        layout.write_wheel(path, planned)
    if rig.trials:
        layout.write_trials(path, planned)
    if rig.kind != "camlog":
        layout.write_video_code(path)
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(_render_camera, path, rig, planned, camera, poses[camera])
            for camera in rig.labels
            if not rig.has(camera, Fault.MISSING_CAMERA)
        ]
    for job in jobs:
        job.result()
    return path


def _poses(rig: Rig, planned: session.Session, camera: str) -> pose.Poses:
    times = planned.recordings[camera].times
    return pose.make_poses(
        view=pose.View(camera, *rig.frame_size(camera)),
        camera=camera,
        times=times,
        wheel=behaviour.wheel_at(times, planned.wheel),
        tongue=behaviour.tongue_extension(times, planned.licks),
        rng=rig.random("poses"),
    )


def _render_camera(
    path: Path, rig: Rig, planned: session.Session, camera: str, poses: pose.Poses
) -> None:
    recording = planned.recordings[camera]
    if rig.kind == "camlog":
        layout.write_camlog(path, rig, camera, recording)
    else:
        rng = rig.random("computer", camera)
        table = clock.frame_table(recording, planned.sync, rig.date, rng)
        layout.write_frame_data(path, rig, camera, table)
    n_frames = len(recording.times) - int(rig.amount(camera, Fault.FEWER_FRAMES) or 0)
    view = pose.View(camera, *rig.frame_size(camera))
    avi = layout.avi_path(path, rig, camera)
    video.write_avi(
        avi,
        islice(scene.draw_frames(view, camera, poses, rig.random("picture", camera)), n_frames),
        size=(view.width, view.height),
        fps=CAMERAS[rig.kind][camera].fps,
        codec="libx264" if rig.kind == "camlog" else "mjpeg",
    )
    video.damage_avi(avi, [fault for fault in Fault if rig.has(camera, fault)])
    if rig.has(camera, Fault.UNFINISHED_TRANSFER):
        layout.write_device_stub(path, rig, camera)
