# ruff: noqa: E501
"""One picture file of each kind that carries all that it can; used by `metadata.py`."""

import io
import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hostile import scene

SCENE = scene() // 4
EVERYWHERE = (
    "-Artist=A. Lamp", "-Copyright=(c) Lamp", "-ImageDescription=by lamp light", "-XPTitle=Title of Windows",
    "-DateTimeOriginal=2024:05:06 07:08:09", "-OffsetTimeOriginal=+02:00", "-SubSecTimeOriginal=12",
    "-ExposureTime=1/30", "-FNumber=2.8", "-ISO=3200", "-FocalLength=50", "-LensModel=50mm f/1.4",
    "-BodySerialNumber=123456", "-UserComment=a note", "-Flash=16", "-ColorSpace=1",
    "-GPSLatitude=52.5", "-GPSLatitudeRef=N", "-GPSLongitude=13.4", "-GPSLongitudeRef=E",
    "-GPSAltitude=34", "-GPSAltitudeRef=0", "-GPSDateStamp=2024:05:06", "-GPSTimeStamp=05:08:09",
    "-XMP-dc:Title=Lamp", "-XMP-dc:Subject=night", "-XMP-dc:Subject=lamp", "-XMP-xmp:Rating=4",
    "-XMP-lr:HierarchicalSubject=light|lamp", "-XMP-crs:Exposure2012=+1.00",
)  # fmt: skip
IPTC = ("-IPTC:ObjectName=Lamp", "-IPTC:Keywords=night", "-IPTC:Keywords=lamp", "-IPTC:City=Berlin")
PHOTOSHOP = ("-Photoshop:CopyrightFlag=1", "-Photoshop:URL=https://example.org", "-Photoshop:GlobalAngle=30")


@dataclass
class Case:
    """One file.

    Attributes
    ----------
    words : dict
        Part of a tag's or piece's name, and the word by which the command names its loss.
    new : tuple of str
        Parts of names of tags that tell of the pixels, and are to be new.
    pieces : callable
        Takes the result; gives pieces that exiftool does not tell of, before and after.
    """

    name: str
    path: Path
    options: tuple[str, ...] = ()
    words: dict[str, str] = field(default_factory=dict)
    new: tuple[str, ...] = ()
    pieces: Callable[[Path], dict[str, tuple[Any, Any]]] = lambda result: {}

    def is_said(self, piece, said):
        """Whether the command named the loss of a piece."""
        return any(part in piece and word in said for part, word in self.words.items())

    def is_new(self, tag):
        """Whether a tag tells of the pixels, and is to be new."""
        return any(part in tag for part in self.new)


def profile():
    """A colour profile that is not the usual one."""
    from PIL import ImageCms

    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + made[36:]


def thumbnail():
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(SCENE).resize((160, 120)).save(file, "JPEG", quality=80)
    return file.getvalue()


def canon_note():
    """EXIF of a camera whose maker note points to places counted from the beginning of EXIF."""
    text, firmware = b"Canon EOS Lamp\0\0", b"Firmware 1.0.3\0\0"
    first, exposure, note = 8, 8 + 2 + 24 + 4 + 6, 8 + 2 + 24 + 4 + 6 + 2 + 12 + 4
    held = note + 2 + 24 + 4
    maker = struct.pack("<H", 2)
    maker += struct.pack("<HHII", 6, 2, len(text), held) + struct.pack(
        "<HHII", 7, 2, len(firmware), held + len(text)
    )
    maker += bytes(4) + text + firmware
    block = b"II*\0" + struct.pack("<I", first)
    block += struct.pack("<H", 2) + struct.pack("<HHII", 271, 2, 6, first + 2 + 24 + 4)
    block += struct.pack("<HHII", 34665, 4, 1, exposure) + bytes(4) + b"Canon\0"
    block += struct.pack("<H", 1) + struct.pack("<HHII", 37500, 7, len(maker), note) + bytes(4) + maker
    return block


