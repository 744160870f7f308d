"""What happens to pictures without any attacker, in five severities.

The kinds are those of the corruption benchmarks of the literature as far as they need no files of
texture: noise, blur, weather, exposure, geometry and storage. Lengths are shares of the shorter
side, so that a severity means about the same at any resolution; the strengths are our own and are
listed with the result.

References:
    Hendrycks and Dietterich 2019 (common corruptions, five severities).
"""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.pixels import Images

SEVERITIES = (1, 2, 3, 4, 5)
Change = Callable[[Images, float, np.random.Generator], NDArray[np.floating]]


class Corruption(NamedTuple):
    """One kind of damage.

    Attributes:
        name: for tables and charts.
        family: noise, blur, weather, exposure, geometry or storage.
        unit: what the strength means.
        strengths: five, from mild to severe.
        change: damages `(n_rows, height, width, channels)`; its result is cut to [0, 1].
    """

    name: str
    family: str
    unit: str
    strengths: tuple[float, float, float, float, float]
    change: Change


def corrupt(
    corruption: Corruption, pictures: Images, severity: int, rng: np.random.Generator
) -> Images:
    """Damage pictures.

    Args:
        corruption: of `CORRUPTIONS`.
        pictures: `(n_rows, height, width, channels)` in [0, 1].
        severity: 1 to 5.
        rng: draws what is random in it.
    """
    made = corruption.change(pictures, corruption.strengths[severity - 1], rng)
    return np.clip(made, 0, 1).astype(np.float32)


