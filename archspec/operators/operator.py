"""What an operator is: everything archspec knows about one type of row, in one class.

A subclass states its attributes as pydantic fields and answers the questions below. Passes ask; they
never look at the type. A shape that does not work out raises `Misfit`, and the caller adds the place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from archspec.operators.backward import Argument, Function, Kept, Ref, Size, in_float32, kept
from archspec.operators.values import shortest
from archspec.operators.workspace import Kernel
from archspec.shape import Shape
from archspec.window import Window

Role = Literal["conv", "dense", "pool", "norm", "activation", "noise", "combine", "arrange"]
"""What a drawing shows an operator as, and where sugar (`norm:`, `activation:`) may use it."""

Gives = Literal["scores", "probabilities", "chances", "distances"]
"""What an output is: of probabilities there is one that is right, chances are each by themselves between 0 and 1."""
Literals = int | float | bool | str | None | tuple["Literals", ...]


class Misfit(Exception):
    """The inputs do not fit the operator.

    In its texts `{row}` stands for the row's name, and `{0}`, `{1}` for the inputs' names.
    """

    def __init__(
        self, code: str, message: str, *, label: str = "", help: str | None = None, attribute: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.label = label
        self.help = help
        self.attribute = attribute
        """the attribute to point at; the whole row where there is none"""


class Parameter(NamedTuple):
    """A tensor that the operator owns, by the name it has in a `state_dict`."""

    name: str
    shape: tuple[int, ...]
    kind: Literal["trained", "frozen", "statistic", "counter"] = "trained"
    """trained; frozen (a weight left as it is); statistic (a running mean); counter (an integer, not counted)"""

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Call:
    """The torch lowering as data: a module (`nn.Conv2d`, `layers.RBF`) or a function (`torch.cat`).

    `nn.` is torch.nn, `layers.` the layers that torch lacks; both are built once and called on the inputs.
    Anything else is called on the inputs each time, as a list when `packed`, with the arguments after them;
    a binary `operator.` function is folded over its inputs from the left.
    """

    target: str
    arguments: dict[str, Literals] = field(default_factory=dict[str, Literals])
    packed: bool = False

    @property
    def is_module(self) -> bool:
        return self.target[:3] == "nn." or self.target[:7] == "layers."

    @property
    def is_folded(self) -> bool:
        return self.target.startswith("operator.")


@dataclass(frozen=True, slots=True)
class Formula:
    """One line of `explain`: a quantity, its formula, and the formula with the numbers put in."""

    quantity: str
    formula: str
    numbers: str
    result: str


@dataclass(frozen=True, slots=True)
class Example:
    """One use of an operator: the row's attributes and the inputs' shapes. Docs and tests run it."""

    attributes: dict[str, Any]
    inputs: tuple[tuple[int, ...], ...]


def _areas(images: Sequence[Shape]) -> str:
    return " and ".join(dict.fromkeys(f"{image.height}x{image.width}" for image in images))


class Operator(BaseModel):
    """One type of row. Attributes are fields; the class docstring is its page in the docs."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)

    type: ClassVar[str]
    role: ClassVar[Role]
    examples: ClassVar[tuple[Example, ...]]
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """least and most inputs; None for any number"""
    flattens: ClassVar[bool] = False
    """takes vectors: an input of maps is flattened first"""
    aliases: ClassVar[tuple[str, ...]] = ()
    """what papers and other frameworks call it, in lower case with single spaces; pasted tables may use these"""
    size_attribute: ClassVar[str | None] = None
    """the attribute that a table's Maps (or, of a vector, Size) column gives"""
    view: ClassVar[bool] = False
    """the output is the input's own memory seen differently (in inference too)"""
    inference_identity: ClassVar[bool] = False
    """returns its input unchanged in inference (dropout)"""

    gives: ClassVar[Gives] = "scores"
    """what a network's output is where this operator makes it"""

    widens: ClassVar[bool] = False
    """on a GPU autocast computes it in float32"""

    halves_on_cpu: ClassVar[bool] = True
    """torch runs it on a CPU in types of 16 bits"""

    gates: ClassVar[tuple[int, ...]] = ()
    """the inputs that are one number a map, however large the others are"""

    adjustable: ClassVar[tuple[str, ...]] = ()
    """the attributes that a size in a table can imply"""

    def variations(self, open: frozenset[str]) -> Iterator[Self]:
        """This operator with other values of the `open` attributes, the likeliest first."""
        return iter(())

    def __hash__(self) -> int:  # pydantic's own takes lists too, which have none
        return hash((self.type, *(value for value in self.__dict__.values() if not isinstance(value, list))))

    def is_view(self, *, training: bool) -> bool:
        """Whether the output is the input's own memory."""
        return self.view or (self.inference_identity and not training)

    def written(self, attribute: str) -> str:
        """An attribute's value as a spec writes it."""
        value = shortest(getattr(self, attribute))
        if isinstance(value, bool):
            return "true" if value else "false"
        return "none" if value is None else str(value)

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The output's shape; `Misfit` where the inputs do not fit."""
        return inputs[0]

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Every tensor of the `state_dict`, in torch's order."""
        return ()

    def parameter_count(self, inputs: Sequence[Shape]) -> int:
        """The weights among them, trained or frozen."""
        return sum(tensor.size for tensor in self.parameters(inputs) if tensor.kind in ("trained", "frozen"))

    def indices(self) -> int:
        """The 64-bit numbers that its module holds besides the `state_dict`."""
        return 0

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Multiply-accumulates of convolutions and matrix products, for one image."""
        return 0

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        """What torch runs in training, with what gradients save and allocate; nothing where the input is returned."""
        if self.is_view(training=True):
            return (Function((Argument(0, "view"),)),)
        learned = (parameter.name for parameter in self.parameters(inputs) if parameter.kind == "trained")
        arguments = tuple(map(Argument, (*range(len(inputs)), *learned)))
        size, kernel = Size(output.elements), self.workspace(inputs, output)
        return (Function(arguments, size=size, saves=self.saves(), kernel=kernel),)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel | None:
        """What a single function holds besides its result and its gradients while it runs, where there is any."""
        return None

    def turns_maps(self, inputs: Sequence[Shape]) -> bool:
        """Whether the result has maps innermost in memory."""
        return False

    def still_functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        """What torch runs in training where the row is frozen: as in inference, with gradients for its inputs."""
        return () if self.inference_identity else self.functions(inputs, output)

    def on_cuda(self, functions: tuple[Function, ...]) -> tuple[Function, ...]:
        """The same functions as they run on a GPU, where autocast turns others to float32."""
        return in_float32(functions) if self.widens else functions

    def saves(self) -> tuple[Ref, ...]:
        """What a single function saves for gradients: inputs by index, `OUTPUT`."""
        return ()

    def keeps(self, inputs: Sequence[Shape], output: Shape, needs: Sequence[bool]) -> tuple[Kept, ...]:
        """What autograd keeps in training, when the inputs marked in `needs` need a gradient."""
        parameters = {each.name: each.kind == "trained" for each in self.parameters(inputs)}
        return tuple(kept(self.functions(inputs, output), needs, parameters))

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        """The torch call that computes it."""
        raise AssertionError(f"{self.type} has no lowering")

    def initial(self) -> dict[str, Call]:
        """How parameters start, by name; torch's own way for those left out."""
        return {}

    def window(self, inputs: Sequence[Shape]) -> Window:
        """How an output position looks at the first input."""
        return Window()

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        """What does to maps, at every position, what this operator does to the vectors that hold their values.

        `images` are the maps. `Misfit` where there is no such operator.
        """
        if all(image.area == 1 for image in images):
            return self
        raise Misfit(
            "E225",
            f"no convolution does what {{row}} does: {self.type} of flattened maps of {_areas(images)}",
            label="its values are of different positions",
            help="put it above the row that flattens, or behind the first dense layer",
        )

    def sliding(self, image: Shape) -> Operator:
        """What sees of maps of any size, from each position, what this operator sees of an image of this size.

        `Misfit` where there is no such operator.
        """
        return self

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        """How size, parameters and MACs come about, numbers put in."""
        return ()
