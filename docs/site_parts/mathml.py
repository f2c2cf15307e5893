"""Formulas as MathML, which browsers draw themselves: no script and no network."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)


def _mathml(formula: str, node: nodes.Element, block: bool) -> str:
    """The formula; one that cannot be understood is a warning, and so an error of the build."""
    try:
        return tex2mathml(formula, as_block=block)
    except MathError as error:
        _LOGGER.warning("formula %r: %s", formula, error, location=node)
        return ""


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(_mathml(node.astext(), node, False))
    raise nodes.SkipNode


def _block(self: Any, node: nodes.math_block) -> None:
    formula = "".join(part.strip() + " " for part in node.astext().splitlines())
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(_mathml(formula, node, True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Offer the renderer to Sphinx, and use it."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect(
        "config-inited", lambda app, config: setattr(config, "html_math_renderer", "mathml"), priority=1
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