def exiftool(path, *options):
    command = ["exiftool", "-q", "-m", "-overwrite_original", *options, str(path)]
    subprocess.run(command, check=True, capture_output=True)


def filled(path, *more):
    """Let exiftool put in what every format may carry."""
    exiftool(path, *EVERYWHERE, *more)


def image(pixels=None):
    from PIL import Image

    return Image.fromarray(SCENE if pixels is None else pixels)


def thumbnail_mean(path, tag="ThumbnailImage"):
    """Whether there is a thumbnail as bright as the picture: not "old", not "gone"."""
    from PIL import Image

    from clode_core.pictures.files import read_picture

    data = subprocess.run(["exiftool", "-b", f"-{tag}", str(path)], capture_output=True).stdout
    if not data:
        return "gone"
    mean = float(np.asarray(Image.open(io.BytesIO(data))).mean())
    pixels = read_picture(path).pixels
    full = float(pixels.mean()) * 255 / (65535 if pixels.dtype == np.uint16 else 255)
    return "like the picture" if abs(mean - full) < 8 else "old"


def jpeg_store(path):
    from PIL import Image

    with Image.open(path) as opened:
        return {
            "quantisation": opened.quantization,
            "subsampling": [part[1:3] for part in opened.layer],
            "progressive": bool(opened.info.get("progressive")),
        }


def both(one, source, *tags):
    """Compare what a function tells of the source and the result."""

    def pieces(result):
        before, after = one(source), one(result)
        found = {name: (before[name], after.get(name)) for name in before}
        for tag in tags:
            found[tag] = (thumbnail_mean(source, tag), thumbnail_mean(result, tag))
        return found

    return pieces


def tiff_store(path):
    import tifffile

    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        told = {
            "byte order": tif.byteorder,
            "64 bits": tif.is_bigtiff,
            "compression": int(page.compression),
            "predictor": int(page.predictor),
            "tiles": (page.tilelength, page.tilewidth) if page.is_tiled else None,
            "planar": int(page.planarconfig),
            "bits": page.bitspersample,
            "type": str(page.dtype),
            "levels": [level.shape for level in tif.series[0].levels],
            "pages": len(tif.pages),
            "axes": tif.series[0].axes,
            "extra samples": tuple(map(int, page.extrasamples)),
            "names of pages": [part.aspage().tags.valueof(285) for part in tif.pages],
            "texts of pages": [part.aspage().tags.valueof(270) for part in tif.pages]
            if not tif.is_ome
            else None,
            "resolution of pages": [part.aspage().tags.valueof(282) for part in tif.pages],
            "profiles of pages": [len(part.aspage().tags.valueof(34675) or b"") for part in tif.pages],
        }
        for dialect, there in (("imagej", tif.is_imagej), ("ome", tif.is_ome), ("geotiff", tif.is_geotiff)):
            if there:
                found = getattr(tif, f"{dialect}_metadata")
                told[dialect] = without_range(found) if dialect == "imagej" else found_ome(found)
        return told


def without_range(found):
    return {k: str(v) for k, v in found.items() if k not in ("min", "max", "Ranges")}


def found_ome(found):
    """Of OME-XML all but the places of planes and its own number."""
    import re

    if not isinstance(found, str):
        return found
    text = re.sub(
        r"<TiffData[^>]*?(/>|>.*?</TiffData>)|<\?xml[^>]*>|UUID=\"[^\"]*\"|ome:|:ome", "", found, flags=re.S
    )
    return re.sub(r"\s+", "", text)


