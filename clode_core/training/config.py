"""Training configuration: one small model per concept, every field explained and bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clode_core.networks import CURVE_NETWORKS, NOISE_NETWORKS

Range = tuple[float, float]


class TrainingError(ValueError):
    """A training that cannot start or go on; the message is one sentence that says why."""


class ConfigError(TrainingError):
    """A training configuration that cannot be used; the message names the file, the field and the fault."""


class Setting(BaseModel):
    """Base of all settings: unknown fields are refused, values are fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchitectureConfig(Setting):
    """What is trained; mirrors `clode_core.model.Architecture`."""

    curve_network: str = Field(default="multiscale", description="Name of the curve-parameter network h.")
    noise_network: str = Field(
        default="multiscale", description="Name of the noise-removal network g, or empty."
    )
    curve_options: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of h.")
    noise_options: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of g.")
    working_size: int = Field(
        default=128, ge=16, le=1024, description="Long side, in pixels, that h works at."
    )
    clean_state: bool = Field(default=False, description="Whether g cleans the state before h sees it.")
    solver: Literal["euler", "midpoint", "rk4"] = Field(
        default="midpoint", description="Solver that the weights are used with."
    )
    solver_step: float = Field(
        default=0.5, ge=0.01, le=100, description="Its step in time; a large one is one evaluation."
    )

    @model_validator(mode="after")
    def _known_networks(self) -> ArchitectureConfig:
        for name, known in ((self.curve_network, CURVE_NETWORKS), (self.noise_network, NOISE_NETWORKS)):
            if name not in known and not (name == "" and known is NOISE_NETWORKS):
                raise ValueError(f"unknown network {name!r}, choose one of {', '.join(known)}")
        return self


class DataConfig(Setting):
    """Folders of pictures; relative paths start at the current directory."""

    FOLDERS: ClassVar = ("normal", "dark", "low", "high", "exclude", "scenes")

    normal: list[Path] = Field(
        default_factory=list, description="Pictures of mixed exposure, named in order of shooting."
    )
    dark: list[Path] = Field(default_factory=list, description="Dark pictures; no reference is needed.")
    low: list[Path] = Field(default_factory=list, description="Dark pictures of pairs.")
    high: list[Path] = Field(default_factory=list, description="Their references, of the same names.")
    exclude: list[Path] = Field(
        default_factory=list, description="Folders whose file names, without suffix, are not read."
    )
    scenes: list[Path] = Field(
        default_factory=list,
        description="Tables (CSV) of the scenes of pairs; a scene marked validation or public is not used.",
    )
    largest_side: int = Field(
        default=1024, ge=32, le=8192, description="Larger pictures are shrunk to this when read."
    )
    bracket_correlation: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Rank correlation of thumbnails above which two pictures show one scene.",
    )
    bracket_window: int = Field(
        default=24, ge=1, le=1000, description="How many pictures apart one scene may be."
    )


class ValidationConfig(Setting):
    """Pairs that are measured but never trained on."""

    low: Path = Field(description="Folder of dark pictures.")
    high: Path = Field(description="Folder of references with the same names.")
    every_steps: int = Field(default=500, ge=1, description="Steps between two validations.")
    limit: int = Field(default=30, ge=1, description="Most pairs that are measured.")
    long_side: int = Field(
        default=300, ge=32, description="Pairs are shrunk to this, except for the last validation."
    )
    shown: int = Field(default=6, ge=1, le=32, description="Pairs in the panel picture.")


class TrainerConfig(Setting):
    """How and where the steps run."""

    accelerator: str = Field(default="auto", description="auto, cpu, cuda, mps, ...")
    devices: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto", description="Devices per node."
    )
    nodes: int = Field(default=1, ge=1, description="Machines that train together.")
    strategy: str = Field(
        default="auto", description="Lightning's name of the way work is shared, such as ddp."
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description="Of the convolutions; exponents and losses are always 32-bit."
    )
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads; by default what the machine offers."
    )
    workers: int = Field(
        default=0, ge=0, description="Processes that gather batches; 0 is fastest for data in memory."
    )
    checkpoint_every_steps: int = Field(default=250, ge=1, description="Steps between two checkpoints.")
    log_every_steps: int = Field(default=50, ge=1, description="Steps that one logged value is the mean of.")
    progress: bool = Field(default=True, description="Whether to show a progress bar.")


