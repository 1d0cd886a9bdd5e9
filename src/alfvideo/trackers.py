"""The trackers: one row for each pose engine, from which all that is named after it comes.

It stands beside `configuration`, above the packages, and imports nothing of alfvideo: the
configuration, the names of datasets, planning, checks, pictures and views all read it, and
`pose.cascades` imports the configuration, so that a table inside `pose` would be in a circle.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Tracker:
    """A pose engine: its names, its rules, its environment, and what is particular about it."""

    name: str
    """In the configuration, in the attribute of its datasets and in the keys of its QC. It is the
    column of its poses in the table of pending work, too."""
    label: str
    """Its name for people."""
    rule: str
    """The rule that tracks; the names of its environment, features and checks are made from it."""
    short: str
    """Beginning of the names of its picture and of the columns of its checks."""
    project: str
    """Folder of its locked project in `envs`, and beginning of the name of its environment."""
    engine: str
    """Module of `pose.engines` that runs in that environment: `load`, and `smooth` if it
    `smooths_ensembles`."""
    models: str
    """Module of `pose.engines` that finds the files of a model and what they say of it: `files` and
    `facts`. The scan for pending work imports it, without any package of the engine."""
    imports: tuple[str, ...]
    """Modules that can be imported if the environment is whole."""
    requires: tuple[str, ...]
    """Distributions and their supported versions, the engine itself first."""
    clash: tuple[str, ...] = ()
    """Requirements that must not all be met together."""
    smooths_ensembles: bool = False
    """True if its environment has the smoothers that take several models."""
    checks_pupil_and_paws: bool = False
    """True if pupil and paws are checked. ibllib does so for DeepLabCut only, and outcomes have to
    be those of ibllib."""
    ignored_checks: tuple[str, ...] = ()
    """Checks that do not count for the overall outcome, as in ibllib."""
    cited: tuple[str, ...] = ()
    """Keys in `views/methods/references.bib` of what a paper cites for it."""
    version: int = 1
    """Of the algorithm: raised when poses of the same video and models change."""

    @property
    def distributions(self) -> tuple[str, ...]:
        """The names of the distributions that it `requires`.

        >>> TRACKERS["lightningPose"].distributions
        ('lightning-pose', 'ensemble-kalman-smoother', 'torch')
        """
        return tuple(re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in self.requires)

    @property
    def environment_rule(self) -> str:
        """The rule that prepares its environment."""
        return f"{self.rule}_environment"

    @property
    def features_rule(self) -> str:
        """The rule that makes features from its poses."""
        return f"ephys_post_{self.rule}"

    @property
    def qc_rule(self) -> str:
        """The rule that checks its poses."""
        return f"{self.rule}_qc"

    @property
    def qc_stage(self) -> str:
        """The column of its checks in the table of pending work."""
        return f"{self.short}QC"

    @property
    def picture_rule(self) -> str:
        """The rule that draws its picture of a session, which is the name of the file, too."""
        return f"{self.short}_qc_plot"

    @property
    def picture_stage(self) -> str:
        """The column of its picture in the table of pending work."""
        return f"{self.short}Plot"

    @property
    def picture_title(self) -> str:
        """The title of its picture in reports and on Alyx."""
        return f"Pose by {self.label}"


# Before torch 2.6 a checkpoint could run programs although only weights were asked for.
_ROWS = (
    Tracker(
        name="dlc",
        label="DeepLabCut",
        rule="dlc",
        short="dlc",
        project="dlc",
        engine="dlc",
        models="dlc_models",
        imports=("deeplabcut.pose_estimation_pytorch",),
        requires=("deeplabcut>=3,<4", "torch>=2.6"),
        checks_pupil_and_paws=True,
        ignored_checks=("pupil_diameter_snr",),
        cited=("mathis2018", "lauer2022"),
    ),
    Tracker(
        name="lightningPose",
        label="Lightning Pose",
        rule="lightning_pose",
        short="lp",
        project="litpose",
        engine="litpose",
        models="litpose_models",
        imports=("lightning_pose.models", "eks.core"),
        requires=("lightning-pose>=2", "ensemble-kalman-smoother>=4", "torch>=2.6"),
        # The heatmaps are then flat, without an error.
        clash=("lightning-pose<2.4.3", "kornia>=0.9"),
        smooths_ensembles=True,
        cited=("biderman2024",),
    ),
)

TRACKERS = {tracker.name: tracker for tracker in _ROWS}
"""By name."""
