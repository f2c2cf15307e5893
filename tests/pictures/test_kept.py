"""Everything a file carries beside its pixels comes back, or its loss is said."""

import io
import struct
import warnings

import hostile
import numpy as np
import pytest
import tifffile
from PIL import Image
from test_files import SRGB, XMP, camera_of, exif_block, png_chunk

from clode_core.pictures.files import Picture, PictureError, read_picture, write_picture
from clode_core.pictures.files.exif import byte_order, entries_at
from clode_core.pictures.files.jpeg_segments import take_apart

SCENE = hostile.scene()
MAPS = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 3072, 0, 1, 32633), True),
    (42113, 2, 0, "-9999", True),
    (65000, 1, 5, b"mine!", True),
    (285, 2, 0, "page one", True),
    (33723, 7, 9, b"\x1c\x02\x05\x00\x04lamp", True),
]


def again(folder, name, brighter=True):
    """Read a file and write it once more; gives the picture, the new file and what was said."""
    said = []
    picture = read_picture(folder / name, say=said.append)
    pixels = np.clip(picture.pixels.astype(np.float64) * (2 if brighter else 1), 0, None)
    top = 2**picture.bit_depth - 1 if picture.pixels.dtype.kind in "ui" else np.inf
    new = write_picture(
        folder / f"new {name}", pixels.clip(0, top).astype(picture.pixels.dtype), picture, say=said.append
    )
    return picture, new, said


def exif_with_thumbnail(order="<"):
    file = io.BytesIO()
    Image.fromarray(SCENE // 4).resize((160, 120)).save(file, "JPEG")
    small = file.getvalue()
    first = struct.pack(order + "HHHI4sI", 1, 271, 2, 4, b"Lam\0", 26)
    link = struct.pack(order + "HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(small), 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8) + first + link + small


def thumbnail_of(exif):
    order = byte_order(exif)
    tags = {entry.tag: struct.unpack(order + "I", entry.value)[0] for entry in entries_at(exif, 26, order)}
    return np.asarray(Image.open(io.BytesIO(exif[tags[513] : tags[513] + tags[514]])))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".jp2"])
def test_the_thumbnail_shows_the_result(tmp_path, suffix, order):
    like = Picture(SCENE // 4, "jpeg", 3, lossless=False, exif=exif_with_thumbnail(order))
    old = thumbnail_of(like.exif)
    write_picture(tmp_path / f"a{suffix}", SCENE, like)
    new = thumbnail_of(read_picture(tmp_path / f"a{suffix}").exif)
    assert old.shape == new.shape == (120, 160, 3)
    assert new.mean() > 3 * old.mean()


def test_exif_near_its_limit_stays_whole(tmp_path):
    exif = exif_with_thumbnail()
    exif += bytes(65527 - len(exif))
    write_picture(tmp_path / "a.jpg", SCENE, Picture(SCENE, "jpeg", 3, exif=exif))
    written = read_picture(tmp_path / "a.jpg").exif
    assert len(written) == len(exif)
    assert thumbnail_of(written).mean() > 3 * thumbnail_of(exif).mean()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_comes_back_as_it_was_made(tmp_path, subsampling, progressive):
    Image.fromarray(SCENE).save(
        tmp_path / "a.jpg",
        quality=63,
        subsampling=subsampling,
        progressive=progressive,
        comment=b"by lamp light",
    )
    _, new, said = again(tmp_path, "a.jpg")
    with Image.open(tmp_path / "a.jpg") as old, Image.open(new) as image:
        assert image.quantization == old.quantization
        assert [part[1:3] for part in image.layer] == [part[1:3] for part in old.layer]
        assert image.info.get("progressive") == old.info.get("progressive")
        assert image.info["comment"] == b"by lamp light"
    assert said == []


def test_photoshop_blocks_iptc_and_foreign_segments_of_jpeg_are_copied(tmp_path):
    Image.fromarray(SCENE).save(tmp_path / "a.jpg", icc_profile=SRGB)
    data = (tmp_path / "a.jpg").read_bytes()
    parts = [
        (0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x05\x00\x04lamp\0"),
        (0xEB, b"others"),
    ]
    packed = b"".join(bytes((0xFF, m)) + (len(c) + 2).to_bytes(2, "big") + c for m, c in parts)
    (tmp_path / "a.jpg").write_bytes(data[:20] + packed + data[20:])
    _, new, said = again(tmp_path, "a.jpg")
    assert [tuple(segment) for segment in take_apart(new.read_bytes()).kept] == parts
    assert said == []


def test_further_pictures_in_a_jpeg_are_missed_aloud(tmp_path):
    image = Image.fromarray(SCENE)
    image.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[image.reduce(2)])
    assert any("more pictures" in sentence for sentence in again(tmp_path, "a.jpg")[2])
    image.save(tmp_path / "b.jpg")
    with (tmp_path / "b.jpg").open("ab") as file:
        file.write(b"ftyp" * 500)
    assert any("2000 bytes behind" in sentence for sentence in again(tmp_path, "b.jpg")[2])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [None, (64, 32)])
