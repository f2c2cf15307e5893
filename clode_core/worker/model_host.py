"""The model of a worker, and the pictures that it is asked to expose."""

from __future__ import annotations

import copy
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from clode_core.methods.clode.model import Model
    from clode_core.methods.clode.trajectory import Trajectory

T = TypeVar("T")


class RequestError(Exception):
    """What cannot be done; the message is one sentence for the person who asked."""


class Picture:
    """A picture that arrives in bands of rows, and its trajectory once it is whole.

    Parameters
    ----------
    height, width, channels : int
        Shape; 2 and 4 channels are grey and RGB with alpha.
    """

    def __init__(self, height: int, width: int, channels: int) -> None:
        try:
            self.pixels: NDArray[np.float32] = np.empty((height, width, channels), np.float32)
        except (MemoryError, ValueError):
            raise RequestError(f"not enough memory for a picture of {width} x {height} pixels") from None
        self.filled = 0
        self._solved: tuple[Model, Trajectory] | None = None
        self._reduced: tuple[int, Trajectory] | None = None

    def fill(self, first: int, count: int, data: bytes | memoryview) -> None:
        """Store the next rows."""
        height, width, channels = self.pixels.shape
        if first != self.filled or not 1 <= count <= height - first:
            raise RequestError(f"rows {first} to {first + count} do not follow the {self.filled} before them")
        if len(data) != count * width * channels * 4:
            raise RequestError(f"{count} rows of this picture are not {len(data)} bytes")
        rows = np.frombuffer(data, "<f4").reshape(count, width, channels)
        self.pixels[first : first + count] = rows
        self.filled += count

    def path(self, model: Model) -> Trajectory:
        """Give the trajectory of the picture, solved once for a model."""
        if self.filled < len(self.pixels):
            raise RequestError(f"only {self.filled} of {len(self.pixels)} rows of the picture have arrived")
        if self._solved is None or self._solved[0] is not model:
            # White is 1 in a front end, whatever lies beyond it.
            self._solved = model, model.solve(self.pixels, rgb=True, levels=(0.0, 1.0))
            self._reduced = None
        return self._solved[1]

    def reduced(self, model: Model, long_side: int) -> Trajectory:
        """Give the trajectory on a smaller copy, made once for a size."""
        path = self.path(model)
        if self._reduced is None or self._reduced[0] != long_side:
            self._reduced = long_side, path.reduced(long_side)
        return self._reduced[1]


class ModelHost:
    """The model, loaded in the background, and the one place where it is used.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "mps".
    """

    def __init__(self, device: str = "auto") -> None:
        self.broken = False
        self._device = device
        self._model: Model | None = None
        self._trouble = ""
        self._ready = threading.Event()
        self._at_work = threading.Lock()

    def start(self) -> None:
        """Begin to load the model."""
        threading.Thread(target=self._load, daemon=True).start()

    def _load(self) -> None:
        try:
            from clode_core.methods.clode.model import load_model

            self._model = load_model(device=self._device)
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            self._trouble = f"CLODE cannot load its model: {' '.join(str(error).split())[:500]}"
            self.broken = True
        finally:
            self._ready.set()

    def model(self) -> Model:
        """Wait for the model."""
        self._ready.wait()
        if self._model is None:
            raise RequestError(self._trouble)
        return self._model

    def work(self, compute: Callable[[Model], T]) -> T:
        """Compute something with the model; on the CPU where the accelerator has too little memory."""
        model = self.model()
        import torch

        with self._at_work:
            try:
                return compute(model)
            except torch.OutOfMemoryError:
                if model.device.type == "cpu":
                    raise RequestError("not enough memory for this picture") from None
                print(f"{model.device} ran out of memory: going on with the CPU", file=sys.stderr, flush=True)
                self._model = copy.deepcopy(model).to("cpu")
                return compute(self._model)
            except MemoryError:
                raise RequestError("not enough memory for this picture") from None
            except RuntimeError as error:
                if "DefaultCPUAllocator" not in str(error):
                    raise
                raise RequestError("not enough memory for this picture") from None


def for_screen(shown: NDArray[Any]) -> tuple[int, bytes]:
    """Number of channels (RGB or RGBA) and 8-bit intensities of a picture (Y, X, C) from 0 to 1."""
    clean = np.nan_to_num(shown, nan=0.0, posinf=1.0, neginf=0.0)
    eight = np.rint(np.clip(clean, 0, 1) * 255).astype(np.uint8)
    if eight.shape[-1] <= 2:
        eight = np.concatenate([eight[..., :1]] * 3 + [eight[..., 1:]], -1)
    return eight.shape[-1], eight.tobytes()
