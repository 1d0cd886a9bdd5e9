"""The QC of datasets that a check speaks of, as the ONE tables hold it."""

import re
from pathlib import Path

from one.alf.spec import QC

from alfvideo.files import documents
from alfvideo.session import datasets

_REPORT = re.compile(r"_ibl_(?P<camera>\w+)Camera\.videoQC\.json")


def camera_times(session: Path) -> dict[str, str]:
    """Return the outcome of the check of each camera's times, by the path of the dataset.

    Times that nothing shows to be right are CRITICAL, so that ONE can leave them out. Nothing for
    a camera without a report of its checks, or with one that cannot be read.
    """
    found = {}
    for file in session.glob("qc/_ibl_*Camera.videoQC.json"):
        name = _REPORT.fullmatch(file.name)
        if name is None:
            continue
        camera = name["camera"]
        try:
            checks = documents.parse_json(documents.read(file))["extended_qc"]
            outcome = checks[f"_video{camera.capitalize()}_alignment"]
            known = QC.validate(outcome if isinstance(outcome, str) else outcome[0])
        # The file may be anything.
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
        times = datasets.newest(datasets.TIMES, session, camera)
        found[times.relative_to(session).as_posix()] = known.name
    return found
