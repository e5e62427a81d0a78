"""What a network learns from: `data`, `preprocess` and `augment` of the `train:` section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from archspec.document import is_mapping
from archspec.operators.values import Count, Flag, FourSides, Pair, Positive, Whole, ZeroPair, is_int, read_pair
from archspec.training_values import Classes, SetAside, Split, read_numbers

Part = Annotated[float, Field(gt=0, lt=1, strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)]
Level = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]


class Keys(BaseModel):
    """A mapping of the `train:` section."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def by_type(value: object) -> object:
    """A name alone is the type with its defaults."""
    return {"type": value} if isinstance(value, str) else value


class OrName:
    """In the JSON Schema: the type's name alone will do."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        choices = handler(schema)
        return {"anyOf": [{"enum": list(choices["discriminator"]["mapping"])}, {"oneOf": choices["oneOf"]}]}


class _Source(Keys):
    resident: Flag | None = Field(
        default=None, description="hold all examples on the device, or load each when it is wanted; as they fit"
    )
    workers: Whole | None = Field(default=None, description="processes that load examples; as there are cores")


class _Divided(_Source):
    """Examples that come in one part for training and one for the test."""

    validation: SetAside | None = Field(
        default=None, description="how many training examples to set aside, as a part or a number, for validation"
    )
    split_seed: Whole = Field(default=0, description="what the division follows from; not the seed of the run")


class BoxKeys(Keys):
    """How boxes are written in the data. A network always learns them as left, top, right and bottom, from 0 to 1."""

    format: Literal["xyxy", "xywh", "cxcywh"] = Field(
        default="xyxy",
        description="left, top, right, bottom; left, top, width, height, as COCO; or the middle and the size, as YOLO",
    )
    unit: Literal["fraction", "pixel"] = Field(
        default="fraction", description="parts of the image's width and height, or pixels of the image as it is stored"
    )


class _Undivided(_Divided):
    """Examples that may come in one piece."""

    split: Split | None = Field(
        default=None, description="shares of train, validation and test where the data have no such parts; 75/15/10"
    )
    classes: Classes | None = Field(default=None, description="the classes to take, in this order; all of them")
    boxes: BoxKeys = Field(default=BoxKeys(), description="how boxes are written, where an output learns them")


class Digits(_Divided):
    """Handwritten digits, 1,797 of 8x8, which come with scikit-learn and are resized to the input."""

    type: Literal["digits"] = "digits"


class MNIST(_Divided):
    """Handwritten digits, 70,000 of 28x28 (LeCun, Cortes and Burges)."""

    type: Literal["mnist"] = "mnist"
    path: str | None = Field(default=None, description="the folder of the four IDX files, gzipped or not")
    download: Flag = Field(default=True, description="fetch the files, once, where no `path` is given")


class FashionMNIST(MNIST):
    """Articles of clothing, 70,000 of 28x28 (Xiao, Rasul and Vollgraf)."""

    type: Literal["fashion_mnist"] = "fashion_mnist"  # pyright: ignore[reportIncompatibleVariableOverride]


class Folder(_Undivided):
    """Images in a folder for each class, inside `train`, `validation` and `test` or not."""

    type: Literal["folder"] = "folder"
    path: str = Field(description="the folder, as seen from the spec", examples=["flowers"])


class Arrays(_Undivided):
    """NumPy arrays: an .npz file, a folder of .npy files, or a pair of .npy files."""

    type: Literal["arrays"] = "arrays"
    path: str | None = Field(
        default=None, description="an .npz file or a folder, with x_train, y_train, x_test, y_test, or x and y"
    )
    images: str | None = Field(default=None, description="in place of `path`: an .npy file of examples")
    labels: str | None = Field(default=None, description="the .npy file of their labels")
    channels: Literal["first", "last"] | None = Field(
        default=None, description="where the maps of an image stand, where its sides do not say it"
    )


class HuggingFace(_Undivided):
    """A data set by its name, through the library `datasets`: stored on disk, or streamed."""

    type: Literal["hugging_face"] = "hugging_face"
    name: str = Field(description="the data set, or a folder of image files", examples=["uoft-cs/cifar10"])
    config: str | None = Field(default=None, description="which of its configurations")
    revision: str | None = Field(default=None, description="the branch, tag or commit")
    image: str | None = Field(default=None, description="the column of images; the only one that has images")
    label: str | None = Field(default=None, description="the column of labels; the only one that has classes")
    streaming: Flag = Field(default=False, description="read it while the network learns, and store nothing on disk")
    window: Count | None = Field(
        default=None, description="of a stream: how many examples are held to be mixed; 10,000"
    )


class Random(_Source):
    """Noise with classes by chance, for runs that try whether everything works."""

    type: Literal["random"] = "random"
    count: Count = Field(default=512, description="examples to learn from; the test has a quarter as many")
    classes: Count | None = Field(default=None, description="how many classes; as many as the output has units")


SOURCES: tuple[type[_Source], ...] = (Digits, MNIST, FashionMNIST, Folder, Arrays, HuggingFace, Random)
DataKeys = Annotated[
    Digits | MNIST | FashionMNIST | Folder | Arrays | HuggingFace | Random,
    Field(discriminator="type"), BeforeValidator(by_type), OrName(),
]  # fmt: skip


def _read_resize(value: object) -> object:
    if value == "input" or (is_int(value) and value > 0):
        return value
    try:
        if not is_int(value):
            return read_pair(value)
    except PydanticCustomError:
        pass
    raise PydanticCustomError("resize", "the length of the shorter side, `HxW`, or `input`")


class Statistics(Keys):
    """What is taken from each map, and what it is divided by."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def _read_rescale(value: object) -> object:
    if isinstance(value, bool):
        return value
    numbers = read_numbers(value)
    if len(numbers) == 1 and numbers[0] > 0:
        return numbers[0]
    raise PydanticCustomError("rescale", "true, false, or a number above 0 to multiply by")