class StageConfig(Setting):
    """What every stage has.

    Attributes
    ----------
    subject : str
        Field of `TrainingConfig` that says what it trains; empty for CLODE's own networks.
    room : str
        Module with `make_objective`, `make_dataset` and `measure` of the stage; empty for CLODE's own.
    """

    subject: ClassVar[str] = ""
    room: ClassVar[str] = ""
    steps: int = Field(ge=1, description="Optimiser steps.")
    batch_size: int = Field(default=16, ge=1, description="Pictures per step and device.")
    learning_rate: float = Field(default=2e-3, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=1e-3, ge=0, le=1, description="Weight decay of AdamW.")
    warmup_steps: int = Field(default=100, ge=1, description="Steps of linear warm-up before the cosine.")
    ema: float = Field(default=0.998, ge=0, lt=1, description="Decay of the averaged weights that are kept.")
    gradient_clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")


class SolverConfig(Setting):
    """How the exposure ODE is solved in training, from 0 to the exposure time of normal exposure."""

    method: Literal["euler", "midpoint", "rk4"] = Field(default="midpoint", description="Fixed-step method.")
    steps: int = Field(default=3, ge=1, le=64, description="Number of its steps.")


class MixtureConfig(Setting):
    """Where the pictures of a batch come from; shares, which need not sum to one."""

    undo: float = Field(default=0.4, ge=0, description="Normal pictures, darkened by the prior.")
    bracket: float = Field(
        default=0.4, ge=0, description="Darker pictures of a bracket, with its best one as target."
    )
    dark: float = Field(
        default=0.2, ge=0, description="Dark pictures exposed to a normal mean, then darkened again."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> MixtureConfig:
        if self.undo + self.bracket + self.dark <= 0:
            raise ValueError("at least one share must be above 0")
        return self


class DarkeningPrior(Setting):
    """Random exponent ``S*`` of the darkening ``I0 = curve(I, -S*)``."""

    level: float = Field(default=3.0, ge=0, le=8, description="Mean level of S*.")
    level_range: float = Field(default=2.0, ge=0, le=8, description="Half the range of the uniform level.")
    field: float = Field(default=0.12, ge=0, le=2, description="Largest amplitude of a smooth random field.")
    slope: float = Field(
        default=0.08, ge=-1, le=1, description="Mean slope of S* over blurred logit luminance."
    )
    slope_spread: float = Field(default=0.08, ge=0, le=1, description="Standard deviation of that slope.")
    fine_slope: float = Field(
        default=0.05, ge=0, le=1, description="Standard deviation of the slope over each pixel's."
    )
    colour: float = Field(default=0.1, ge=0, le=1, description="Standard deviation of an offset per channel.")
    noise: Range = Field(
        default=(5e-4, 6e-3), description="Range of noise left after shrinking, log-uniform."
    )
    dark_mean: Range = Field(
        default=(0.36, 0.54), description="Range of the mean that dark pictures are exposed to first."
    )
    bracket_extra: float = Field(
        default=2.0, ge=0, le=6, description="Most further darkening of half the bracket pictures."
    )


class WhiteBalanceConfig(Setting):
    """How far targets are moved towards grey."""

    strength: float = Field(
        default=0.4, ge=0, le=1, description="Share of the mean logit colour cast that is removed."
    )
    limit: float = Field(default=0.35, gt=0, le=2, description="Largest logit correction per channel.")


class UndoWeights(Setting):
    """Weights of the losses of learning to undo."""

    picture: float = Field(default=1.0, ge=0, description="Exposed picture against its target.")
    shape: float = Field(default=2.0, ge=0, description="The same with the exponent at its best scale.")
    exponent: float = Field(default=0.1, ge=0, description="Exponent against the true one.")
    straight: float = Field(
        default=0.05, ge=0, description="Curve parameters along the path against their mean."
    )
    extrapolation: float = Field(default=0.05, ge=0, description="The same at times from -5 to 5.")
    smooth: float = Field(default=0.5, ge=0, description="Absolute gradient of the exponent.")
    colour: float = Field(
        default=3.0, ge=0, description="Mean exponent of each channel against partial white balance."
    )


class UndoStage(StageConfig):
    """Train h to undo darkenings and to expose the dark pictures of brackets."""

    kind: Literal["undo"]
    solver: SolverConfig = SolverConfig()
    mixture: MixtureConfig = MixtureConfig()
    darkening: DarkeningPrior = DarkeningPrior()
    white_balance: WhiteBalanceConfig = WhiteBalanceConfig()
    weights: UndoWeights = UndoWeights()
    smallest_side: float = Field(
        default=0.62, gt=0, le=1, description="Least short side of a batch, relative to the long."
    )


class ReachMixture(Setting):
    """Where the pictures of a batch come from; shares, which need not sum to one."""

    bracket: float = Field(default=0.40, gt=0, description="Darker pictures of brackets, to the fusion.")
    pairs: float = Field(default=0.25, ge=0, description="Pairs of data.low and data.high.")
    contrast: float = Field(default=0.12, ge=0, description="Targets whose shadows are darkened most.")
    undo: float = Field(default=0.08, ge=0, description="Targets darkened by the prior.")
    fine: float = Field(default=0.08, ge=0, description="Targets as they are: nothing is to be done.")
    over: float = Field(default=0.07, ge=0, description="Brighter pictures of brackets, to the fusion.")


class ReachWeights(Setting):
    """Weights of the losses of learning to reach the fusion."""

    picture: float = Field(default=1.0, ge=0, description="Exposed picture against its target.")
    shape: float = Field(default=1.0, ge=0, description="The same with the exponent at its best scale.")
    exponent: float = Field(default=0.05, ge=0, description="Exponent against the true one.")
    smooth: float = Field(default=0.01, ge=0, description="Absolute gradient of the exponent.")
    mean: float = Field(default=0.5, ge=0, description="Mean of the exposed picture against the target's.")
    onward: float = Field(default=0.3, ge=0, description="Picture and exponent from later times.")
    reach: float = Field(default=0.1, ge=0, description="Judged reach against the best.")
    auto: float = Field(default=0.5, ge=0, description="Picture at the judged reach against its target.")
    own: float = Field(default=0.1, ge=0, description="Exponent of own results.")
    own_reach: float = Field(default=0.15, ge=0, description="Judged reach of own results.")


class ReachStage(StageConfig):
    """Train h to reach the fusion of a scene's bracket in one evaluation, and to judge how far to go."""

    room = "clode_core.training.reach"
    kind: Literal["reach"]
    mixture: ReachMixture = ReachMixture()
    darkening: DarkeningPrior = DarkeningPrior(level_range=2.4)
    contrast: Range = Field(default=(0.0, 1.3), description="Range of the slope of contrast undone.")
    contrast_level: Range = Field(default=(0.0, 3.0), description="Range of the level that goes with it.")
    hold_back: int = Field(
        default=7, ge=0, description="Every how many-th bracket scene is not trained on; 0 trains on all."
    )
    onward: int = Field(default=4, ge=1, description="Pictures of a batch also seen at a later time.")
    again: int = Field(default=4, ge=1, description="Pictures of a batch whose own result is seen.")
    weights: ReachWeights = ReachWeights()


class SensorNoisePrior(Setting):
    """Random darkening and sensor noise; noise levels are those seen at mid-grey after brightening."""

    exposure: Range = Field(
        default=(-1.2, 0.8), description="Range of the exponent that varies the clean picture."
    )
    level: Range = Field(default=(0.5, 5.5), description="Range of the darkening exponent.")
    colour: float = Field(
        default=0.15, ge=0, le=1, description="Standard deviation of its offset per channel."
    )
    sigma: Range = Field(default=(6e-3, 0.2), description="Range of the noise level, log-uniform.")
    shared: float = Field(
        default=0.6, ge=0, lt=1, description="Largest share of noise common to the channels."
    )
    chroma: float = Field(default=1.0, ge=0, le=2, description="Most additional noise of red and blue.")
    blur: Range = Field(default=(0.35, 1.1), description="Range in pixels of the noise's correlation.")
    blurred: float = Field(default=0.3, ge=0, le=1, description="Share of pictures with correlated noise.")
    clean: float = Field(default=0.06, ge=0, le=1, description="Share of pictures without noise.")
    tails: float = Field(
        default=0.55, ge=0, le=2, description="Largest spread of the noise's own log scale (heavy tails)."
    )
    frames: float = Field(
        default=0.06, ge=0, le=1, description="Share of pictures with a noiseless black or white frame."
    )
    eight_bit: float = Field(
        default=0.8, ge=0, le=1, description="Share of pictures quantised to 8 bit, not 16."
    )
    grey: float = Field(
        default=0.0, ge=0, le=1, description="Share of grey pictures: the same noise in all channels."
    )


class DenoiseStage(StageConfig):
    """Train g on pictures darkened, made noisy like a sensor, and brightened again."""

    kind: Literal["denoise"]
    learning_rate: float = Field(default=1.5e-3, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    warmup_steps: int = Field(default=200, ge=1, description="Steps of linear warm-up before the cosine.")
    ema: float = Field(default=0.999, ge=0, lt=1, description="Decay of the averaged weights that are kept.")
    patch: int = Field(default=128, ge=16, le=1024, multiple_of=8, description="Side of the crops in pixels.")
    brightness: Range = Field(
        default=(0.2, 0.75), description="Range of the mean of the pictures that are used."
    )
    noise: SensorNoisePrior = SensorNoisePrior()


class ZeroReferenceWeights(Setting):
    """Weights of the losses that need no reference."""

    spatial: float = Field(default=1.0, ge=0, description="Spatial consistency.")
    exposure: float = Field(default=10.0, ge=0, description="Exposure control.")
    colour: float = Field(default=5.0, ge=0, description="Colour constancy.")
    smooth: float = Field(
        default=200.0, ge=0, description="Smoothness of the curve parameters, integrated over time."
    )
    noise: float = Field(default=1.0, ge=0, description="Zero-shot noise removal.")


class ZeroReferenceStage(StageConfig):
    """The recipe of the CLODE paper: h and g together, on mixed exposures, without references."""

    kind: Literal["zero_reference"]
    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Peak learning rate of AdamW.")
    solver: SolverConfig = SolverConfig()
    exposure_patch: int = Field(
        default=16, ge=1, le=256, description="Side in pixels of the regions of exposure control."
    )
    exposure_level: float = Field(default=0.6, gt=0, lt=1, description="Their desired mean E.")
    weights: ZeroReferenceWeights = ZeroReferenceWeights()


class ZeroDCEWeights(Setting):
    """Weights of the four losses of Zero-DCE."""

    spatial: float = Field(default=1.0, ge=0, description="Spatial consistency.")
    exposure: float = Field(default=10.0, ge=0, description="Exposure control.")
    colour: float = Field(default=5.0, ge=0, description="Colour constancy.")
    smooth: float = Field(
        default=200.0, ge=0, description="Illumination smoothness; 1600 for the one map of Zero-DCE++."
    )


class ZeroDCEStage(StageConfig):
    """Train Zero-DCE or Zero-DCE++ on mixed exposures, without references."""

    subject = "baseline"
    room = "clode_core.training.zero_dce"
    kind: Literal["zero_dce"]
    batch_size: int = Field(default=8, ge=1, description="Pictures per step and device.")
    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    exposure_patch: int = Field(
        default=16, ge=1, le=256, description="Side in pixels of the regions of exposure control."
    )
    exposure_level: float = Field(default=0.6, gt=0, lt=1, description="Their desired mean E.")
    weights: ZeroDCEWeights = ZeroDCEWeights()


class EnlightenGANWeights(Setting):
    """Weights of the losses of EnlightenGAN's generator; all 1 as published."""

    adversarial: float = Field(default=1.0, ge=0, description="Against the global discriminator.")
    adversarial_local: float = Field(default=1.0, ge=0, description="Against the local discriminator.")
    features: float = Field(default=1.0, ge=0, description="Features of the whole picture are preserved.")
    features_local: float = Field(default=1.0, ge=0, description="Features of the patches are preserved.")


class EnlightenGANStage(StageConfig):
    """Train EnlightenGAN on dark and on well-exposed pictures that are no pairs."""

    subject = "baseline"
    room = "clode_core.training.enlightengan"
    kind: Literal["enlightengan"]
    batch_size: int = Field(
        default=32, ge=1, description="Dark pictures, and normal ones, per step and device."
    )
    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Peak learning rate of the generator.")
    critic_learning_rate: float = Field(
        default=1e-4, gt=0, le=1, description="Peak learning rate of the discriminators."
    )
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="Weight decay of AdamW.")
    gradient_clip: float = Field(default=10.0, gt=0, description="Largest norm of each network's gradient.")
    zoom: float = Field(
        default=2.0, ge=1, le=64, description="Largest crop, times the working size, that is shrunk to it."
    )
    dark_mean: Range = Field(default=(0.0, 1.0), description="Range of the mean of dark pictures.")
    normal_mean: Range = Field(default=(0.0, 1.0), description="Range of the mean of normal pictures.")
    patches: int = Field(default=5, ge=1, le=64, description="Local patches of each picture.")
    patch: int = Field(default=32, ge=16, le=512, description="Their side in pixels.")
    critic_width: int = Field(
        default=64, ge=1, le=512, description="Channels of the first layer of the discriminators."
    )
    critic_layers: int = Field(default=5, ge=1, le=8, description="Halvings of the global discriminator.")
    local_critic_layers: int = Field(default=3, ge=1, le=8, description="Halvings of the local one.")
    feature_layer: tuple[Annotated[int, Field(ge=1, le=5)], Annotated[int, Field(ge=1, le=3)]] = Field(
        default=(5, 1), description="Block and convolution of VGG16 whose features are preserved."
    )
    weights: EnlightenGANWeights = EnlightenGANWeights()

    @model_validator(mode="after")
    def _patches_are_judged(self) -> EnlightenGANStage:
        if self.patch >> self.local_critic_layers < 3:
            raise ValueError(f"a patch of {self.patch} pixels is too small for the local discriminator")
        return self


class BaselineConfig(Setting):
    """A method that CLODE is compared with; mirrors `clode_core.baselines.zero_dce.Architecture`."""

    room: ClassVar[str] = "clode_core.training.zero_dce"
    variant: Literal["zero-dce", "zero-dce++"] = Field(description="Which of the two networks.")
    width: int = Field(default=32, ge=1, le=512, description="Channels of its hidden layers.")
    working_size: int = Field(
        default=128, ge=16, le=1024, description="Side, in pixels, of the whole pictures it is trained on."
    )


class SupervisedWeights(Setting):
    """Weights of the losses on pairs; all but the first are for learnable references."""

    picture: float = Field(default=1.0, ge=0, description="Picture by updated references against its target.")
    stored: float = Field(default=1.0, ge=0, description="Picture by stored references against it, lambda.")
    size: float = Field(default=0.001, ge=0, description="Mean square of the updates, to keep them small.")
    consolidation: float = Field(
        default=0.005, ge=0, description="Stored references against updated ones, which are held constant."
    )


class SupervisedStage(StageConfig):
    """Train an enhancer on pairs, with or without learnable references."""

    subject = "supervised"
    room = "clode_core.training.lfpv"
    kind: Literal["supervised"]
    batch_size: int = Field(default=8, ge=1, description="Pictures per step and device.")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    patch: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        multiple_of=16,
        description="Side of crops at full size; by default whole pictures at working size.",
    )
    solver: SolverConfig | None = Field(
        default=None, description="How the curve backbone is solved; a U-Net gives the picture itself."
    )
    weights: SupervisedWeights = SupervisedWeights()


