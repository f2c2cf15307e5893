"""Picture files in and out, with everything but the pixels kept: depth, alpha, colour profile, EXIF, scale.

Format libraries are imported inside functions, so that importing this package costs only NumPy.
"""

from clode_core.pictures.atomic import TEMPORARY_SUFFIX
from clode_core.pictures.files.api import read_picture, write_picture
from clode_core.pictures.files.formats import FORMATS, SUFFIXES, WRITTEN, format_of
from clode_core.pictures.files.picture import MAX_PIXELS, Picture, PictureError, TiffLayout
from clode_core.pictures.files.reading import PictureWarning

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "SUFFIXES",
    "TEMPORARY_SUFFIX",
    "WRITTEN",
    "Picture",
    "PictureError",
    "PictureWarning",
    "TiffLayout",
    "format_of",
    "read_picture",
    "write_picture",
]
