"""Builds Lightning Pose's transformer backbones from configurations, without fetching weights.

Lightning Pose fetches the weights that such a backbone started from even when it then loads a
checkpoint, which holds all of them. Only the shapes are needed.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import transformers

_HEAD = 64
"""Channels of each attention head, in all of these but SAM 2."""


def _vit(width: int) -> Any:
    return transformers.ViTConfig(
        hidden_size=width, num_attention_heads=width // _HEAD, intermediate_size=4 * width
    )


def _dinov2(width: int) -> Any:
    return transformers.Dinov2Config(
        hidden_size=width, num_attention_heads=width // _HEAD, image_size=518, patch_size=14
    )


def _dinov3(width: int) -> Any:
    return transformers.DINOv3ViTConfig(
        hidden_size=width,
        num_attention_heads=width // _HEAD,
        intermediate_size=4 * width,
        num_register_tokens=4,
    )


def _sam2(**hiera: Any) -> Any:
    backbone = transformers.Sam2HieraDetConfig(**hiera)
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=backbone.embed_dim_per_stage[::-1]
    )
    return transformers.Sam2Config(vision_config=vision)


CONFIGURATIONS: dict[str, Callable[[], Any]] = {
    "facebook/dino-vits16": lambda: _vit(384),
    "facebook/dino-vitb16": lambda: _vit(768),
    "facebook/vit-mae-base": lambda: _vit(768),
    "facebook/dinov2-small": lambda: _dinov2(384),
    "facebook/dinov2-base": lambda: _dinov2(768),
    "facebook/dinov3-vits16-pretrain-lvd1689m": lambda: _dinov3(384),
    "facebook/dinov3-vitb16-pretrain-lvd1689m": lambda: _dinov3(768),
    "facebook/sam-vit-base": lambda: transformers.SamConfig(),
    "facebook/sam2.1-hiera-tiny": lambda: _sam2(),
    "facebook/sam2.1-hiera-small": lambda: _sam2(
        blocks_per_stage=[1, 2, 11, 2], global_attention_blocks=[7, 10, 13]
    ),
    "facebook/sam2.1-hiera-base-plus": lambda: _sam2(
        hidden_size=112,
        embed_dim_per_stage=[112, 224, 448, 896],
        num_attention_heads_per_stage=[2, 4, 8, 16],
        blocks_per_stage=[2, 3, 16, 3],
        global_attention_blocks=[12, 16, 20],
        window_positional_embedding_background_size=[14, 14],
        num_attention_heads=2,
    ),
}
"""Shapes of the public models that Lightning Pose starts from, by their names there."""


@contextmanager
def without_fetching() -> Iterator[None]:
    """Let the classes of transformers build a network with random weights where they fetch one."""
    makers: dict[str, Callable[..., Any]] = {
        "AutoModel": transformers.AutoModel.from_config,
        "SamModel": transformers.SamModel,
        "ViTModel": transformers.ViTModel,
    }

    def made_by(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda name, **options: make(CONFIGURATIONS[name](), **options)

    with ExitStack() as stack:
        for name, make in makers.items():
            stack.enter_context(
                patch.object(getattr(transformers, name), "from_pretrained", made_by(make))
            )
        yield
