"""Every precision and kind of layer, once each."""

from common import Results, call, image_of, read

results = Results("matrix")
for bits in ("U8", "U16", "U32", "HALF", "FLOAT", "DOUBLE"):
    for encoding in ("LINEAR", "NON_LINEAR", "PERCEPTUAL"):
        for base in ("RGB", "GRAY"):
            for alpha in (False, True):
                name = f"{bits}_{encoding}-{base}-{'alpha' if alpha else 'opaque'}"
                image, layer = image_of("dark", f"{bits}_{encoding}", base, alpha)
                model = {"RGB": "R'G'B'", "GRAY": "Y'"}[base]
                own = model.replace("'", "") if encoding == "LINEAR" else model
                suffix = "A" if alpha else ""
                results.pixels(f"{name}-before", read(layer, f"{model}{suffix} float"))
                said = call(image, [layer], exposure_time=2.5, denoise=bits in ("U8", "FLOAT"))
                results.pixels(f"{name}-after", read(layer, f"{own}{suffix} float"))
                results.note(name, said=said)
                image.delete()
results.write()
