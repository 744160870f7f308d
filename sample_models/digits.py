"""A small convolutional network that reads 8 x 8 pictures of digits."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sample_models.score import Score

if TYPE_CHECKING:
    import torch

SEED = 0
N_TRAINING = 1000
N_EPOCHS = 25
BATCH = 50
BRIGHTEST = 16  # the published pictures count from 0 to 16


def build(folder: Path) -> Score:
    """Write digits.npz, training.npz and model.pt (TorchScript) into `folder`.

    The network takes float32 `(n_rows, 1, 8, 8)` in [0, 1] and returns ten logits.
    """
    import torch
    from sklearn.datasets import load_digits

    published = load_digits()
    # Bytes, as in a picture file: 0 to 16 becomes 0 to 255.
    images = np.round(published.images * (255 / BRIGHTEST)).astype(np.uint8)
    labels = published.target.astype(np.int64)
    order = np.random.default_rng(SEED).permutation(len(images))
    training, held_out = order[:N_TRAINING], order[N_TRAINING:]

    inputs = torch.from_numpy(images[:, None].astype(np.float32) / 255)
    targets = torch.from_numpy(labels)
    n_threads = torch.get_num_threads()
    # One thread: sums come out in the same order, so the weights are the same on every machine run.
    torch.set_num_threads(1)
    try:
        network = _fitted(inputs[training], targets[training])
        with torch.no_grad():
            is_right = (network(inputs).argmax(dim=1) == targets).numpy()
    finally:
        torch.set_num_threads(n_threads)

    np.savez(folder / "digits.npz", images=images[held_out], labels=labels[held_out])
    np.savez(folder / "training.npz", images=images[training], labels=labels[training])
    with warnings.catch_warnings():
        # TorchScript is announced as superseded by torch.export; people still bring such files.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, inputs[:1]).save(folder / "model.pt")
    return Score(
        "accuracy",
        float(is_right[training].mean()),
        float(is_right[held_out].mean()),
        len(training),
        len(held_out),
    )


def _fitted(inputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.nn.Sequential":
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
        optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
        for _ in range(N_EPOCHS):
            for rows in torch.randperm(len(inputs)).split(BATCH):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(inputs[rows]), targets[rows]).backward()
                optimiser.step()
    return network.eval()
