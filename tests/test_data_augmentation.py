"""Augmentation, against the same done one image at a time, and by what it must leave as it is."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")
F = pytest.importorskip("torch.nn.functional")

from archspec.shape import Shape  # noqa: E402
from archspec.training_data import AugmentKeys, PreprocessKeys, Statistics  # noqa: E402
from compiler.data.augmentation import Augmentation  # noqa: E402
from compiler.data.errors import DataError  # noqa: E402
from compiler.data.keyed import Choice, Keyed  # noqa: E402
from compiler.data.preprocessing import Components, Preprocessing, center  # noqa: E402

MANY = 600
EVERY = torch.arange(MANY)


def steps_of(maps: int, size: tuple[int, int], fill: float = 0.0, components: Components | None = None) -> Any:
    from dataclasses import replace

    given = Statistics(mean=(0.4, 0.5, 0.3)[:maps], deviation=(0.2, 0.25, 0.5)[:maps])
    steps = Preprocessing.of(PreprocessKeys(normalise=given, fill=fill), Shape.of(maps, *size), maps, 255.0)
    return replace(steps, components=components)


def frames_of(maps: int, height: int, width: int, count: int = MANY) -> Any:
    """Different images, their pixels of 8 bits above black."""
    noise = torch.Generator().manual_seed(0)
    return torch.randint(20, 256, (count, maps, height, width), generator=noise, dtype=torch.uint8)


def augmented(keys: AugmentKeys, steps: Any, frames: Any, size: tuple[int, int] | None = None, epoch: int = 0) -> Any:
    shape = tuple(frames.shape[2:])
    augmentation = Augmentation(keys, steps, shape, size or shape)
    return augmentation(steps.normalised(frames), Keyed(5, epoch, torch.arange(len(frames))))


def moved(image: Any, down: int, right: int, fill: Any) -> Any:
    """An image moved, what comes in filled, one pixel at a time."""
    found = torch.empty_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            inside = 0 <= row - down < height and 0 <= column - right < width
            found[:, row, column] = image[:, row - down, column - right] if inside else fill
    return found


def test_shift_in_one_direction_alone() -> None:
    steps, frames = steps_of(1, (5, 6)), frames_of(1, 5, 6, 40)
    images = augmented(AugmentKeys(shift=(0, 1)), steps, frames)
    level, plain = steps.normal_of(0.0), steps.normalised(frames)
    for image, original in zip(images, plain, strict=True):
        assert any(torch.equal(image, moved(original, 0, right, level)) for right in (-1, 0, 1))


@pytest.mark.parametrize(("maps", "fill"), [(1, 0.0), (1, 1.0), (3, 0.0), (3, 0.5)])
def test_shift_moves_by_whole_pixels_up_to_the_bound(maps: int, fill: float) -> None:
    steps, frames = steps_of(maps, (7, 9), fill), frames_of(maps, 7, 9, 60)
    images, plain = augmented(AugmentKeys(shift=(1, 2)), steps, frames), steps.normalised(frames)
    level = steps.normal_of(fill)
    seen = set()
    for image, original in zip(images, plain, strict=True):
        found = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-3, 4)
            if torch.allclose(image, moved(original, down, right, level), atol=1e-6)
        ]
        assert len(found) == 1
        seen.update(found)
    assert seen == {(down, right) for down in (-1, 0, 1) for right in range(-2, 3)}


def test_crop_cuts_out_every_place_equally_often() -> None:
    steps, frames = steps_of(1, (4, 4)), frames_of(1, 6, 5)
    plain = F.pad(steps.normalised(frames), (1, 1, 1, 1), value=float(steps.normal_of(0.0)))
    images = augmented(AugmentKeys(crop=1), steps, frames, (4, 4))
    assert images.shape == (MANY, 1, 4, 4)
    counts: dict[tuple[int, int], int] = {}
    for image, padded in zip(images, plain, strict=True):
        (place,) = [
            (top, left)
            for top in range(5)
            for left in range(4)
            if padded[:, top : top + 4, left : left + 4].equal(image)
        ]
        counts[place] = counts.get(place, 0) + 1
    assert len(counts) == 20
    assert max(counts.values()) < MANY / 20 + 5 * (MANY / 20) ** 0.5


@pytest.mark.parametrize(("key", "side"), [("horizontal_flip", 3), ("vertical_flip", 2)])
def test_flips_turn_their_share(key: str, side: int) -> None:
    steps, frames = steps_of(3, (5, 5)), frames_of(3, 5, 5)
    plain, images = steps.normalised(frames), augmented(AugmentKeys(**{key: 0.25}), steps, frames)
    turned = (images == plain.flip(side)).flatten(1).all(1)
    kept = (images == plain).flatten(1).all(1)
    assert (turned ^ kept).all()
    assert abs(int(turned.sum()) - MANY / 4) < 5 * (MANY * 3 / 16) ** 0.5
    always = augmented(AugmentKeys(**{key: 1.0}), steps, frames)
    assert torch.equal(always, plain.flip(side))


def fixed(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def between(keyed: Keyed, _: Choice, least: float, most: float) -> Any:
        assert least <= value <= most
        return torch.full((len(keyed.examples),), value, dtype=torch.float64)

    monkeypatch.setattr(Keyed, "between", between)


@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_rotation_by_right_angles_is_exact(monkeypatch: pytest.MonkeyPatch, quarters: int) -> None:
    steps, frames = steps_of(3, (8, 8), 0.5), frames_of(3, 8, 8, 4)
    fixed(monkeypatch, quarters * math.pi / 2)
    images = augmented(AugmentKeys(rotation=180.0), steps, frames)
    wanted = [torch.rot90(steps.normalised(frames), way * quarters, (2, 3)) for way in (1, -1)]
    assert any(torch.allclose(images, each, atol=1e-4) for each in wanted)


def test_zoom_by_two_shows_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, frames = steps_of(1, (8, 8)), frames_of(1, 8, 8, 4)
    fixed(monkeypatch, 2.0)
    images = augmented(AugmentKeys(zoom=(0.5, 2.0)), steps, frames)
    whole = F.interpolate(steps.normalised(frames), scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(images, center(whole, (8, 8)), atol=1e-5)


def test_all_movements_at_once_are_those_of_torchs_affine_grid() -> None:
    steps, frames = steps_of(3, (9, 7)), frames_of(3, 9, 7, 20)
    keys = AugmentKeys(rotation=30.0, zoom=(0.8, 1.3), shift=(2, 1), horizontal_flip=0.5)
    keyed = Keyed(5, 0, torch.arange(20))
    angle = keyed.between(Choice.ROTATION, -math.radians(30), math.radians(30))
    zoom = keyed.between(Choice.ZOOM, 0.8, 1.3)
    down, right = (keyed.below(Choice.SHIFT, (5, 3)) - torch.tensor([2, 1])).unbind(1)
    flip = torch.where(keyed.uniform(Choice.HORIZONTAL_FLIP)[:, 0] < 0.5, -1.0, 1.0)
    # a turn in pixels, written for coordinates that are -1 and 1 at the edges of 9 rows and 7 columns
    theta = torch.zeros(20, 2, 3, dtype=torch.float64)
    theta[:, 0, 0], theta[:, 0, 1] = flip * angle.cos() / zoom, flip * angle.sin() / zoom * 9 / 7
    theta[:, 1, 0], theta[:, 1, 1] = -angle.sin() / zoom * 7 / 9, angle.cos() / zoom
    theta[:, 0, 2], theta[:, 1, 2] = right * 2 / 7, down * 2 / 9
    grid = F.affine_grid(theta.float(), (20, 3, 9, 7), align_corners=False)
    wanted = steps.normalised(F.grid_sample(frames.float(), grid, align_corners=False))
    assert torch.allclose(augmented(keys, steps, frames), wanted, atol=1e-3)


def test_resized_crop_shows_pieces_of_the_area_asked_for() -> None:
    # in an image whose pixels say where they are, corners tell which piece was taken
    size, frame = 16, 64
    across = torch.linspace(0.5, frame - 0.5, frame)
    ramp = torch.stack([across.view(-1, 1).expand(frame, frame), across.expand(frame, frame)])
    frames = torch.cat([ramp, ramp[:1]]).expand(MANY, 3, frame, frame)
    steps = Preprocessing.of(PreprocessKeys(normalise="none", rescale=False), Shape.of(3, size, size), 3, 255.0)
    keys = AugmentKeys(resized_crop=(0.25, 0.5))
    images = Augmentation(keys, steps, (frame, frame), (size, size))(frames, Keyed(0, 0, EVERY)).double()
    height = (images[:, 0, -1, 0] - images[:, 0, 0, 0]) * size / (size - 1)
    width = (images[:, 1, 0, -1] - images[:, 1, 0, 0]) * size / (size - 1)
    area, aspect = height * width / frame**2, width / height
    assert 0.249 < area.min() < 0.26
    assert 0.49 < area.max() < 0.501
    assert 0.749 < aspect.min() < 0.77
    assert 1.30 < aspect.max() < 1.335
    assert images.min() >= 0.5
    assert images.max() <= frame - 0.5


@pytest.mark.parametrize("keys", [
    AugmentKeys(brightness=(0.5, 1.5)),
    AugmentKeys(contrast=(0.5, 1.5)),
    AugmentKeys(brightness=(0.8, 1.2), contrast=(0.5, 1.2), pca_jitter=0.5),
])  # fmt: skip
def test_colours_are_changed_as_before_normalising(keys: AugmentKeys) -> None:
    components = Components((0.01, 0.05, 0.3), ((1.0, 0.0, 0.0), (0.0, 0.6, -0.8), (0.0, 0.8, 0.6)))
    steps, frames = steps_of(3, (6, 6), components=components), frames_of(3, 6, 6, 50)
    keyed = Keyed(5, 0, torch.arange(50))
    wanted = []
    for number, pixels in enumerate(frames.double() / 255):
        bright = 1.0 if keys.brightness is None else keyed.between(Choice.BRIGHTNESS, *keys.brightness)[number]
        strong = 1.0 if keys.contrast is None else keyed.between(Choice.CONTRAST, *keys.contrast)[number]
        level = (pixels * bright).mean()
        changed = (pixels * bright - level) * strong + level
        if keys.pca_jitter is not None:
            alphas = keyed.normal(Choice.PCA_JITTER, 3)[number] * keys.pca_jitter
            amounts = torch.tensor(components.vectors).double() @ (alphas * torch.tensor(components.variances))
            changed = changed + amounts.view(3, 1, 1)
        wanted.append((changed.clamp(0, 1) * 255).float())
    found = augmented(keys, steps, frames)
    assert torch.allclose(found, steps.normalised(torch.stack(wanted)), atol=1e-5)
    assert not torch.allclose(found, steps.normalised(frames), atol=0.05)


def test_erasing_hides_a_rectangle_of_its_share_of_the_images() -> None:
    steps, frames = steps_of(3, (20, 30)), frames_of(3, 20, 30)
    plain = steps.normalised(frames) + 100  # nothing else is 0
    images = Augmentation(AugmentKeys(erasing=0.4), steps, (20, 30), (20, 30))(plain, Keyed(5, 0, EVERY))
    hidden = (images == 0).all(1)
    assert torch.equal(images, plain * ~hidden[:, None])
    areas = hidden.flatten(1).sum(1)
    assert abs(int((areas > 0).sum()) - 0.4 * MANY) < 5 * (0.24 * MANY) ** 0.5
    for each, area in zip(hidden, areas.tolist(), strict=True):
        rows, columns = each.any(1).sum(), each.any(0).sum()
        assert rows * columns == area
    shares = areas[areas > 0] / 600
    assert 0.01 < shares.min() < 0.05
    assert 0.28 < shares.max() < 0.35


def test_mixup_mixes_with_the_partner() -> None:
    steps, frames = steps_of(1, (4, 4)), frames_of(1, 4, 4)
    augmentation = Augmentation(AugmentKeys(mixup=0.4), steps, (4, 4), (4, 4))
    keyed, plain = Keyed(5, 0, EVERY), steps.normalised(frames)
    partners = augmentation.partners(keyed, MANY)
    assert partners.unique().numel() > 0.55 * MANY  # 1 - 1/e of them, as draws with replacement have it
    mixed, share = augmentation.mixed(plain, plain[partners], keyed)
    weight = share.float().view(-1, 1, 1, 1)
    assert torch.allclose(mixed, weight * plain + (1 - weight) * plain[partners], atol=1e-5)
    assert share.min() >= 0
    assert share.max() <= 1


def test_cutmix_gives_shares_by_the_pixels_that_are_left() -> None:
    steps = steps_of(1, (10, 10))
    ours, theirs = torch.ones(MANY, 1, 10, 10), torch.zeros(MANY, 1, 10, 10)
    augmentation = Augmentation(AugmentKeys(cutmix=1.0), steps, (10, 10), (10, 10))
    mixed, share = augmentation.mixed(ours, theirs, Keyed(5, 0, EVERY))
    assert torch.allclose(mixed.mean((1, 2, 3)), share.float(), atol=1e-6)
    assert share.min() < 0.1
    assert share.max() > 0.9


def test_mixup_and_cutmix_take_turns() -> None:
    steps = steps_of(1, (10, 10))
    augmentation = Augmentation(AugmentKeys(cutmix=1.0, mixup=1.0), steps, (10, 10), (10, 10))
    mixed, share = augmentation.mixed(torch.ones(MANY, 1, 10, 10), torch.zeros(MANY, 1, 10, 10), Keyed(5, 0, EVERY))
    assert torch.allclose(mixed.mean((1, 2, 3)), share.float(), atol=1e-6)
    cut = ((mixed == 0) | (mixed == 1)).flatten(1).all(1)
    assert abs(int(cut.sum()) - MANY / 2) < 5 * (MANY / 4) ** 0.5


ALL = [
    AugmentKeys(shift=(1, 1)), AugmentKeys(crop=2, horizontal_flip=0.5), AugmentKeys(rotation=15.0, zoom=(0.9, 1.1)),
    AugmentKeys(resized_crop=(0.3, 1.0), vertical_flip=0.5), AugmentKeys(brightness=(0.7, 1.3), contrast=(0.7, 1.3)),
    AugmentKeys(pca_jitter=0.1), AugmentKeys(erasing=0.5),
]  # fmt: skip


@pytest.mark.parametrize("keys", ALL, ids=lambda keys: "+".join(keys.model_dump(exclude_defaults=True)))
@pytest.mark.parametrize("threads", [1, 2])
def test_an_image_does_not_depend_on_its_batch(keys: AugmentKeys, threads: int) -> None:
    components = Components((0.01, 0.05, 0.3), ((1.0, 0.0, 0.0), (0.0, 0.6, -0.8), (0.0, 0.8, 0.6)))
    steps, frames = steps_of(3, (13, 11), components=components), frames_of(3, 13, 11, 67)
    augmentation = Augmentation(keys, steps, (13, 11), (13, 11))
    plain, before = steps.normalised(frames), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole = augmentation(plain, Keyed(5, 0, torch.arange(67)))
        for size in (1, 3, 8, 64):
            parts = [augmentation(plain[part], Keyed(5, 0, part)) for part in torch.arange(67).split(size)]
            assert torch.equal(torch.cat(parts), whole)
    finally:
        torch.set_num_threads(before)
    again = augmentation(plain, Keyed(5, 1, torch.arange(67)))
    assert not torch.equal(again, whole)


@pytest.mark.parametrize(("keys", "maps", "said"), [
    (AugmentKeys(pca_jitter=0.1), 1, "colours"),
    (AugmentKeys(crop=2, resized_crop=(0.5, 1.0)), 3, "crop"),
    (AugmentKeys(shift=(9, 1)), 3, "out of sight"),
    (AugmentKeys(crop=10**12), 3, "shows none"),
])  # fmt: skip
def test_what_these_images_can_not_have(keys: AugmentKeys, maps: int, said: str) -> None:
    with pytest.raises(DataError) as caught:
        Augmentation(keys, steps_of(maps, (8, 8)), (8, 8), (8, 8))
    (found,) = caught.value.diagnostics
    assert (found.code, said in found.message) == ("E737", True)
