"""Picture files: what goes in comes out, and nothing but a clear sentence comes of a bad one."""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import stat
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from clode_core.pictures import files
from clode_core.pictures.files import Picture, PictureError, read_picture, write_picture

Image = pytest.importorskip("PIL.Image")
ImageCms = pytest.importorskip("PIL.ImageCms")
tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")

GREY, GREY_ALPHA, RGB, RGBA = (), (2,), (3,), (4,)
LAYOUTS = [GREY, GREY_ALPHA, RGB, RGBA]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def gradient(shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray:
    """Smooth values over the whole range of the dtype, different in each channel and in every direction."""
    ramp = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    if np.dtype(dtype).kind == "f":
        return ramp.astype(dtype)
    info = np.iinfo(dtype)
    return (ramp * (info.max - float(info.min)) + info.min).astype(dtype)


def exif_block(orientation: int = 1) -> bytes:
    """EXIF with a camera, an exposure time and a place."""
    exif = Image.Exif()
    exif[271], exif[272], exif[274] = "Lantern", "Model 1", orientation
    exif.get_ifd(0x8769).update({36867: "2024:02:29 12:00:00", 37500: b"maker's own notes"})
    exif.get_ifd(0x8825).update({1: "N"})
    return exif.tobytes()


def camera_of(exif: bytes | None) -> tuple[object, ...]:
    """Read with another reader what `exif_block` put into EXIF."""
    read = Image.Exif()
    read.load(b"Exif\0\0" + (exif or b""))
    own = read.get_ifd(0x8769)
    return read[271], read[272], own[36867], own.get(37500), read.get_ifd(0x8825)[1]


CAMERA = ("Lantern", "Model 1", "2024:02:29 12:00:00", b"maker's own notes", "N")


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def files_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# Round trips


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_integer_pixels_come_back_equal_with_their_depth(tmp_path, suffix, dtype, layout):
    pixels = gradient((13, 17, *layout), dtype)
    path = write_picture(tmp_path / f"picture{suffix}", pixels)
    picture = read_picture(path)
    assert path == tmp_path / f"picture{suffix}"
    assert picture.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.bit_depth == 8 * pixels.dtype.itemsize
    assert (picture.rgb, picture.alpha) == (layout in (RGB, RGBA), layout in (GREY_ALPHA, RGBA))
    assert picture.lossless
    assert picture.axes == ("YXS" if layout else "YX")
    assert picture.channels_last == bool(layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["int16", "uint32", "float16", "float32", "float64"])
def test_tiff_holds_other_numbers_too(tmp_path, dtype, layout):
    pixels = gradient((13, 17, *layout), dtype)
    picture = read_picture(write_picture(tmp_path / "picture.tif", pixels))
    assert picture.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(picture.pixels, pixels)


@pytest.mark.parametrize("layout", [RGB, RGBA])
def test_webp_loses_nothing_of_eight_bit_colour(tmp_path, layout):
    pixels = gradient((13, 17, *layout))
    picture = read_picture(write_picture(tmp_path / "picture.webp", pixels))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.lossless and picture.format == "webp"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_colour_under_full_transparency_is_kept(tmp_path, suffix):
    pixels = gradient((13, 17, 4))
    pixels[..., 3] = 0
    picture = read_picture(write_picture(tmp_path / f"picture{suffix}", pixels))
    np.testing.assert_array_equal(picture.pixels, pixels)


@pytest.mark.parametrize(("layout", "channels"), [(GREY, 3), (GREY_ALPHA, 4)])
def test_webp_turns_grey_into_equal_colours(tmp_path, layout, channels):
    pixels = gradient((13, 17, *layout))
    picture = read_picture(write_picture(tmp_path / "picture.webp", pixels))
    grey = pixels if layout == GREY else pixels[..., 0]
    assert picture.channels == channels
    for channel in range(3):
        np.testing.assert_array_equal(picture.pixels[..., channel], grey)
    if layout == GREY_ALPHA:
        np.testing.assert_array_equal(picture.pixels[..., 3], pixels[..., 1])


@pytest.mark.parametrize(("layout", "kept"), [(GREY, GREY), (GREY_ALPHA, GREY), (RGB, RGB), (RGBA, RGB)])
def test_jpeg_comes_back_close_and_without_alpha(tmp_path, layout, kept):
    pixels = np.broadcast_to(gradient((64, 80))[(..., *(None for _ in layout))], (64, 80, *layout)).copy()
    said: list[str] = []
    picture = read_picture(write_picture(tmp_path / "picture.jpg", pixels, say=said.append))
    assert said == ["has an alpha channel, which JPEG cannot hold"] * (layout in (GREY_ALPHA, RGBA))
    expected = pixels[..., 0] if layout == GREY_ALPHA else pixels[..., :3] if layout else pixels
    assert picture.pixels.shape == (64, 80, *kept)
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 3
    assert not picture.lossless


def test_jpeg_keeps_colour_at_full_resolution(tmp_path):
    write_picture(tmp_path / "picture.jpg", gradient((16, 16, 3)))
    with Image.open(tmp_path / "picture.jpg") as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("source", ["picture.jpg", "lossy.webp"])
def test_webp_made_from_a_lossy_picture_is_lossy(tmp_path, source):
    Image.fromarray(gradient((40, 40, 3))).save(tmp_path / source, quality=80)
    picture = read_picture(tmp_path / source)
    again = read_picture(write_picture(tmp_path / "new.webp", picture.pixels, picture))
    assert not picture.lossless and not again.lossless


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_deep_pixels_are_scaled_to_eight_bits(tmp_path, suffix):
    flat = np.full((16, 16, 3), 128 * 257, np.uint16)
    assert abs(int(read_picture(write_picture(tmp_path / f"a{suffix}", flat)).pixels.mean()) - 128) <= 1
    flat = np.full((16, 16, 3), 0.5, np.float32)
    assert abs(int(read_picture(write_picture(tmp_path / f"b{suffix}", flat)).pixels.mean()) - 128) <= 1


def test_every_sixteen_bit_value_rounds_to_the_nearest_of_eight(tmp_path):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = read_picture(write_picture(tmp_path / "all.webp", values)).pixels[..., 0]
    np.testing.assert_array_equal(pixels, np.rint(values / 257).astype(np.uint8))


def test_floats_outside_their_range_are_clipped_in_integer_formats(tmp_path):
    pixels = np.array([[-1.0, 0.0, 0.5], [1.0, 2.0, np.inf], [np.nan, -np.inf, 0.25]], np.float32)
    read = read_picture(write_picture(tmp_path / "picture.png", pixels)).pixels
    np.testing.assert_array_equal(read, [[0, 0, 32768], [65535, 65535, 65535], [0, 0, 16384]])
    assert read.dtype == np.uint16


def test_booleans_become_black_and_white(tmp_path):
    pixels = read_picture(write_picture(tmp_path / "mask.png", np.eye(4, dtype=bool))).pixels
    np.testing.assert_array_equal(pixels, np.eye(4, dtype=np.uint8) * 255)


# PNG of every sort


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_few_grey_bits_is_stretched_to_eight(tmp_path, bits):
    row = np.arange(8) % 2**bits
    packed = np.packbits((row[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8).ravel())
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0))
    data = head + png_chunk(b"IDAT", zlib.compress(b"\0" + packed.tobytes())) + png_chunk(b"IEND", b"")
    (tmp_path / "few.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    picture = read_picture(tmp_path / "few.png")
    np.testing.assert_array_equal(picture.pixels[0], row * 255 // (2**bits - 1))
    assert picture.bit_depth == 8


@pytest.mark.parametrize("transparent", [False, True])
def test_png_palette_becomes_colours(tmp_path, transparent):
    image = Image.fromarray((np.arange(16, dtype=np.uint8) % 3).reshape(4, 4))
    image.putpalette([255, 0, 0, 0, 128, 0, 0, 0, 7])
    options = {"transparency": 1} if transparent else {}
    image.save(tmp_path / "palette.png", **options)
    picture = read_picture(tmp_path / "palette.png")
    assert picture.channels == (4 if transparent else 3)
    np.testing.assert_array_equal(picture.pixels[0, :3, :3], [[255, 0, 0], [0, 128, 0], [0, 0, 7]])
    if transparent:
        np.testing.assert_array_equal(picture.pixels[0, :3, 3], [255, 0, 255])


def test_png_texts_and_colour_space_are_kept(tmp_path):
    data = bytes(imagecodecs.png_encode(gradient((4, 4, 3), "uint16")))
    extra = png_chunk(b"gAMA", struct.pack(">I", 45455)) + png_chunk(b"tEXt", b"Title\0Lamp")
    (tmp_path / "text.png").write_bytes(data[:33] + extra + data[33:])
    picture = read_picture(tmp_path / "text.png")
    write_picture(tmp_path / "new.png", picture.pixels, picture)
    with Image.open(tmp_path / "new.png") as image:
        assert image.text == {"Title": "Lamp"}
        assert image.info["gamma"] == 0.45455


def test_damaged_colour_profile_of_png_is_left_out(tmp_path):
    data = bytes(imagecodecs.png_encode(gradient((4, 4, 3))))
    (tmp_path / "odd.png").write_bytes(data[:33] + png_chunk(b"iCCP", b"x\0\0not zlib") + data[33:])
    assert read_picture(tmp_path / "odd.png").icc_profile is None


# Metadata


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("target", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("source", [".png", ".jpg", ".tif", ".webp"])
def test_profile_camera_and_scale_survive_from_any_format_to_any(tmp_path, source, target, dtype):
    pixels = gradient((20, 30, 3), dtype)
    notes = {"icc_profile": SRGB, "exif": exif_block()[6:], "xmp": XMP, "dpi": (300.0, 150.0)}
    like = Picture(pixels, "png", 3, **notes)
    first = read_picture(write_picture(tmp_path / f"first{source}", pixels, like))
    second = read_picture(write_picture(tmp_path / f"second{target}", first.pixels, first))
    assert second.icc_profile == SRGB
    assert second.xmp == XMP
    assert camera_of(second.exif) == CAMERA
    if ".webp" not in (source, target):
        assert second.dpi == pytest.approx((300, 150), abs=0.02)
    if source in (".png", ".tif") and target in (".png", ".tif"):
        np.testing.assert_array_equal(second.pixels, pixels)


def test_scale_survives_in_webp_when_there_is_no_exif(tmp_path):
    like = Picture(gradient((4, 4, 3)), "png", 3, dpi=(300.0, 150.5))
    picture = read_picture(write_picture(tmp_path / "a.webp", like.pixels, like))
    assert picture.dpi == pytest.approx((300, 150.5))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_orientation_is_applied_once(tmp_path, suffix, orientation):
    from PIL import ImageOps

    upright = np.kron(gradient((3, 5)), np.ones((8, 8), np.uint8)).astype(np.uint8)
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    image = Image.fromarray(np.stack([upright] * 3, -1))
    if undo is not None:
        image = image.transpose(Image.Transpose(undo))
    stored = np.asarray(image)
    tag = Image.Exif()
    tag[274] = orientation
    path = tmp_path / f"turned{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, stored, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    else:
        options = {".webp": {"lossless": True}, ".jpg": {"quality": 95}, ".png": {}}[suffix]
        image.save(path, exif=tag, **options)
        with Image.open(path) as check:
            assert ImageOps.exif_transpose(check).size == (40, 24)
    picture = read_picture(path)
    assert np.abs(picture.pixels[..., 0].astype(int) - upright).max() <= (3 if suffix == ".jpg" else 0)
    again = read_picture(write_picture(tmp_path / f"again{suffix}", picture.pixels, picture))
    assert again.pixels.shape == picture.pixels.shape
    assert np.abs(again.pixels[..., 0].astype(int) - upright).max() <= (4 if suffix == ".jpg" else 0)
    with Image.open(tmp_path / f"again{suffix}") as image:
        assert image.getexif().get(274, 1) == 1


def test_scale_turns_and_notes_stay_when_a_picture_is_turned(tmp_path):
    image = Image.fromarray(gradient((8, 16, 3)))
    image.save(tmp_path / "turned.jpg", exif=exif_block(6), dpi=(300, 100), xmp=XMP)
    picture = read_picture(tmp_path / "turned.jpg")
    assert picture.pixels.shape == (16, 8, 3)
    assert picture.dpi == (100, 300)
    assert camera_of(picture.exif) == CAMERA
    assert picture.xmp == XMP.replace(b'Orientation="6"', b'Orientation="1"')


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_exif_does_not_stop_a_picture(tmp_path, exif):
    Image.fromarray(gradient((8, 16, 3))).save(tmp_path / "a.jpg", exif=exif)
    picture = read_picture(tmp_path / "a.jpg")
    for suffix in files.WRITTEN:
        path = write_picture(tmp_path / f"b{suffix}", picture.pixels, picture, say=str)
        assert read_picture(path).channels == 3


def test_grey_profile_is_left_out_of_a_picture_that_became_colour(tmp_path):
    grey = SRGB[:16] + b"GRAY" + SRGB[20:]
    like = Picture(gradient((8, 8)), "png", icc_profile=grey)
    assert read_picture(write_picture(tmp_path / "a.png", gradient((8, 8)), like)).icc_profile == grey
    assert read_picture(write_picture(tmp_path / "b.png", gradient((8, 8, 3)), like)).icc_profile is None
    assert read_picture(write_picture(tmp_path / "c.webp", gradient((8, 8)), like)).icc_profile is None


def test_exif_too_long_for_jpeg_is_left_out_there(tmp_path):
    exif = Image.Exif()
    exif[271] = "x" * 70000
    like = Picture(gradient((8, 8, 3)), "png", 3, exif=exif.tobytes()[6:])
    assert read_picture(write_picture(tmp_path / "a.png", like.pixels, like)).exif == like.exif
    with pytest.warns(files.PictureWarning, match="more EXIF than JPEG can hold"):
        write_picture(tmp_path / "a.jpg", like.pixels, like)
    assert read_picture(tmp_path / "a.jpg").exif is None


@pytest.mark.parametrize("suffix", files.WRITTEN)
def test_absurd_scale_is_left_out(tmp_path, suffix):
    like = Picture(gradient((8, 8, 3)), "png", 3, dpi=(1e12, 1e12))
    assert read_picture(write_picture(tmp_path / f"a{suffix}", like.pixels, like, say=str)).dpi is None


# TIFF


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_tiff_compression_stays_as_it_was(tmp_path, dtype, compression):
    pixels = gradient((40, 40, 3), dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression=compression, metadata=None)
    picture = read_picture(tmp_path / "a.tif")
    write_picture(tmp_path / "b.tif", picture.pixels, picture)
    with tifffile.TiffFile(tmp_path / "a.tif") as old, tifffile.TiffFile(tmp_path / "b.tif") as new:
        assert new.pages.first.compression == old.pages.first.compression
        np.testing.assert_array_equal(new.asarray(), pixels)


def test_jpeg_inside_tiff_is_written_with_a_codec_that_loses_nothing(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient((32, 32, 3)), photometric="rgb", compression="jpeg")
    picture = read_picture(tmp_path / "a.tif")
    assert not picture.lossless and picture.rgb
    again = read_picture(write_picture(tmp_path / "b.tif", picture.pixels, picture))
    assert again.lossless
    np.testing.assert_array_equal(again.pixels, picture.pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_imagej_hyperstack_keeps_axes_scale_and_notes(tmp_path, dtype, compression):
    pixels = gradient((3, 4, 2, 20, 25), dtype)
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels,
        imagej=True,
        compression=compression,
        resolution=(2.5, 4.0),
        metadata={
            "axes": "TZCYX",
            "unit": "um",
            "spacing": 0.7,
            "finterval": 2.0,
            "Info": "lamp",
            "max": 9.0,
        },
    )
    picture = read_picture(tmp_path / "a.tif")
    assert picture.axes == "TZCYX" and not picture.rgb
    write_picture(tmp_path / "b.tif", picture.pixels, picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert tif.is_imagej and tif.series[0].axes == "TZCYX"
        np.testing.assert_array_equal(tif.asarray(), pixels)
        notes = tif.imagej_metadata
        assert (notes["unit"], notes["spacing"], notes["finterval"], notes["Info"]) == (
            "um",
            0.7,
            2.0,
            "lamp",
        )
        assert "max" not in notes
    assert read_picture(tmp_path / "b.tif").tiff.resolution == pytest.approx((2.5, 4.0))


def test_imagej_unit_beyond_ascii_is_written_as_imagej_writes_it(tmp_path):
    like = Picture(
        gradient((4, 9, 9)), "tiff", tiff=files.TiffLayout("ZYX", "imagej", metadata={"unit": "µm"})
    )
    write_picture(tmp_path / "a.tif", like.pixels, like)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.imagej_metadata["unit"] == r"\u00B5m"


def test_imagej_colour_stack_keeps_its_colour_axis(tmp_path):
    pixels = gradient((5, 20, 25, 3))
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, photometric="rgb", metadata={"axes": "ZYXS"})
    picture = read_picture(tmp_path / "a.tif")
    assert (picture.axes, picture.channels) == ("ZYXS", 3)
    again = read_picture(write_picture(tmp_path / "b.tif", picture.pixels, picture))
    assert (again.axes, again.tiff.kind) == ("ZYXS", "imagej")
    np.testing.assert_array_equal(again.pixels, pixels)


def test_imagej_stack_becomes_another_sort_when_imagej_has_no_such_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", gradient((4, 9, 9), "uint16"), imagej=True, metadata={"axes": "ZYX"})
    like = read_picture(tmp_path / "a.tif")
    again = read_picture(write_picture(tmp_path / "b.tif", gradient((4, 9, 9), "float64"), like))
    assert (again.axes, again.tiff.kind, again.pixels.dtype) == ("ZYX", "shaped", np.float64)


@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 2, 20, 25), "TCYX"), ((4, 20, 25), "ZYX"), ((20, 25, 3), "YXS")]
)
def test_ome_picture_keeps_axes_and_what_the_microscope_said(tmp_path, shape, axes):
    pixels = gradient(shape, "uint16")
    notes = {"axes": axes, "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "Name": "retina"}
    photometric = "rgb" if axes.endswith("S") else "minisblack"
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, ome=True, photometric=photometric, metadata=notes)
    picture = read_picture(tmp_path / "a.ome.tif")
    assert picture.axes == axes
    write_picture(tmp_path / "b.ome.tif", picture.pixels, picture)
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as tif:
        assert tif.is_ome and tif.series[0].axes == axes
        assert 'PhysicalSizeX="0.25"' in tif.ome_metadata and "retina" in tif.ome_metadata
        assert "UUID" not in tif.ome_metadata
        np.testing.assert_array_equal(tif.asarray(), pixels)


