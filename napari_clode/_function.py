"""One call that enhances a whole layer, for scripts; and the same as a form in napari's menus.

The annotations are no strings, since magicgui reads them when the form is made.
"""

from typing import Annotated, Any, Literal

import napari.layers
from magicgui import magic_factory
from napari.qt.threading import FunctionWorker, create_worker
from napari.types import LayerDataTuple

from napari_clode._appearance import appearance, title
from napari_clode._engine import Settings, Stack
from napari_clode._layer_choices import needs_levels
from napari_clode._planes import Channels, LayerPlanes
from napari_clode._results import whole_result
from napari_clode._stack import enhance_in_memory

Levels = Literal["suggested", "dtype", "auto"]


def enhance_layer(
    layer: napari.layers.Image,
    exposure_time: float = 3.0,
    *,
    remove_noise: bool = True,
    one_exposure: bool = False,
    levels: Levels | tuple[float, float] = "suggested",
    channel_axis: int | None = None,
    method: str = "clode",
    device: str = "auto",
    progress: Any = None,
) -> napari.layers.Image:
    """Enhance all planes of an image layer.

    Parameters
    ----------
    layer : Image
        Grey, RGB or RGBA, (..., Y, X[, C]); also lazy, if the result fits into memory. It is not changed.
    exposure_time : float
        Exposure time from -5 to 5: 0 leaves the picture as it is, 3 is a normal exposure. The value of the
        slider where another method has one.
    remove_noise : bool
        Remove noise, with a method that can.
    one_exposure : bool
        The same curve for all planes (of a channel).
    levels : {"suggested", "dtype", "auto"} or (float, float)
        Black and white level: those of the type, found in the data, or given. By default what the widget
        suggests: found in the data for more than 8 bits.
    channel_axis : int, optional
        An axis, counted from the front, whose pictures have exposures of their own.
    method, device : str
        As in `clode_core.load_method`.
    progress : callable, optional
        Called with the fraction done; what it raises stops the work.

    Returns
    -------
    Image
        A new layer that lies where `layer` does and looks like it; it is in no viewer yet.

    Raises
    ------
    ValueError
        If the layer cannot be enhanced, or a setting is out of range.

    Examples
    --------
    >>> viewer.add_layer(enhance_layer(viewer.layers["cells"], 2.5))
    """
    if levels == "suggested":
        levels = "auto" if needs_levels(layer) else "dtype"
    channels = Channels() if channel_axis is None else Channels("each", channel_axis)
    settings = Settings(channels, levels, one_exposure, device, method=method)
    stack = Stack(LayerPlanes(layer, channels), settings)
    denoise = remove_noise and stack.info.noise_removal
    data = enhance_in_memory(stack, exposure_time, denoise, progress or (lambda fraction: None))
    style = appearance(stack, exposure_time, denoise)
    name = f"{layer.name} [{title(stack.info, exposure_time)}]"
    return whole_result(layer, stack.planes, data, style._replace(name=name))


def _layer_data(*arguments: Any, **settings: Any) -> LayerDataTuple:
    """What `enhance_layer` makes, as napari adds it to the viewer of a form."""
    return LayerDataTuple(enhance_layer(*arguments, **settings).as_layer_data_tuple())


def _enhance_in_background(
    layer: napari.layers.Image,
    exposure_time: Annotated[float, {"widget_type": "FloatSlider", "min": -5, "max": 5, "step": 0.01}] = 3.0,
    remove_noise: bool = True,
    one_exposure: bool = False,
) -> FunctionWorker[LayerDataTuple]:
    """Enhance all planes of a layer while napari goes on."""
    worker: FunctionWorker[LayerDataTuple] = create_worker(
        _layer_data,
        layer,
        exposure_time,
        remove_noise=remove_noise,
        one_exposure=one_exposure,
        _start_thread=True,
    )
    return worker


enhance_form = magic_factory(
    _enhance_in_background,
    call_button="Enhance all planes",
    layer={"tooltip": "The layer whose planes are enhanced"},
    exposure_time={"tooltip": "0 leaves the picture as it is, 3 is a normal exposure, negative darkens"},
    remove_noise={"tooltip": "Remove the noise that shows when a dark picture is made bright"},
    one_exposure={"tooltip": "The same curve for every plane"},
)
