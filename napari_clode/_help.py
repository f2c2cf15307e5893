"""The page that explains the widget."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QPushButton, QTextBrowser, QVBoxLayout, QWidget

PAGE = Path(__file__).with_name("help.md")


def help_button(parent: QWidget) -> QPushButton:
    """A button that opens the page."""
    button = QPushButton("Help")
    button.setToolTip("What every control does, on one page")
    button.clicked.connect(lambda: show_help(parent))
    return button


def show_help(parent: QWidget) -> QDialog:
    """Open the page in a window of its own, beside which one can go on working."""
    window = QDialog(parent)
    window.setWindowTitle("CLODE in napari")
    window.resize(520, 640)
    page = QTextBrowser()
    page.setMarkdown(PAGE.read_text("utf-8"))
    layout = QVBoxLayout(window)
    layout.addWidget(page)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    window.show()
    return window