def jpeg_cases(folder):
    from PIL import Image

    path = folder / "all.jpg"
    image().save(path, quality=83, subsampling=1, progressive=True, comment=b"a comment", icc_profile=profile(),
                 exif=b"Exif\0\0" + canon_note(), dpi=(300, 300))  # fmt: skip
    small = folder / "small.jpg"
    small.write_bytes(thumbnail())
    filled(
        path,
        *IPTC,
        *PHOTOSHOP,
        f"-ThumbnailImage<={small}",
        f"-PhotoshopThumbnail<={small}",
        "-InteropIndex=R98",
    )
    yield Case("JPEG", path, pieces=both(jpeg_store, path, "ThumbnailImage", "PhotoshopThumbnail"))
    path = folder / "grey.jpg"
    Image.fromarray(SCENE[..., 0]).save(path, quality=70, exif=b"Exif\0\0" + canon_note())
    filled(path)
    yield Case("JPEG, grey", path, pieces=both(jpeg_store, path))
    path = folder / "long.jpg"
    image().save(path, quality=90)
    filled(path, "-XMP-dc:Description=" + "long " * 20000)
    yield Case("JPEG, XMP over 64 KiB", path, words={"XMP": "xmp", "dc": "xmp"})
    path = folder / "two.jpg"
    image().save(path, "MPO", save_all=True, append_images=[image().reduce(2)], quality=90)
    filled(path)
    yield Case("MPO", path, words={"MP": "more pictures"}, new=("MPImage",), pieces=both(jpeg_store, path))
    for suffix in ("png", "tif", "webp", "jxl", "exr", "gif"):
        yield crossed(folder / "all.jpg", folder, suffix)


OF_TIFF = ("ImageWidth", "ImageHeight", "BitsPerSample", "Compression", "Photometric", "SamplesPerPixel", "Planar",
           "Predictor", "XResolution", "YResolution", "ResolutionUnit")  # fmt: skip
"""Of how a TIFF file stores its pixels, and the scale, which every format has in a place of its own."""


def crossed(source, folder, suffix):
    """The same file, asked to become another format: only the large groups are looked at."""
    words = {"IPTC": "iptc", "Photoshop": "photoshop", "Comment": "comment", "XMP": "xmp", "ICC": "profile",
             "GPS": "exif", "ExifIFD": "exif", "IFD0": "exif", "Canon": "exif", "InteropIFD": "exif",
             "JFIF": "dots per inch", "PixelScale": "map", "ModelTiePoint": "map", "GDAL": "map", "GeoTiff": "map",
             "OwnerName": "tags of tiff"}  # fmt: skip
    new = (
        ("IFD1", "JFIF", "XMPToolkit", *OF_TIFF)
        if source.suffix == ".tif"
        else ("IFD1", "JFIF", "XMPToolkit")
    )
    return Case(f"{source.suffix[1:].upper()} to {suffix}", source, ("--format", suffix), words, new=new)


def png_cases(folder):
    path = folder / "all.png"
    from PIL import PngImagePlugin

    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Lamp")
    texts.add_text("Warning", "hot", zip=True)
    texts.add_itxt("Author", "Lämp", "de", "Autor")
    for name, content in (
        (b"tIME", struct.pack(">H5B", 2024, 5, 6, 7, 8, 9)), (b"sBIT", bytes((8, 7, 6))),
        (b"gAMA", struct.pack(">I", 45455)), (b"prVt", b"private"),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    ):  # fmt: skip
        texts.add(name, content)
    image().save(path, pnginfo=texts, dpi=(300, 300), icc_profile=profile(), exif=canon_note())
    small = folder / "small.jpg"
    filled(path)
    exif = with_thumbnail(path, small.read_bytes())
    replace_chunk(path, b"eXIf", exif)
    yield Case("PNG", path, pieces=both(png_store, path, "ThumbnailImage"))
    for bits, mode in ((1, "1"), (4, "P"), (8, "P")):
        path = folder / f"{mode}{bits}.png"
        pixels = image().convert("1") if mode == "1" else image().quantize(2**bits)
        pixels.save(path, bits=bits, dpi=(300, 300))
        yield Case(f"PNG, {bits} bit{' palette' if mode == 'P' else ''}", path,
                   words={"Palette": "palette", "BitDepth": "its result has", "ColorType": "palette", "bits": "its result has",
                          "PNG:": "palette"},
                   pieces=both(png_store, path))  # fmt: skip
    path = folder / "deep.png"
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(SCENE.astype(np.uint16) * 257))
    filled(path)
    yield Case("PNG, 16 bits", path, pieces=both(png_store, path))


