"""Files of weights: safetensors in and out, and what `torch.save` wrote in."""

from __future__ import annotations

import json
import pickle
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import printable
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from archspec import __version__
from archspec.suggest import did_you_mean, nearest
from compiler.atomic import whole_file
from compiler.failure import WeightsError, failure

KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module")
"""Where checkpoints keep the weights, the likeliest first."""
AVERAGES = ("ema", "state_dict_ema", "model_ema", "ema_state_dict", "ema_model")
"""Where they keep the running average of the weights."""
WRAPPERS = ("module.", "_orig_mod.")
"""What DistributedDataParallel and torch.compile put in front of every name."""
_OF_TORCH = (b"PK\x03\x04", b"\x80")
"""what files of `torch.save` begin with: archives, and pickles of old"""
_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True)
class Weights:
    """The tensors of a file by their names."""

    name: str
    tensors: dict[str, Tensor] = field(repr=False)
    ordered: bool = False
    """whether they stand in the order in which their modules were made, not in that of their names"""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    """what was done to get at them"""

    @property
    def written_for(self) -> str | None:
        """The spec that archspec wrote them for."""
        return self.metadata.get("spec")


def read_weights(path: str | Path, *, key: str | None = None) -> Weights:
    """The tensors of a .safetensors file, or of a file of `torch.save`, in which only tensors are read.

    `key` says where in a checkpoint they are, as in `ema` or `model.backbone`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "").lower()
        raise failure("E801", f"{path} can't be read: {reason}", _other_file(path)) from error
    if _is_safetensors(start):
        weights = _read_safetensors(path)
        if key is not None:
            raise failure(
                "E801", f"{path} has no part `{key}`: a safetensors file holds tensors alone", "leave --key out"
            )
    elif start.startswith(_OF_TORCH):
        weights = _from_checkpoint(str(path), _unpickled(path), key)
    else:
        raise failure("E801", f"{path} is no file of weights: {_kind(start)}", "give a .safetensors, .pth or .pt file")
    return _checked(unwrapped(weights))


def check_order(file: str, spec: str, command: str) -> None:
    """`WeightsError` where a spec and a file of weights have changed places on the command line."""
    if _holds_weights(spec):
        words = shlex.join(["archspec", "weights", command, spec, "SPEC" if _holds_weights(file) else file])
        raise failure(
            "E801", f"{spec} is a file of weights, and stands where the spec is wanted",
            f"the file of weights comes first: {words}",
        )  # fmt: skip


def _holds_weights(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            start = file.read(64)
    except (OSError, ValueError):
        return False
    return _is_safetensors(start) or start.startswith(_OF_TORCH)


def _is_safetensors(start: bytes) -> bool:
    # the header stands behind its length, the last byte of which is none of a text
    return start[8:9] == b"{" and start[7] < 128 and chr(start[7]) not in printable


def _other_file(path: Path) -> str:
    """The file of weights that may be meant in the place of one that can't be read."""
    if path.is_dir():
        inside = next(iter(sorted(path.glob("*.safetensors"))), None)
        return f"name the file in it: {inside}" if inside is not None else "name a file of weights"
    there = [each.name for each in path.parent.glob("*") if each.suffix in _SUFFIXES and each != path]
    near = nearest(path.name, there)
    return f"did you mean {path.parent / near}?" if near is not None else "see that its name is right, and may be read"


def _kind(start: bytes) -> str:
    kinds = {
        b"": "it is empty",
        b"version https://git-lfs": "it is the pointer of Git LFS, and the file itself was not fetched",
        b"\x89HDF": "it is HDF5, as Keras writes it",
        b"<": "it is a web page",
    }
    found = next((text for magic, text in kinds.items() if magic and start.startswith(magic)), None)
    return found or (kinds[b""] if not start else "it begins like none")


def _read_safetensors(path: Path) -> Weights:
    try:
        with safe_open(path, framework="pt") as file:
            names = sorted(file.keys(), key=natural)
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return Weights(str(path), tensors, metadata=metadata)


