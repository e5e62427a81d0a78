"""The sizes of images on their way to a network."""

from __future__ import annotations


def resized(resize: int | tuple[int, int] | None, height: int, width: int) -> tuple[int, int]:
    """The height and width after `resize`: a length of the shorter side, or both sides."""
    if isinstance(resize, int):
        shorter = min(height, width)
        return (max(1, round(height * resize / shorter)), max(1, round(width * resize / shorter)))
    return resize or (height, width)


def padded(size: tuple[int, int], pad: tuple[int, int, int, int]) -> tuple[int, int]:
    """The height and width with pixels added at the top, bottom, left and right."""
    top, bottom, left, right = pad
    return (size[0] + top + bottom, size[1] + left + right)
