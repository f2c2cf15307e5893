"""The settings that a layer had before: Back and Reset."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QObject

from napari_clode._jobs import single_shot
from napari_clode._methods import EVEN, Local
from napari_clode._where_planes import EVERYWHERE, Chosen

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_clode._controls import Controls

_REST = 600  # milliseconds of rest after which a setting can be returned to


class Setting(NamedTuple):
    """A value of the slider, whether noise is removed, and how the exposure differs from place to place."""

    value: float
    denoise: bool
    local: Local = EVEN
    where: Chosen = EVERYWHERE


_visited: weakref.WeakKeyDictionary[Image, list[Setting]] = weakref.WeakKeyDictionary()


class History(QObject):
    """Remembers the settings at which the controls rested, for each layer."""

    def __init__(self, controls: Controls, parent: QObject) -> None:
        super().__init__(parent)
        self._controls = controls
        self._rest = single_shot(self, _REST, self.visit)
        controls.value_changed.connect(lambda _: self._rest.start())
        controls.denoise_changed.connect(lambda _: self._rest.start())
        controls.advanced.local_changed.connect(self._rest.start)
        controls.where.changed.connect(self._rest.start)

    def visit(self) -> None:
        """The controls rest."""
        layer = self._controls.layer
        if layer is not None:
            visited = _visited.setdefault(layer, [])
            if not visited or visited[-1] != self._now:
                visited.append(self._now)

    def forget_moves(self) -> None:
        """Another layer is worked on; what was not at rest is nothing to return to."""
        self._rest.stop()

    def back(self) -> bool:
        """Return to the setting before the present one, which is forgotten; whether there was one."""
        layer = self._controls.layer
        visited = _visited.get(layer, []) if layer is not None else []
        while visited and visited[-1] == self._now:
            visited.pop()
        if visited:
            self._set(visited[-1])
        return bool(visited)

    def reset(self) -> bool:
        """Go to the setting that leaves the picture as it is; whether there is one."""
        self.visit()
        slider, denoise = self._controls.slider_box, self._controls.denoise.isChecked()
        self._set(Setting(slider.neutral, denoise and not slider.has_neutral))
        return slider.has_neutral

    @property
    def _now(self) -> Setting:
        controls = self._controls
        local, where = controls.advanced.local_box.local, controls.where.chosen
        return Setting(controls.value, controls.denoise.isChecked(), local, where)

    def _set(self, setting: Setting) -> None:
        self._controls.denoise.setChecked(setting.denoise)
        self._controls.advanced.local_box.set_local(setting.local)
        self._controls.where.set_chosen(setting.where)
        self._controls.slider.setValue(setting.value)
