"""A network that learns: one step over a batch, and its figures on a split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from archspec.training import TrainKeys
from compiler.data.order import mixed
from compiler.data.splits import Batch
from compiler.data.targets import Targets
from compiler.train.losses import Criterion, total_loss
from compiler.train.mean import MovingMean
from compiler.train.metrics import Sums
from compiler.train.optimizer import Optimizer
from compiler.train.order import share_of_test
from compiler.train.processes import Processes, divide, together, without_exchange
from compiler.train.rows import Rows, lies_in
from compiler.train.shards import copy_into, whole

_REDUCED = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
Part = Batch


class Split(Protocol):
    """Examples with their targets."""

    def __len__(self) -> int: ...

    def order(self, epoch: int) -> Tensor: ...

    def batches(self, order: Tensor, batch: int, *, epoch: int, augment: bool, start: int = 0) -> Iterator[Batch]: ...


class Learner:
    """The network with its losses, its optimizer and the mean of its weights, on one device."""

    def __init__(
        self,
        network: nn.Module,
        criteria: Sequence[Criterion],
        keys: TrainKeys,
        where: Processes,
        rows: Rows,
        input: tuple[int, ...],
    ) -> None:
        self.keys = keys
        self.where = where
        self.rows = rows
        self.input = input
        self.criteria = tuple(criteria)
        self.lasting = tuple(each for each in criteria if not each.train_only)
        self.main = next(index for index, each in enumerate(criteria) if not each.train_only)
        self.counts_right = self.criteria[self.main].target.kind == "classes"
        if keys.channels_last:
            network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.is_divided = where.count > 1 and keys.parallel == "fsdp"
        if self.is_divided:
            divide(network, _parts_of(network), where, _REDUCED[keys.precision])
        self.network = network
        self.optimizer = Optimizer.of(network, keys.optimizer)
        self.mean = MovingMean(network, keys.ema) if keys.ema is not None else None
        self.scaler = torch.amp.GradScaler(where.device.type) if keys.precision == "fp16" else None
        self.is_revocable = False
        """whether gradients that can't be computed leave no trace, which takes a copy of all statistics"""
        self.is_whole = True
        """whether no step is half done"""
        self.thaw(frozen=True)

    def thaw(self, *, frozen: bool) -> None:
        """Let all rows learn that can, or all but the frozen ones."""
        if not hasattr(self, "_able"):
            self._able = {name for name, param in self.network.named_parameters() if param.requires_grad}
        still = self.rows.of_patterns(self.keys.freeze) if frozen else []
        for name, param in self.network.named_parameters():
            param.requires_grad_(name in self._able and not lies_in(still, name))
        # norms of frozen rows keep their statistics
        self._still = [self.network.get_submodule(path) for path in still]
        self._forward = self.network if self.is_divided else together(self.network, self.where)
        self._judging = self.network
        if self.keys.compile:
            self._forward = _compiled(self._forward)
            self._judging = _compiled(self.network)
        self.network.train()
        self._quieten()

    def _quieten(self) -> None:
        for module in self._still:
            module.eval()

    def _autocast(self) -> AbstractContextManager[Any]:
        dtype = _REDUCED[self.keys.precision]
        if dtype is None or self.is_divided:
            return nullcontext()
        return torch.autocast(self.where.device.type, dtype)

    def _laid_out(self, images: Tensor) -> Tensor:
        if self.keys.channels_last and images.dim() == 4:
            return images.contiguous(memory_format=torch.channels_last)
        return images

    def step(self, parts: Iterator[Part], number: int, step: int, count: int, rate: float) -> tuple[Tensor, Tensor]:
        """Learn from a batch, of which this process has `number` parts and all processes `count` examples.

        Returns this process's part of the batch's loss, and how many examples were right, both on the device.
        """
        with self._undone_where_it_fails() if self.is_revocable else nullcontext():
            loss, right = self._gradients(parts, number, step, count)
        self.is_whole = False
        self._follow(step, rate)
        self.is_whole = True
        return loss, right

    def _gradients(self, parts: Iterator[Part], number: int, step: int, count: int) -> tuple[Tensor, Tensor]:
        where = self.where
        losses: list[Tensor] = []
        right: list[Tensor] = []
        for index in range(max(number, 1)):
            images, targets = next(parts) if number else self._idle_part()
            images = self._laid_out(images)  # and nothing holds them as they came
            # what is random in the network follows from the step, so that a run goes on as it would have
            _seed(where.device, mixed(self.keys.seed, step, index, where.rank))
            with without_exchange(self._forward, last=index + 1 >= number) if where.count > 1 else nullcontext():
                with self._autocast():
                    outputs = _sequence(self._forward(images))
                    loss = total_loss(self.criteria, outputs, targets)
                share = loss * (len(images) / count if number else 0.0)
                scaled = share * where.count if where.count > 1 else share  # gradients become means over processes
                (scaled if self.scaler is None else self.scaler.scale(scaled)).backward()
            losses.append(share.detach())
            right.append(self._right(outputs[self.main], targets))
        if not number:
            right[0].zero_()
        return (losses[0], right[0]) if len(losses) == 1 else (torch.stack(losses).sum(), torch.stack(right).sum())

    def try_part(self, part: Part) -> None:
        """Compute gradients of one part and forget them, to see whether they fit into memory."""
        buffers = self._buffers()
        images, targets = part
        try:
            with self._autocast():
                outputs = _sequence(self._forward(self._laid_out(images)))
                total_loss(self.criteria, outputs, targets).backward()
        finally:
            self._undo(buffers)

    def _buffers(self) -> dict[str, Tensor]:
        return {name: buffer.clone() for name, buffer in self.network.named_buffers()}

    @torch.no_grad()
    def _undo(self, buffers: Mapping[str, Tensor]) -> None:
        """Forget gradients, and what computing them did to the statistics of norms."""
        self.optimizer.zero_grad()
        for name, buffer in self.network.named_buffers():
            buffer.copy_(buffers[name])

    @contextmanager
    def _undone_where_it_fails(self) -> Iterator[None]:
        buffers = self._buffers()
        try:
            yield
        except Exception:
            self._undo(buffers)
            raise

    @torch.no_grad()
    def _right(self, output: Tensor, targets: Targets) -> Tensor:
        if not self.counts_right:
            return output.new_zeros((), dtype=torch.int64)
        criterion = self.criteria[self.main]
        wanted = targets[criterion.learns]
        if wanted.is_floating_point():
            wanted = wanted.argmax(dim=1)
        return (criterion.predict(output.detach()) == wanted).sum()

    def _follow(self, step: int, rate: float) -> None:
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)  # pyright: ignore[reportArgumentType]
        if self.keys.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.keys.clip)
        self.optimizer.rate = rate
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)  # pyright: ignore[reportArgumentType]
            self.scaler.update()
        self.optimizer.zero_grad()
        if self.mean is not None:
            self.mean.follow(step)

    def _idle_part(self) -> Part:
        """For a process that has no example left in the last batch: one that counts for nothing."""
        device = self.where.device
        return torch.zeros(1, *self.input, device=device), {
            each.learns: torch.zeros(1, dtype=torch.int64, device=device)
            if each.target.kind == "classes"
            else torch.zeros(1, each.target.width, device=device)
            for each in self.criteria
        }

    @contextmanager
    def best_weights(self) -> Iterator[None]:
        """The weights that the run will be judged by: the mean, where there is one."""
        with self.mean.in_place() if self.mean is not None else nullcontext():
            yield

    @torch.no_grad()
    def outputs(self, split: Split, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The main output and the targets of this process's share of a split, with the weights as they are."""
        for outputs, targets in self._lasting_outputs(split, batch):
            yield outputs[0], targets[self.lasting[0].learns]

    def _lasting_outputs(self, split: Split, batch: int) -> Iterator[tuple[tuple[Tensor, ...], Targets]]:
        self.network.eval()
        try:
            own = share_of_test(len(split), self.where.rank, self.where.count)
            for images, targets in split.batches(own, batch, epoch=0, augment=False):
                with self._autocast():
                    outputs = _sequence(self._judging(self._laid_out(images)))
                yield outputs, targets
        finally:
            self.network.train()
            self._quieten()

    @torch.no_grad()
    def judge(self, split: Split, batch: int) -> Sums:
        """Sums over a split, with the weights as they are; of all processes together."""
        self.where.average(self.network.buffers())
        sums = Sums(self.lasting, self.where.device)
        for outputs, targets in self._lasting_outputs(split, batch):
            with self._autocast():
                sums.add(outputs, targets)
        self.where.add_up(sums.tensors())
        return sums

    def state(self) -> dict[str, Any]:
        """Everything that learning goes on from, as plain data."""
        self.where.average(self.network.buffers())
        optimizer = {
            name: {key: whole(value) for key, value in moments.items()}
            for name, moments in self.optimizer.state.items()
        }
        return {
            "network": self.weights(),
            "optimizer": optimizer,
            "mean": {name: whole(value) for name, value in self.mean.means.items()} if self.mean else None,
            "scaler": self.scaler.state_dict() if self.scaler else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        self.put_weights(state["network"])
        self.optimizer.load(state["optimizer"])
        if self.mean is not None:
            self.mean.load(state["mean"])
        if self.scaler is not None:
            self.scaler.load_state_dict(state["scaler"])

    def weights(self) -> dict[str, Tensor]:
        """The weights as they are in the network, whole and in main memory."""
        return {name: whole(value) for name, value in self.network.state_dict().items()}

    def put_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Put whole weights into the network."""
        own = self.network.state_dict()
        for name, value in weights.items():
            copy_into(own[name], value)


def _seed(device: torch.device, seed: int) -> None:
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
    torch.default_generator.manual_seed(seed)


def _compiled(network: nn.Module) -> nn.Module:
    return torch.compile(network)  # pyright: ignore[reportReturnType]


def _sequence(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _parts_of(network: nn.Module) -> list[nn.Module]:
    """What is divided over processes by itself: the network's children that have many weights."""
    return [each for each in network.children() if sum(param.numel() for param in each.parameters()) > 100_000]
