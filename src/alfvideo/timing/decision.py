"""The timing of a camera as far as a person decided on it, in a small file of the session."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from alfvideo.files import yaml_model
from alfvideo.files.errors import DataError
from alfvideo.files.yaml_model import Model, key

FILE = "camera_timing.yaml"
"""The file, in the folder of the session: a mapping of labels of cameras to decisions."""

Method = Literal["gpio", "clock", "wheel", "pulses"]


class Decision(Model):
    """Decisions about one camera; what is None is found as usual."""

    channel: Annotated[
        int | None, key("the number of the DAQ channel with the camera's pulses", ge=0)
    ] = None
    line: Annotated[
        int | str | None,
        key("the name or number of the DAQ channel that is wired to the camera's GPIO"),
    ] = None
    pin: Annotated[int | None, key("a GPIO pin of the camera, 1 to 4", ge=1, le=4)] = None
    inverted: Annotated[
        bool | None, key("true if the pin falls where the line rises, else false")
    ] = None
    start: Annotated[
        int | None,
        key("the number of the first frame's pulse: 0 is the first, -2 if two are missing"),
    ] = None
    method: Annotated[Method | None, key(f"one of {', '.join(get_args(Method))}")] = None
    reason: Annotated[str, key("a text: who decided, and why")] = ""

    @property
    def _decided(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, exclude={"reason"})

    def ignores(self, witness: Literal["gpio", "clock"]) -> bool:
        """Return whether a witness is not heard because a person chose another."""
        return self.method not in (None, witness)

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence that says what was decided; none if nothing was."""
        if not self._decided:
            return ()
        listed = ", ".join(f"{name} {value}" for name, value in self._decided.items())
        return (f"A person decided in {FILE}: {listed}.{self.reason and f' Why: {self.reason}'}",)

    def check_used(self, *names: str) -> None:
        """See that nothing was decided but what has a meaning on the kind of rig.

        Raises
        ------
        DataError
            If something else was.
        """
        if unused := [name for name in self._decided if name not in names]:
            raise DataError(
                f"{FILE}: `{unused[0]}` means nothing on this kind of rig. Remove it or use one "
                f"of: {', '.join(names)}."
            )


UNDECIDED = Decision()


def load(files: Iterable[Path], camera: str) -> Decision:
    """Read what was decided about a camera.

    Parameters
    ----------
    files
        The file of the session, if it is there.
    camera
        Label of the camera.

    Raises
    ------
    DataError
        If the file cannot be read, or has a key or a value that means nothing.
    """
    for path in files:
        return _parsed(yaml_model.load(path, str(path)).get(camera), camera, path)
    return UNDECIDED


def check(path: Path, cameras: Collection[str]) -> None:
    """See that all decisions of a file can be read, and are about cameras that the session has.

    Raises
    ------
    DataError
        With what is wrong.
    """
    for label, decided in yaml_model.load(path, str(path)).items():
        if label not in cameras:
            raise DataError(
                f"{path}: `{label}` is no camera of the session. Use one of: "
                f"{', '.join(cameras) or 'none'}."
            )
        _parsed(decided, label, path)


def _parsed(decided: Any, camera: str, path: Path) -> Decision:
    if decided is None:
        return UNDECIDED
    if not isinstance(decided, dict):
        raise DataError(
            f"{path}: `{camera}` is {decided!r} but must be a mapping. Write what was decided "
            "below it, one `key: value` a line."
        )
    return yaml_model.parse(Decision, decided, f"{path} ({camera})")