def _gaussian(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    return pictures + np.float32(strength) * rng.standard_normal(pictures.shape, dtype=np.float32)


def _shot(pictures: Images, strength: float, rng: np.random.Generator) -> NDArray[np.floating]:
    return np.asarray(rng.poisson(pictures * strength) / strength)


def _impulse(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    drawn = rng.random(pictures.shape, dtype=np.float32)
    ink = (rng.random(pictures.shape, dtype=np.float32) < 0.5).astype(np.float32)
    return np.where(drawn < strength, ink, pictures)


def _speckle(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    drawn = rng.standard_normal(pictures.shape, dtype=np.float32)
    return pictures * (1 + np.float32(strength) * drawn)


def _gaussian_blur(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    from scipy.ndimage import gaussian_filter

    del rng
    sigma = strength * _side(pictures)
    return np.asarray(gaussian_filter(pictures, (0, sigma, sigma, 0), mode="nearest"))


def _defocus(pictures: Images, strength: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Every pixel becomes a disc, as through a lens out of focus."""
    del rng
    radius = strength * _side(pictures)
    reach = int(np.ceil(radius))
    offset = np.arange(-reach, reach + 1)
    far = np.hypot(offset[:, None], offset[None, :])
    # The rim counts by how much of it lies inside, so that small discs grow smoothly.
    return _spread(pictures, np.clip(radius + 0.5 - far, 0, 1))


def _motion(pictures: Images, strength: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """A straight shake in one of eight directions, drawn for all pictures together."""
    length = strength * _side(pictures)
    angle = rng.integers(8) * np.pi / 8
    reach = int(np.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for share in np.linspace(-0.5, 0.5, 4 * reach + 3):
        y, x = share * length * np.sin(angle), share * length * np.cos(angle)
        top, left = int(np.floor(y)), int(np.floor(x))
        for at_y, weight_y in ((top, top + 1 - y), (top + 1, y - top)):
            for at_x, weight_x in ((left, left + 1 - x), (left + 1, x - left)):
                if abs(at_y) <= reach and abs(at_x) <= reach:
                    kernel[at_y + reach, at_x + reach] += weight_y * weight_x
    return _spread(pictures, kernel)


def _fog(pictures: Images, strength: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Light cloud in patches of several sizes, laid over the picture."""
    from scipy.ndimage import zoom

    n_rows, height, width, _ = pictures.shape
    cloud = np.zeros((n_rows, height, width, 1))
    for level in range(1, 5):
        cells = 2**level
        coarse = rng.random((n_rows, cells, cells))
        scale = (1, height / cells, width / cells)
        fine = zoom(coarse, scale, order=1, mode="nearest", grid_mode=True)
        cloud[..., 0] += fine[:, :height, :width] / 2**level
    cloud = cloud / (1 - 2.0**-4)
    return pictures * (1 - strength * cloud) + strength * cloud


def _spatter(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    """White drops of a few pixels that cover about `strength` of the picture."""
    from scipy.ndimage import gaussian_filter

    drops = rng.standard_normal(pictures.shape[:3])
    sigma = 0.04 * _side(pictures)
    drops = gaussian_filter(drops, (0, sigma, sigma), mode="wrap")
    level = np.quantile(drops, 1 - strength, axis=(1, 2), keepdims=True)
    return np.where((drops > level)[..., None], np.float32(1), pictures)


def _brightness(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    del rng
    return pictures + np.float32(strength)


def _darkness(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    del rng
    return pictures - np.float32(strength)


def _contrast(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    del rng
    mean = pictures.mean(axis=(1, 2), keepdims=True)
    return mean + np.float32(strength) * (pictures - mean)


def _occlusion(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    """A grey square that hides `strength` of the picture, at a random place."""
    n_rows, height, width, _ = pictures.shape
    side = int(np.clip(round(np.sqrt(strength * height * width)), 1, min(height, width)))
    tops = rng.integers(0, height - side + 1, n_rows)[:, None]
    lefts = rng.integers(0, width - side + 1, n_rows)[:, None]
    ys, xs = np.arange(height)[None], np.arange(width)[None]
    in_y, in_x = (ys >= tops) & (ys < tops + side), (xs >= lefts) & (xs < lefts + side)
    hidden = in_y[:, :, None] & in_x[:, None, :]
    return np.where(hidden[..., None], np.float32(0.5), pictures)


def _rotation(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    """Turned by `strength` degrees, each picture left or right at random."""
    from scipy.ndimage import rotate

    is_left = rng.random(len(pictures)) < 0.5
    made = np.empty_like(pictures)
    for rows, angle in ((is_left, strength), (~is_left, -strength)):
        made[rows] = rotate(pictures[rows], angle, axes=(1, 2), reshape=False, order=1,
                            mode="nearest")  # fmt: skip
    return made


def _translation(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    from scipy.ndimage import shift

    n_rows, height, width, channels = pictures.shape
    made = np.empty_like(pictures)
    way = 2 * np.pi * rng.integers(8, size=n_rows) / 8
    for angle in np.unique(way):
        rows = way == angle
        far = strength * np.array([height * np.sin(angle), width * np.cos(angle)])
        made[rows] = shift(pictures[rows], (0, *far, 0), order=1, mode="nearest")
    del channels
    return made


def _pixelate(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    """As if taken with `strength` of the resolution."""
    from PIL import Image

    del rng
    height, width = pictures.shape[1:3]
    small = (max(1, round(width * strength)), max(1, round(height * strength)))
    return _by_plane(
        pictures,
        lambda plane: plane.resize(small, Image.Resampling.BOX).resize(
            (width, height), Image.Resampling.NEAREST
        ),
    )


def _jpeg(pictures: Images, strength: float, rng: np.random.Generator) -> Images:
    from PIL import Image

    del rng
    n_rows, _, _, channels = pictures.shape
    made = np.empty_like(pictures)
    is_colour = channels == 3
    for row in range(n_rows):
        planes = [pictures[row]] if is_colour else list(pictures[row].transpose(2, 0, 1))
        stored = []
        for plane in planes:
            file = io.BytesIO()
            levels = np.round(255 * np.clip(plane, 0, 1)).astype(np.uint8)
            Image.fromarray(levels).save(file, "JPEG", quality=int(strength))
            stored.append(np.asarray(Image.open(file), dtype=np.float32) / 255)
        made[row] = stored[0] if is_colour else np.stack(stored, axis=2)
    return made


def _by_plane(pictures: Images, change: Callable[..., Any]) -> Images:
    from PIL import Image

    made = np.empty_like(pictures)
    for row, picture in enumerate(pictures):
        for channel in range(picture.shape[2]):
            plane = change(Image.fromarray(picture[:, :, channel]))
            made[row, :, :, channel] = np.asarray(plane)
    return made


def _spread(pictures: Images, kernel: NDArray[np.float64]) -> NDArray[np.floating]:
    from scipy.ndimage import convolve

    return np.asarray(convolve(pictures, (kernel / kernel.sum())[None, :, :, None], mode="nearest"))


def _side(pictures: Images) -> int:
    return min(pictures.shape[1:3])


CORRUPTIONS = (
    Corruption("Gaussian noise", "noise", "standard deviation", (0.04, 0.08, 0.12, 0.18, 0.26),
               _gaussian),
    Corruption("Shot noise", "noise", "photons at white", (60, 25, 12, 5, 3), _shot),
    Corruption("Impulse noise", "noise", "share of values", (0.01, 0.03, 0.06, 0.11, 0.18),
               _impulse),
    Corruption("Speckle noise", "noise", "standard deviation, relative", (0.15, 0.2, 0.35, 0.45,
               0.6), _speckle),
    Corruption("Gaussian blur", "blur", "standard deviation, share of the side",
               (0.03, 0.05, 0.07, 0.09, 0.12), _gaussian_blur),
    Corruption("Defocus", "blur", "radius, share of the side", (0.04, 0.07, 0.1, 0.13, 0.17),
               _defocus),
    Corruption("Motion blur", "blur", "length, share of the side", (0.1, 0.18, 0.26, 0.34, 0.45),
               _motion),
    Corruption("Fog", "weather", "share of light from the fog", (0.2, 0.35, 0.5, 0.65, 0.8), _fog),
    Corruption("Spatter", "weather", "share covered", (0.02, 0.05, 0.08, 0.12, 0.18), _spatter),
    Corruption("Brighter", "exposure", "added", (0.1, 0.2, 0.3, 0.4, 0.5), _brightness),
    Corruption("Darker", "exposure", "taken away", (0.1, 0.2, 0.3, 0.4, 0.5), _darkness),
    Corruption("Low contrast", "exposure", "contrast left", (0.7, 0.5, 0.35, 0.2, 0.1), _contrast),
    Corruption("Occlusion", "geometry", "share hidden", (0.02, 0.05, 0.1, 0.15, 0.25), _occlusion),
    Corruption("Rotation", "geometry", "degrees", (5, 10, 15, 22, 30), _rotation),
    Corruption("Shift", "geometry", "share of the side", (0.03, 0.06, 0.1, 0.15, 0.2),
               _translation),
    Corruption("Pixelation", "storage", "share of the resolution", (0.8, 0.65, 0.5, 0.4, 0.3),
               _pixelate),
    Corruption("JPEG", "storage", "quality", (60, 40, 25, 15, 8), _jpeg),
)  # fmt: skip