def test_ome_picture_of_another_size_gets_a_new_description(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", gradient((4, 20, 25)), ome=True, metadata={"axes": "ZYX"})
    picture = read_picture(tmp_path / "a.ome.tif")
    again = read_picture(write_picture(tmp_path / "b.ome.tif", picture.pixels[:2, :9], picture))
    assert (again.axes, again.pixels.shape, again.tiff.kind) == ("ZYX", (2, 9, 25), "ome")


def test_named_axes_of_a_stack_survive(tmp_path):
    pixels = gradient((2, 3, 9, 9), "uint16")
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, photometric="minisblack", metadata={"axes": "ZCYX", "lamp": 3}
    )
    picture = read_picture(tmp_path / "a.tif")
    again = read_picture(write_picture(tmp_path / "b.tif", picture.pixels, picture))
    assert (again.axes, again.tiff.metadata["lamp"]) == ("ZCYX", 3)
    np.testing.assert_array_equal(again.pixels, pixels)


def test_pages_without_any_notes_become_a_stack_and_stay_pages(tmp_path):
    pages = [Image.fromarray(page) for page in gradient((4, 9, 11))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels.shape == (4, 9, 11) and not picture.rgb
    write_picture(tmp_path / "b.tif", picture.pixels, picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert len(tif.pages) == 4
        np.testing.assert_array_equal(tif.asarray(), picture.pixels)


def test_new_stack_is_written_without_a_model_to_follow(tmp_path):
    for shape in ((5, 9, 11), (2, 5, 9, 11), (5, 9, 11, 3)):
        pixels = gradient(shape, "uint16")
        picture = read_picture(write_picture(tmp_path / "a.tif", pixels))
        np.testing.assert_array_equal(picture.pixels, pixels)
        assert picture.rgb == (shape[-1] == 3)


def test_channels_that_are_no_colour_become_planes(tmp_path):
    pixels = gradient((9, 11, 5), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig")
    picture = read_picture(tmp_path / "a.tif")
    assert (picture.axes, picture.channels) == ("SYX", 1)
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(pixels, -1, 0))
    again = read_picture(write_picture(tmp_path / "b.tif", picture.pixels, picture))
    np.testing.assert_array_equal(again.pixels, picture.pixels)


def test_planar_colour_comes_with_colour_last(tmp_path):
    pixels = gradient((3, 9, 11), "uint16")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", planarconfig="separate")
    picture = read_picture(tmp_path / "a.tif")
    assert picture.rgb and picture.axes == "YXS"
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(pixels, 0, -1))


def test_tiff_palette_white_is_zero_and_one_bit_are_resolved(tmp_path):
    table = np.stack([np.arange(256), np.arange(256)[::-1], np.zeros(256)]).astype(np.uint16) * 257
    index = gradient((9, 11))
    tifffile.imwrite(tmp_path / "palette.tif", index, photometric="palette", colormap=table, metadata=None)
    picture = read_picture(tmp_path / "palette.tif")
    np.testing.assert_array_equal(picture.pixels, np.stack([index, 255 - index, 0 * index], -1))
    tifffile.imwrite(tmp_path / "white.tif", index, photometric="miniswhite", metadata=None)
    np.testing.assert_array_equal(read_picture(tmp_path / "white.tif").pixels, 255 - index)
    tifffile.imwrite(tmp_path / "bit.tif", index > 99, photometric="minisblack", metadata=None)
    np.testing.assert_array_equal(read_picture(tmp_path / "bit.tif").pixels, (index > 99) * 255)


def test_twelve_bit_tiff_says_so_and_stays_so(tmp_path):
    pixels = gradient((16, 16), "uint16") // 16
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", bitspersample=12, metadata=None)
    picture = read_picture(tmp_path / "a.tif")
    assert (picture.bit_depth, picture.pixels.dtype) == (12, np.uint16)
    again = read_picture(write_picture(tmp_path / "b.tif", picture.pixels, picture))
    assert again.bit_depth == 12
    np.testing.assert_array_equal(again.pixels, pixels)
    assert read_picture(write_picture(tmp_path / "b.png", picture.pixels, picture)).pixels.max() == 65535


def test_centimetres_big_offsets_premultiplied_alpha_and_description_stay(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        gradient((9, 11, 4)),
        bigtiff=True,
        photometric="rgb",
        extrasamples=["assocalpha"],
        resolution=(100, 50),
        resolutionunit="centimeter",
        description="by lamp light",
        metadata=None,
    )
    picture = read_picture(tmp_path / "a.tif")
    assert picture.dpi == pytest.approx((254, 127)) and picture.alpha
    write_picture(tmp_path / "b.tif", picture.pixels, picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        page = tif.pages.first
        assert tif.is_bigtiff and page.description == "by lamp light"
        assert page.extrasamples[0].name == "ASSOCALPHA"
        assert page.resolution == pytest.approx((100, 50)) and page.resolutionunit.name == "CENTIMETER"


def test_camera_survives_in_tiff_beside_compression_and_pages(tmp_path):
    like = Picture(gradient((3, 9, 11)), "tiff", exif=exif_block()[6:])
    like = dataclasses.replace(like, tiff=files.TiffLayout("QYX", compression="zlib"))
    picture = read_picture(write_picture(tmp_path / "a.tif", like.pixels, like))
    assert camera_of(picture.exif) == CAMERA
    np.testing.assert_array_equal(picture.pixels, like.pixels)
    with Image.open(tmp_path / "a.tif") as image:
        assert image.n_frames == 3 and image.getexif()[271] == "Lantern"


# Bad input


def truncated(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def encoded(suffix: str, folder: Path) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return write_picture(folder / f"whole{suffix}", noise).read_bytes()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.9995])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_file_cut_short_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(truncated(encoded(suffix, tmp_path), share))
    with pytest.raises(PictureError, match="damaged or cut short"):
        read_picture(path)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("kind", ["plain", "imagej", "pages", "ome", "shaped"])
def test_stack_cut_short_is_refused_rather_than_read_in_part(tmp_path, kind, share):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 50, 50), dtype=np.uint8)
    if kind == "pages":
        pages = [Image.fromarray(page) for page in pixels]
        pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    else:
        options = {
            "plain": {"metadata": None},
            "imagej": {"imagej": True},
            "ome": {"ome": True},
            "shaped": {"compression": "zlib"},
        }[kind]
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **options)
    (tmp_path / "b.tif").write_bytes(truncated((tmp_path / "a.tif").read_bytes(), share))
    with pytest.raises(PictureError, match="damaged or cut short"):
        read_picture(tmp_path / "b.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_no_damage_raises_anything_but_a_picture_error(tmp_path, suffix):
    whole, rng = encoded(suffix, tmp_path), np.random.default_rng(2)
    path = tmp_path / f"damaged{suffix}"
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), 400), 4):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        try:
            read_picture(path)
        except PictureError as error:
            assert str(path) in str(error)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(PictureError, match=r"nowhere\.png does not exist"):
        read_picture(tmp_path / "nowhere.png")


