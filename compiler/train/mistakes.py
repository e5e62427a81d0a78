"""The worst mistakes of a network, as a picture."""

from __future__ import annotations

from pathlib import Path

import torch

from compiler.data.picture import draw
from compiler.train.failure import TrainingError
from compiler.train.session import Session


def draw_mistakes(session: Session, path: Path, count: int) -> int:
    """Draw the test examples whose right class the network gives least, under each what it took it for.

    Returns how many mistakes there are in all.
    """
    data, learner = session.data, session.learner
    if not data.classes:
        raise TrainingError(
            "E911", f"the main output learns {data.main.kind}, and has no wrong classes to draw", "leave --mistakes out"
        )
    split, criterion = data.splits["test"], learner.lasting[0]
    chances, said = [], []
    for output, targets in learner.outputs(split, session.division.part):
        shares = criterion.probabilities(output)
        both = torch.cat([1 - shares, shares], dim=1) if shares.shape[1] == 1 else shares
        chances.append(both.gather(1, targets.unsqueeze(1)).squeeze(1).cpu())
        said.append(criterion.predict(output).cpu())
    chance, predicted = torch.cat(chances), torch.cat(said)
    wrong = (predicted != split.targets).nonzero()[:, 0]
    worst = wrong[chance[wrong].argsort()][:count]
    if not len(worst):
        return 0
    captions = [f"{data.classes[int(split.targets[each])]}, not {data.classes[int(predicted[each])]}" for each in worst]
    height, width = split.augmentation.size
    ((images, _),) = split.batches(worst, len(worst), epoch=0, augment=False)
    draw(split.steps.shown(images.reshape(len(images), split.steps.maps, height, width).cpu()), captions, path)
    return len(wrong)