def png_store(path):
    bits, kind = path.read_bytes()[24:26]
    return {"bits": (bits, kind)}


def with_thumbnail(path, small):
    """The EXIF of a PNG with a thumbnail behind it, which exiftool does not write into PNG."""
    exif = bytearray(chunk_of(path, b"eXIf"))
    order = "<" if exif[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, first)
    exif += bytes(len(exif) % 2)
    struct.pack_into(order + "I", exif, first + 2 + 12 * count, len(exif))
    place = len(exif) + 2 + 36 + 4
    exif += struct.pack(order + "HHHIHHHHIIHHII", 3, 259, 3, 1, 6, 0, 513, 4, 1, place, 514, 4, 1, len(small))
    return bytes(exif + bytes(4) + small)


def chunk_of(path, name):
    data = path.read_bytes()
    at = data.index(name)
    return data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")]


def replace_chunk(path, name, content):
    data = path.read_bytes()
    at = data.index(name)
    old = int.from_bytes(data[at - 4 : at], "big")
    body = name + content
    new = struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[: at - 4] + new + data[at + 8 + old :])


MAPS = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 5800000.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 3072, 0, 1, 32633), True),
    (42112, 2, 0, "<GDALMetadata><Item>a</Item></GDALMetadata>", True),
    (42113, 2, 0, "-9999", True),
    (65000, 1, 5, b"mine!", True),
    (285, 2, 0, "page one", True),
    (269, 2, 0, "document", True),
    (316, 2, 0, "a computer", True),
    (33432, 2, 0, "(c) Lamp", True),
]


