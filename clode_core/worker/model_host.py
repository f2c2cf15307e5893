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

from clode_core.worker.link.frames import SAMPLE_BYTES

if TYPE_CHECKING:
    from clode_core.methods.clode.model import Model
    from clode_core.methods.clode.trajectory import Trajectory

T = TypeVar("T")

_DTYPES = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
_WIRE = {"u8": "u1", "u16": "<u2", "f32": "<f4"}
_PART_SIDE = 256  # of the means that the automatic time of a part is judged from
_HALF = 128


class RequestError(Exception):
    """What cannot be done; the message is one sentence for the person who asked."""


class Picture:
    """A picture that arrives in bands of rows, and its trajectory once it is whole.

    Parameters
    ----------
    height, width, channels : int
        Shape; 2 and 4 channels are grey and RGB with alpha.
    samples : str
        Kind of its intensities: "u8", "u16" or "f32".
    """

    def __init__(self, height: int, width: int, channels: int, samples: str = "f32") -> None:
        self.samples = samples
        try:
            self.pixels: NDArray[Any] = np.empty((height, width, channels), _DTYPES[samples])
        except (MemoryError, ValueError):
            raise RequestError(f"not enough memory for a picture of {width} x {height} pixels") from None
        self.white = float(np.iinfo(self.pixels.dtype).max) if self.pixels.dtype.kind == "u" else 1.0
        self.filled = 0
        self._solved: tuple[Model, Trajectory] | None = None
        self._reduced: tuple[int, Trajectory] | None = None

    def fill(self, first: int, count: int, data: bytes | memoryview) -> None:
        """Store the next rows."""
        height, width, channels = self.pixels.shape
        if first != self.filled or not 1 <= count <= height - first:
            raise RequestError(f"rows {first} to {first + count} do not follow the {self.filled} before them")
        if len(data) != count * width * channels * SAMPLE_BYTES[self.samples]:
            raise RequestError(f"{count} rows of this picture are not {len(data)} bytes")
        rows = np.frombuffer(data, _WIRE[self.samples]).reshape(count, width, channels)
        self.pixels[first : first + count] = rows
        self.filled += count

    def wire(self, part: NDArray[Any]) -> bytes:
        """Bytes of some of its intensities, as they travel."""
        return part.astype(_WIRE[self.samples], copy=False).tobytes()

    def whole(self) -> NDArray[Any]:
        """Give the intensities, if all have arrived."""
        if self.filled < len(self.pixels):
            raise RequestError(f"only {self.filled} of {len(self.pixels)} rows of the picture have arrived")
        return self.pixels

    def path(self, model: Model) -> Trajectory:
        """Give the trajectory of the picture, solved once for a model."""
        pixels = self.whole()
        if self._solved is None or self._solved[0] is not model:
            # White is 1 in a front end, whatever lies beyond it.
            self._solved = model, model.solve(pixels, rgb=True, levels=(0.0, self.white))
            self._reduced = None
        return self._solved[1]

    def reduced(self, model: Model, long_side: int) -> Trajectory:
        """Give the trajectory on a smaller copy, made once for a size."""
        path = self.path(model)
        if self._reduced is None or self._reduced[0] != long_side:
            self._reduced = long_side, path.reduced(long_side)
        return self._reduced[1]

    def part_auto(
        self, model: Model, rows: slice, columns: slice, weights: NDArray[Any] | None = None
    ) -> float:
        """Automatic exposure time of a part of the picture, which is judged as a picture of its own.

        Parameters
        ----------
        model : Model
            The model.
        rows, columns : slice
            Where the part is.
        weights : ndarray, optional
            How much of each place is selected, any (Y, X) from 0 to 255. What is selected by less than half
            is a hole in the part.
        """
        part = self.whole()[rows, columns]
        scale = min(1.0, _PART_SIDE / max(part.shape[:2]))
        height, width = (max(1, round(n * scale)) for n in part.shape[:2])
        small = _averaged(part, (height, width)) / self.white
        if weights is not None:
            y, x = (np.arange(n) * m // n for n, m in zip(small.shape[:2], weights.shape, strict=True))
            hidden = weights[y][:, x] < _HALF
            if not hidden.all():
                small[hidden] = np.nan
        return model.solve(small.astype(np.float32), rgb=True, levels=(0.0, 1.0)).auto()


def _averaged(part: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """Means (y, x, C) of the blocks of a part."""
    edges = [np.arange(n) * m // n for n, m in zip(size, part.shape[:2], strict=True)]
    sums = np.add.reduceat(np.add.reduceat(part, edges[0], axis=0, dtype=np.float32), edges[1], axis=1)
    counts = [np.diff(np.append(edge, m)) for edge, m in zip(edges, part.shape[:2], strict=True)]
    return np.asarray(sums / (counts[0][:, None, None] * counts[1][None, :, None]), np.float32)


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
            said = " ".join(str(error).split())[:500]
            self._trouble = (
                f"CLODE cannot load its model: {said}. Install clode-core again: "
                f"{sys.executable} -m pip install --force-reinstall --no-deps clode-core"
            )
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


def for_screen(shown: NDArray[Any], white: float) -> bytes:
    """16-bit intensities of a picture (Y, X, C) that is white at `white`; NaN is black."""
    if shown.dtype.kind == "u":
        return (shown.astype("<u2") * np.uint16(round(65535 / white))).tobytes()
    unit = np.fmin(np.fmax(shown * np.float32(65535 / white), 0), 65535)
    return np.rint(unit, out=unit).astype("<u2").tobytes()