def _unpickled(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if found is None:
            raise _damaged(path, error) from error
        raise failure(
            "E801",
            f"{path} holds a Python object, {found[1]}, and reading it would run code that came with the file",
            "where it was made, write the tensors alone: torch.save(model.state_dict(), ...)",
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        if "TorchScript" in str(error):
            text = f"{path} is a TorchScript archive, which holds code"
            raise failure("E801", text, "write its state_dict instead") from error
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return failure("E801", f"{path} is cut short or damaged: {reason}", "fetch or write it again")


def _from_checkpoint(name: str, found: object, key: str | None) -> Weights:
    """The tensors of what was unpickled, which may be a dictionary of several things."""
    if key is not None:
        return Weights(name, _at(name, found, key), ordered=True, notes=(f"the weights are those under `{key}`",))
    if not isinstance(found, Mapping):
        raise failure("E801", f"{name} holds no tensors by name, but a {type(found).__name__}", "save a state_dict")
    tensors = _tensors(found)
    if tensors and len(tensors) == len(found):
        return Weights(name, tensors, ordered=True)
    parts = [each for each in (*KEYS, *AVERAGES) if _holds_tensors(found.get(each))]
    if parts:
        others = "".join(f"; `{other}` holds others" for other in parts[1:])
        inner = _from_checkpoint(name, found[parts[0]], None)
        notes = (f"the weights are those under `{parts[0]}`{others}", *inner.notes)
        return Weights(name, inner.tensors, ordered=True, notes=notes)
    if tensors:
        rest = ", ".join(f"`{each}`" for each in found if each not in tensors)
        return Weights(name, tensors, ordered=True, notes=(f"{rest} left aside: not tensors",))
    listed = ", ".join(f"`{each}`" for each in list(found)[:8]) or "nothing"
    raise failure("E801", f"{name} holds no tensors by name; it has {listed}", "say where they are: --key NAME")


def _holds_tensors(found: object) -> bool:
    """Whether something has tensors by name, itself or where checkpoints keep them."""
    if not isinstance(found, Mapping):
        return False
    return bool(_tensors(found)) or any(_holds_tensors(found.get(each)) for each in (*KEYS, *AVERAGES))


def _at(name: str, found: object, key: str) -> dict[str, Tensor]:
    for part in [key] if isinstance(found, Mapping) and key in found else key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            known = [str(each) for each in found] if isinstance(found, Mapping) else []
            raise failure("E801", f"{name} has no part `{part}`", did_you_mean(part, known))
        found = found[part]
    tensors = _tensors(found) if isinstance(found, Mapping) else {}
    if not tensors:
        raise failure("E801", f"{name} has no tensors under `{key}`")
    return tensors


def _tensors(found: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _checked(weights: Weights) -> Weights:
    """The weights, if they are plain numbers."""
    for name, tensor in weights.tensors.items():
        if tensor.is_quantized or tensor.layout != torch.strided:
            kind = "quantized" if tensor.is_quantized else str(tensor.layout).removeprefix("torch.")
            raise failure("E801", f"{name} in {weights.name} is {kind}: its numbers are not those of a layer")
    return weights


def unwrapped(weights: Weights) -> Weights:
    """The same weights without what wrappers put in front of every name."""
    tensors, notes = dict(weights.tensors), list(weights.notes)
    if "n_averaged" in tensors and all(name.startswith("module.") for name in tensors if name != "n_averaged"):
        del tensors["n_averaged"]  # AveragedModel's count
    removed = ""
    while prefix := next((each for each in WRAPPERS if tensors and all(n.startswith(each) for n in tensors)), None):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        removed += prefix
    if removed:
        notes.append(f"`{removed}` taken off the front of every name")
    return Weights(weights.name, tensors, weights.ordered, weights.metadata, tuple(notes))


def natural(name: str) -> list[tuple[int, int, str]]:
    """The key that sorts `layer.2` before `layer.10`."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", name) if part]


def save(
    weights: nn.Module | Mapping[str, Tensor],
    path: str | Path,
    *,
    spec: str | None = None,
    about: Mapping[str, str] | None = None,
    replace: bool = False,
) -> None:
    """Write a .safetensors file that says what spec it is for; a file that is there stays unless `replace`.

    `about` is what else its metadata are to say. The same weights give the same bytes.
    """
    found = weights.state_dict() if isinstance(weights, nn.Module) else weights
    tensors: dict[str, Tensor] = {}
    memory: set[int] = set()
    for name, tensor in unwrapped(Weights("", dict(found))).tensors.items():
        stored = tensor.detach().cpu().contiguous()
        # safetensors refuses names that share their memory
        tensors[name] = stored.clone() if stored.untyped_storage().data_ptr() in memory else stored
        memory.add(stored.untyped_storage().data_ptr())
    metadata = {"format": "pt", "archspec": __version__, **({"spec": spec} if spec else {}), **(about or {})}
    with whole_file(path, replace=replace) as written:
        save_file(tensors, written, metadata)
        _order_metadata(written)


def _order_metadata(path: Path) -> None:
    """Put a file's metadata in order: safetensors writes them in one that changes from time to time."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(ordered) <= size, "the header is what it was, in another order"
        file.seek(8)
        file.write(ordered.ljust(size))
