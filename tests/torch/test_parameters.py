"""Parameters passed in a call of `apply`."""

import dataclasses

import pytest
import torch

import focalis.torch as F
from focalis import Loss, margin

X = torch.linspace(-2.0, 2.0, 12).reshape(4, 3).double()
Y = torch.tensor([0, 2, 1, 1])
SOFTMAX = Loss("softmax", margin.focal(gamma=2.0))
SIGMOID = Loss("sigmoid", margin.focal(gamma=2.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "y", "given"),
    [
        (SOFTMAX, Y, {"gamma": 0.5}),
        (SOFTMAX, Y, {"class_weight": (1.0, 2.0, 0.5)}),
        (SIGMOID, torch.eye(4, 3).double(), {"gamma": 0.5, "class_weight": (1.0, 2.0, 0.5)}),
    ],
)
def test_numbers_and_tensors_are_the_settings(loss, y, given):
    settings = dict(given)
    expected = loss
    if "gamma" in settings:
        expected = dataclasses.replace(
            expected, margin_loss=margin.focal(gamma=settings.pop("gamma"))
        )
    expected = F.apply(dataclasses.replace(expected, **settings), X, y)
    torch.testing.assert_close(F.apply(loss, X, y, parameters=given), expected)
    tensors = {name: torch.tensor(value).double().requires_grad_() for name, value in given.items()}
    value = F.apply(loss, X, y, parameters=tensors)
    torch.testing.assert_close(value.detach(), expected)
    for slopes in torch.autograd.grad(value, tuple(tensors.values())):
        assert slopes.isfinite().all()


@pytest.mark.slow
def test_one_for_each_class_and_for_each_row():
    y = torch.eye(4, 3).double()
    by_class = torch.tensor([[0.5, 1.0, 3.0]]).double().requires_grad_()
    value = F.apply(SIGMOID, X, y, parameters={"gamma": by_class})
    columns = [
        F.apply(Loss("sigmoid", margin.focal(gamma=g)), X[:, k], y[:, k])
        for k, g in enumerate(by_class[0].tolist())
    ]
    torch.testing.assert_close(value.detach(), torch.stack(columns).mean())
    by_row = torch.tensor([0.5, 1.0, 3.0, 0.0]).double().requires_grad_()
    loss = dataclasses.replace(SOFTMAX, reduction="none")
    value = F.apply(loss, X, Y, parameters={"gamma": by_row})
    rows = [
        F.apply(Loss("softmax", margin.focal(gamma=g)), X[k : k + 1], Y[k : k + 1])
        for k, g in enumerate(by_row.tolist())
    ]
    torch.testing.assert_close(value.detach(), torch.stack(rows))


@pytest.mark.parametrize(
    ("error", "message", "loss", "given"),
    [
        (TypeError, "^parameters must be a mapping", SOFTMAX, [1.0]),
        (ValueError, "^parameters must be among gamma, .*, got beta", SOFTMAX, {"beta": 1.0}),
        (ValueError, "^gamma of focal must lie in", SOFTMAX, {"gamma": -1.0}),
        (ValueError, "^gamma of focal must lie in", SOFTMAX, {"gamma": torch.tensor([[1.0, -1, 1]])}),
        (ValueError, "^gamma of parameters must .* shape", SOFTMAX, {"gamma": torch.ones(5)}),
        (ValueError, "^class_weight must be", SOFTMAX, {"class_weight": torch.tensor([1.0, -1, 1])}),
        (ValueError, "must be among", SOFTMAX, {"pos_weight": torch.ones(3)}),
        (ValueError, "exclude each other", SIGMOID, {"pos_weight": torch.ones(3), "alpha": 0.5}),
    ],
)  # fmt: skip
def test_errors(error, message, loss, given):
    y = Y if loss is SOFTMAX else torch.eye(4, 3).double()
    with pytest.raises(error, match=message):
        F.apply(loss, X, y, parameters=given)
