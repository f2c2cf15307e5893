import pytest

WORDS = {
    "locked": "'dark' are locked: unlock them",
    "group": "'holder' is a layer group",
    "in-locked-group": "'holder' are locked",
    "one-of-two-is-a-group": "layer group",
    "layer-mask": "a layer mask is selected",
    "channel": "a channel is selected",
    "selection-elsewhere": "the selection touches none",
    "text": "is a text layer: choose Layer > Discard Text Information",
    "indexed": "Image > Mode > RGB",
}


@pytest.fixture(scope="module")
def refusals(batch):
    batch.run("refusals.py")
    return batch.results("refusals").notes


@pytest.mark.parametrize("name", WORDS)
def test_what_cannot_be_enhanced_is_refused_in_words(refusals, name):
    assert WORDS[name] in refusals[name]["said"]
    assert refusals[name]["same"], "pixels changed all the same"
