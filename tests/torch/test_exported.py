"""Programs that leave PyTorch, and models that are traced by `torch.fx`."""

import subprocess
import sys

import pytest
import torch

import focalis
import focalis.torch as F
from focalis.torch import _operators

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Model(torch.nn.Module):
    """A model that holds its losses."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
        self.first = F.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))
        self.second = F.LossModule(focalis.parse("focal(gamma=2, alpha=[.2, .3, .4])"))

    def forward(self, x, classes, questions):
        logits = self.layer(x)
        return self.first(logits, classes) + self.second(logits, questions)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(5, 4), torch.tensor([0, 1, 2, 0, -100]), torch.eye(5, 3)


def test_loss_modules_are_leaves_of_a_symbolic_trace(batch):
    model = Model()
    traced = torch.fx.symbolic_trace(model)
    called = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    assert called == ["layer", "first", "second"]
    assert torch.equal(traced(*batch), model(*batch))


def test_a_leaf_has_its_options(batch):
    class Options(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.loss = F.LossModule(focalis.parse("softmax_focal(gamma=2)"))

        def forward(self, x, y, sample_weight, where, class_where):
            options = {"sample_weight": sample_weight, "where": where, "class_where": class_where}
            return self.loss(x, y, normalizer=3.0, **options)

    masks = torch.arange(5) > 0, torch.tensor([True, True, True, False])
    given = batch[0], torch.tensor([0, 1, 2, 0, 0]), torch.arange(5.0), *masks
    model = Options()
    assert torch.equal(torch.fx.symbolic_trace(model)(*given), model(*given))


@pytest.mark.slow
def test_functions_in_a_symbolic_trace(batch):
    class Plain(torch.nn.Module):
        def forward(self, x, y):
            return F.softmax_focal_loss(x, y, gamma=1.0)

    x, y = batch[0], batch[1]
    assert torch.equal(torch.fx.symbolic_trace(Plain())(x, y), Plain()(x, y))


@pytest.mark.slow
def test_an_exported_program_decomposes_and_trains(batch):
    model = Model()
    program = torch.export.export(model, batch)
    x = batch[0].clone().requires_grad_()
    ours = torch.autograd.grad(program.module()(x, *batch[1:]), x)
    torch.testing.assert_close(ours, torch.autograd.grad(model(x, *batch[1:]), x))
    if not hasattr(torch.compiler, "is_exporting"):
        pytest.skip("before 2.7 an exported program computes the gradient with the value")
    table = {torch.ops.focalis.value.default: _operators._in_operations}
    plain = program.run_decompositions(table)
    assert not [node for node in plain.graph.nodes if "focalis" in str(node.target)]
    torch.testing.assert_close(plain.module()(*batch), model(*batch))


@pytest.mark.slow
def test_onnx(batch, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model = Model().eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(model, batch, dynamo=True).save(path)
    session = runtime.InferenceSession(path)
    names = [given.name for given in session.get_inputs()]
    (found,) = session.run(None, {n: t.numpy() for n, t in zip(names, batch, strict=True)})
    torch.testing.assert_close(torch.tensor(found), model(*batch).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_saved_program_is_loaded_once_focalis_is_imported(batch, tmp_path):
    path = tmp_path / "model.pt2"
    model = Model()
    torch.export.save(torch.export.export(model, batch), path)
    script = f"""
import torch, focalis.torch
torch.manual_seed(0)
batch = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, -100]), torch.eye(5, 3)
print(torch.export.load({str(path)!r}).module()(*batch).item())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert float(done.stdout) == pytest.approx(model(*batch).item(), rel=1e-6), done.stderr
