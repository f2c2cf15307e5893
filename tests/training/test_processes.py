import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch
import yaml
from training_making import scene, write

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.model import Model
from clode_core.methods.clode.training.data import DenoiseDataset
from clode_core.methods.clode.training.objectives import UndoObjective
from clode_core.training import TrainingError, load_config, run_training
from clode_core.training.data import step_generator
from clode_core.training.loading import recipe_of
from clode_core.training.module import DEVICE_SALT
from clode_core.training.run import _starting_model
from clode_core.training.validation import mean_numbers, read_pairs

TIMEOUT = 240
"""For what takes seconds where nothing else runs."""
pytestmark = pytest.mark.timeout(2 * TIMEOUT)
OURS = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "RANK", "WORLD_SIZE")

SPY = """
import os, sys, torch
from clode_core.cli import main
from clode_core.training import TrainingError, module
seen, stage = [], module.StageModule
step = stage.training_step
def watched(self, batch, index):
    rank = self.trainer.global_rank
    if os.environ.get("FAILING") == str(rank) and int(batch.step) == 2:
        raise TrainingError("the disk of process %d is full." % rank)
    seen.append(batch.pictures.clone())
    return step(self, batch, index)
def first(self, optimizer):
    if self.trainer.global_step == 0:
        seen.append({n: p.grad.clone() for n, p in self.networks.named_parameters() if p.grad is not None})
def ended(self):
    name = "%s-%d.pt" % (self.stage.kind, self.trainer.global_rank)
    torch.save([self.networks.state_dict(), *seen], os.path.join(os.environ["SPIED"], name))
    seen.clear()
stage.training_step, stage.on_before_optimizer_step, stage.on_train_end = watched, first, ended
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def config(values, folders, tmp_path):
    """A file: two stages in two processes, with three pairs to be shared among them."""
    for k in range(3):
        write(tmp_path / "high" / f"{k}.png", scene(300 + k))
        write(tmp_path / "low" / f"{k}.png", curve(scene(300 + k), torch.tensor(-3.0)))
    values["stages"] = [
        {"kind": "denoise", "steps": 4, "batch_size": 2, "patch": 32},
        {"kind": "undo", "steps": 4, "batch_size": 3},
    ]
    values["validation"] = {"low": str(tmp_path / "low"), "high": str(tmp_path / "high"), "every_steps": 4}
    values["trainer"] |= {"devices": 2, "strategy": "ddp", "threads": 1, "checkpoint_every_steps": 2}
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def start(command, **variables):
    """The command, in a process group of its own that nothing survives."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore Ctrl-C
    try:
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**clean, "OMP_NUM_THREADS": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def finish(process):
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        end(process.pid)
    return process.returncode, out, err


def end(group):
    if alive(group):
        os.killpg(group, signal.SIGKILL)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def nobody_left(group):
    limit = time.monotonic() + 30
    while alive(group) and time.monotonic() < limit:
        time.sleep(0.05)
    return not alive(group)


def train(config, *more):
    return ["-m", "clode_core.cli", "train", config, *more]


def output_of(config):
    return load_config(config).output


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_average_their_gradients_and_stay_equal_through_the_stages(config, tmp_path):
    script = tmp_path / "spy.py"
    script.write_text(SPY)
    code, out, err = finish(start([script, "train", config], SPIED=str(tmp_path)))
    setting = load_config(config)
    assert (code, out, err) == (0, f"{setting.output / 'clode.safetensors'}\n", "")
    for kind in ("denoise", "undo"):
        one, other = (torch.load(tmp_path / f"{kind}-{rank}.pt") for rank in (0, 1))
        assert equal(one[0], other[0]), "the weights of the two processes differ"
        batches = [[x for x in spied[1:] if torch.is_tensor(x)] for spied in (one, other)]
        assert len(batches[0]) == len(batches[1]) == 4
        assert not any(torch.equal(a, b) for a, b in zip(*batches, strict=True))

    recipe, stage = recipe_of(setting.method), setting.stages[0]
    model, sums = _starting_model(setting, recipe), {}
    objective, g = recipe.objective(stage, model), model.g.train().requires_grad_(True)
    for rank in (0, 1):
        g.zero_grad()
        batch = DenoiseDataset(setting.data, stage, 32, 0, rank)[0]
        networks = {"h": model.h, "g": g}
        terms = objective.terms(
            lambda name, *given, networks=networks: networks[name](*given),
            batch,
            step_generator(DEVICE_SALT, 0, rank),
        )
        sum(terms.values()).backward()
        for name, weight in g.named_parameters():
            sums[f"g.{name}"] = sums.get(f"g.{name}", 0) + weight.grad / 2
    spied = next(x for x in torch.load(tmp_path / "denoise-0.pt")[1:] if isinstance(x, dict))
    assert spied.keys() == sums.keys()
    for name, gradient in spied.items():
        assert torch.allclose(gradient, sums[name], rtol=1e-3, atol=1e-6), name

    files = sorted(str(path.relative_to(setting.output)) for path in setting.output.rglob("*"))
    assert [name for name in files if "version_" in name and name.endswith("csv")] == [
        "1-denoise/log/version_0/metrics.csv",
        "2-undo/log/version_0/metrics.csv",
    ]
    assert len([name for name in files if "events" in name]) == 2
    assert not [name for name in files if "partial" in name or "-v1" in name]

    final = Model.read(setting.output / "clode.safetensors")
    pairs, measure = read_pairs(setting.validation), recipe.measure(setting.stages[1])
    expected = mean_numbers([measure(final, pair)[0] for pair in pairs])
    measured = final.card["stages"][1]["metrics"]
    assert len(pairs) == 3 and measured.keys() == expected.keys()
    for name, mean in expected.items():
        assert measured[name] == pytest.approx(mean, abs=2e-3), name


