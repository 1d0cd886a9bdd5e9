"""Looks whether this machine has what a run needs."""

import sys

from alfvideo import configuration
from alfvideo.views import doctor
from alfvideo.views.doctor import lab, machine

EXAMINATIONS = {
    "software": machine.software,
    "processor": machine.processor,
    "GPU": machine.gpu,
    "ffmpeg": machine.ffmpeg,
    "clock": machine.clock,
    "encoding": machine.encoding,
    "SLURM": machine.slurm,
    "data folder": lab.data_folder,
    "working folder": lab.working_folder,
    "pose engines": lab.pose_engines,
    "models": lab.models,
    "Alyx": lab.alyx,
}

config = configuration.parse(snakemake.config)
print(doctor.text(doctor.examine(EXAMINATIONS, config)), file=sys.stderr)
