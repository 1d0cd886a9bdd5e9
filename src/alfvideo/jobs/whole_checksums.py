"""The checksums of whole raw videos, made beside the job that reads them anyway."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from alfvideo.files import checksums
from alfvideo.files.errors import DataError
from alfvideo.jobs import provenance
from alfvideo.jobs.provenance import Fingerprint

log = logging.getLogger(__name__)

RAW_VIDEO = ".avi"


@contextmanager
def made_meanwhile(inputs: Mapping[Path, Fingerprint], session: Path) -> Iterator[None]:
    """Complete the fingerprints of large raw videos while the block runs; stop if it fails.

    They take a core 1.4 s a GB, less than a hundredth of what it takes to encode them. One that is
    on record already is taken from there.
    """
    stopped = threading.Event()
    missing = {
        path: known
        for path, known in inputs.items()
        if path.suffix == RAW_VIDEO and "md5" not in known and not _recall(path, known, session)
    }
    reader = threading.Thread(target=_complete, args=(missing, stopped), daemon=True)
    reader.start()
    try:
        yield
    except BaseException:
        stopped.set()
        raise
    reader.join()


def _recall(path: Path, known: Fingerprint, session: Path) -> bool:
    """Take the checksum from an earlier record of the file with the same size and date."""
    name = provenance.relative(path, session)
    for entry in provenance.read(session).values():
        earlier = entry.get("inputs", {}).get(name, {})
        if "md5" in earlier and provenance.same_stamp(earlier, known):
            known["md5"] = earlier["md5"]
            return True
    return False


def _complete(missing: Mapping[Path, Fingerprint], stopped: threading.Event) -> None:
    for path, known in missing.items():
        try:
            found = checksums.md5(path, lambda size: not stopped.is_set())
        except (OSError, DataError) as error:
            log.warning("no checksum of %s is recorded: %s", path, error)
            continue
        if found:
            known["md5"] = found
