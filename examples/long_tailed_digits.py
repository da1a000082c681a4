"""An image classifier on long-tailed digits: PyTorch's cross-entropy, focalis's, and a focal loss.

From 0 to 9, fewer images are kept of each digit than of the one before. `train` is an ordinary PyTorch
program; the module passed as F determines whose losses it uses.
"""

import torch
from sklearn.datasets import load_digits

import focalis.torch
from focalis.weights import effective_number

KEPT = [170, 120, 85, 60, 42, 30, 21, 15, 10, 7]


def data():
    """Return long-tailed training images and digits, and balanced ones for testing."""
    images, digits = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    x, y = x[order], y[order]
    nth = torch.nn.functional.one_hot(y, 10).cumsum(0).gather(1, y[:, None])[:, 0]
    training = nth <= torch.tensor(KEPT)[y] * 0.8
    testing = nth > 170 * 0.8
    return x[training], y[training], x[testing], y[testing]


def network():
    """Return a small network, always with the same initial weights."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


def train(F, loss="cross_entropy", epochs=15):
    """Return the loss at every step, and the accuracy on balanced test images."""
    x, y, x_test, y_test = data()
    weight = torch.tensor(effective_number(y.numpy()), dtype=torch.float32)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    curve = []
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(64):
            optimizer.zero_grad()
            value = getattr(F, loss)(model(x[rows]), y[rows], weight=weight)
            value.backward()
            optimizer.step()
            curve.append(value.item())
    with torch.no_grad():
        return curve, (model(x_test).argmax(1) == y_test).float().mean().item()


if __name__ == "__main__":
    theirs, accuracy = train(torch.nn.functional)
    print(f"torch.nn.functional.cross_entropy: {theirs[0]:.4f} → {theirs[-1]:.4f}, {accuracy:.1%}")
    ours, accuracy = train(focalis.torch)
    print(f"focalis.torch.cross_entropy:       {ours[0]:.4f} → {ours[-1]:.4f}, {accuracy:.1%}")
    apart = max(abs(a - b) for a, b in zip(theirs, ours, strict=True))
    print(f"largest difference between the curves: {apart:.0e}")
    curve, accuracy = train(focalis.torch, "softmax_focal_loss")
    print(f"focalis.torch.softmax_focal_loss:  {curve[0]:.4f} → {curve[-1]:.4f}, {accuracy:.1%}")