def test_a_killed_training_of_two_processes_goes_on_to_the_same_end(config, tmp_path):
    longer = ("--set", "stages.1.steps=40", "--set", "validation=null")
    checkpoint = output_of(config) / "2-undo" / "last.ckpt"
    process = start(train(config, *longer))
    try:
        while not checkpoint.exists():
            assert process.poll() is None, "the training ended before it could be killed"
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert not (checkpoint.parent / "clode.safetensors").exists()
    code, _, err = finish(start(train(config, *longer, "--resume")))
    assert (code, err) == (0, "")
    whole = tmp_path / "whole"
    code, _, err = finish(start(train(config, *longer, "--set", f"output={whole}")))
    assert (code, err) == (0, "")
    continued = Model.read(output_of(config) / "clode.safetensors").state_dict()
    for name, tensor in Model.read(whole / "clode.safetensors").state_dict().items():
        assert torch.allclose(tensor, continued[name], rtol=1e-4, atol=1e-5), name


def test_an_interrupted_training_of_one_process_goes_on_in_two(config, logged, monkeypatch):
    terms, count = UndoObjective.terms, iter(range(100))

    def interrupted(self, *arguments):
        if next(count) == 3:
            raise KeyboardInterrupt
        return terms(self, *arguments)

    monkeypatch.setattr(UndoObjective, "terms", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_training(load_config(config, ["trainer.devices=1", "trainer.strategy=auto"]))
    code, _, err = finish(start(train(config, "--resume")))
    assert (code, err) == (0, "")
    stage = output_of(config) / "2-undo"
    assert len(list(stage.glob("log/version_*"))) == 2  # the second run went on with the stage of the first
    assert logged(stage, "train/loss")[:, 0].tolist() == [4]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_fault_in_one_process_ends_both_with_one_sentence(config, tmp_path, failing):
    script = tmp_path / "spy.py"
    script.write_text(SPY)
    process = start([script, "train", config], SPIED=str(tmp_path), FAILING=str(failing))
    code, out, err = finish(process)
    assert (code, out, err) == (1, "", f"clode: the disk of process {failing} is full.\n")
    assert nobody_left(process.pid)


@pytest.mark.parametrize("to", ["both", "the first"])
def test_an_interrupted_training_leaves_no_process_behind(config, to):
    process = start(train(config, "--set", "stages.0.steps=100000", "--set", "validation=null"))
    try:
        while not (output_of(config) / "1-denoise" / "last.ckpt").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        if to == "both":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 130
        assert err == "clode: interrupted; finished files are complete\n"
        assert nobody_left(process.pid)
    finally:
        end(process.pid)


def test_a_killed_process_ends_the_other_too(config):
    process = start(train(config, "--set", "stages.0.steps=100000", "--set", "validation=null"))
    try:
        while not (output_of(config) / "1-denoise" / "last.ckpt").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=TIMEOUT)
        assert nobody_left(process.pid)
    finally:
        end(process.pid)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def short(config, *more):
    return train(config, "--set", "stages.0.steps=2", "--set", "stages.1.steps=2", *more)


def test_torchrun_starts_the_same_training(config):
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", free_port()]
    code, out, err = finish(start([*launcher, *short(config)]))
    weights = output_of(config) / "clode.safetensors"
    assert (code, out) == (0, f"{weights}\n") and "Traceback" not in err
    assert [stage["steps"] for stage in Model.read(weights).card["stages"]] == [2, 2]


def test_two_nodes_are_told_of_each_other_by_the_environment(config):
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"}
    sizes = ("--set", "trainer.devices=1", "--set", "trainer.nodes=2")
    nodes = [start(short(config, *sizes), NODE_RANK=str(rank), **where) for rank in (0, 1)]
    ended = [finish(node) for node in nodes]
    assert [code for code, _, _ in ended] == [0, 0]
    assert [out for _, out, _ in ended] == [f"{output_of(config) / 'clode.safetensors'}\n", ""]
    assert [err for _, _, err in ended] == ["", ""]


def test_processes_that_the_settings_do_not_know_are_refused(values, configured, monkeypatch):
    monkeypatch.setenv("NODE_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        TrainingError, match=r"^trainer: 2 processes were started, but .* is 1: let both agree\.$"
    ):
        run_training(configured(values))


def test_ways_of_starting_processes_without_a_command_are_refused(values, configured):
    with pytest.raises(TrainingError, match=r"^trainer\.strategy: ddp_spawn .* choose ddp"):
        run_training(configured(values, ["trainer.devices=2", "trainer.strategy=ddp_spawn"]))


@pytest.mark.parametrize(
    "fault",
    ["trainer.accelerator=tpu", "trainer.devices=9999", "trainer.devices=x", "trainer.strategy=magic"],
)
def test_a_fault_of_a_trainer_setting_is_one_sentence_and_leaves_no_process(config, fault):
    process = start(train(config, "--set", fault))
    try:
        out, err = process.communicate(timeout=TIMEOUT)
        assert nobody_left(process.pid) and not output_of(config).exists()
    finally:
        end(process.pid)
    assert (process.returncode, out) == (1, "") and err.startswith("clode: ") and len(err.splitlines()) == 1
    assert fault.partition("=")[0] in err


def test_a_node_that_waits_for_another_is_ended_by_a_signal(config):
    sizes = ("--set", "trainer.devices=1", "--set", "trainer.nodes=2")
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2", "NODE_RANK": "0"}
    process = start(short(config, *sizes), **where)
    try:
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", int(where["MASTER_PORT"]))):  # it waits from then on
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, err) == (130, "clode: interrupted; finished files are complete\n")
        assert nobody_left(process.pid)
    finally:
        end(process.pid)
