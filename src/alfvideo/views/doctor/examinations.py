"""All that the doctor looks at, in the order in which it is shown."""

from collections.abc import Mapping

from alfvideo.views.doctor import Examination, lab, machine, slurm


def examinations(profile: str) -> Mapping[str, Examination]:
    """Return the examinations by what they look at; `profile` is that of runs, empty for none."""
    return {
        "software": machine.software,
        "processor": machine.processor,
        "GPU": machine.gpu,
        "ffmpeg": machine.ffmpeg,
        "clock": machine.clock,
        "encoding": machine.encoding,
        "SLURM": slurm.examination(profile),
        "data folder": lab.data_folder,
        "working folder": lab.working_folder,
        "pose engines": lab.pose_engines,
        "models": lab.models,
        "Alyx": lab.alyx,
    }