class ReferencesConfig(Setting):
    """Learnable references; all but the first two are of the updaters, which only training has."""

    count: int = Field(default=52, ge=1, le=1024, description="Number of vectors, and of patches.")
    patch: int = Field(default=2, ge=1, le=16, description="Side of a patch in pixels of the feature.")
    rounds: int = Field(default=1, ge=1, le=16, description="Rounds of updates per step, O.")
    identity: int = Field(default=16, ge=1, le=256, description="Length of the identity embeddings.")
    hidden: int = Field(default=32, ge=1, le=1024, description="Hidden units of each updater.")
    update_step: float = Field(
        default=0.1, gt=0, le=1, description="Half the most that a round moves a number."
    )


class SupervisedConfig(Setting):
    """An enhancer for pairs; mirrors `clode_core.baselines.lfpv_enhancer.Architecture`."""

    room: ClassVar[str] = "clode_core.training.lfpv"
    backbone: Literal["unet", "curve"] = Field(description="A U-Net, or CLODE's h, exposing at T = 3.")
    widths: tuple[int, ...] = Field(default=(), description="Channels per level; by default its own.")
    references: ReferencesConfig | None = Field(
        default=ReferencesConfig(), description="Learnable references at the deepest feature, or null."
    )
    control: int = Field(
        default=0, ge=0, le=4096, description="Hidden channels of plain convolutions in their place."
    )
    working_size: int = Field(
        default=96, ge=16, le=1024, description="Long side, in pixels, that the curve backbone works at."
    )

    @model_validator(mode="after")
    def _one_boost(self) -> SupervisedConfig:
        if self.references is not None and self.control:
            raise ValueError("references and their control cannot be in one network: set references to null")
        return self


