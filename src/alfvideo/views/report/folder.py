"""The folder of web pages: written whole, and only where something changed."""

import base64
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from alfvideo.files import atomic
from alfvideo.jobs import provenance
from alfvideo.session import quarantine
from alfvideo.views.report import page, pictures
from alfvideo.views.report.sessions import Report


def write(reports: Iterable[Report], root: Path, folder: Path) -> int:
    """Write a page for each session and the table of all; returns how many pages are new.

    Pages of other sessions are removed from `folder`. A page is a folder in `sessions`, with copies
    of the pictures in it; only what changed is written.

    Raises
    ------
    OSError
        If the folder cannot be written, or the disk is full.
    """
    templates = page.environment()
    for name, content in _assets().items():
        _write(folder / "assets" / name, content)
    shown, n_changed = [], 0
    for newer, report, older in _with_neighbours(reports):
        try:
            text = page.session_page(templates, report, newer, older)
        # Whatever is wrong with a session: the others have their pages.
        except Exception as error:
            report = report.without_contents(quarantine.reason(error, report.path))
            text = page.session_page(templates, report, newer, older)
        n_changed += _write_session(folder / "sessions" / report.page, report, text)
        # Of what is on its page the table needs little, and there may be thousands.
        shown.append(replace(report, pictures=(), jobs=()))
    _write(folder / "index.html", page.index_page(templates, shown, root, provenance.now()))
    wanted = {report.page for report in shown}
    for other in (folder / "sessions").glob("*/index.html"):
        if other.parent.name not in wanted:
            shutil.rmtree(other.parent)
    return n_changed


def _with_neighbours(
    reports: Iterable[Report],
) -> Iterable[tuple[page.Neighbour, Report, page.Neighbour]]:
    """Each session between page and name of the one before and the one after it."""
    before: page.Neighbour = ()
    current: Report | None = None
    for following in reports:
        if current is not None:
            yield before, current, (following.page, following.name)
            before = (current.page, current.name)
        current = following
    if current is not None:
        yield before, current, ()


def _write_session(folder: Path, report: Report, text: str) -> bool:
    """Bring pictures and page of a session up to date; returns whether that changed anything."""
    names = {picture.file.name for picture in report.pictures}
    copied = [
        _copy(picture.file, report.path, folder / picture.file.name) for picture in report.pictures
    ]
    written = _write(folder / "index.html", text)
    gone = [file for file in folder.iterdir() if file.name not in {*names, "index.html"}]
    for file in gone:
        file.unlink()
    return any([*copied, written, *gone])


def _copy(source: Path, session: Path, target: Path) -> bool:
    """Copy a picture unless it is the same; one that is gone or replaced by now is left out."""
    try:
        descriptor = pictures.open_own(source, session)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if target.exists() and provenance.dated(target.stat()) == provenance.dated(status):
            return False
        with atomic.output(target) as partial:
            with partial.open("wb") as copy:
                shutil.copyfileobj(file, copy)
            os.utime(partial, ns=(status.st_atime_ns, status.st_mtime_ns))
    return True


def _write(file: Path, text: str) -> bool:
    """Write a text unless the file holds it; returns whether it was written."""
    # Names of files may be no text: what is not is shown as a question mark.
    content = text.encode("utf-8", "replace")
    if file.exists() and file.read_bytes() == content:
        return False
    with atomic.output(file) as partial:
        partial.write_bytes(content)
    return True


def _assets() -> dict[str, str]:
    """Styles and scripts. DataTables comes from itables, which has all of it in two files."""
    of_table, own = files("itables") / "html", files("alfvideo.views.report") / "assets"
    bundle = base64.b64encode((of_table / "dt_bundle.js").read_bytes()).decode()
    return {
        "datatables.css": (of_table / "dt_bundle.css").read_text(encoding="utf-8"),
        # Browsers load no modules from files, but they do from the text itself.
        "datatables.js": f'const dataTables = import("data:text/javascript;base64,{bundle}");\n',
        "page.css": (own / "page.css").read_text(encoding="utf-8"),
        "table.js": (own / "table.js").read_text(encoding="utf-8"),
    }
