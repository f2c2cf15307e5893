from pathlib import Path

import pytest
import yaml

from clode_core.training import ConfigError, TrainingError, hardware, load_config, packaged_configs
from clode_core.training.config import TrainerConfig
from clode_core.training.hardware import check_hardware

CLODE = ["clode-cpu", "clode-gpu", "paper-cpu"]
BASELINES = ["zero-dce-cpu", "zero-dce-pp-cpu", "enlightengan-cpu", "enlightengan-gpu"]


@pytest.mark.parametrize("name", CLODE + BASELINES)
def test_a_packaged_configuration_is_found_by_its_bare_name(name):
    config = load_config(name)
    assert config == load_config(f"{name}.yaml")
    assert name in packaged_configs()


def test_paths_start_at_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config("clode-cpu")
    assert config.output.is_absolute() and config.output.is_relative_to(Path.cwd())
    assert all(path.is_relative_to(Path.cwd()) for path in config.data.normal)
    assert config.validation.low.is_relative_to(Path.cwd())


def test_overrides_replace_values_by_dotted_keys(values, configured):
    overrides = ["stages.0.steps=7", "data.dark=[]", "trainer.threads=1", "stages.0.weights.smooth=0.3"]
    config = configured(values, overrides)
    assert config.stages[0].steps == 7 and config.data.dark == []
    assert config.trainer.threads == 1 and config.stages[0].weights.smooth == 0.3


def test_numbers_in_exponent_notation_are_numbers(values, configured):
    assert configured(values, ["stages.0.learning_rate=1e-3"]).stages[0].learning_rate == 1e-3


def set_field(values, key, value):
    *path, last = key.split(".")
    for part in path:
        values = values[int(part)] if isinstance(values, list) else values.setdefault(part, {})
    values[last] = value


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("stages.0.steps", 0, r"stages\.0\.steps: input should be greater than or equal to 1, not 0"),
        ("stages.0.step", 5, r"stages\.0\.step: is not a known field, did you mean steps"),
        ("stages.0.kind", "redo", r"stages\.0: .*'redo'"),
        ("stages.0.learning_rate", "fast", r"stages\.0\.learning_rate: .*number.*not 'fast'"),
        ("stages.0.mixture", {"undo": 0, "bracket": 0, "dark": 0}, r"stages\.0\.mixture: at least one share"),
        ("trainer.precision", "8-bit", r"trainer\.precision: .*'bf16-mixed'"),
        (
            "architecture.curve_network",
            "big",
            r"architecture: unknown network 'big', choose one of multiscale",
        ),
        ("data", None, r"data: input should be a valid dictionary"),
        ("stages", [], r"stages: list should have at least 1 item"),
        ("seed", -1, r"seed: input should be greater than or equal to 0"),
    ],
)
def test_a_fault_is_told_in_one_sentence_with_file_and_field(values, configured, key, value, told):
    set_field(values, key, value)
    with pytest.raises(ConfigError, match=told) as caught:
        configured(values)
    sentence = str(caught.value)
    assert "training.yaml: " in sentence and "\n" not in sentence and sentence.endswith(".")


def test_a_missing_field_is_named(values, configured):
    del values["name"]
    with pytest.raises(ConfigError, match=r"training\.yaml: name: is missing\.$"):
        configured(values)


def test_a_stage_that_trains_g_needs_a_noise_network(values, configured):
    values["architecture"] = {"noise_network": ""}
    values["stages"] = [{"kind": "denoise", "steps": 1}]
    with pytest.raises(ConfigError, match=r"trains g, but architecture\.noise_network is empty"):
        configured(values)


def test_what_is_not_yaml_is_told_with_its_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: a\nstages: [1, 2\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml: is not valid YAML at line \d") as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    path.write_text("only words")
    with pytest.raises(ConfigError, match="must hold fields"):
        load_config(path)


def test_a_missing_file_is_told_with_what_there_is():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: there is no such file.*clode-cpu"):
        load_config("nowhere.yaml")


@pytest.mark.parametrize(
    "override", ["stages.9.steps=1", "name.first=1", "stages.x.steps=1", "steps", "a=[1"]
)
def test_an_override_that_cannot_be_applied_is_named(values, configured, override):
    with pytest.raises(ConfigError, match=r"^--set .*: (there is no such field|.*key=value|.*YAML value)\.$"):
        configured(values, [override])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("trainer.devices=abc", "trainer.devices: input should be 'auto' or a valid integer, not 'abc'."),
        (
            "trainer.devices=0",
            "trainer.devices: input should be 'auto' or greater than or equal to 1, not 0.",
        ),
        ("traner.devices=1", "traner: is not a known field, did you mean trainer."),
        ("stages.0.stpes=3", "stages.0.stpes: is not a known field, did you mean steps."),
        ("stages.0.steps=many", "stages.0.steps: input should be a valid integer, not 'many'."),
        ("output=", "output: input is not a valid path, not None."),
        ("seed=-1", "seed: input should be greater than or equal to 0, not -1."),
    ],
)
def test_a_fault_of_an_override_names_the_override_and_not_the_file(values, configured, override, told):
    with pytest.raises(ConfigError) as caught:
        configured(values, ["trainer.threads=1", override])
    assert str(caught.value) == f"--set {override}: {told}"


def test_a_fault_of_the_file_is_not_blamed_on_an_override(values, configured):
    values["seed"] = "x"
    with pytest.raises(ConfigError, match=r"training\.yaml: seed: input should be a valid integer"):
        configured(values, ["trainer.threads=1"])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (
            {"accelerator": "tpu"},
            r"^trainer\.accelerator: this machine has no 'tpu': choose one of auto.*cpu",
        ),
        ({"accelerator": "abacus"}, r"^trainer\.accelerator: this machine has no 'abacus'"),
        ({"accelerator": "cpu", "devices": 9999}, r"^trainer\.devices: 9999 processes are too many"),
        ({"strategy": "magic"}, r"^trainer\.strategy: there is no 'magic'"),
    ],
)
def test_what_this_machine_has_not_is_refused_by_the_name_of_its_setting(setting, told):
    with pytest.raises(TrainingError, match=told):
        check_hardware(TrainerConfig(**setting))


def test_more_cards_than_there_are_are_refused(monkeypatch):
    monkeypatch.setattr(hardware, "_is_there", lambda name: name in ("cuda", "cpu"))
    monkeypatch.setattr(hardware.torch.cuda, "device_count", lambda: 2)
    check_hardware(TrainerConfig(accelerator="gpu", devices=2))
    check_hardware(TrainerConfig(accelerator="cpu", devices=3))
    with pytest.raises(TrainingError, match=r"^trainer\.devices: 3 are asked for, and this machine has 2\.$"):
        check_hardware(TrainerConfig(devices=3))


def test_a_configuration_survives_being_written_and_read(values, configured, tmp_path):
    config = configured(values)
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(path) == config