def test_folder_is_no_picture(tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path / "folder.png")
    with pytest.raises(PictureError, match="is a folder"):
        write_picture(tmp_path / "folder.png", gradient((4, 4)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="not a regular file"):
        read_picture(tmp_path / "pipe.png")


def test_file_without_permission_is_refused(tmp_path, monkeypatch):
    (tmp_path / "closed.png").write_bytes(b"x")

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match="cannot be opened \\(Permission denied\\)"):
        read_picture(tmp_path / "closed.png")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.tif").touch()
    with pytest.raises(PictureError, match="is empty"):
        read_picture(tmp_path / "empty.tif")


@pytest.mark.parametrize("content", [b"not a picture at all", b"\x89PNG", b"R"])
def test_content_that_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "text.png").write_bytes(content)
    with pytest.raises(PictureError, match="does not hold a picture in a format"):
        read_picture(tmp_path / "text.png")


@pytest.mark.parametrize("name", ["film.mov", "nothing", "list.txt", ".png"])
def test_unknown_suffix_is_refused_both_ways(tmp_path, name):
    Image.fromarray(gradient((4, 4))).save(tmp_path / name, "GIF")
    with pytest.raises(PictureError, match=r"use one of \.png, \.jpg"):
        read_picture(tmp_path / name)
    with pytest.raises(PictureError, match=r"use one of \.png, \.jpg"):
        write_picture(tmp_path / name, gradient((4, 4)))


