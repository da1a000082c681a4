"""Several yes/no questions about one image: PyTorch's loss, focalis's, and a focal loss.

The questions: is the digit even, is it prime, does it have a hole, is it an 8? `train` is an ordinary
PyTorch program; the module passed as F determines whose losses it uses.
"""

import torch
from sklearn.datasets import load_digits

import focalis.torch

QUESTIONS = {"even": (0, 2, 4, 6, 8), "prime": (2, 3, 5, 7), "hole": (0, 6, 8, 9), "an 8": (8,)}


def data():
    """Return images as rows, and the answer to each question."""
    images, digits = load_digits(return_X_y=True)
    answers = [[float(d in yes) for yes in QUESTIONS.values()] for d in digits.tolist()]
    return torch.tensor(images / 16, dtype=torch.float32), torch.tensor(answers)


def train(F, loss="binary_cross_entropy_with_logits", epochs=10, **settings):
    """Return the loss at every step, and the logits and answers of the held-out images."""
    x, y = data()
    torch.manual_seed(0)
    order = torch.randperm(len(y))
    training, testing = order[:1200], order[1200:]
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        focalis.torch.init_prior_(torch.nn.Linear(64, 4), 0.3),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    curve = []
    for _ in range(epochs):
        for rows in training[torch.randperm(len(training))].split(100):
            optimizer.zero_grad()
            value = getattr(F, loss)(model(x[rows]), y[rows], **settings)
            value.backward()
            optimizer.step()
            curve.append(value.item())
    with torch.no_grad():
        return curve, model(x[testing]), y[testing]


if __name__ == "__main__":
    pos_weight = torch.tensor([1.0, 1.5, 1.5, 9.0])
    curves = []
    for F in (torch.nn.functional, focalis.torch):
        curve, logits, answers = train(F, pos_weight=pos_weight)
        right = ((logits > 0) == answers.bool()).float().mean(0)
        shares = ", ".join(f"{q} {r:.1%}" for q, r in zip(QUESTIONS, right.tolist(), strict=True))
        print(f"{F.__name__}: {curve[0]:.4f} → {curve[-1]:.4f}; right: {shares}")
        curves.append(curve)
    apart = max(abs(a - b) for a, b in zip(*curves, strict=True))
    print(f"largest difference between the curves: {apart:.0e}")

    focal = focalis.torch.SigmoidFocalLoss(reduction="mean")
    _, logits, answers = train(focalis.torch, "sigmoid_focal_loss", reduction="mean")
    print(f"an 8: {answers[:, 3].mean():.3f} of the images")
    print(f"mean sigmoid of a model trained on the focal loss: {logits[:, 3].sigmoid().mean():.3f}")
    eta = focalis.torch.posterior(focal, logits)
    print(f"mean posterior: {eta[:, 3].mean():.3f}")
