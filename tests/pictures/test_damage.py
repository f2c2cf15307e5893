"""Damaged files are refused by name, or accepted with a word; none gives a wrong picture silently."""

import io
import random
import struct

import hostile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from clode_core.pictures.files import PictureError, PictureWarning, read_picture

BASES = {kind: (suffix, data) for kind, suffix, data in hostile.bases()}
CHECKED = [
    *(kind for kind in BASES if "jpeg" in kind and kind not in ("jpeg 2000", "jpeg xl")),
    "tiff lzw",
    "tiff zlib",
    "tiff group 4",
    "png",
]


def damaged(tmp_path, kind, damage, number=1):
    suffix, data = BASES[kind]
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(damage(data, random.Random(number), kind))
    return path


@pytest.mark.parametrize("damage", [hostile.zeroed, hostile.half, hostile.tall, hostile.short, hostile.wide])
@pytest.mark.parametrize("kind", CHECKED)
def test_damage_that_decoders_forgive_is_refused(tmp_path, kind, damage):
    path = damaged(tmp_path, kind, damage)
    with pytest.raises(PictureError, match=r"damaged|cannot hold|does not say which") as told:
        read_picture(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("damage", [hostile.zeroed, hostile.half, hostile.tall])
def test_what_is_left_of_a_damaged_jpeg_is_read_when_asked_for(tmp_path, damage):
    path = damaged(tmp_path, "jpeg", damage)
    with pytest.warns(PictureWarning, match=r"picture\.jpg is damaged .* read all the same"):
        picture = read_picture(path, lenient=True)
    assert picture.pixels.shape[1:] == (256, 3)
    assert np.abs(picture.pixels[:32].astype(int) - hostile.scene()[:32]).mean() < 8


@pytest.mark.parametrize("kind", ["webp", "webp lossless", "tiff zstd"])
def test_a_lost_sector_in_data_without_a_checksum_is_noticed(tmp_path, kind):
    path = damaged(tmp_path, kind, hostile.zeroed)
    with pytest.raises(PictureError, match="a part of it is empty"):
        read_picture(path)


@pytest.mark.parametrize("kind", ["jpeg", "jpeg grey", "png", "tiff lzw", "tiff group 4", "tiff zstd", "gif"])
def test_a_header_that_claims_far_too_much_is_refused_before_memory_is_taken(tmp_path, kind, monkeypatch):
    import imagecodecs
    import simplejpeg

    for library, name in (
        (simplejpeg, "decode_jpeg"),
        (imagecodecs, "png_decode"),
        (imagecodecs, "ccittfax4_decode"),
    ):
        monkeypatch.setattr(library, name, lambda *args, **kwargs: pytest.fail("decoded"))
    with pytest.raises(PictureError, match=r"claims \d+ x \d+ pixels|do not agree"):
        read_picture(damaged(tmp_path, kind, hostile.claim))


def test_remarks_about_metadata_do_not_count_as_damage(tmp_path):
    data = bytearray(BASES["jpeg"][1])
    data[11] = 9  # a revision of JFIF that nobody knows
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_picture(tmp_path / "a.jpg").pixels.shape == (192, 256, 3)


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("shape", [(50, 4000), (60, 77), (1, 9)])
def test_undamaged_group_4_is_read(tmp_path, shape, white_is_zero):
    pixels = np.random.default_rng(0).random(shape) > 0.7
    pixels[:, shape[1] // 2 :] = True
    options = {"tiffinfo": {262: 0}} if white_is_zero else {}
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression="group4", **options)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").pixels > 0, pixels)


def test_an_ome_stack_whose_end_is_cut_is_refused(tmp_path):
    pixels = np.zeros((3, 40, 50), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, ome=True, metadata={"axes": "CYX"})
    data = (tmp_path / "a.ome.tif").read_bytes()
    (tmp_path / "a.ome.tif").write_bytes(data[:-50])
    with pytest.raises(PictureError, match="its description is cut off"):
        read_picture(tmp_path / "a.ome.tif")


def test_a_jpeg_of_twelve_bits_is_called_that(tmp_path):
    data = bytearray(BASES["jpeg"][1])
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(PictureError, match="a JPEG of 12 bits"):
        read_picture(tmp_path / "a.jpg")


def test_an_interlaced_png_is_read_in_silence(tmp_path, capfd):
    from zlib import compress

    from test_files import png_chunk

    pixels = hostile.scene(9, 13).astype(np.uint16) * 257
    rows = b""
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ):  # fmt: skip
        rows += b"".join(
            b"\0" + row.astype(">u2").tobytes() for row in pixels[top::down, left::across] if row.size
        )
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 9, 16, 2, 0, 0, 1))
    data = b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", compress(rows)) + png_chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, pixels)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff zlib", "tiff group 4", "gif", "bmp"])
def test_no_change_of_a_file_gives_anything_but_a_picture_or_a_sentence(tmp_path_factory, kind):
    suffix, data = BASES[kind]
    path = tmp_path_factory.mktemp("fuzz") / f"picture{suffix}"

    @seed(18)
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        places=st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6),
        end=st.integers(0, len(data)),
        fill=st.booleans(),
    )
    def fuzz(places, end, fill):
        changed = bytearray(data)
        for place, value in places:
            changed[place] = value
        kept = bytes(changed[:end]) + (bytes(len(data) - end) if fill else b"")
        path.write_bytes(kept)
        for lenient in (False, True):
            try:
                assert read_picture(path, lenient=lenient, say=str).pixels.size
            except PictureError as error:
                assert str(path) in str(error) and "\n" not in str(error)
                assert "()" not in str(error) and "codec can't" not in str(error)

    fuzz()


def test_the_benchmark_makes_the_files_it_says():
    made = list(hostile.hostile(30, 1))
    assert len(made) == 30
    assert all(content != whole for _, _, _, content, whole in made)
    assert {damage for _, damage, *_ in made} >= {"cut", "zeroed", "half", "claim"}
    assert io.BytesIO(made[0][4]).read(3) == b"\xff\xd8\xff"
