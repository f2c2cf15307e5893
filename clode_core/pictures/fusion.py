"""Exposure fusion: one picture out of several exposures of a scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def fuse(exposures: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """Fuse exposures of one scene (Mertens, Kautz and Van Reeth, "Exposure fusion", 2007), by OpenCV.

    Parameters
    ----------
    exposures : sequence of ndarray
        8-bit, or floats from 0 to 1, (Y, X, 3), all of one size.

    Returns
    -------
    ndarray
        (Y, X, 3) in [0, 1].

    Raises
    ------
    ValueError
        If OpenCV is not installed, or the sizes differ.
    """
    try:
        import cv2
    except ModuleNotFoundError:
        raise ValueError("exposure fusion needs OpenCV: pip install opencv-python-headless") from None
    if len({picture.shape for picture in exposures}) != 1:
        raise ValueError("the exposures of a scene must be of one size")
    # OpenCV takes white as 255, whatever the dtype.
    stack = [np.ascontiguousarray(x if x.dtype == np.uint8 else 255 * x) for x in exposures]
    fused = cv2.createMergeMertens().process(stack)
    return np.clip(np.asarray(fused, np.float32), 0, 1)
