"""AVIF and HEIF files whose container tells another size than that of the coded picture."""

import io
import struct

import hostile
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from clode_core.pictures.files import PictureError, PictureWarning, read_picture
from clode_core.pictures.files.av1 import stream_size
from clode_core.pictures.files.boxes import box
from clode_core.pictures.files.items import items

SCENE = hostile.scene(101, 134)


def avif(pixels, **options):
    return bytes(imagecodecs.avif_encode(np.ascontiguousarray(pixels), level=80, **options))


def with_size(data, width, height):
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


@pytest.mark.parametrize(
    "pixels",
    [SCENE, SCENE[..., 0], np.dstack([SCENE, SCENE[..., 0]]), SCENE[:1, :1]],
    ids=["colour", "grey", "alpha", "one pixel"],
)
def test_the_coded_size_of_an_avif_file_is_that_of_its_picture(pixels):
    coded = [stream_size(item.beginning) for item in items(avif(pixels)) if item.kind == b"av01"]
    assert len(coded) == (2 if pixels.shape[2:] == (4,) else 1)
    assert set(coded) == {(pixels.shape[1], pixels.shape[0])}


def test_the_long_header_of_a_stream_is_understood():
    """Profile 0, no short header, no timing; one operating point of level 8 with a tier; 9 and 8 bits."""
    bits = "000" + "0" + "0" + "0" + "0" + "00000" + "0" * 12 + "01000" + "0" + "1000" + "0111"
    bits += f"{320 - 1:09b}" + f"{240 - 1:08b}"
    content = int(bits.ljust(-len(bits) % 8 + len(bits), "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    delimiter, header = bytes((0b00010010, 0)), bytes((0b00001010, len(content)))
    assert stream_size(delimiter + header + content) == (320, 240)
    assert stream_size(delimiter + header + content[:4]) is None
    assert stream_size(b"") is None and stream_size(b"\xff" * 40) is None


@pytest.mark.parametrize("size", [(134, 130), (134, 70), (200, 101), (101, 134)])
def test_an_avif_file_with_a_false_size_is_refused_and_lenient_reads_it_with_a_word(tmp_path, size):
    file = tmp_path / "a.avif"
    file.write_bytes(with_size(avif(SCENE), *size))
    with pytest.raises(PictureError, match=rf"says {size[0]} x {size[1]} pixels, but holds 134 x 101"):
        read_picture(file)
    with pytest.warns(PictureWarning, match="but holds 134 x 101"):
        assert read_picture(file, lenient=True).pixels.shape == (size[1], size[0], 3)


def test_the_size_of_the_alpha_of_an_avif_file_is_checked_too():
    picture, alpha = (item for item in items(avif(np.dstack([SCENE, SCENE[..., 0]]))) if item.kind == b"av01")
    for item in (picture, alpha):
        assert item.properties[b"ispe"][4:] == struct.pack(">II", 134, 101)
        assert stream_size(item.beginning) == (134, 101)


def test_files_of_several_encoders_are_read_as_before(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    for number, options in enumerate(({}, {"exif": turned}, {"subsampling": "4:0:0"}, {"speed": 10})):
        file = io.BytesIO()
        Image.fromarray(SCENE).save(file, "AVIF", **options)
        path = tmp_path / f"{number}.avif"
        path.write_bytes(file.getvalue())
        assert read_picture(path).pixels.shape[:2] == ((134, 101) if number == 1 else (101, 134))


def test_a_heic_file_with_a_false_size_is_refused(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(SCENE)).save(file, quality=80)
    (tmp_path / "a.heic").write_bytes(with_size(file.getvalue(), 134, 160))
    with pytest.raises(PictureError, match=r"a\.heic is damaged"):
        read_picture(tmp_path / "a.heic")


@pytest.mark.parametrize("version", [0, 1, 2])
def test_tables_of_every_version_are_understood(version):
    """An item in the file and one inside the tables, with wide and narrow numbers."""
    code = ">H" if version < 2 else ">I"
    method = [b"", b""] if version == 0 else [struct.pack(">H", 0), struct.pack(">H", 1 if version else 0)]

    def place(number, index, start, length):
        return struct.pack(code, number) + method[index] + struct.pack(">HIHII", 0, 0, 1, start, length)

    count = struct.pack(code, 2)
    located = bytes((version, 0, 0, 0, 0x44, 0x40)) + count + place(1, 0, 4, 3) + place(2, 1, 1, 2)
    kinds = [
        box(b"infe", struct.pack(">IHH4s", 2 << 24, number, 0, kind) + b"\0")
        for number, kind in ((1, b"av01"), (2, b"grid"))
    ]
    owned = struct.pack(">IIHBH", 1, 1, 1, 1, 0x8001)
    parts = [
        box(b"iinf", bytes(4) + struct.pack(">H", 2) + b"".join(kinds)),
        box(b"iloc", located),
        box(b"iprp", box(b"ipco", box(b"ispe", b"size")) + box(b"ipma", owned)),
        box(b"idat", b"ABCD"),
    ]
    data = box(b"meta", bytes(4) + b"".join(parts))
    first, second = items(data)
    assert first.kind == b"av01" and first.properties == {b"ispe": b"size"} and first.beginning == data[4:7]
    assert second.kind == b"grid" and second.properties == {}
    assert second.beginning == (b"BC" if version else data[1:3])
    with pytest.raises(ValueError, match="cut short"):
        list(items(box(b"meta", bytes(4) + parts[0] + box(b"iloc", located[:-3]))))
