"""The files that a model of Lightning Pose is made of, and the body parts that it finds."""

import re
from pathlib import Path

import yaml

from alfvideo.pose.engines.error import EngineError
from alfvideo.pose.engines.network import Files

CONFIGS = ("config.yaml", ".hydra/config.yaml")
"""Where Lightning Pose 2 and 1 keep the configuration of a model."""


def files(model: Path) -> Files:
    """Return the checkpoint that is taken of a model folder, and its configuration.

    Raises
    ------
    EngineError
        If there is none.
    """
    configs = [model / name for name in CONFIGS if (model / name).is_file()]
    return Files(find_checkpoint(model), configs[0] if configs else None)


def body_parts(config: Path) -> list[str]:
    """List the body parts of a configuration."""
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    return list(map(str, content["data"]["keypoint_names"]))


def find_checkpoint(model: Path) -> Path:
    """Find the checkpoint that Lightning Pose itself would take.

    That is: the last training (`version_*`), there the one marked as best, then the last step.
    """
    checkpoints = sorted(model.glob("tb_logs/**/checkpoints/*.ckpt"))
    if not checkpoints:
        raise EngineError(
            f"The model folder {model} holds no checkpoint (tb_logs/**/checkpoints/*.ckpt): its "
            "training has not finished or the folder was copied in part. Copy all of it."
        )

    def number(pattern: str, path: Path) -> int:
        found = re.findall(pattern, str(path.relative_to(model)))
        return int(found[-1]) if found else -1

    return max(
        checkpoints,
        key=lambda path: (
            number(r"version_(\d+)", path),
            "-best" in path.name,
            number(r"step=(\d+)", path),
        ),
    )
