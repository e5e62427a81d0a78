"""The `train:` section: how a network learns. What it learns from stands in `training_data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from archspec.byte_size import WANTED, byte_size
from archspec.operators.values import Count, Flag, Positive, Rate, Whole
from archspec.training_data import SOURCES, AugmentKeys, DataKeys, Keys, OrName, Part, PreprocessKeys, by_type

Precision = Literal["float32", "bf16", "fp16"]


_LEAST = 100_000
"""bytes from which on a number without a unit is taken for them"""


def _memory(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or byte_size(text) is None:
        raise PydanticCustomError("memory", WANTED)
    if text.isdecimal() and int(text) < _LEAST:  # 8, or 8192, meant as another unit
        meant = text + ("GiB" if int(text) < 2**10 else "MiB")
        wanted = "a size with its unit, such as {meant} ({text} alone is bytes)"
        raise PydanticCustomError("memory", wanted, {"meant": meant, "text": text})
    return text


Memory = Annotated[
    str,
    BeforeValidator(_memory),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": _LEAST}]}),
]
"""A size of a memory, which `byte_size` reads."""
NotNegative = Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)]


def _texts(value: object) -> object:
    """One text is a list of one."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(_texts),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class _Optimizer(Keys):
    rate: Positive = Field(default=1e-3, description="the learning rate, at its highest")
    weight_decay: NotNegative = Field(default=0.0, description="how strongly weights are drawn to 0")
    decay_all: Flag = Field(default=False, description="draw norms and biases to 0 too")


class SGD(_Optimizer):
    """Stochastic gradient descent."""

    type: Literal["sgd"] = "sgd"
    rate: Positive = Field(default=0.1, description="the learning rate, at its highest")
    momentum: Rate = Field(default=0.9, description="the part of a step that the next one keeps")
    nesterov: Flag = Field(default=False, description="look ahead, as Nesterov's momentum does")


class Adam(_Optimizer):
    """Adam (Kingma and Ba, 2015), its weight decay a part of the gradient."""

    type: Literal["adam"] = "adam"
    betas: tuple[Rate, Rate] = Field(default=(0.9, 0.999), description="the decay of the two means")
    eps: Positive = Field(default=1e-8, description="added where it divides")


class AdamW(Adam):
    """Adam with weight decay of its own (Loshchilov and Hutter, 2019)."""

    type: Literal["adamw"] = "adamw"  # pyright: ignore[reportIncompatibleVariableOverride]
    weight_decay: NotNegative = Field(default=0.01, description="how strongly weights are drawn to 0")


class RMSprop(_Optimizer):
    """RMSprop (Tieleman and Hinton, 2012)."""

    type: Literal["rmsprop"] = "rmsprop"
    alpha: Rate = Field(default=0.99, description="the decay of the mean of squares")
    momentum: Rate = Field(default=0.0, description="the part of a step that the next one keeps")
    eps: Positive = Field(default=1e-8, description="added where it divides")


class _Schedule(Keys):
    warmup: NotNegative = Field(default=0.0, description="epochs, or parts of one, in which the rate rises from 0")


class Constant(_Schedule):
    """The same rate throughout."""

    type: Literal["constant"] = "constant"


class Steps(_Schedule):
    """The rate falls by a factor every so many epochs."""

    type: Literal["step"] = "step"
    every: Count = Field(default=30, description="epochs between two falls")
    factor: Positive = Field(default=0.1, description="what the rate is multiplied by")


class Cosine(_Schedule):
    """Half a cosine, from the rate down to `end`."""

    type: Literal["cosine"] = "cosine"
    end: Rate = Field(default=0.0, description="where it ends, as a part of the rate")


class OneCycle(Keys):
    """Up to the rate and down again along cosines (Smith and Topin, 2018)."""

    type: Literal["one_cycle"] = "one_cycle"
    peak: Part = Field(default=0.3, description="where the rate is highest, as a part of the run")
    start: Rate = Field(default=0.04, description="where it begins, as a part of the rate")
    end: Rate = Field(default=4e-6, description="where it ends, as a part of the rate")


class Plateau(_Schedule):
    """The rate falls when the loss has not fallen for some epochs."""

    type: Literal["plateau"] = "plateau"
    factor: Part = Field(default=0.1, description="what the rate is multiplied by")
    patience: Count = Field(default=5, description="epochs to wait")


class CrossEntropy(Keys):
    """Cross entropy of classes."""

    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Rate = Field(default=0.0, description="the part of certainty given to all classes alike")


class BinaryCrossEntropy(Keys):
    """Cross entropy of each class by itself; with one unit, of two classes."""

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"


class MSE(Keys):
    """Mean squared error, of classes against 0 and 1."""

    type: Literal["mse"] = "mse"


class SmoothL1(Keys):
    """Squared error of small errors, and absolute error of large ones (Girshick, 2015)."""

    type: Literal["smooth_l1"] = "smooth_l1"
    beta: Positive = Field(default=1.0, description="the error from which on it is absolute")


class RBFLoss(Keys):
    """The distance to the right code, with the penalty of LeNet-5 that keeps the wrong ones away."""

    type: Literal["rbf"] = "rbf"
    penalty: NotNegative = Field(default=0.1, description="j of the paper: how far away wrong codes still count")


