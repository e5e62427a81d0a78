"""Which names a row, a block or a parameter may have."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from fnmatch import fnmatchcase

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.([A-Za-z_][A-Za-z0-9_]*|\d+))*")
VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

LONGEST = 100

LABEL, BOXES = "label", "boxes"
"""what an output learns of an example unless it says something else; what is always boxes"""

MODULE_ATTRIBUTES = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""A row becomes an attribute of a torch module, so it can't have the name of one that modules have."""

SUGAR = ("norm", "activation", "flatten")
"""The parts a row may expand to; their names follow the row's, as in `C1.norm`."""


def name_problem(name: str, *, dotted: bool = False, attribute: bool = True) -> str | None:
    """Why `name` can't name a row, or, where it becomes no `attribute` of a module, a block; None where it can."""
    if name == "in":
        return "means the input"
    if len(name) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if not (DOTTED if dotted else IDENTIFIER).fullmatch(name):
        return "is not an identifier: letters, digits and `_`, a letter first"
    for part in name.split("."):
        if keyword.iskeyword(part):
            return "is a word of Python, where the compiled module needs its names"
        if (attribute and part in MODULE_ATTRIBUTES) or part.startswith("__"):
            return "is taken: torch modules have an attribute of this name"
    return None


def legal_name(text: str) -> str | None:
    """The name most like one that can't be: `conv-1` gives `conv_1`; None where nothing like it can."""
    if not text.isascii():
        return None
    name = identifier_from(text)
    return next((each for each in (name, f"{name}_") if name.strip("_") and not name_problem(each)), None)


def words_in(name: str) -> list[str]:
    """What an expression reads of a name: of a name that can't be, such as `width-factor`, the parts."""
    return IDENTIFIER.findall(name)


def identifier_from(text: str) -> str:
    """The identifier most like a text: `ResNet-50` gives `ResNet_50`."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    return f"_{name}" if not name or name[0].isdigit() else name


def is_of(patterns: Collection[str], name: str) -> bool:
    """Whether a weight, a module, a row or a block belongs to what one of the patterns names."""
    steps = name.split(".")
    return any(fnmatchcase(".".join(steps[:end]), pattern) for pattern in patterns for end in range(1, len(steps) + 1))
