"""What another format cannot hold is said; what it can, goes there with the picture."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin
from test_files import SRGB, XMP
from test_kept import SCENE, again, exif_with_thumbnail, thumbnail_of

from clode_core.pictures.files import Picture, read_picture, write_picture
from clode_core.pictures.files.boxes import found
from clode_core.pictures.files.jpeg_segments import take_apart
from clode_core.pictures.files.jpeg_xl_header import header_of
from clode_core.pictures.files.photoshop import with_new_thumbnail
from clode_core.pictures.files.picture import JpegLayout, Segment

IPTC = b"\x1c\x02\x05\x00\x04lamp"
BLOCKS = b"8BIM\x04\x04\0\0\0\0\0\x09" + IPTC + b"\0"


def converted(folder, like, suffix):
    said = []
    path = write_picture(folder / f"new{suffix}", SCENE, like, say=said.append)
    return path, " ".join(said)


def jpeg(*segments, **options):
    return Picture(SCENE, "jpeg", 3, jpeg=JpegLayout(segments=segments), **options)


def test_iptc_goes_from_jpeg_to_tiff_and_back(tmp_path):
    like = jpeg(Segment(0xED, b"Photoshop 3.0\0" + BLOCKS))
    path, said = converted(tmp_path, like, ".tif")
    with tifffile.TiffFile(path) as tif:
        assert bytes(tif.pages[0].tags[33723].value) == IPTC
        assert bytes(tif.pages[0].tags[34377].value) == BLOCKS
    assert said == ""
    path, said = converted(tmp_path, read_picture(path), ".jpg")
    assert take_apart(path.read_bytes()).kept == like.jpeg.segments
    assert said == ""


def test_iptc_without_photoshop_goes_from_tiff_to_jpeg(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", SCENE, photometric="rgb", metadata=None, extratags=[(33723, 7, 9, IPTC, True)]
    )
    path, said = converted(tmp_path, read_picture(tmp_path / "a.tif"), ".jpg")
    assert [part.content for part in take_apart(path.read_bytes()).kept] == [b"Photoshop 3.0\0" + BLOCKS]
    assert said == ""


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".jxl"])
def test_what_only_jpeg_holds_is_missed_aloud(tmp_path, suffix):
    like = jpeg(
        Segment(0xED, b"Photoshop 3.0\0" + BLOCKS),
        Segment(0xFE, b"a comment"),
        Segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0more"),
        Segment(0xEB, b"others"),
    )
    said = converted(tmp_path, like, suffix)[1]
    for lost in ("IPTC", "a comment", "XMP of more", "segments of other programs"):
        assert lost in said


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".exr", ".hdr"])
def test_formats_without_a_place_for_the_camera_say_so(tmp_path, suffix):
    like = Picture(SCENE, "jpeg", 3, exif=exif_with_thumbnail(), xmp=XMP, icc_profile=SRGB)
    said = converted(tmp_path, like, suffix)[1]
    assert "EXIF, XMP and a colour profile" in said


def test_texts_and_colour_spaces_of_png_are_missed_aloud_elsewhere(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Lamp")
    texts.add(b"gAMA", struct.pack(">I", 45455))
    texts.add(b"tIME", bytes(7))
    Image.fromarray(SCENE).save(tmp_path / "a.png", pnginfo=texts)
    said = converted(tmp_path, read_picture(tmp_path / "a.png"), ".jpg")[1]
    for lost in ("texts", "a colour space", "tIME"):
        assert lost in said


def test_maps_and_tags_of_tiff_are_missed_aloud_elsewhere(tmp_path):
    tags = [(42113, 2, 0, "0", True), (65000, 1, 2, b"ab", True), (285, 2, 0, "page one", True)]
    tifffile.imwrite(tmp_path / "a.tif", SCENE, photometric="rgb", metadata=None, extratags=tags)
    path, said = converted(tmp_path, read_picture(tmp_path / "a.tif"), ".jpg")
    assert "place on a map" in said and "65000" in said
    assert b"page one" in read_picture(path).exif and "285" not in said


def test_pages_keep_their_own_scale_and_profile(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for number, profile in enumerate((SRGB, None)):
            own = {"resolution": (100 + number, 100), "resolutionunit": 3 - number, "iccprofile": profile}
            tif.write(SCENE, photometric="rgb", metadata=None, **own)
    _, new, said = again(tmp_path, "a.tif")
    with tifffile.TiffFile(new) as tif:
        tags = [[page.tags.valueof(code) for code in (282, 296, 34675)] for page in tif.pages]
    assert tags == [[(100, 1), 3, SRGB], [(101, 1), 2, None]]
    assert said == []


def test_the_camera_of_a_tiff_file_of_64_bits_is_missed_aloud(tmp_path):
    options = {"bigtiff": True, "metadata": None, "extratags": [(65001, 16, 1, 8, True)]}
    tifffile.imwrite(tmp_path / "a.tif", SCENE, photometric="rgb", **options)
    data = (tmp_path / "a.tif").read_bytes()
    named, camera = (struct.pack("<HHQ", code, 16, 1) for code in (65001, 34665))
    assert named in data
    (tmp_path / "a.tif").write_bytes(data.replace(named, camera))
    assert again(tmp_path, "a.tif")[2] == ["has EXIF, which is not kept in a TIFF file of this kind"]


def test_palettes_and_low_depths_of_tiff_are_said(tmp_path):
    Image.fromarray(SCENE).quantize(16).save(tmp_path / "a.tif")
    assert again(tmp_path, "a.tif")[2] == ["has a palette; its result has full colours"]
    Image.fromarray(SCENE).convert("1").save(tmp_path / "b.tif", compression="group4")
    assert again(tmp_path, "b.tif")[2] == [
        "has 1 bit a pixel; its result has 8",
        "is compressed by ccittfax4; its result by zlib, without loss",
    ]


def test_the_thumbnail_inside_photoshop_blocks_is_made_anew():
    file = io.BytesIO()
    Image.fromarray(SCENE // 4).save(file, "JPEG")
    old = bytes(28) + file.getvalue()
    named = b"8BIM\x07\xd0\x04Path\0" + struct.pack(">I", 2) + b"ab"
    blocks = named + b"8BIM\x04\x0c\0\0" + struct.pack(">I", len(old)) + old + bytes(len(old) % 2) + BLOCKS
    new = with_new_thumbnail(blocks, SCENE, None)
    assert new.startswith(named) and new.endswith(BLOCKS)
    start = len(named) + 12
    width, height = struct.unpack_from(">2I", new, start + 4)
    image = np.asarray(Image.open(io.BytesIO(new[start + 28 :])))
    assert image.shape == (height, width, 3)
    assert abs(image.mean() - SCENE.mean()) < 5
    assert with_new_thumbnail(BLOCKS, SCENE, None) == BLOCKS


def test_the_thumbnail_of_a_png_shows_the_result(tmp_path):
    exif = exif_with_thumbnail()
    Image.fromarray(SCENE // 4).save(tmp_path / "a.png", exif=exif, icc_profile=SRGB)
    picture = read_picture(tmp_path / "a.png")
    write_picture(tmp_path / "b.png", SCENE, picture)
    assert thumbnail_of(read_picture(tmp_path / "b.png").exif).mean() > 3 * thumbnail_of(exif).mean()


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("lossless", [False, True])
def test_deep_jpeg_xl_stays_on_the_curve_with_its_own_bits(tmp_path, bits, lossless):
    pixels = np.ascontiguousarray(SCENE[:64, :96]).astype(np.uint16) << (bits - 8)
    like = Picture(pixels, "jpeg xl", 3, bits, lossless=lossless)
    path = write_picture(tmp_path / "a.jxl", pixels, like)
    header = header_of(next(found(path.read_bytes(), b"jxlc")))
    assert (header.width, header.height, header.bits) == (96, 64, bits)
    assert (header.srgb, header.linear, header.lossy) == (True, False, not lossless)
    picture = read_picture(path)
    assert (picture.bit_depth, picture.lossless) == (bits, lossless)
    error = np.abs(picture.pixels.astype(int) - pixels).mean() / 2**bits
    assert error == 0 if lossless else error < 0.02


def test_linear_jpeg_xl_is_brought_to_the_curve(tmp_path):
    import imagecodecs

    light = np.full((32, 32, 3), 6553, np.uint16)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(light, lossless=True))
    assert read_picture(tmp_path / "a.jxl").pixels[0, 0, 0] == pytest.approx(0.349 * 65535, abs=60)


def test_the_comment_of_a_gif_is_kept_and_its_xmp_missed_aloud(tmp_path):
    Image.fromarray(SCENE).quantize(64).save(tmp_path / "a.gif", comment=b"by lamp light")
    data = (tmp_path / "a.gif").read_bytes()
    extension = b"!\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    (tmp_path / "a.gif").write_bytes(data[:-1] + extension + b";")
    _, new, said = again(tmp_path, "a.gif")
    with Image.open(new) as image:
        assert image.info["comment"] == b"by lamp light"
    assert any("carries XMP" in sentence for sentence in said)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_a_colour_space_by_numbers_is_kept(tmp_path, suffix):
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    like = Picture(SCENE, "avif", 3, colour_space=(9, 16, 9))
    assert read_picture(write_picture(tmp_path / f"a{suffix}", SCENE, like)).colour_space == (9, 16, 9)


def test_heic_that_no_decoder_would_read_is_written_coarser_and_said(tmp_path, monkeypatch):
    heif = pytest.importorskip("clode_core.pictures.files.heif")
    pytest.importorskip("pillow_heif")
    like = Picture(SCENE, "heif", 3)
    whole = write_picture(tmp_path / "a.heic", SCENE, like).stat().st_size
    monkeypatch.setattr(heif, "_LONGEST", whole)
    path, said = converted(tmp_path, like, ".heic")
    assert path.stat().st_size < whole and "quality 80" in said