class EnlightenGANConfig(Setting):
    """EnlightenGAN; mirrors `clode_core.baselines.enlightengan.Architecture`."""

    room: ClassVar[str] = "clode_core.training.enlightengan"

    variant: Literal["enlightengan"] = Field(description="Which method.")
    width: int = Field(default=32, ge=1, le=128, description="Channels of the generator's first level.")
    depth: int = Field(default=4, ge=1, le=6, description="How often the generator halves the picture.")
    working_size: int = Field(
        default=320, ge=16, le=1024, description="Side, in pixels, of the crops it is trained on."
    )

    @model_validator(mode="after")
    def _halves_evenly(self) -> EnlightenGANConfig:
        if self.working_size % (1 << self.depth):
            raise ValueError(f"working_size must be a multiple of {1 << self.depth} at this depth")
        return self


Stage = Annotated[
    UndoStage
    | ReachStage
    | DenoiseStage
    | ZeroReferenceStage
    | ZeroDCEStage
    | EnlightenGANStage
    | SupervisedStage,
    Field(discriminator="kind"),
]
Baseline = Annotated[BaselineConfig | EnlightenGANConfig, Field(discriminator="variant")]


class TrainingConfig(Setting):
    """A whole training: what, from what, and in which stages."""

    name: str = Field(min_length=1, description="Name of the model.")
    output: Path = Field(description="Folder that everything is written to.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of all randomness.")
    architecture: ArchitectureConfig = ArchitectureConfig()
    baseline: Baseline | None = Field(
        default=None, description="What its kind of stage trains, in place of CLODE's networks."
    )
    supervised: SupervisedConfig | None = Field(
        default=None, description="What supervised stages train, in place of CLODE's networks."
    )
    start_from: Path | None = Field(default=None, description="Weights (.safetensors) to start from.")
    noise_from: Path | None = Field(default=None, description="Weights (.safetensors) whose g is taken.")
    data: DataConfig
    validation: ValidationConfig | None = None
    trainer: TrainerConfig = TrainerConfig()
    stages: list[Stage] = Field(min_length=1, description="What is trained, in order.")

    @property
    def other(self) -> Baseline | SupervisedConfig | None:
        """What is trained in place of CLODE's networks."""
        return self.baseline or self.supervised

    @model_validator(mode="after")
    def _trainable(self) -> TrainingConfig:
        for k, stage in enumerate(self.stages):
            for field, name in (("baseline", "a baseline"), ("supervised", "a supervised enhancer")):
                given = getattr(self, field) is not None
                if given != (stage.subject == field):
                    raise ValueError(
                        f"stage {k} ({stage.kind}) {'cannot train' if given else 'needs'} {name}"
                    )
            if self.baseline is not None and stage.room != self.baseline.room:
                raise ValueError(f"stage {k} ({stage.kind}) cannot train {self.baseline.variant}")
            if isinstance(stage, SupervisedStage) and self.supervised is not None:
                curve = self.supervised.backbone == "curve"
                if curve != (stage.solver is not None):
                    raise ValueError(f"stage {k}: a solver is what a curve backbone needs, and no other")
                if stage.patch is None and not curve:
                    raise ValueError(f"stage {k}: a U-Net is trained on crops: set the stage's patch")
            if isinstance(stage, ReachStage) and self.architecture.curve_network != "reach":
                raise ValueError(f"stage {k} (reach) needs architecture.curve_network reach")
        if not self.architecture.noise_network and self.other is None:
            for k, stage in enumerate(self.stages):
                if stage.kind not in ("undo", "reach"):
                    raise ValueError(
                        f"stage {k} ({stage.kind}) trains g, but architecture.noise_network is empty"
                    )
        return self
