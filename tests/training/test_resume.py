import os
import signal
import subprocess
import sys
import time

import torch
import yaml

from clode_core.methods.clode.model import Model
from clode_core.training import load_config, run_training

SCRIPT = "import sys; from clode_core.training import *; run_training(load_config(sys.argv[1]))"


def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_end(values, logged, tmp_path):
    values["stages"] = [
        {"kind": "denoise", "steps": 4, "batch_size": 2, "patch": 32},
        {"kind": "undo", "steps": 60, "batch_size": 4},
    ]
    values["trainer"]["threads"] = 1
    values["trainer"]["log_every_steps"] = 1
    config = tmp_path / "killed.yaml"
    config.write_text(yaml.safe_dump(values))
    stage = tmp_path / "out" / "2-undo"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(config)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        while not (stage / "last.ckpt").exists():
            assert process.poll() is None, "the training ended before it could be killed"
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (stage / "clode.safetensors").exists()
    checkpoint = torch.load(stage / "last.ckpt", weights_only=True)
    finished = (tmp_path / "out" / "1-denoise" / "clode.safetensors").read_bytes()

    weights = run_training(load_config(config), resume=True)
    assert (tmp_path / "out" / "1-denoise" / "clode.safetensors").read_bytes() == finished
    assert [s["steps"] for s in Model.read(weights).card["stages"]] == [4, 60]
    runs = sorted((stage / "log").iterdir())
    resumed = [int(line.split(",")[0]) for line in (runs[-1] / "metrics.csv").read_text().splitlines()[1:]]
    assert resumed == list(range(checkpoint["global_step"] + 1, 61))

    whole = load_config(config, [f"output={tmp_path / 'whole'}"])
    uninterrupted = Model.read(run_training(whole)).state_dict()
    continued = Model.read(weights).state_dict()
    for name, tensor in uninterrupted.items():
        assert torch.allclose(tensor, continued[name], rtol=1e-4, atol=1e-5), name
    rates = dict(logged(tmp_path / "whole" / "2-undo", "train/learning_rate"))
    for step, rate in logged(stage, "train/learning_rate"):
        assert abs(rates[step] - rate) <= 1e-9
