"""Images as people have them: every mode, turned or not, and those that are damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

from compiler.data.errors import DataError  # noqa: E402
from compiler.data.images import decode, quietly  # noqa: E402

RED, WHITE = (255, 0, 0), (255, 255, 255)
GREY_OF_RED = 76  # 0.299 of 255, ITU-R 601


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_red_in_three_maps_and_in_one(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (4, 3), RED))
    colours, grey = decode(path, 3), decode(path, 1)
    assert (colours.shape, grey.shape) == ((3, 3, 4), (1, 3, 4))
    assert colours.dtype == torch.uint8
    assert colours[:, 0, 0].tolist() == [255, 0, 0]
    assert set(grey.flatten().tolist()) == {GREY_OF_RED}


@pytest.mark.parametrize(
    ("mode", "color", "suffix", "expected"),
    [
        ("1", 1, "png", WHITE),
        ("L", 100, "png", (100, 100, 100)),
        ("P", 0, "png", (0, 0, 0)),
        ("P", 0, "gif", (0, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "tif", RED),
        ("RGBA", (255, 0, 0, 255), "png", RED),
        ("RGBA", (255, 0, 0, 0), "png", WHITE),
        ("RGBA", (0, 0, 0, 51), "png", (204, 204, 204)),  # a fifth of black on white
        ("LA", (0, 0), "png", WHITE),
        ("I;16", 65535, "png", WHITE),
        ("I;16", 25700, "png", (100, 100, 100)),
        ("I;16", 25700, "tif", (100, 100, 100)),
        ("I;16B", 25700, "tif", (100, 100, 100)),
    ],
)
def test_modes(tmp_path: Path, mode: str, color: object, suffix: str, expected: tuple[int, ...]) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.new(mode, (2, 2), color))
    found = decode(path, 3)[:, 0, 0].tolist()
    assert found == pytest.approx(list(expected), abs=1)


def test_transparent_colour_of_a_palette_shows_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    path = saved(tmp_path / "a.png", image, transparency=0)
    assert decode(path, 3)[:, 0, :].T.tolist() == [[255, 255, 255], [200, 100, 50]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_exif_rotation(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24] = 255  # the upper left corner is white
    # how the camera has stored it, by the definition of the tag: what row and column 0 are
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    found = decode(path, 1)[0]
    assert found.shape == (32, 48)
    assert found[4:12, 4:20].float().mean() > 250
    assert found[20:].float().mean() < 5
    assert found[:, 28:].float().mean() < 5


@pytest.mark.parametrize("maps", [1, 3])
def test_first_picture_of_an_animation(tmp_path: Path, maps: int) -> None:
    first, second = Image.new("L", (3, 3), 200), Image.new("L", (3, 3), 0)
    path = saved(tmp_path / "a.gif", first, save_all=True, append_images=[second])
    assert set(decode(path, maps).flatten().tolist()) == {200}


def fails(path: Path, said: str, code: str = "E722") -> None:
    with pytest.raises(DataError) as caught, quietly():
        decode(path, 3)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert str(path) in found.message
    assert said in found.message
    assert found.help


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tif"])
@pytest.mark.parametrize("kept", [0.1, 0.6, 0.95])
def test_cut_off(tmp_path: Path, suffix: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    fails(path, "image")


def test_what_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("<html>404 not found</html>")
    fails(path, "no image")
    path.write_bytes(b"")
    fails(path, "empty")
    path.unlink()
    fails(path, "no such file", "E720")
    path.symlink_to(tmp_path / "gone.jpg")
    fails(path, "link", "E720")


def test_pixels_of_unknown_range(tmp_path: Path) -> None:
    fails(saved(tmp_path / "a.tif", Image.new("F", (4, 4), 0.5)), "32 bits")
    fails(saved(tmp_path / "b.tif", Image.new("I", (4, 4), 70000)), "32 bits")


def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    fails(path, "too many pixels")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read everything")
def test_unreadable(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (2, 2)))
    path.chmod(0)
    fails(path, "may not be read", "E721")


def test_error_of_the_system_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = saved(tmp_path / "a.png", Image.new("L", (2, 2)))
    monkeypatch.setattr(Path, "read_bytes", refuse)
    fails(path, "may not be read", "E721")
