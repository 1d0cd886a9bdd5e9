"""A pose engine as a process in an environment of its own: frames go there, poses come back."""

import logging
import os
import subprocess
import threading
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from alfvideo.array_types import Floats, Image, Numbers
from alfvideo.files import signals
from alfvideo.files.errors import DataError, MachineError
from alfvideo.pose import environment, messages

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parents[1]
_START = """
import importlib.util, runpy, sys
spec = importlib.util.spec_from_file_location("alfvideo", sys.argv[1])
sys.modules["alfvideo"] = importlib.util.module_from_spec(spec)
runpy.run_module("alfvideo.pose.engines", run_name="__main__")
"""
"""Of alfvideo's environment the engine sees alfvideo alone, and not the packages beside it."""
_LAST_LINES = 60


class Loaded(NamedTuple):
    """The properties of a network that an engine has loaded.

    `context` is the number of frames that it needs before and after the one it looks at.
    """

    parts: list[str]
    context: int


class Engine:
    """Networks of one tracker, loaded in its environment; a context manager.

    Attributes:
        device: name of the GPU, or CPU.
        software: versions of the engine's packages.
        networks: what was loaded, by the name of each model.
        batches: number of frames that each network takes at a time.
        notes: sentences on what the engine did otherwise than asked.
    """

    def __init__(
        self,
        python: Path,
        tracker: str,
        models: Mapping[str, str],
        threads: int,
        device: str | None = None,
        trusted: Collection[str] = (),
    ) -> None:
        """Start the process and load the models, by name: paths of folders or files.

        `device` is the value of CUDA_VISIBLE_DEVICES for it; None: as it is. `trusted` holds the
        SHA-256 of model files that may hold more than weights.

        Raises
        ------
        DataError
            If the engine does not start, or a model cannot be loaded.
        """
        variables = {
            # Threads that wait for others soon sleep: spinning, as OpenMP does, takes from other
            # programs what these then lack (4 to 5 times as slow beside two busy processes).
            "GOMP_SPINCOUNT": "1000",
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
        }
        if device is not None:
            variables["CUDA_VISIBLE_DEVICES"] = device
        variables.pop("PYTHONPATH", None)
        # Engines import thousands of modules; cached bytecode makes that three times as fast.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        self._process = subprocess.Popen(
            [python, "-c", _START, _PACKAGE / "__init__.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
        )
        assert isinstance(self._process.stdin, BufferedWriter)
        assert isinstance(self._process.stdout, BufferedReader)
        assert self._process.stderr is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        self._messages = self._process.stderr
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.batches: dict[str, int] = {}
        self.notes: list[str] = []
        self._not_started: tuple[str, str] | None = (
            f"in {python}",
            environment.advice_on(python, tracker),
        )
        try:
            start = {"engine": tracker, "models": dict(models), "threads": threads}
            self._ask({**start, "trusted": list(trusted)})
            self._not_started = None
            reply, _ = self._answer()
        except BaseException:
            self._end()
            raise
        self.device: str = reply["device"]
        self.software: dict[str, str] = reply["software"]
        log.debug("device: %s", f"{self.device} {device or ''}".strip())
        if device and self.device == "CPU":
            self.notes.append(f"The GPU {device} cannot be used by PyTorch: tracked on the CPU.")
        self.networks = {name: Loaded(**described) for name, described in reply["networks"].items()}

    def predict(self, model: str, frames: Image) -> Floats:
        """Predict poses (n, n_parts, 3) float64; pictures (n + 2 * context, height, width[, 3]).

        x and y are pixels of the pictures, then the likelihood.
        """
        reply, arrays = self._ask({"network": model}, frames=frames)
        n_frames = len(frames) - 2 * self.networks[model].context
        batch = reply["batch"] or self.batches.get(model) or n_frames
        if batch != self.batches.get(model):
            self.batches[model] = batch
            log.debug("%s: %d frames at a time", model, batch)
        return arrays["poses"]

    def own(self, model: str, path: str, clip: Path) -> Floats | None:
        """Predict poses (n, n_parts, 3) of a clip by the engine's own command, None without one.

        `model` is the name of a model that was loaded from the path.
        """
        _, arrays = self._ask({"own": path, "network": model, "clip": str(clip)})
        return arrays.get("poses")

    def smooth(self, settings: Mapping[str, Any], poses: Floats) -> tuple[list[str], Floats]:
        """Smooth the poses of an ensemble (n_members, n, n_parts, 3).

        Returns the names of the columns of each part and their values (n, n_parts, n_columns).
        """
        reply, arrays = self._ask({"smooth": dict(settings)}, poses=poses)
        self.notes += reply["notes"]
        return reply["columns"], arrays["smoothed"]

    def _ask(
        self, request: dict[str, Any], **arrays: Numbers
    ) -> tuple[dict[str, Any], dict[str, Numbers]]:
        try:
            messages.send(self._requests, request, **arrays)
        except BrokenPipeError:
            raise self._ended() from None
        return self._answer()

    def _answer(self) -> tuple[dict[str, Any], dict[str, Numbers]]:
        try:
            reply, answered = messages.receive(self._replies)
        except EOFError:
            raise self._ended() from None
        if "error" in reply:
            raise DataError(reply["error"])
        return reply, answered

    def _ended(self) -> DataError:
        status = self._process.wait()
        self._listener.join(timeout=5)
        log.error("The last lines of the engine:\n%s", "\n".join(self._said))
        if status < 0:
            return MachineError(signals.sentence("The pose engine", -status))
        why = self._said[-1] if self._said else "it said nothing"
        if self._not_started:
            where, advice = self._not_started
            return DataError(f"The pose engine cannot start {where}: {why}. {advice}")
        return DataError(
            f"The pose engine ended unexpectedly: {why}. Its last lines are in the log."
        )

    def _listen(self) -> None:
        for line in self._messages:
            self._said.append(line.decode(errors="replace").rstrip())

    def _end(self) -> None:
        # What it was not given any more if it has ended by itself.
        with suppress(BrokenPipeError):
            self._requests.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._end()
