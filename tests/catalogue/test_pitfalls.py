"""What the catalogue warns about happens in the installed framework, and not in focalis."""

import numpy as np
import pytest

from focalis.catalogue import lookup

torch = pytest.importorskip("torch")
F = torch.nn.functional


def ours(name, scores, targets, **parameters):
    (entry,) = lookup(name)
    return entry.evaluate(np.asarray(scores), np.asarray(targets), engine="numpy", **parameters)


def test_bce_loss_holds_the_logarithm_above_minus_100():
    p = torch.tensor([0.0], requires_grad=True)
    value = F.binary_cross_entropy(p, torch.ones(1))
    value.backward()
    assert (value.item(), p.grad.item()) == (100.0, pytest.approx(-1e12))
    assert ours("torch.nn.BCELoss", [0.0], [1.0])[0] == np.inf


def test_the_mean_of_nothing():
    logits, targets = torch.zeros(2, 3), torch.tensor([-100, -100])
    assert torch.isnan(F.cross_entropy(logits, targets))
    assert torch.isnan(F.nll_loss(logits, targets))
    value, gradient = ours("torch.nn.CrossEntropyLoss", logits, targets)
    assert value == 0.0
    assert not gradient.any()


def test_nll_loss_takes_anything():
    logits, target = torch.tensor([[3.0, 1.0]]), torch.tensor([0])
    assert F.nll_loss(logits, target) == -3.0  # a negative loss
    with pytest.raises(ValueError, match=r"scores must lie in \[0, 1\]"):
        ours("torch.nn.NLLLoss", logits, target)


def test_nll_loss_takes_indices_alone():
    with pytest.raises(RuntimeError, match="multi-target not supported"):
        F.nll_loss(torch.zeros(2, 3), torch.ones(2, 3))
    assert lookup("torch.nn.NLLLoss")[0].targets.name == "a class index for each row"


def test_soft_margin_loss_takes_0_for_a_target():
    assert F.soft_margin_loss(torch.ones(1), torch.zeros(1)) == pytest.approx(np.log(2))


def test_multi_label_soft_margin_loss_always_averages_over_classes():
    logits, targets = torch.zeros(2, 4), torch.ones(2, 4)
    total = F.multilabel_soft_margin_loss(logits, targets, reduction="sum")
    assert total.item() == pytest.approx(2 * np.log(2))


def test_focal_losses_by_powers_have_nan_gradients_at_the_ends():
    """(1 − p_t)^γ as computed by torchvision and fvcore."""
    x = torch.tensor([200.0], requires_grad=True)
    loss = F.softplus(-x) * (1 - torch.sigmoid(x)) ** 0.5
    loss.backward()
    assert torch.isnan(x.grad).all()
    for name in ("torchvision.ops.sigmoid_focal_loss", "fvcore.nn.sigmoid_focal_loss"):
        value, gradient = ours(name, [200.0], [1.0], gamma=0.5)
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()


def test_the_default_of_fvcores_star_is_cross_entropy():
    x, y = [1.5, -0.5], [1.0, 0.0]
    star = ours("fvcore.nn.sigmoid_focal_loss_star", x, y, reduction="mean")[0]
    assert star == pytest.approx(ours("torch.nn.BCEWithLogitsLoss", x, y)[0], rel=1e-12)


def test_caffe_divides_a_sigmoid_cross_entropy_by_the_rows():
    x, y = np.zeros((5, 3)), np.ones((5, 3))
    caffe = ours("Caffe.SigmoidCrossEntropyLoss", x, y)[0]
    assert caffe == pytest.approx(3 * ours("torch.nn.BCEWithLogitsLoss", x, y)[0])
