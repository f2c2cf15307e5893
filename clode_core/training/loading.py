"""Reading a training configuration from YAML, with faults told in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Union, cast, get_args

import yaml
from pydantic import Field, ValidationError, create_model, model_validator

from clode_core.methods import DEFAULT_METHOD, available_methods, method_info
from clode_core.methods.info import resolve
from clode_core.training.config import ConfigError, DataConfig, TrainingConfig
from clode_core.training.recipe import Recipe


def _packaged() -> dict[str, Path]:
    folders = {info.configurations for info in available_methods().values()} - {None}
    return {path.stem: path for folder in folders if folder for path in folder.glob("*.yaml")}


def packaged_configs() -> list[str]:
    """Names of the configurations that come with the methods."""
    return sorted(_packaged())


def recipe_of(method: str) -> Recipe:
    """How a method is trained.

    Raises
    ------
    ConfigError
        If there is no such method, or it is not trained.
    """
    try:
        info = method_info(method)
    except ValueError as error:
        raise ConfigError(f"method: {error}.") from None
    if not info.recipe:
        trained = [name for name, other in available_methods().items() if other.recipe]
        raise ConfigError(f"method: {method} is not trained: choose one of {', '.join(trained)}.")
    recipe: Recipe = resolve(info.recipe)
    return recipe


@cache
def config_type(method: str) -> type[TrainingConfig]:
    """The configuration of one method: its own architecture and stages in a `TrainingConfig`."""
    recipe = recipe_of(method)
    stage: Any = recipe.stages[0]
    if len(recipe.stages) > 1:
        stage = Annotated[Union[recipe.stages], Field(discriminator="kind")]  # noqa: UP007

    def checked(config: Any) -> Any:
        recipe.check(config)
        return config

    return create_model(
        "TrainingConfig",
        __base__=TrainingConfig,
        __validators__={"check": cast(Any, model_validator(mode="after")(checked))},
        method=(str, Field(default=method, description="Which method is trained.")),
        architecture=(recipe.architecture, Field(default=recipe.architecture())),
        stages=(list[stage], Field(min_length=1, description="What is trained, in order.")),
    )


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
        kind = config_type(str(values.get("method", DEFAULT_METHOD)))
        return _absolute(kind.model_validate(values))
    except (ValidationError, ConfigError) as error:
        sentence = str(error) if isinstance(error, ConfigError) else _sentence(error, kind)
        raise ConfigError(f"{_origin(sentence, overrides) or file}: {sentence}") from None


def _locate(path: Path) -> Path:
    if path.is_file():
        return path
    packaged = _packaged().get(path.name.removesuffix(".yaml"))
    if len(path.parts) == 1 and packaged is not None:
        return packaged
    raise ConfigError(
        f"{path}: there is no such file, and the packaged configurations are {', '.join(packaged_configs())}."
    )


def _origin(sentence: str, overrides: Sequence[str]) -> str:
    """The override that set the field which a sentence begins with; nothing if the file did."""
    field = sentence.partition(":")[0]
    for override in reversed(overrides):
        key = override.partition("=")[0]
        if f"{field}.".startswith(f"{key}.") or f"{key}.".startswith(f"{field}."):
            return f"--set {override}"
    return ""


def _override(values: dict[str, Any], override: str) -> None:
    """Set one dotted key in place."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override!r}: must look like key.key=value.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: {text!r} is not a YAML value.") from None
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
        raise ConfigError(f"--set {override}: there is no such field.") from None


def _sentence(error: ValidationError, kind: type[TrainingConfig]) -> str:
    """First fault of a validation: the field and what is wrong."""
    faults: dict[str, list[Any]] = {}
    for fault in error.errors():
        faults.setdefault(_field(list(fault["loc"]), kind), []).append(fault)
    field, same = next(iter(faults.items()))
    first = same[0]
    more = f" ({len(faults) - 1} more faults)" if len(faults) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _known_fields(kind)
        near = get_close_matches(str(first["loc"][-1]), known, 1)
        return f"{field}: is not a known field{f', did you mean {near[0]}' if near else ''}{more}."
    if first["type"] == "missing":
        return f"{field}: is missing{more}."
    told = [_plain(fault["msg"]) for fault in same]
    message = " or ".join([told[0], *(text.removeprefix("Input should be ") for text in told[1:])])
    given = first["input"]
    got = f", not {given!r}" if isinstance(given, str | int | float | bool) or given is None else ""
    return f"{field}: {message[0].lower()}{message[1:]}{got}{more}."


def _plain(message: str) -> str:
    """A message of pydantic without what only programmers read."""
    for words in ("Value error, ", ", unable to parse string as an integer", " for <class 'pathlib.Path'>"):
        message = message.replace(words, "")
    return message


def _field(parts: list[str | int], kind: type[TrainingConfig]) -> str:
    """The dotted name of a place, without the names of types that pydantic puts into it."""
    if parts[:1] == ["stages"] and len(parts) > 2 and parts[2] in _kinds(kind):
        del parts[2]
    plain = [str(part) for part in parts if str(part).replace("_", "").isalnum()]
    return ".".join(plain) or "the configuration"


def _kinds(config: type[TrainingConfig]) -> set[str]:
    """Names of the kinds of stages."""
    stages = recipe_of(str(config.model_fields["method"].default)).stages
    return {kind for stage in stages for kind in get_args(stage.model_fields["kind"].annotation)}


def _known_fields(kind: type[TrainingConfig]) -> list[str]:
    schema = kind.model_json_schema()
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
