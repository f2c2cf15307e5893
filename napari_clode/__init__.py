"""CLODE in napari: an exposure-time slider on image layers."""