def test_tags_tiles_and_byte_order_of_tiff_are_kept(tmp_path, order, tile):
    options = {"photometric": "rgb", "extratags": MAPS, "tile": tile, "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", SCENE.astype(np.uint16), byteorder=order, **options)
    _, new, said = again(tmp_path, "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as before, tifffile.TiffFile(new) as after:
        for code, *_ in MAPS:
            assert after.pages[0].tags[code].value == before.pages[0].tags[code].value
        assert after.byteorder == order
        assert (after.pages[0].tilelength, after.pages[0].tilewidth) == (tile or (0, 0))
        np.testing.assert_array_equal(after.asarray(), before.asarray() * 2)
    assert said == []


def test_planar_tiff_stays_planar(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.moveaxis(SCENE, -1, 0),
        photometric="rgb",
        planarconfig="separate",
        metadata=None,
    )
    _, new, _ = again(tmp_path, "a.tif", brighter=False)
    with tifffile.TiffFile(new) as tif:
        assert int(tif.pages[0].planarconfig) == 2
    np.testing.assert_array_equal(read_picture(new).pixels, SCENE)


@pytest.mark.parametrize("inside", [False, True])
def test_smaller_copies_are_made_anew(tmp_path, inside):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        own = {"photometric": "rgb", "metadata": None, "tile": (64, 64)}
        tif.write(SCENE // 2, **own, **({"subifds": 2} if inside else {}))
        for step in (2, 4):
            tif.write(SCENE[::step, ::step] // 2, **own, subfiletype=1)
    _, new, _ = again(tmp_path, "a.tif")
    with tifffile.TiffFile(new) as tif:
        levels = tif.series[0].levels
        assert [level.shape for level in levels] == [(192, 256, 3), (96, 128, 3), (48, 64, 3)]
        assert abs(float(levels[2].asarray().mean()) - float(levels[0].asarray().mean())) < 1


def test_every_page_keeps_its_own_tags(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for number in range(3):
            tags = [(285, 2, 0, f"page {number}", True), (65000, 3, 1, number + 7, True)]
            tif.write(
                SCENE[..., number],
                photometric="minisblack",
                metadata=None,
                extratags=tags,
                description=f"plane {number}",
            )
    _, new, _ = again(tmp_path, "a.tif")
    with tifffile.TiffFile(new) as tif:
        kept = [(page.tags[285].value, page.tags[65000].value, page.description) for page in tif.pages]
    assert kept == [(f"page {n}", n + 7, f"plane {n}") for n in range(3)]


def test_a_fourth_band_that_is_not_alpha_stays_data(tmp_path):
    bands = np.dstack([SCENE, 255 - SCENE[..., 0]])
    tifffile.imwrite(
        tmp_path / "a.tif", bands, photometric="rgb", extrasamples=["unspecified"], metadata=None
    )
    picture, new, _ = again(tmp_path, "a.tif", brighter=False)
    with tifffile.TiffFile(new) as tif:
        assert tif.pages[0].extrasamples[0] == 0
    np.testing.assert_array_equal(read_picture(new).pixels, bands)
    said = []
    write_picture(tmp_path / "a.png", picture.pixels, picture, say=said.append)
    assert "neither colour nor alpha" in said[0]
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, SCENE)


def test_twelve_packed_bits_are_right_beside_exif_of_the_other_byte_order(tmp_path):
    pixels = SCENE.astype(np.uint16) * 16
    exif = exif_block()[6:]
    assert byte_order(exif) == ">"
    like = Picture(pixels, "png", 3, 12, exif=exif)
    read = read_picture(write_picture(tmp_path / "a.tif", pixels, like))
    np.testing.assert_array_equal(read.pixels, pixels)
    assert camera_of(read.exif)[0] == "Lantern"


def test_chunks_of_png_are_kept_or_missed_aloud(tmp_path):
    import imagecodecs

    data = bytes(imagecodecs.png_encode(SCENE))
    kept = [
        (b"tIME", struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5)),
        (b"sBIT", b"\7\7\7"),
        (b"oFFs", struct.pack(">iiB", 1, 2, 0)),
        (b"prVt", b"mine"),
    ]
    others = png_chunk(b"bKGD", bytes(6)) + b"".join(png_chunk(*chunk) for chunk in kept)
    (tmp_path / "a.png").write_bytes(data[:33] + others + data[33:])
    _, new, said = again(tmp_path, "a.png")
    assert all(png_chunk(*chunk) in new.read_bytes() for chunk in kept)
    assert said == ["has parts that depend on the old pixels (bKGD); they were not kept"]


@pytest.mark.parametrize(("mode", "part"), [("P", "has a palette"), ("1", "has 1 bit a pixel")])
def test_lost_palettes_and_low_depths_of_png_are_said(tmp_path, mode, part):
    image = Image.fromarray(SCENE)
    (image.quantize(16) if mode == "P" else image.convert("1")).save(tmp_path / "a.png")
    assert any(part in sentence for sentence in again(tmp_path, "a.png")[2])


@pytest.mark.parametrize("suffix", [".heic", ".avif", ".jp2", ".jxl"])
def test_newer_formats_hold_profile_camera_and_scale(tmp_path, suffix):
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    notes = {"exif": exif_block()[6:], "xmp": XMP.replace(b'"6"', b'"1"'), "dpi": (300.0, 150.0)}
    like = Picture(SCENE, "png", 3, icc_profile=None if suffix == ".jxl" else SRGB, **notes)
    picture = read_picture(write_picture(tmp_path / f"a{suffix}", SCENE, like))
    assert picture.icc_profile == like.icc_profile and picture.dpi == (300, 150)
    assert camera_of(picture.exif)[0] == "Lantern" and b"xmpmeta" in picture.xmp
    assert np.abs(picture.pixels.astype(int) - SCENE).mean() < 4


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("suffix", [".heic", ".avif", ".jp2"])
def test_ten_and_twelve_bits_stay(tmp_path, suffix, bits):
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    pixels = SCENE.astype(np.uint16) << (bits - 8)
    like = Picture(pixels, "avif", 3, bits)
    picture = read_picture(write_picture(tmp_path / f"a{suffix}", pixels, like))
    assert (picture.bit_depth, picture.pixels.dtype) == (bits, np.uint16)
    assert np.abs(picture.pixels.astype(int) - pixels).mean() < 2**bits / 64


@pytest.mark.parametrize("suffix", [".exr", ".hdr"])
def test_linear_light_comes_back_as_light(tmp_path, suffix):
    import imagecodecs

    light = np.geomspace(1e-4, 5, 30 * 40 * 3).reshape(30, 40, 3).astype(np.float32)
    if suffix == ".exr":
        openexr = pytest.importorskip("OpenEXR")
        with openexr.File({"type": openexr.scanlineimage, "owner": "Ann"}, {"RGB": light}) as file:
            file.write(str(tmp_path / "a.exr"))
    else:
        (tmp_path / "a.hdr").write_bytes(imagecodecs.rgbe_encode(light, header=True))
    picture, new, _ = again(tmp_path, f"a{suffix}", brighter=False)
    assert picture.linear_white > 1 and picture.pixels.min() > 1e-4
    read = read_picture(new)
    np.testing.assert_allclose(read.pixels, picture.pixels, rtol=0.02, atol=0.01)
    if suffix == ".exr":
        assert read.notes["header"]["owner"] == "Ann"


@pytest.mark.parametrize("suffix", [".bmp", ".gif"])
def test_small_formats_say_what_they_cannot_hold(tmp_path, suffix):
    said = []
    like = Picture(SCENE, "png", 3, exif=exif_block()[6:], icc_profile=SRGB)
    picture = read_picture(write_picture(tmp_path / f"a{suffix}", SCENE, like, say=said.append))
    assert any("EXIF and a colour profile" in sentence for sentence in said)
    assert np.abs(picture.pixels.astype(int) - SCENE).mean() < (6 if suffix == ".gif" else 0.1)


def test_moving_gif_is_refused(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match="is an animation"):
        read_picture(tmp_path / "a.gif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_upright_once(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(SCENE[:64, :96]).save(tmp_path / "a.avif", exif=exif, quality=95)
    picture = read_picture(tmp_path / "a.avif")
    assert picture.pixels.shape[:2] == ((64, 96) if orientation < 5 else (96, 64))
    write_picture(tmp_path / "b.avif", picture.pixels, picture)
    assert read_picture(tmp_path / "b.avif").pixels.shape == picture.pixels.shape


def test_avif_is_turned_by_its_container_and_not_by_exif_alone(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    like = Picture(SCENE[:64, :96], "avif", 3, exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    write_picture(tmp_path / "a.avif", like.pixels, like)
    picture = read_picture(tmp_path / "a.avif")
    assert picture.pixels.shape == (64, 96, 3)
    written = Image.Exif()
    written.load(b"Exif\0\0" + picture.exif)
    assert written[274] == 1


def test_nothing_is_said_of_a_plain_picture(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for suffix in (".png", ".jpg", ".tif", ".webp", ".jp2", ".avif"):
            write_picture(tmp_path / f"a{suffix}", SCENE)
            again(tmp_path, f"a{suffix}")
