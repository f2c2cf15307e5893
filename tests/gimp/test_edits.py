"""Whatever a person does to the picture meanwhile: old pixels never get into one that has others."""

import numpy as np
import pytest

import clode_core as clode

EIGHT = 0.5 / 255 + 1e-5


@pytest.fixture(scope="module")
def edits(batch):
    batch.run("edits.py")
    return batch.results("edits")


def pair(edits, name):
    """The layer with the edit alone, and as the plug-in left it."""
    return (edits.pixels(f"{name}-{which}", *edits.notes[name]["size"]) for which in ("edited", "after"))


def enhanced(picture, model, place=np.s_[:, :]):
    new = picture.copy()
    new[place] = clode.enhance(picture, 2.5, denoise=False, model=model, levels=(0, 1))[place]
    return new


@pytest.mark.parametrize(
    ("name", "place", "size"),
    [
        ("select-none", np.s_[:, :], (64, 96)),
        ("crop", np.s_[0:38, 5:55], (40, 60)),  # the selection moved with the canvas
        ("invert", np.s_[10:50, 20:70], (64, 96)),
        ("paint", np.s_[10:50, 20:70], (64, 96)),
        ("move", np.s_[14:54, 13:63], (64, 96)),
        ("invert-float", np.s_[10:50, 20:70], (64, 96)),
    ],
)
def test_an_edit_in_mid_run_is_kept_and_the_work_done_on_what_is_there_now(edits, model, name, place, size):
    note = edits.notes[name]
    assert note["said"] == "ok" and tuple(note["size"]) == size
    edited, after = pair(edits, name)
    assert np.abs(after - enhanced(edited, model, place)).max() <= EIGHT
    outside = np.ones(size, bool)
    outside[place] = False
    assert np.array_equal(after[outside], edited[outside])


def test_a_selection_that_is_feathered_in_mid_run_has_no_hard_edge(edits, model):
    edited, after = pair(edits, "feather")
    change = np.abs(after - edited)[..., 0]
    assert change[8, 20:70].max() > 0.005, "nothing changed beyond the old edge"
    assert change[30, 45] > 0.1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("select-elsewhere", "the selection touches none of the selected layers"),
        ("locked", "the pixels of 'dark' are locked"),
        ("always", "changed again and again"),
    ],
)
def test_where_the_work_cannot_go_on_nothing_is_done_and_the_reason_told(edits, name, words):
    assert words in edits.notes[name]["said"]
    edited, after = pair(edits, name)
    if name == "always":  # painted again and again in one place
        edited[20:22, 30:32] = after[20:22, 30:32]
    assert np.array_equal(edited, after)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("deleted", "the layer 'dark' was deleted or its image closed"),
        ("closed", "image closed|image was closed"),
    ],
)
def test_a_layer_that_is_gone_is_missed_in_words(edits, name, words):
    assert any(word in edits.notes[name]["said"] for word in words.split("|"))
    assert not edits.notes[name]["valid"]


def test_a_merge_of_more_than_was_computed_would_change_nothing_else(edits):
    before, after = (edits.pixels(f"surround-{when}", 64, 96) for when in ("before", "after"))
    inside = np.s_[10:50, 20:70]
    assert np.abs(after[inside][..., :3] - np.array([200, 100, 50]) / 255).max() <= 1e-5
    after[inside] = before[inside]
    assert np.array_equal(before, after)


@pytest.mark.parametrize("name", ["new", "new-masked", "new-whole"])
def test_as_a_new_layer_the_result_lies_above_with_the_selection_as_its_mask(edits, model, name):
    note = edits.notes[name]
    assert note["said"] == "ok" and note["names"] == ["dark CLODE", "dark"] and note["untouched"]
    place = np.s_[:, :] if name == "new-whole" else np.s_[10:50, 20:70]
    before, after = (edits.pixels(f"{name}-{when}", 64, 96) for when in ("before", "after"))
    assert np.abs(after - enhanced(before, model, place)).max() <= EIGHT
    assert note["masked"] == (name != "new-whole")
    if note["masked"]:
        expected = np.zeros((64, 96, 1), np.float32)
        expected[place] = 128 / 255 if name == "new-masked" else 1
        assert np.abs(edits.pixels(f"{name}-mask", 64, 96) - expected).max() <= 1e-3


def test_a_new_layer_is_of_what_is_there_now(edits, model):
    assert edits.notes["new-layer-crop"]["said"] == "ok"
    edited, after = pair(edits, "new-layer-crop")
    assert np.array_equal(edited, after), "the layer itself was changed"


def test_the_automatic_exposure_is_that_of_the_selected_part(edits, model):
    before, after = (edits.pixels(f"auto-{when}", 64, 96) for when in ("before", "after"))
    part = np.s_[20:60, 30:90]
    time = model.solve(before[part], levels=(0, 1), rgb=True).auto()
    whole = model.solve(before, levels=(0, 1), rgb=True)
    assert abs(time - whole.auto()) > 0.1, "this picture tells nothing"
    assert np.abs(after[part] - whole.at(time)[part]).max() <= 0.01
    assert np.abs(after[part] - whole.at(whole.auto())[part]).max() > 0.01


def test_who_cancels_has_the_picture_as_it_was(edits):
    assert edits.notes["cancel"] == {"said": "cancel", "same": True}
    assert edits.notes["cancel-new"] == {"said": "cancel", "layers": 1}


def test_a_picture_with_a_linear_profile_is_exposed_as_one_sees_it(edits, model):
    before, after = (edits.pixels(f"linear-profile-{when}", 64, 96) for when in ("before", "after"))
    expected = clode.enhance(before, 2.5, denoise=False, model=model, levels=(0, 1))
    # Eight linear bits are coarse in the dark.
    assert np.abs(after - expected)[expected[..., :3].min(-1) > 0.2].max() <= 0.02
    assert np.median(np.abs(after - expected)) < 0.004


def test_automatic_for_several_layers_is_the_exposure_of_each(edits, model):
    assert edits.notes["each"]["said"] == "ok"
    for name in ("first", "second"):
        before, after = (edits.pixels(f"each-{name}-{when}", 64, 96) for when in ("before", "after"))
        expected = clode.enhance(before, "auto", denoise=False, model=model, levels=(0, 1))
        assert np.abs(after - expected).max() <= 1e-5


def test_presets_are_kept_used_and_removed(edits):
    note = edits.notes["presets"]
    assert note["names"] == ["night in the street", "plain"] and note["left"] == ["night in the street"]
    assert note["time"] == -1.25 and note["highlights"] == -0.75 and note["broken"] == {}
    assert not [name for name in note["files"] if name.startswith("clode-presets.json.")]
