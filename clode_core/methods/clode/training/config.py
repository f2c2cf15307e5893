"""Settings of CLODE's training: one small model per concept, every field explained and bounded."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from clode_core.methods.clode.networks import CURVE_NETWORKS, NOISE_NETWORKS
from clode_core.training.config import Range, Setting, StageConfig


class ArchitectureConfig(Setting):
    """What is trained; mirrors `clode_core.methods.clode.model.Architecture`."""

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
    fine: float = Field(default=0.06, ge=0, description="Targets as they are: nothing is to be done.")
    over: float = Field(default=0.07, ge=0, description="Brighter pictures of brackets, to the fusion.")


class ReachWeights(Setting):
    """Weights of the losses of learning to reach the fusion."""

    picture: float = Field(default=1.0, ge=0, description="Exposed picture against its target.")
    shape: float = Field(default=1.5, ge=0, description="The same at its best exposure time.")
    exponent: float = Field(default=0.03, ge=0, description="Exponent against the true one.")
    smooth: float = Field(default=0.03, ge=0, description="Gradient of the exponent where light is even.")
    flat: float = Field(default=0.1, ge=0, description="The same on two flat halves.")
    mean: float = Field(default=0.3, ge=0, description="Mean of the exposed picture against the target's.")
    straight: float = Field(default=0.2, ge=0, description="Curve parameters later on the way, against now.")
    reach: float = Field(default=0.1, ge=0, description="Judged reach against the best.")
    auto: float = Field(default=0.5, ge=0, description="Picture at the judged reach against its target.")
    own: float = Field(default=0.02, ge=0, description="Exponent of own results.")


class ReachStage(StageConfig):
    """Train h to reach the fusion of a scene's bracket in one evaluation, and to judge how far to go."""

    kind: Literal["reach"]
    mixture: ReachMixture = ReachMixture()
    darkening: DarkeningPrior = DarkeningPrior(level_range=2.4)
    contrast: Range = Field(default=(0.0, 1.3), description="Range of the slope of contrast undone.")
    contrast_level: Range = Field(default=(0.0, 3.0), description="Range of the level that goes with it.")
    contrast_field: float = Field(default=0.5, ge=0, description="Largest smooth field that goes with it.")
    on_black: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the pictures that are their own targets of which only parts are lit.",
    )
    hold_back: int = Field(
        default=7, ge=0, description="Every how many-th bracket scene is not trained on; 0 trains on all."
    )
    develop: int = Field(
        default=0,
        ge=0,
        description="Every how many-th other scene, of brackets and of pairs, is left for development;"
        " 0 trains on all.",
    )
    later: int = Field(default=3, ge=1, description="Pictures of a batch also seen at a later time.")
    again: int = Field(default=3, ge=1, description="Pictures of a batch whose own result is seen.")
    flats: int = Field(default=2, ge=0, description="Pictures of two flat halves that go with a batch.")
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
    enlarged: float = Field(
        default=0.0, ge=0, le=1, description="Share of pictures first enlarged: large photographs are soft."
    )
    enlargement: Range = Field(default=(1.0, 2.5), description="Range of that enlargement.")
    mosaic: float = Field(
        default=0.0, ge=0, le=1, description="Share of pictures whose noise went through a colour mosaic."
    )
    coarse: float = Field(
        default=0.0, ge=0, le=1, description="Share of pictures with noise coarser than a pixel."
    )
    coarseness: Range = Field(default=(1.5, 5.0), description="Range in pixels of the size of its grains.")
    starved: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of pictures of single photons, most pixels empty.",
    )
    photons: Range = Field(
        default=(0.08, 4.0), description="Range of their photons a pixel at mid-grey, log-uniform."
    )
    jpeg: float = Field(default=0.0, ge=0, le=1, description="Share of dark pictures saved as JPEG.")
    jpeg_bright: float = Field(
        default=0.0, ge=0, le=1, description="Share of pictures saved as JPEG after brightening."
    )
    jpeg_quality: Range = Field(default=(40, 95), description="Range of the quality of a JPEG.")


class DenoiseWeights(Setting):
    """Weights of the losses of noise removal."""

    picture: float = Field(default=1.0, ge=0, description="Cleaned picture against the clean one.")
    structure: float = Field(default=0.0, ge=0, description="Structural dissimilarity of the two.")
    knee: float = Field(
        default=0.0,
        ge=0,
        description="Error of a picture (of structure: a tenth) from which on it counts by its logarithm.",
    )


class DenoiseStage(StageConfig):
    """Train g on pictures darkened, made noisy like a sensor, and brightened again."""

    full_size = True
    kind: Literal["denoise"]
    learning_rate: float = Field(default=1.5e-3, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    warmup_steps: int = Field(default=200, ge=1, description="Steps of linear warm-up before the cosine.")
    ema: float = Field(default=0.999, ge=0, lt=1, description="Decay of the averaged weights that are kept.")
    patch: int = Field(default=128, ge=16, le=1024, multiple_of=8, description="Side of the crops in pixels.")
    brightness: Range = Field(
        default=(0.2, 0.75), description="Range of the mean of the pictures that are used."
    )
    hold_back: int = Field(
        default=0, ge=0, description="Every how many-th bracket scene is not trained on; 0 trains on all."
    )
    detail_only: bool = Field(
        default=False, description="Leave the coarse part of a cascade as it is, which is twice as fast."
    )
    noise: SensorNoisePrior = SensorNoisePrior()
    weights: DenoiseWeights = DenoiseWeights()


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
