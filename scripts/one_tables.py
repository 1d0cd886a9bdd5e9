"""Puts what was made in the ONE tables of the data folder."""

import sys
from pathlib import Path

from alfvideo.files.errors import DataError
from alfvideo.registration import one_tables
from alfvideo.session import folders

root, log = Path(snakemake.params.root), Path(snakemake.log[0])
try:
    update = one_tables.update(root, folders.discover(root))
    counted = f"ONE tables of {root}: {update.n_sessions} sessions brought up to date."
    said = "\n".join((*update.left_out, counted))
except DataError as error:
    log.write_text(str(error), encoding="utf-8", errors="backslashreplace")
    sys.exit(str(error))
log.write_text(said, encoding="utf-8", errors="backslashreplace")
print(said, file=sys.stderr)
done = Path(snakemake.output.done)
for earlier in done.parent.iterdir():
    earlier.unlink()
done.touch()
