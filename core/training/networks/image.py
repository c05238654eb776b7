"""Trains a convolutional classifier of small pictures, grey or colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import BadInput
from core.evaluation.classification import Floats
from core.models.device import choose_device
from core.models.manifest import Manifest
from core.models.networks.images import LARGEST_SIDE, Pixels, fit_pixels
from core.models.networks.layers import ConvolutionShape, build_convolution
from core.models.networks.open import image_outputs, standardised
from core.training.networks import run as small_run
from core.training.networks.loop import Fit, LoopArgs, as_tuple, in_range
from core.training.networks.run import Examples, Run
from core.training.networks.state import FOLDER
from core.training.watch import Watch

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class ImageArgs(LoopArgs):
    """``size``: pixels of a side that pictures are brought to; 0 takes the pictures' own, at most 64.

    ``channels``: 1 grey, 3 colour, 0 takes the pictures' own. ``shift`` (share of the side), ``turn`` (degrees) and
    ``mirror`` vary each picture anew whenever it is seen; 0 and False leave it as it is.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 2e-3
    patience: int = 4
    size: int = 0
    channels: int = 0
    widths: tuple[int, ...] = (16, 32)
    dense: int = 128
    shift: float = 0.07
    turn: float = 8.0
    mirror: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        as_tuple(self, "widths")
        in_range("convolution blocks", len(self.widths), 1, 4)
        for width in self.widths:
            in_range("widths", width, 2, 512)
        if self.size:
            in_range("size", self.size, 2 ** (len(self.widths) + 1), LARGEST_SIDE)
        if self.channels not in (0, 1, 3):
            raise BadInput("networks.not_a_choice", name="channels", value=self.channels, choices="0, 1, 3")
        in_range("dense", self.dense, 2, 4096)
        in_range("shift", self.shift, 0.0, 0.5)
        in_range("turn", self.turn, 0.0, 180.0)


class _Pictures:
    """The Problem of the loop."""

    def __init__(
        self, network: Any, pixels: tuple[Pixels, Pixels], statistics: Statistics, run: Run, args: ImageArgs
    ) -> None:
        self._device, self._classes, self._args = choose_device(args.device), len(run.labels), args
        self.network = network.to(self._device)
        self._training, self._validation = pixels
        self._statistics = statistics
        self.rows = len(self._training)
        self.sizes: Sequence[int] | None = None
        self._gold, self.validation_gold = np.asarray(run.training.classes, np.int64), run.gold

    def logits(self, rows: Sequence[int]) -> Any:
        pictures = standardised(self._training[rows], *self._statistics, self._device)
        return self.network(varied(pictures, self._args))

    def gold(self, rows: Sequence[int]) -> Any:
        import torch

        return torch.from_numpy(self._gold[rows]).to(self._device)

    def validation_logits(self) -> Floats:
        return image_outputs(self.network.eval(), self._validation, *self._statistics, self._classes, self._device)


def varied(pictures: Any, args: ImageArgs) -> Any:
    """Each picture [B, channels, size, size] turned, moved and mirrored by chance; what moves in repeats the edge."""
    import torch

    if not (args.shift or args.turn or args.mirror):
        return pictures
    count = len(pictures)
    angle = (torch.rand(count) * 2 - 1) * math.radians(args.turn)
    move = (torch.rand(count, 2) * 2 - 1) * args.shift * 2  # the picture is 2 wide in the grid's measure
    side = torch.where(torch.rand(count) < 0.5, -1.0, 1.0) if args.mirror else torch.ones(count)
    rows = [
        torch.stack([side * angle.cos(), -angle.sin(), move[:, 0]], dim=1),
        torch.stack([side * angle.sin(), angle.cos(), move[:, 1]], dim=1),
    ]
    grid = torch.nn.functional.affine_grid(torch.stack(rows, dim=1), list(pictures.shape), align_corners=False)
    return torch.nn.functional.grid_sample(
        pictures, grid.to(pictures.device), padding_mode="border", align_corners=False
    )


def train_image(
    folder: Path,
    training: Examples,
    validation: Examples,
    labels: Sequence[str],
    args: ImageArgs,
    watch: Watch,
    *,
    name: str = "",
    data: Mapping[str, Any] | None = None,
) -> Manifest:
    """Trains on ``training.inputs`` (0..255 [rows, height, width(, 1 or 3)]) and seals ``folder``.

    The same call after a kill goes on where it stood. Raises as ``train_lstm`` does, and BadInput for arrays that are
    no pictures.
    """
    run = Run("image", folder, training, validation, tuple(labels), args, name, dict(data or {}))
    if (done := small_run.begin(run)) is not None:
        return done
    size, channels = picture_shape(training.inputs, args)
    pixels = fit_pixels(training.inputs, size, channels), fit_pixels(validation.inputs, size, channels)
    watch.say(f"{len(training)} training pictures, {len(validation)} for validation, {size}x{size}x{channels}")
    shape = ConvolutionShape(size, channels, len(labels), args.widths, args.dense, args.dropout)
    network = small_run.seeded(args.seed, lambda: build_convolution(shape))
    statistics = pixel_statistics(pixels[0])
    problem = _Pictures(network, pixels, statistics, run, args)
    weights = small_run.class_weights(args, training.classes, labels)
    fitted = Fit(problem, args, folder / FOLDER, watch, weights=weights, mark=run.mark).run()
    return small_run.finish(
        run, fitted.logits, weights,
        network=network, shape=shape, setup={"mean": list(statistics[0]), "deviation": list(statistics[1])},
        best_epoch=fitted.best_epoch, size=size, channels=channels,
    )  # fmt: skip


def picture_shape(images: Any, args: ImageArgs) -> tuple[int, int]:
    """Side and channels that pictures of this array are brought to. Raises BadInput."""
    array = np.asarray(images)
    if array.ndim not in (3, 4):
        raise BadInput("networks.image_shape", shape="x".join(map(str, array.shape)))
    side = args.size or min(LARGEST_SIDE, max(array.shape[1:3]))
    smallest = 2 ** (len(args.widths) + 1)
    if side < smallest:
        raise BadInput("networks.image_small", side=side, smallest=smallest)
    return side, args.channels or (1 if array.ndim == 3 else array.shape[3])


def pixel_statistics(pixels: Pixels) -> Statistics:
    """Mean and standard deviation of each channel, in 0..1; a channel that never varies is only centred."""
    scaled = pixels.reshape(-1, pixels.shape[3])
    mean = scaled.mean(axis=0, dtype=np.float64) / 255
    deviation = scaled.std(axis=0, dtype=np.float64) / 255
    return tuple(mean.tolist()), tuple(np.where(deviation > 0, deviation, 1.0).tolist())
