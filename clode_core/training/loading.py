"""Reading a training configuration from YAML, with faults told in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from clode_core.training.config import ConfigError, DataConfig, TrainingConfig

PACKAGED = Path(__file__).parent / "configs"


def packaged_configs() -> list[str]:
    """Names of the configurations that come with the package."""
    return sorted(path.stem for path in PACKAGED.glob("*.yaml"))


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Read a training configuration.

    Parameters
    ----------
    path : str or Path
        A YAML file, or the bare name of a packaged configuration (`packaged_configs`).
    overrides : sequence of str
        Values that replace the file's: a dotted key, ``=`` and a YAML value, as in ``stages.0.steps=100``.

    Returns
    -------
    TrainingConfig
        With all paths absolute.

    Raises
    ------
    ConfigError
        One sentence with the file, the field and what is wrong.
    """
    file = _locate(Path(path))
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}).") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}: is not valid YAML{where} ({getattr(error, 'problem', error)}).") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: must hold fields such as name, output and stages.")
    for override in overrides:
        _override(values, override)
    try:
        return _absolute(TrainingConfig.model_validate(values))
    except ValidationError as error:
        raise ConfigError(f"{file}: {_sentence(error)}") from None


def _locate(path: Path) -> Path:
    if path.is_file():
        return path
    packaged = PACKAGED / f"{path.name.removesuffix('.yaml')}.yaml"
    if len(path.parts) == 1 and packaged.is_file():
        return packaged
    raise ConfigError(
        f"{path}: there is no such file, and the packaged configurations are {', '.join(packaged_configs())}."
    )


def _override(values: dict[str, Any], override: str) -> None:
    """Set one dotted key in place."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"override {override!r}: must look like key.key=value.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"override {key}: {text!r} is not a YAML value.") from None
    *path, last = key.split(".")
    place: Any = values
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    except (IndexError, ValueError, TypeError, AttributeError):
        raise ConfigError(f"override {key}: there is no such field.") from None


def _sentence(error: ValidationError) -> str:
    """First fault of a validation: the field and what is wrong."""
    first = error.errors()[0]
    parts = list(first["loc"])
    if parts[:1] == ["stages"] and len(parts) > 2:
        del parts[2]  # the name of the kind, which pydantic puts between the index and the field
    if parts[:1] == ["baseline"] and len(parts) > 2:
        del parts[1]  # and that of the variant
    field = ".".join(str(part) for part in parts) or "the configuration"
    more = f" ({error.error_count() - 1} more faults)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _known_fields()
        near = get_close_matches(str(parts[-1]), known, 1)
        return f"{field}: is not a known field{f', did you mean {near[0]}' if near else ''}{more}."
    if first["type"] == "missing":
        return f"{field}: is missing{more}."
    message = first["msg"].removeprefix("Value error, ")
    given = first["input"]
    got = f", not {given!r}" if isinstance(given, str | int | float | bool) or given is None else ""
    return f"{field}: {message[0].lower()}{message[1:]}{got}{more}."


def _known_fields() -> list[str]:
    schema = TrainingConfig.model_json_schema()
    models = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for model in models for name in model.get("properties", {})})


def _absolute(config: TrainingConfig) -> TrainingConfig:
    data = {kind: [path.absolute() for path in getattr(config.data, kind)] for kind in DataConfig.FOLDERS}
    update: dict[str, Any] = {
        "output": config.output.absolute(),
        "start_from": config.start_from.absolute() if config.start_from else None,
        "noise_from": config.noise_from.absolute() if config.noise_from else None,
        "data": DataConfig(**{**config.data.model_dump(), **data}),
    }
    if config.validation is not None:
        pair = {kind: getattr(config.validation, kind).absolute() for kind in ("low", "high")}
        update["validation"] = config.validation.model_copy(update=pair)
    return config.model_copy(update=update)
