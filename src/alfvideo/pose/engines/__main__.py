"""Run the networks of one engine on frames that come on standard input; poses go to the output.

Started by `alfvideo.pose.engine`, which also says what each message means.
"""

import importlib
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfvideo.pose import messages
from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Batched, no_memory
from alfvideo.trackers import TRACKERS, Tracker

if TYPE_CHECKING:
    import torch


def main() -> None:
    """Answer messages until standard input ends."""
    requests = os.fdopen(sys.stdin.fileno(), "rb", closefd=False)
    # Libraries print to the standard output; here they print to the log.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(requests, replies)
    except EngineError as error:
        messages.send(replies, {"error": str(error)})
        sys.exit(1)


def serve(requests: messages.Readable, replies: messages.Writable) -> None:
    """Load the networks that the first message names, then predict for each further message."""
    start, _ = messages.receive(requests)
    tracker = TRACKERS[start["engine"]]
    device, device_name = _device(tracker, start["threads"])
    engine = importlib.import_module(f"alfvideo.pose.engines.{tracker.engine}")
    messages.send(replies, {"started": True})
    try:
        networks = {
            name: Batched(engine.load(Path(model), device, start.get("trusted", ())), device)
            for name, model in start["models"].items()
        }
    except RuntimeError as error:
        if no_memory(error):
            raise EngineError(
                "The GPU has not enough free memory for the models. End other programs that use "
                "it, or run on the CPU with CUDA_VISIBLE_DEVICES=''."
            ) from None
        raise
    messages.send(
        replies,
        {
            "device": device_name,
            "software": {name: version(name) for name in tracker.distributions},
            "networks": {
                name: {"parts": batched.network.parts, "context": batched.network.context}
                for name, batched in networks.items()
            },
        },
    )
    while True:
        try:
            request, arrays = messages.receive(requests)
        except EOFError:
            return
        if "smooth" in request:
            reply, result = engine.smooth(request["smooth"], arrays["poses"])
            messages.send(replies, reply, smoothed=result)
            continue
        if "own" in request:
            poses = engine.own(Path(request["own"]), Path(request["clip"]), device)
            messages.send(replies, {}, **({} if poses is None else {"poses": poses}))
            continue
        batched = networks[request["network"]]
        frames = arrays["frames"]
        if frames.ndim == 3:
            frames = np.broadcast_to(frames[..., None], (*frames.shape, 3))
        poses = batched.predict(frames)
        messages.send(replies, {"batch": batched.batch}, poses=poses)


def _device(tracker: Tracker, threads: int) -> tuple["torch.device | None", str]:
    """Return what PyTorch computes on, None for an engine without it, and the name for people."""
    if "torch" not in tracker.distributions:
        return None, "CPU"
    import torch

    if threads:
        torch.set_num_threads(threads)
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.cuda.get_device_name()
    return torch.device("cpu"), "CPU"


if __name__ == "__main__":
    main()