def tiff_cases(folder):
    import tifffile

    deep = SCENE.astype(np.uint16) * 257
    plain = {"metadata": None, "software": False}
    wide = {**plain, "photometric": "rgb", "extratags": MAPS, "iccprofile": profile(), "resolution": (300, 300),
            "resolutionunit": "inch", "description": "by lamp light"}  # fmt: skip

    def case(name, *pages, fill=True, words=None, new=(), **options):
        path = folder / f"{name}.tif"
        whole = {key: options.pop(key) for key in ("bigtiff", "byteorder", "imagej", "ome") if key in options}
        with tifffile.TiffWriter(path, **whole) as tif:
            for index, page in enumerate(pages):
                tif.write(page, **{**options, **options.get("each", [{}] * 99)[index]} if "each" not in options else
                          {**{k: v for k, v in options.items() if k != "each"}, **options["each"][index]})  # fmt: skip
        if fill:
            filled(path, *IPTC, *PHOTOSHOP)
        return Case(f"TIFF, {name}", path, words=words or {}, new=new, pieces=both(tiff_store, path))

    yield case(
        "16 bits, GeoTIFF and GDAL, private tags, EXIF, IPTC, Photoshop",
        deep,
        **wide,
        compression="lzw",
        predictor=True,
    )
    yield case("big-endian", SCENE, **wide, byteorder=">")
    yield case("tiles", SCENE, **wide, tile=(64, 64), compression="zlib")
    yield case("planar", np.moveaxis(SCENE, -1, 0), **{**wide, "planarconfig": "separate"})
    yield case("64 bits", SCENE, **wide, bigtiff=True, fill=False)
    big = np.tile(SCENE, (2, 2, 1))
    small = {
        "subfiletype": 1,
        "extratags": [],
        "iccprofile": None,
        "resolution": None,
        "resolutionunit": None,
        "description": None,
    }
    each = [{"subifds": 2}, small, small]
    yield case(
        "pyramid inside", big, big[::2, ::2], big[::4, ::4], **wide, each=each, tile=(64, 64), fill=False
    )
    each = [{}, small]
    yield case("pyramid behind", big, big[::2, ::2], **wide, each=each, fill=False)
    each = [{"extratags": [(285, 2, 0, f"page {n}", True), (65000, 1, 1, bytes((n,)), True)], "description": f"text {n}",
             "resolution": (100 + n, 100 + n)} for n in (1, 2, 3)]  # fmt: skip
    yield case(
        "pages with tags of their own",
        SCENE,
        SCENE // 2,
        SCENE // 3,
        **{**wide, "iccprofile": None},
        each=each,
        fill=False,
    )
    each = [{"iccprofile": profile()}, {"iccprofile": None}]
    yield case(
        "pages with profiles of their own",
        SCENE,
        SCENE // 2,
        **{**plain, "photometric": "rgb"},
        each=each,
        fill=False,
    )
    yield case("12 bits packed", deep >> 4, **{**wide, "bitspersample": 12}, fill=False)
    yield case("float", SCENE.astype(np.float32) / 255, **wide)
    yield case("RGBA", np.dstack([SCENE, SCENE[..., :1]]), **{**wide, "extrasamples": ["unassalpha"]})
    yield case("four bands", np.dstack([SCENE, SCENE[..., :1]]), **{**wide, "extrasamples": ["unspecified"]})
    stack = np.stack([SCENE[..., 0]] * 6).reshape(3, 2, *SCENE.shape[:2]).astype(np.uint16)
    about = {"axes": "ZCYX", "unit": "um", "spacing": 0.5, "Labels": [f"l{n}" for n in range(6)], "Info": "info",
             "Ranges": (0.0, 9.0, 0.0, 9.0)}  # fmt: skip
    yield case(
        "ImageJ",
        stack,
        imagej=True,
        metadata=about,
        resolution=(5, 5),
        fill=False,
        new=("ImageDescription", "0xc69"),
    )
    about = {"axes": "ZCYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm", "Channel": {"Name": ["a", "b"]},
             "MapAnnotation": {"Namespace": "lamp", "Id": "1", "lit": "yes"}}  # fmt: skip
    yield case("OME", stack, ome=True, metadata=about, fill=False, new=("ImageDescription",))
    yield case("grey palette", SCENE[..., 0], **{**plain, "photometric": "palette",
               "colormap": np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)}, fill=False,
               words={"ColorMap": "palette", "Photometric": "palette", "type": "palette", "bits": "palette",
                      "axes": "palette", "BitsPerSample": "palette", "SamplesPerPixel": "palette", "levels": "palette"})  # fmt: skip
    path = folder / "bits.tif"
    image().convert("1").save(path, compression="group4", dpi=(300, 300))
    words = dict.fromkeys(
        ("BitsPerSample", "Photometric", "type", "bits", "compression", "Compression", "FillOrder", "Planar"),
        "1 bit",
    )
    yield Case("TIFF, 1 bit, Group 4", path, words=words, pieces=both(tiff_store, path))
    path = folder / "jpeg.tif"
    tifffile.imwrite(path, SCENE, photometric="ycbcr", compression="jpeg", **plain)
    filled(path, *IPTC)
    words = dict.fromkeys(
        ("YCbCr", "ReferenceBlackWhite", "Photometric", "compression", "Compression", "JPEGTables"), "jpeg"
    )
    yield Case("TIFF, JPEG inside", path, words=words, pieces=both(tiff_store, path))
    path = folder / "camera.tif"
    source = folder / "all.jpg"
    tifffile.imwrite(path, SCENE, photometric="rgb", **plain)
    exiftool(path, "-tagsfromfile", str(source), "-all:all", "-unsafe", "-makernotes")
    yield Case("TIFF, MakerNote", path, pieces=both(tiff_store, path))
    yield crossed(
        folder / "16 bits, GeoTIFF and GDAL, private tags, EXIF, IPTC, Photoshop.tif", folder, "jpg"
    )
    yield crossed(
        folder / "16 bits, GeoTIFF and GDAL, private tags, EXIF, IPTC, Photoshop.tif", folder, "png"
    )


