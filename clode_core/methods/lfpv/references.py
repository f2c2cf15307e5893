r"""Learnable feature patches and vectors (LFPV): references that any encoder-decoder learns and asks.

A plug-in for networks trained on pairs (Xu et al., "Learnable feature patches and vectors for boosting
low-light image enhancement without external knowledge", ICCV 2023). It holds :math:`l` reference vectors
:math:`C_v \in R^{l \times c}` and patches :math:`C_p \in R^{l \times (c k k)}`; a feature :math:`f` asks them
by attention and adds what it is told:

.. math::
    \bar f = \mathrm{softmax}(\hat f C_v^T / \sqrt c)\, C_v, \quad
    \bar f' = \mathrm{softmax}(\hat f_{k \times k} C_p^T / \sqrt{c k k})\, C_p, \quad
    f' = f + \gamma_v \bar f + \gamma_p \bar f'

with a gate per channel, :math:`\gamma`, that starts at zero, so that a new plug-in changes nothing. A query
:math:`\hat f` is a feature over its root mean square: a faint feature would ask all references alike.

In training the references are nodes of a graph with learned identities :math:`e_j`. Two small networks
propose updates, from the descriptors :math:`f_d` of the samples at hand and from one node to another, in
rounds :math:`o = 0 \dots O - 1`:

.. math::
    \Delta C_{jd} = S(f_d \oplus C_j \oplus e_j), \quad
    \wedge C_{jh} = M(C_j \oplus C_h \oplus e_j \oplus e_h), \quad
    C_j^{o+1} = C_j^o + \sum_d \Delta C_{jd} + \sum_h \wedge C_{jh}

Both networks end in tanh, times a step that is divided by the number of summands: a round moves no number by
more than twice the step, whatever the batch and :math:`l`.

How updates reach what is stored
--------------------------------
The references are parameters. A training step runs the network twice: with the updated references
:math:`C^O`, which gives :math:`\hat I`, and with the stored ones, which gives :math:`\bar I`. Both terms of
the loss :math:`L(\hat I, I) + \lambda L(\bar I, I)` reach the stored references, the first through all
rounds, since :math:`C^O = C + \dots`. A further term, the mean of :math:`(C - C^O)^2` with :math:`C^O` held
constant, draws what is stored to what the updaters make of it: a moving average by gradient. One more, the
mean of :math:`(C^O - C)^2`, keeps updates small. So every number that inference uses is an ordinary
parameter, which the optimiser, averaged weights, checkpoints and several devices treat like any other, and
:math:`\bar I` is exactly what is computed when the updaters are gone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Update(NamedTuple):
    """References as stored and as updated for a batch, both (l, n)."""

    stored: Tensor
    updated: Tensor


_updates: ContextVar[list[Update] | None] = ContextVar("_updates", default=None)


@contextmanager
def updating_references() -> Iterator[list[Update]]:
    """While this lasts, plug-ins that have updaters ask updated references; gives a list of all updates."""
    updates: list[Update] = []
    token = _updates.set(updates)
    try:
        yield updates
    finally:
        _updates.reset(token)


@dataclass(frozen=True)
class UpdaterOptions:
    """Size of the updaters.

    Attributes
    ----------
    rounds : int
        Number of rounds, ``O``.
    identity : int
        Length of the identity embeddings ``e_j``.
    hidden : int
        Hidden units of ``S`` and of ``M``.
    step : float
        Half the most that a round moves a number.
    """

    rounds: int = 1
    identity: int = 16
    hidden: int = 32
    step: float = 0.1


class Perceptron(nn.Module):
    """Two layers, ReLU and tanh, on the concatenation of parts (..., n_i) that are broadcast to each other.

    The first layer is linear, so it is applied to every part before the broadcast, and the concatenation is
    never built.
    """

    def __init__(self, sizes: tuple[int, ...], hidden: int, outputs: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.first = nn.Linear(sum(sizes), hidden)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, *parts: Tensor) -> Tensor:
        """Numbers in (-1, 1), (..., outputs)."""
        weights = torch.split(self.first.weight, list(self.sizes), 1)
        hidden: Tensor = self.first.bias
        for part, weight in zip(parts, weights, strict=True):
            hidden = hidden + F.linear(part, weight)
        return torch.tanh(self.last(F.relu(hidden)))


class Updaters(nn.Module):
    """Sample Updater ``S`` and Mutual Updater ``M`` of one set of references; only training needs them.

    Parameters
    ----------
    count, size : int
        Number of references, ``l``, and of the numbers in each, ``n``.
    options : UpdaterOptions
        Their own size.
    """

    def __init__(self, count: int, size: int, options: UpdaterOptions) -> None:
        super().__init__()
        self.options = options
        self.identities = nn.Parameter(torch.randn(count, options.identity))
        identity = options.identity
        self.sample = Perceptron((size, size, identity), options.hidden, size)
        self.mutual = Perceptron((size, size, identity, identity), options.hidden, size)

    def sample_updates(self, nodes: Tensor, descriptors: Tensor) -> Tensor:
        """Updates of nodes (l, n) by descriptors (D, n), (D, l, n): ``S(f_d + C_j + e_j)`` concatenated."""
        update: Tensor = self.sample(descriptors[:, None], nodes[None], self.identities[None])
        return update * (self.options.step / len(descriptors))

    def mutual_updates(self, nodes: Tensor) -> Tensor:
        """Updates of node j by node h, (l, l, n): ``M(C_j + C_h + e_j + e_h)`` concatenated."""
        e = self.identities
        update: Tensor = self.mutual(nodes[:, None], nodes[None], e[:, None], e[None])
        return update * (self.options.step / len(nodes))

    def forward(self, nodes: Tensor, descriptors: Tensor) -> Tensor:
        """The nodes (l, n) after all rounds."""
        for _ in range(self.options.rounds):
            nodes = nodes + self.sample_updates(nodes, descriptors).sum(0) + self.mutual_updates(nodes).sum(1)
        return nodes


def attention(queries: Tensor, nodes: Tensor) -> Tensor:
    r"""Share of every reference in the answer to a query, :math:`\mathrm{softmax}(\hat q C^T / \sqrt n)`.

    Parameters
    ----------
    queries : Tensor
        (..., n); :math:`\hat q` is a query over its own root mean square.
    nodes : Tensor
        (l, n).

    Returns
    -------
    Tensor
        (..., l), which sum to 1.
    """
    scores = F.rms_norm(queries, queries.shape[-1:]) @ nodes.T / math.sqrt(nodes.shape[-1])
    return scores.softmax(-1)


def attend(queries: Tensor, nodes: Tensor) -> Tensor:
    """What references (l, n) answer to queries (..., n): their mean, weighted by `attention`; (..., n)."""
    nodes = nodes.to(queries.dtype)
    return attention(queries, nodes).to(queries.dtype) @ nodes


def ask_vectors(feature: Tensor, nodes: Tensor) -> Tensor:
    """Ask vectors (l, c) at every position of a feature (B, c, H, W); same shape."""
    return attend(feature.movedim(1, -1), nodes).movedim(-1, 1)


def ask_patches(feature: Tensor, nodes: Tensor, patch: int) -> Tensor:
    """Ask patches (l, c * k * k) in the k x k blocks of a feature (B, c, H, W); same shape.

    The blocks lie side by side from the top left. Sides that `patch` does not divide are continued by
    replication, and what that adds is cut off again.
    """
    height, width = feature.shape[-2:]
    padded = F.pad(feature, (0, -width % patch, 0, -height % patch), mode="replicate")
    blocks = F.unfold(padded, patch, stride=patch)
    answers = attend(blocks.movedim(1, -1), nodes).movedim(-1, 1)
    whole = F.fold(answers, tuple(padded.shape[-2:]), patch, stride=patch)
    return whole[..., :height, :width]


class LearnableReferences(nn.Module):
    """Vectors and patches that boost one feature of a network.

    Parameters
    ----------
    channels : int
        Channels ``c`` of the feature.
    count : int
        Number ``l`` of vectors, and of patches.
    patch : int
        Side ``k`` of a patch in feature pixels.

    Attributes
    ----------
    vectors, patches : Parameter
        ``C_v`` (l, c) and ``C_p`` (l, c * k * k).
    gates : Parameter
        (2, c), how much of either answer each channel takes.
    updaters : ModuleDict or None
        Those of the vectors and of the patches, in training.
    """

    def __init__(self, channels: int, count: int = 52, patch: int = 2) -> None:
        super().__init__()
        self.patch = patch
        self.vectors = nn.Parameter(torch.randn(count, channels))
        self.patches = nn.Parameter(torch.randn(count, channels * patch * patch))
        self.gates = nn.Parameter(torch.zeros(2, channels))
        self.updaters: nn.ModuleDict | None = None

    def add_updaters(self, options: UpdaterOptions) -> None:
        """Prepare for training."""
        self.updaters = nn.ModuleDict(
            {
                "vectors": Updaters(len(self.vectors), self.vectors.shape[1], options),
                "patches": Updaters(len(self.patches), self.patches.shape[1], options),
            }
        )

    def descriptors(self, feature: Tensor) -> dict[str, Tensor]:
        """Means that stand for the samples of a feature (B, c, H, W): (B, c) and (B, c * k * k)."""
        return {
            "vectors": feature.mean((2, 3)),
            "patches": F.adaptive_avg_pool2d(feature, self.patch).flatten(1),
        }

    def references(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """``C_v`` and ``C_p``: as stored, or updated within `updating_references`."""
        updates = _updates.get()
        if updates is None or self.updaters is None:
            return self.vectors, self.patches
        made = {
            name: Update(getattr(self, name), self.updaters[name](getattr(self, name), descriptor))
            for name, descriptor in self.descriptors(feature).items()
        }
        updates += made.values()
        return made["vectors"].updated, made["patches"].updated

    def forward(self, feature: Tensor) -> Tensor:
        """Boost a feature (B, c, H, W)."""
        vectors, patches = self.references(feature)
        by_vector, by_patch = self.gates.to(feature.dtype)[..., None, None]
        answers = by_vector * ask_vectors(feature, vectors) + by_patch * ask_patches(
            feature, patches, self.patch
        )
        boosted: Tensor = feature + answers
        return boosted

    def boost(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """Forward hook: boost what a module gives."""
        boosted: Tensor = self(output)
        return boosted


def attach(backbone: nn.Module, where: str, plug_in: LearnableReferences, name: str = "references") -> None:
    """Let a plug-in boost what a submodule of any network gives.

    The plug-in becomes a submodule of the network, so it is saved, moved, copied and trained with it.

    Parameters
    ----------
    backbone : Module
        The network; changed in place.
    where : str
        Name of its submodule, as in ``named_modules``, whose output is the feature (B, c, H, W).
    plug_in : LearnableReferences
        With as many channels as the feature.
    name : str
        Name of the plug-in in the network; one for each.

    Raises
    ------
    ValueError
        If there is no such submodule, or the name is taken.
    """
    try:
        target = backbone.get_submodule(where)
    except AttributeError:
        known = ", ".join(n for n, _ in backbone.named_modules() if n)
        raise ValueError(f"the network has no submodule {where!r}: choose one of {known}") from None
    if hasattr(backbone, name):
        raise ValueError(f"the network has a {name!r} already: give another name")
    backbone.add_module(name, plug_in)
    target.register_forward_hook(plug_in.boost)  # a bound method: a copy of the network hooks its own plug-in


def plug_ins(network: nn.Module) -> dict[str, LearnableReferences]:
    """All learnable references in a network, by name."""
    return {name: m for name, m in network.named_modules() if isinstance(m, LearnableReferences)}


def add_updaters(network: nn.Module, options: UpdaterOptions | None = None) -> None:
    """Prepare all plug-ins of a network for training."""
    for plug_in in plug_ins(network).values():
        plug_in.add_updaters(options or UpdaterOptions())


def inference_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network without the updaters of its plug-ins."""
    training_only = tuple(f"{name}.updaters.".lstrip(".") for name in plug_ins(network))
    return {name: x for name, x in network.state_dict().items() if not name.startswith(training_only)}


def added_parameters(network: nn.Module) -> int:
    """Number of parameters that learnable references add to a network at inference."""
    return sum(
        sum(x.numel() for x in inference_state(plug_in).values()) for plug_in in plug_ins(network).values()
    )
