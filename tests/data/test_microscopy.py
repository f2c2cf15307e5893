"""Real microscopy: 12 and 16 bits, stacks, time series, channels."""

import numpy as np
import pytest
import tifffile

import clode_core as clode

pytestmark = pytest.mark.data


def test_every_microscopy_file_is_brightened_and_keeps_its_kind(data_folder, model):
    files = sorted((data_folder / "microscopy").glob("*.tif"))
    assert len(files) >= 5
    for file in files:
        dark = tifffile.imread(file)
        dark = dark[:2] if dark.ndim > 2 and dark.shape[-1] != 3 else dark
        bright = clode.enhance(dark, "auto", levels="auto", model=model)
        assert bright.dtype == dark.dtype and bright.shape == dark.shape
        assert bright.mean() > 1.2 * dark.mean(), file.name
        level = clode.resolve_levels(dark, "auto")
        assert level.black - 1 <= np.quantile(bright, 0.01) and bright.max() <= max(level.white, dark.max())


def test_a_time_series_with_a_shared_exposure_keeps_its_changes_of_brightness(data_folder, model):
    series = tifffile.imread(data_folder / "microscopy" / "membrane_2d_timelapse.tif")
    bright = clode.enhance(series, "auto", levels="auto", denoise=False, model=model, shared_exposure=True)
    before, after = series.mean((1, 2)), bright.mean((1, 2))
    assert np.corrcoef(before, after)[0, 1] > 0.95