Normalise = Literal["own", "imagenet", "none"]
_NORMALISE: tuple[Normalise, ...] = ("own", "imagenet", "none")


def _read_normalise(value: object) -> object:
    if isinstance(value, Statistics) or value in _NORMALISE:
        return value
    if is_mapping(value) and value.keys() == {"mean", "deviation"}:
        mean, deviation = read_numbers(value["mean"]), read_numbers(value["deviation"])
        maps = max(len(mean), len(deviation))
        if mean and deviation and {len(mean), len(deviation)} <= {1, maps} and min(deviation) > 0:
            mean, deviation = (each * maps if len(each) == 1 else each for each in (mean, deviation))
            return Statistics(mean=mean, deviation=deviation)
    raise PydanticCustomError(
        "normalise",
        "`own`, `imagenet`, `none`, or `{mean: …, deviation: …}` with a number each, or one for each map",
    )


_NUMBERS: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}


class PreprocessKeys(Keys):
    """How an image becomes the network's input; the steps are done in this order."""

    resize: Annotated[
        int | tuple[int, int] | Literal["input"] | None,
        BeforeValidator(_read_resize),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 1},
                    {"type": "string", "pattern": r"^(input|\d+ *[x×X] *\d+)$"},
                    {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
                ]
            }
        ),
    ] = Field(
        default=None, description="the length of the shorter side; or exactly HxW, or `input`, the size of the input"
    )
    interpolation: Literal["bilinear", "bicubic", "nearest"] = Field(default="bilinear", description="how to resize")
    center_crop: Pair | None = Field(default=None, description="keep the middle")
    pad: FourSides = Field(default=(0, 0, 0, 0), description="add pixels on the four sides")
    fill: Level = Field(
        default=0.0, description="the brightness of pixels that padding and augmentation add: 0 black, 1 white"
    )
    rescale: Annotated[
        bool | float,
        BeforeValidator(_read_rescale),
        WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "number", "exclusiveMinimum": 0}]}),
    ] = Field(default=True, description="bring the range of the pixels to 0 to 1; or multiply them by a number")
    normalise: Annotated[
        Normalise | Statistics,
        BeforeValidator(_read_normalise),
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": list(_NORMALISE)},
                    {
                        "type": "object",
                        "properties": {
                            "mean": {"description": "taken from each map", **_NUMBERS},
                            "deviation": {"description": "what it is divided by then", **_NUMBERS},
                        },
                        "required": ["mean", "deviation"],
                        "additionalProperties": False,
                    },
                ]
            }
        ),
    ] = Field(default="own", description="mean 0 and deviation 1 for each map: over the training examples, or as given")


