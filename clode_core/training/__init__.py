"""Training CLODE: configuration, data, losses and the runner.

>>> from clode_core.training import load_config, run_training
>>> weights = run_training(load_config("clode-cpu", ["data.normal=[my/pictures]"]))
"""

from clode_core.training.config import ConfigError, TrainingConfig, TrainingError
from clode_core.training.loading import load_config, packaged_configs
from clode_core.training.run import run_training

__all__ = [
    "ConfigError",
    "TrainingConfig",
    "TrainingError",
    "load_config",
    "packaged_configs",
    "run_training",
]