OptimizerKeys = Annotated[SGD | Adam | AdamW | RMSprop, Field(discriminator="type"), BeforeValidator(by_type), OrName()]
ScheduleKeys = Annotated[
    Constant | Steps | Cosine | OneCycle | Plateau, Field(discriminator="type"), BeforeValidator(by_type), OrName()
]
LossKeys = Annotated[
    CrossEntropy | BinaryCrossEntropy | MSE | SmoothL1 | RBFLoss,
    Field(discriminator="type"), BeforeValidator(by_type), OrName(),
]  # fmt: skip


LOSSES: tuple[type[Keys], ...] = (CrossEntropy, BinaryCrossEntropy, MSE, SmoothL1, RBFLoss)


class EarlyStop(Keys):
    """The end of a run that gets no better; the best weights are kept."""

    metric: Literal["loss", "accuracy"] = Field(default="loss", description="what should get better")
    patience: Count = Field(default=5, description="epochs to wait")


class Weights(Keys):
    """Weights to start from."""

    file: str = Field(description="a .safetensors file", examples=["stem.safetensors"])
    skip: Texts = Field(default=(), description="rows that start anew: names, or patterns such as `head.*`")


class Unfreeze(Keys):
    """The second phase of transfer learning."""

    epoch: Count = Field(description="the first epoch in which all rows learn")
    rate: Positive = Field(default=0.1, description="what the rate is multiplied by from there on")


class Checkpoints(Keys):
    """When the state of a run is saved, besides the end of each epoch and when it is stopped."""

    steps: Count | None = Field(default=None, description="save after every so many steps too")
    keep: Count = Field(default=2, description="how many to keep")


def _file(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


class TrainKeys(Keys):
    """How a network is trained."""

    data: DataKeys = Field(description="what it learns from")
    preprocess: PreprocessKeys = Field(default=PreprocessKeys(), description="how an image becomes the network's input")
    augment: AugmentKeys = Field(default=AugmentKeys(), description="how images are varied while it learns")
    epochs: Count = Field(default=10, description="how often it sees every example")
    batch: Count | Literal["auto"] = Field(
        default=64, description="examples of a step, over all processes; `auto`: 128, in as many parts as memory wants"
    )
    accumulate: Count = Field(default=1, description="parts that a batch is computed in, one after the other")
    seed: Whole = Field(default=0, description="what all random choices follow from")
    optimizer: OptimizerKeys = Field(default=Adam(), description="how weights follow gradients")
    schedule: ScheduleKeys = Field(default=Cosine(), description="how the learning rate changes")
    loss: LossKeys | None = Field(default=None, description="the loss of outputs that name none")
    clip: Positive | None = Field(default=None, description="the largest norm of all gradients together")
    ema: Part | None = Field(default=None, description="use a moving mean of the weights, with this decay")
    early_stop: EarlyStop | None = Field(default=None, description="stop when it gets no better")
    weights: Annotated[Weights | None, BeforeValidator(_file)] = Field(
        default=None, description="weights to start from: a file, or a mapping with the rows that start anew"
    )
    freeze: Texts = Field(default=(), description="rows that do not learn: names, or patterns such as `stem.*`")
    unfreeze: Unfreeze | None = Field(default=None, description="when frozen rows learn too")
    precision: Precision = Field(default="float32", description="type of the numbers")
    channels_last: Flag = Field(default=False, description="keep the maps of a pixel side by side in memory")
    compile: Flag = Field(default=False, description="compile the network: a slow start, then faster steps")
    recompute: Texts = Field(
        default=(), description="rows and blocks whose inside is computed again for gradients, which saves memory"
    )
    memory: Memory | None = Field(
        default=None,
        description="the most memory of a step: as many rows and blocks are computed again as that takes, the cheapest",
        examples=["8GiB"],
    )
    deterministic: Flag = Field(default=False, description="the same bytes from every run, on a GPU too")
    parallel: Literal["ddp", "fsdp"] = Field(
        default="ddp", description="several processes: each with all the weights, or each with a part"
    )
    checkpoint: Checkpoints = Field(default=Checkpoints(), description="when the state of a run is saved")
    keep_memory: Flag = Field(default=True, description="keep freed memory for the next step, which is faster")


SECTIONS: Mapping[str, tuple[type[BaseModel], ...]] = {
    "data": SOURCES,
    "preprocess": (PreprocessKeys,),
    "augment": (AugmentKeys,),
    "optimizer": (SGD, Adam, AdamW, RMSprop),
    "schedule": (Constant, Steps, Cosine, OneCycle, Plateau),
    "loss": LOSSES,
    "early_stop": (EarlyStop,),
    "weights": (Weights,),
    "unfreeze": (Unfreeze,),
    "checkpoint": (Checkpoints,),
}
"""The sections of `train:` with the model of each; of several, `type` says which."""


def type_of(model: type[BaseModel]) -> str:
    """The word that `type:` has for a model of which there are several."""
    return str(get_args(model.model_fields["type"].annotation)[0])