def _read_chance(value: object) -> object:
    """`true` for an even chance."""
    return (0.5 if value else 0.0) if isinstance(value, bool) else value


Chance = Annotated[
    Level,
    BeforeValidator(_read_chance),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}]}),
]
"""A probability; `true` is a half."""


def _read_range(value: object) -> tuple[float, float]:
    """`0.1` for 0.9 to 1.1, or `[0.8, 1.1]`."""
    numbers = read_numbers(value)
    if len(numbers) == 1 and 0 < numbers[0] < 1:
        return (1 - numbers[0], 1 + numbers[0])
    if len(numbers) == 2 and 0 < numbers[0] <= numbers[1]:
        return (numbers[0], numbers[1])
    raise PydanticCustomError("range", "a part such as `0.1`, which means 0.9 to 1.1, or `[least, most]` above 0")


def _read_area(value: object) -> tuple[float, float]:
    numbers = read_numbers(value)
    if len(numbers) == 2 and 0 < numbers[0] <= numbers[1] <= 1:
        return (numbers[0], numbers[1])
    raise PydanticCustomError("area", "the least and the largest part of the area, such as `[0.08, 1]`")


_TWO: dict[str, Any] = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
Range = Annotated[
    tuple[float, float],
    BeforeValidator(_read_range),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, _TWO]}),
]
"""A factor's bounds: `0.1` is 0.9 to 1.1."""
Area = Annotated[tuple[float, float], BeforeValidator(_read_area), WithJsonSchema(_TWO)]


class AugmentKeys(Keys):
    """How images are varied while the network learns; each image anew in every epoch."""

    shift: ZeroPair | None = Field(
        default=None, description="move by up to so many whole pixels, up or down and sideways"
    )
    crop: Whole | None = Field(
        default=None, description="pad by so many pixels, and cut a piece of the input's size out of it anywhere"
    )
    resized_crop: Area | None = Field(
        default=None,
        description="cut out a piece with this part of the area, 3:4 to 4:3, and bring it to the input's size",
    )
    horizontal_flip: Chance = Field(default=0.0, description="swap left and right, with this probability")
    vertical_flip: Chance = Field(default=0.0, description="swap top and bottom, with this probability")
    rotation: Annotated[float, Field(gt=0, le=180, strict=True, allow_inf_nan=False)] | None = Field(
        default=None, description="turn by up to so many degrees, either way"
    )
    zoom: Range | None = Field(default=None, description="make larger or smaller")
    brightness: Range | None = Field(default=None, description="multiply by a factor")
    contrast: Range | None = Field(default=None, description="multiply the distance to the image's mean by a factor")
    pca_jitter: Positive | None = Field(
        default=None, description="add the principal components of the colours, with this deviation; AlexNet's is 0.1"
    )
    erasing: Chance = Field(
        default=0.0,
        description="put 0 into a rectangle of 2% to 33% of the area, with this probability",
    )
    mixup: Positive | None = Field(
        default=None, description="mix with another image, with a share from the beta distribution of this parameter"
    )
    cutmix: Positive | None = Field(
        default=None, description="put in a rectangle of another image, its share from the beta distribution"
    )