def newer_cases(folder):
    import imagecodecs
    import pillow_heif

    exif, icc = canon_note(), profile()
    path = folder / "all.webp"
    image().save(path, quality=80, exif=b"Exif\0\0" + exif, icc_profile=icc)
    filled(path)
    yield Case("WebP", path)
    path = folder / "lossless.webp"
    image().save(path, lossless=True, icc_profile=icc)
    filled(path)
    yield Case("WebP, lossless", path)
    for bits in (8, 10, 12):
        path = folder / f"{bits}.avif"
        pixels = SCENE if bits == 8 else SCENE.astype(np.uint16) << (bits - 8)
        path.write_bytes(imagecodecs.avif_encode(pixels, level=80, bitspersample=bits))
        filled(path)
        yield Case(f"AVIF, {bits} bits", path, pieces=both(box_store, path))
    path = folder / "bright.avif"
    wide = SCENE.astype(np.uint16) << 2
    path.write_bytes(
        imagecodecs.avif_encode(wide, level=80, bitspersample=10, primaries=9, transfer=16, matrix=9)
    )
    yield Case("AVIF, BT.2020 and PQ", path, pieces=both(box_store, path))
    path = folder / "bright.heic"
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    heif = pillow_heif.from_bytes("RGB;16", SCENE.shape[1::-1], (SCENE.astype(np.uint16) << 8).tobytes())
    heif.save(path, quality=80, color_primaries=9, transfer_characteristics=16, matrix_coefficients=9)
    yield Case("HEIC, BT.2020 and PQ", path, pieces=both(box_store, path))
    path = folder / "profile.avif"
    image().save(path, exif=b"Exif\0\0" + exif, icc_profile=icc, quality=80)
    filled(path)
    finer = (
        "CompatibleBrands",
        "SeqProfile",
        "ChromaFormat",
    )  # colour at full resolution, where it was at half
    yield Case("AVIF with a profile", path, new=finer, pieces=both(box_store, path))
    for bits in (8, 10, 12):
        path = folder / f"{bits}.heic"
        pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
        if bits == 8:
            heif = pillow_heif.from_pillow(image())
        else:
            heif = pillow_heif.from_bytes(
                "RGB;16", SCENE.shape[1::-1], (SCENE.astype(np.uint16) << 8).tobytes()
            )
        heif.save(path, quality=80, exif=b"Exif\0\0" + exif)
        filled(path)
        yield Case(f"HEIC, {bits} bits", path, pieces=both(box_store, path))
    path = folder / "several.heic"
    heif = pillow_heif.from_pillow(image())
    heif.add_from_pillow(image().reduce(2))
    heif.info["thumbnails"] = [64]
    heif.save(path, quality=80)
    filled(path)
    yield Case(
        "HEIC of two pictures", path, words={"": "more than the picture"}, pieces=both(box_store, path)
    )
    for bits in (8, 10, 12, 16):
        path = folder / f"{bits}.jxl"
        pixels = SCENE if bits == 8 else SCENE.astype(np.uint16) << (bits - 8)
        path.write_bytes(
            imagecodecs.jpegxl_encode(pixels, lossless=True, bitspersample=bits, usecontainer=True)
        )
        filled(path)
        yield Case(f"JPEG XL, {bits} bits", path, words={"bits": "bits"}, pieces=both(jxl_store, path))
    for bits in (8, 12, 16):
        path = folder / f"{bits}.jp2"
        pixels = SCENE if bits == 8 else SCENE.astype(np.uint16) << (bits - 8)
        path.write_bytes(imagecodecs.jpeg2k_encode(pixels, level=0, bitspersample=bits))
        filled(path)
        yield Case(f"JPEG 2000, {bits} bits", path)


