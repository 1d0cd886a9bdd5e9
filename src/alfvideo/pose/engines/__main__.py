"""Run the networks of one engine on frames that come on standard input; poses go to the output.

Started by `alfvideo.pose.engine`, which also says what each message means.
"""

import importlib
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from alfvideo.pose import messages
from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Batched, no_memory

ENGINES = {
    "dlc": ("alfvideo.pose.engines.dlc", ("deeplabcut", "torch")),
    "lightningPose": (
        "alfvideo.pose.engines.litpose",
        ("lightning-pose", "ensemble-kalman-smoother", "torch"),
    ),
}
"""Module and distributions of each engine."""


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
    if start["threads"]:
        torch.set_num_threads(start["threads"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module, distributions = ENGINES[start["engine"]]
    engine = importlib.import_module(module)
    messages.send(replies, {"started": True})
    try:
        networks = {
            name: Batched(engine.load(Path(model), device), device)
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
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
            "software": {name: version(name) for name in distributions},
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
        batched = networks[request["network"]]
        frames = arrays["frames"]
        if frames.ndim == 3:
            frames = np.broadcast_to(frames[..., None], (*frames.shape, 3))
        poses = batched.predict(frames)
        messages.send(replies, {"batch": batched.batch}, poses=poses)


if __name__ == "__main__":
    main()
