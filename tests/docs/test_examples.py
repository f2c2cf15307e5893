"""Every example in the README, on the site and in the docstrings runs; every command line is understood."""

import doctest
import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import typer.main
from PIL import Image
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

import clode_core
from clode_core.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_PYTHON = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
MODULES = ("clode_core", "clode_core.methods", "clode_core.methods.info")


class Decoder(torch.nn.Module):
    """The smallest network that the example of learnable references fits."""

    def __init__(self):
        super().__init__()
        layers = [torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 64, 3, padding=1)]
        self.decoder = torch.nn.ModuleList(layers)
        self.last = torch.nn.Conv2d(64, 3, 1)

    def forward(self, image):
        for layer in self.decoder:
            image = layer(image)
        return self.last(image)


@pytest.fixture
def names(dark, tmp_path, monkeypatch):
    """What the examples take for granted: pictures, some files, and a network."""
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    Image.fromarray(dark).save("photo.jpg")
    pair = {"dark": torch.rand(2, 3, 32, 32), "bright": torch.rand(2, 3, 32, 32)}
    network = {"network": Decoder(), "L": torch.nn.functional.l1_loss, "save_file": save_file}
    public = {name: getattr(clode_core, name) for name in clode_core.__all__}
    return public | pair | network | {"image": dark, "stack": np.stack([dark[..., 1]] * 2), "np": np}


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, names):
    document = Sybil([PythonCodeBlockParser()]).parse(page)
    document.namespace.update(names)
    examples = list(document)
    assert examples
    for example in examples:
        example.evaluate()


def public_docstrings():
    """Every docstring with an example: of the public names, and of the modules that show how to begin."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in clode_core.__all__:
        if name != "__version__":
            yield from finder.find(getattr(clode_core, name), name, globs={})
    for name in MODULES:
        module = import_module(name)
        yield doctest.DocTestParser().get_doctest(module.__doc__, {}, name, module.__file__, 0)
    yield from finder.find(import_module("clode_core.methods.info").Slider, "Slider", globs={})


EXAMPLES = {test.name: test for test in public_docstrings() if test.examples}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_docstring_runs(name, names):
    from clode_core.methods import Slider

    test = EXAMPLES[name]
    test.globs = names | {"Slider": Slider}
    report = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)


def test_every_public_function_has_an_example():
    functions = [name for name in clode_core.__all__ if name[0].islower()]
    assert [name for name in functions if name not in EXAMPLES] == []


def command_lines():
    """Lines of all pages that start with ``clode``, without comments."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^(?: {4}|\$ )(clode .*)$", text, re.MULTILINE):
            words = shlex.split(line, comments=True)
            if not any("..." in word for word in words):
                yield pytest.param(words, id=f"{page.stem}: {' '.join(words)}")


@pytest.mark.parametrize("words", command_lines())
def test_a_command_line_of_the_pages_is_understood(words):
    command, words = typer.main.get_command(app), words[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(" ".join(words), list(words))