def test_impossible_file_name_is_refused(tmp_path):
    for call in (read_picture, lambda path: write_picture(path, gradient((4, 4)))):
        with pytest.raises(PictureError):
            call(tmp_path / "a\0b.png")
        with pytest.raises(PictureError):
            call(tmp_path / ("a" * 300 + ".png"))


@pytest.mark.parametrize(
    ("suffix", "name"), [(".jpg", "jpeg"), (".webp", "webp"), (".tif", "tiff"), (".png", "png")]
)
def test_content_counts_more_than_the_suffix(tmp_path, suffix, name):
    other = tmp_path / ("misnamed.png" if suffix != ".png" else "misnamed.tif")
    other.write_bytes(encoded(suffix, tmp_path))
    assert read_picture(other).format == name


def test_print_colours_are_refused(tmp_path):
    Image.new("CMYK", (8, 8)).save(tmp_path / "a.jpg")
    Image.new("CMYK", (8, 8)).save(tmp_path / "a.tif")
    for name in ("a.jpg", "a.tif"):
        with pytest.raises(PictureError, match="convert it to"):
            read_picture(tmp_path / name)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_animation_is_refused(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / f"film{suffix}", save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(PictureError, match="is an animation"):
        read_picture(tmp_path / f"film{suffix}")


def test_pages_of_different_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for side in (8, 16):
            tif.write(gradient((side, side)), photometric="minisblack", metadata=None)
    with pytest.raises(PictureError, match="2 pictures that differ"):
        read_picture(tmp_path / "a.tif")


def test_complex_pixels_of_tiff_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8), np.complex64), photometric="minisblack")
    with pytest.raises(PictureError, match="complex64"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_picture_over_the_limit_is_refused_before_decoding(tmp_path, monkeypatch, suffix):
    path = write_picture(tmp_path / f"a{suffix}", gradient((20, 30, 3)))
    monkeypatch.setattr("clode_core.pictures.files.picture.MAX_PIXELS", 599)
    with pytest.raises(PictureError, match="30 x 20 pixels, over the limit"):
        read_picture(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_large_picture_trips_no_bomb_alarm_of_pillow(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = write_picture(tmp_path / f"a{suffix}", gradient((20, 30, 3)))
    assert read_picture(path).pixels.shape == (20, 30, 3)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((0, 4)), np.zeros(4), np.zeros((4, 4), complex), np.array([["a"]]), np.array([[None]])],
)
def test_arrays_that_are_no_picture_are_refused(tmp_path, pixels):
    with pytest.raises(PictureError, match="cannot hold an array"):
        write_picture(tmp_path / "a.tif", pixels)


def test_formats_refuse_what_only_tiff_can_hold(tmp_path):
    for suffix in (".png", ".jpg", ".webp"):
        with pytest.raises(PictureError, match="save it as TIFF"):
            write_picture(tmp_path / f"a{suffix}", gradient((5, 9, 11)))
        with pytest.raises(PictureError, match="save them as TIFF"):
            write_picture(tmp_path / f"a{suffix}", gradient((9, 11), "int32"))
    with pytest.raises(PictureError, match="at most 16383"):
        write_picture(tmp_path / "a.webp", np.zeros((1, 16384), np.uint8))
    assert files_in(tmp_path) == []


# Whole or not at all


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(b"the old file")
    return path


def intact(old: Path) -> bool:
    return old.read_bytes() == b"the old file" and files_in(old.parent) == [old.name]


@pytest.mark.parametrize("failure", [RuntimeError("no"), MemoryError(), OSError("3 requested and 1 written")])
def test_failing_encoder_leaves_the_old_file_and_nothing_else(old, monkeypatch, failure):
    def encoder(handle, *others):
        handle.write(b"half")
        raise failure

    monkeypatch.setitem(files.FORMATS, "png", files.FORMATS["png"]._replace(encode=encoder))
    with pytest.raises(PictureError, match=r"picture\.png was not written"):
        write_picture(old, gradient((4, 4)))
    assert intact(old)


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_full_disk_leaves_the_old_file_and_says_so(old, monkeypatch, step):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "write":
        monkeypatch.setitem(files.FORMATS, "png", files.FORMATS["png"]._replace(encode=full))
    else:
        monkeypatch.setattr(os, step, full)
    with pytest.raises(PictureError, match=r"picture\.png was not written, since the disk is full"):
        write_picture(old, gradient((4, 4)))
    assert intact(old)


def test_interruption_leaves_the_old_file_and_is_passed_on(old, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_picture(old, gradient((4, 4)))
    assert intact(old)


def test_missing_and_closed_folders_are_named(tmp_path, monkeypatch):
    with pytest.raises(PictureError, match="its folder does not exist"):
        write_picture(tmp_path / "nowhere" / "a.png", gradient((4, 4)))

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match="its folder is closed to you"):
        write_picture(tmp_path / "a.png", gradient((4, 4)))


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_permissions_and_links_of_the_old_file_stay(old):
    old.chmod(0o640)
    link = old.parent / "link.png"
    link.symlink_to(old)
    write_picture(link, gradient((4, 4)))
    assert link.is_symlink()
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert read_picture(old).pixels.shape == (4, 4)


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    root = Path(files.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_killed_writer_leaves_the_old_file_and_at_most_a_marked_rest(old, step):
    code = f"""
import os, sys, time
import numpy as np
from clode_core.pictures.files import write_picture
def stall(*args):
    print("here", flush=True)
    time.sleep(60)
os.{step} = stall
write_picture(sys.argv[1], np.zeros((64, 64, 3), np.uint8))
"""
    with run_python(code, old) as process:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert old.read_bytes() == b"the old file"
    (rest,) = set(files_in(old.parent)) - {old.name}
    assert rest.startswith(".clode-") and Path(rest).suffix == files.TEMPORARY_SUFFIX not in files.SUFFIXES


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_real_failure_in_mid_write_leaves_no_file(tmp_path, suffix):
    code = """
import resource, signal, sys
import numpy as np
from clode_core.pictures.files import PictureError, write_picture
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
try:
    write_picture(sys.argv[1], pixels)
except PictureError as error:
    print(error)
"""
    with run_python(code, tmp_path / f"a{suffix}") as process:
        said = process.stdout.read()
    assert process.returncode == 0
    assert f"a{suffix} was not written" in said
    assert files_in(tmp_path) == []


def test_importing_the_module_imports_no_picture_library():
    heavy = "{'PIL', 'tifffile', 'imagecodecs', 'skimage', 'torch'}"
    with run_python(f"import sys, clode_core.pictures.files; print({heavy} & set(sys.modules))") as process:
        assert process.stdout.read() == "set()\n"


def test_warnings_and_logs_of_decoders_stay_inside(tmp_path, capfd, recwarn):
    Image.fromarray(gradient((8, 8, 3))).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    read_picture(tmp_path / "a.jpg")
    data = bytes(imagecodecs.png_encode(gradient((4, 4, 3))))
    odd = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")) + png_chunk(b"pHYs", b"?")[:-1] + b"?"
    (tmp_path / "odd.png").write_bytes(data[:33] + odd + data[33:])
    assert read_picture(tmp_path / "odd.png").dpi is None
    data = encoded(".tif", tmp_path)
    (tmp_path / "cut.tif").write_bytes(truncated(data, 0.5))
    with pytest.raises(PictureError):
        read_picture(tmp_path / "cut.tif")
    assert not recwarn.list and capfd.readouterr() == ("", "")