def box_store(path):
    """Bits and colours that the container of AVIF or HEIF tells."""
    from clode_core.pictures.files.boxes import found

    data = path.read_bytes()
    pixi = next(found(data, b"meta", b"iprp", b"ipco", b"pixi"), b"")
    colours = [
        content[:11] for content in found(data, b"meta", b"iprp", b"ipco", b"colr") if content[:4] == b"nclx"
    ]
    return {"bits": pixi[5:6].hex(), "colours": colours[0].hex() if colours else ""}


def jxl_store(path):
    from clode_core.pictures.files.boxes import found
    from clode_core.pictures.files.jpeg_xl_header import header_of

    data = path.read_bytes()
    header = header_of(next(found(data, b"jxlc")))
    return {"bits": header.bits, "colours": header.srgb, "losing": header.lossy}


def bmp_store(path):
    from PIL import Image

    with Image.open(path) as opened:
        return {"dpi": tuple(round(value) for value in opened.info["dpi"]), "mode": opened.mode}


def small_cases(folder):
    for mode in ("RGB", "P", "L", "1"):
        path = folder / f"{mode}.bmp"
        pixels = image().quantize(64) if mode == "P" else image().convert(mode)
        pixels.save(path, dpi=(300, 300))
        words = {"mode": "palette"}
        yield Case(f"BMP, {mode}", path, words=words, pieces=both(bmp_store, path))
    path = folder / "a.gif"
    image().quantize(64).save(path, comment=b"a comment", transparency=3)
    exiftool(path, "-XMP-dc:Title=Lamp")
    new = ("BitsPerPixel", "ColorResolutionDepth", "GIFVersion", "BackgroundColor", "TransparentColor")
    yield Case("GIF", path, words={"XMP": "xmp"}, new=new)
    path = folder / "a.hdr"
    import imagecodecs

    light = (SCENE.astype(np.float32) / 255) ** 2.2
    data = bytes(imagecodecs.rgbe_encode(light, header=True))
    split = data.find(b"\n") + 1
    path.write_bytes(data[:split] + b"EXPOSURE=2.5\nVIEW=-vtv\nOWNER=lamp\n# a note\n" + data[split:])
    yield Case("Radiance HDR", path)
    import OpenEXR

    for depth in (np.float16, np.float32):
        path = folder / f"{np.dtype(depth)}.exr"
        planes = {
            name: np.ascontiguousarray(light[..., index].astype(depth)) for index, name in enumerate("RGB")
        }
        planes["Z"] = light[..., 0].copy()
        header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.PIZ_COMPRESSION, "owner": "lamp",
                  "comments": "by lamp light", "isoSpeed": 3200.0, "expTime": 0.03}  # fmt: skip
        with OpenEXR.File(header, planes) as file:
            file.write(str(path))
        yield Case(f"OpenEXR, {np.dtype(depth)}", path, words={"Channels": "more than its colours"})


def raw_cases(folder):
    try:
        import rawpy  # noqa: F401
    except ImportError:
        return
    from raw_files import write_dng

    path = folder / "a.dng"
    write_dng(path, (SCENE.astype(np.float32) / 255) ** 2.2)
    exiftool(path, *(option for option in EVERYWHERE), *IPTC)
    of_raw = ("CFA", "Photometric", "BlackLevel", "WhiteLevel", "ColorMatrix", "AsShotNeutral", "DNG", "Calibration",
              "UniqueCameraModel", "BitsPerSample", "SamplesPerPixel", "Planar", "NoiseProfile", "SubfileType", "Orientation",
              "XResolution", "YResolution", "ResolutionUnit", "XMPToolkit")  # fmt: skip
    yield Case("DNG", path, new=of_raw)
    yield Case("DNG to jpg", path, ("--format", "jpg"), new=(*of_raw, "Compression", "IFD0:Image"),
               words={"IPTC": "iptc", "XMP": "xmp"})  # fmt: skip


def cases(folder):
    """All files, made in a folder."""
    for part in (jpeg_cases, png_cases, tiff_cases, newer_cases, small_cases, raw_cases):
        yield from part(folder)
