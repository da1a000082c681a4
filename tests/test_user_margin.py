"""A user's own margin loss works as well as a built-in one, and never runs stale."""

import os
import subprocess
import sys

import contract
import numpy as np
import pytest
import registry
from oracle import Margin

from focalis import Loss, parse
from focalis.margin import margin_loss
from focalis.vocabulary import exp, softplus


@margin_loss(gamma="[0, inf)")
def my_focal(m, u, v, p, q, gamma=2.0):
    """Focal loss again, written by hand in a different form."""
    w = exp(gamma * v)
    return (
        w * softplus(-m),
        w * (gamma * (p * u) - q),
        w * ((1.0 + 2.0 * gamma) * (p * q) + gamma * (p * u * (q - gamma * p))),
    )


@margin_loss()
def squared(m, u, v, p, q):
    """(1 − p_t)²."""
    return q * q, -2.0 * p * q * q, 2.0 * p * q * q * (2.0 * p - q)


@pytest.mark.parametrize(
    ("gamma", "link", "dtype", "engine"),
    [
        *registry.grid([2.0, 0.5], registry.LOGIT_LINKS, registry.DTYPES, ["numpy"]),
        (0.5, "sigmoid", np.float64, "numba"),
        (0.5, "softmax", np.float32, "numba"),
    ],
    ids=registry.name,
)
def test_it_meets_the_contract(gamma, link, dtype, engine):
    contract.check(my_focal(gamma=gamma), Margin("focal", (("gamma", gamma),)), link, dtype, engine)


@pytest.mark.parametrize(
    ("link", "engine"), [*registry.grid(registry.LINKS, ["numpy"]), ("sigmoid", "numba")]
)
def test_its_gradient_is_the_slope_of_its_value(link, engine):
    rng = np.random.default_rng(91)
    x, rows = rng.normal(size=(6, 3)), link in registry.ROW_LINKS
    if link in registry.PROBABILITY_LINKS:
        x = rng.dirichlet([2] * 3, size=6)
    y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    loss = Loss(link, squared(), reduction="sum", class_weight=(1, 2, 3))
    _, gradient = loss.value_and_grad(x, y, engine=engine)
    step, direction = 1e-6, np.resize([1.0, -1.0, 0.5, 2.0], x.shape)
    ahead, behind = (loss(x + s * direction, y, engine=engine) for s in (step, -step))
    assert abs((ahead - behind) / (2 * step) - (gradient * direction).sum()) < 1e-8
    g, h = loss.grad_and_hess(x, y, engine=engine)
    np.testing.assert_allclose(g, gradient, rtol=1e-14)
    for j in range(3):
        e = np.eye(3)[j] * step
        ahead, behind = (loss.grad_and_hess(x + s * e, y, engine=engine)[0] for s in (1, -1))
        np.testing.assert_allclose(
            h[:, j], (ahead - behind)[:, j] / (2 * step), atol=1e-7, rtol=1e-7
        )
    if not rows:
        assert loss(x, y, engine=engine) > 0


def test_it_has_a_text_form():
    loss = Loss("sigmoid", my_focal(gamma=3.0), alpha=0.25)
    assert parse(str(loss)) == loss
    assert "my_focal(gamma=3" in str(loss)


def test_what_is_no_margin_loss():
    with pytest.raises(TypeError, match="m, u, v, p, q"):

        @margin_loss()
        def other_names(x, y):
            return x, x, x

    with pytest.raises(TypeError, match="tau"):

        @margin_loss()
        def no_range(m, u, v, p, q, tau=1.0):
            return m, m, m

    with pytest.raises(TypeError, match="tau"):

        @margin_loss(tau="(0, 1]")
        def no_parameter(m, u, v, p, q):
            return m, m, m

    with pytest.raises(ValueError, match="range"):

        @margin_loss(tau="0 to 1")
        def no_interval(m, u, v, p, q, tau=1.0):
            return m, m, m


def test_what_would_be_another_loss_in_its_text_form():
    @margin_loss(alpha="(0, inf)")
    def scaled(m, u, v, p, q, alpha=1.0):
        return -alpha * u, -alpha * q, alpha * p * q

    @margin_loss()
    def softmax_like(m, u, v, p, q):
        return -u, -q, p * q

    @margin_loss()
    def Capital(m, u, v, p, q):  # noqa: N802
        return -u, -q, p * q

    with pytest.raises(
        ValueError, match="parameter with the name of a setting of Loss, got 'alpha'"
    ):
        Loss("sigmoid", scaled(), alpha=0.25)
    with pytest.raises(ValueError, match=r"begins with a link.*'softmax_like'"):
        Loss("softmax", softmax_like())
    with pytest.raises(ValueError, match=r"lower-case letters.*'Capital'"):
        Loss("sigmoid", Capital())


def test_a_name_is_taken_once():
    """Neither another module's margin loss nor a built-in one can be replaced."""
    with pytest.raises(ValueError, match="focal"):

        @margin_loss()
        def focal(m, u, v, p, q):
            return -u, -q, p * q


MODULE = """
from focalis.margin import margin_loss
from helper import factor

@margin_loss(tau="(0, inf)")
def scaled(m, u, v, p, q, tau=1.0):
    k = {scale} * factor()
    return -u * k * tau, -q * k * tau, p * q * k * tau
"""
HELPER = """
def factor():
    return {factor}
"""
USE = """
import numpy as np
from focalis import Loss
from mine import scaled
x, y = np.zeros(3), np.ones(3)
for tau in (1.0, 2.0):
    loss = Loss("sigmoid", scaled(tau=tau), reduction="sum")
    value, gradient = loss.value_and_grad(x, y, engine="numba")
    loss = Loss("softmax", scaled(tau=tau), reduction="sum")
    softmax = loss(np.zeros((1, 2)), [0], engine="numba")
    print(value / 3 / np.log(2), gradient[0] * -2, softmax / np.log(2))
"""


def run(folder, script=USE):
    environment = {
        **os.environ,
        "FOCALIS_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return np.array([float(word) for word in done.stdout.split()])


@pytest.mark.slow
def test_an_edited_margin_loss_never_runs_stale(tmp_path):
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "helper.py").write_text(HELPER.format(factor=1.0))
    for scale in (1.0, 1.0, 3.0, 1.0):
        (tmp_path / "mine.py").write_text(MODULE.format(scale=scale))
        expected = np.repeat([scale, 2 * scale], 3)
        np.testing.assert_allclose(run(tmp_path), expected, rtol=1e-12)
    assert any((tmp_path / "cache").rglob("*")), "nothing was cached, so nothing was tested"


@pytest.mark.slow
def test_an_edited_helper_never_runs_stale(tmp_path):
    """Nor does an edited function that the margin loss calls."""
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "mine.py").write_text(MODULE.format(scale=1.0))
    for factor in (1.0, 5.0):
        (tmp_path / "helper.py").write_text(HELPER.format(factor=factor))
        np.testing.assert_allclose(run(tmp_path), np.repeat([factor, 2 * factor], 3), rtol=1e-12)


CONSTANT = """
from focalis.margin import margin_loss
SCALE = {factor}

@margin_loss(tau="(0, inf)")
def scaled(m, u, v, p, q, tau=1.0):
    return -u * SCALE * tau, -q * SCALE * tau, p * q * SCALE * tau
"""


@pytest.mark.slow
def test_an_edited_constant_never_runs_stale(tmp_path):
    """Nor does an edited module constant that it names."""
    (tmp_path / "cache").mkdir(mode=0o700)
    for factor in (1.0, 5.0):
        (tmp_path / "mine.py").write_text(CONSTANT.format(factor=factor))
        np.testing.assert_allclose(run(tmp_path), np.repeat([factor, 2 * factor], 3), rtol=1e-12)


def test_redefined_in_one_session():
    """As in a notebook, when a cell is run again with another formula."""
    results = []
    for k in (1.0, 2.0):
        namespace = {"k": k, "__name__": __name__, "margin_loss": margin_loss}
        source = (
            "@margin_loss()\n"
            "def notebook(m, u, v, p, q):\n"
            f"    return -u * {k}, -q * {k}, p * q * {k}\n"
        )
        exec(compile(source, f"<cell {k}>", "exec"), namespace)
        for engine in registry.ENGINES:
            loss = Loss("sigmoid", namespace["notebook"](), reduction="sum")
            results.append(float(loss([0.0], [1.0], engine=engine) / np.log(2)))
    np.testing.assert_allclose(results, [1, 1, 2, 2], rtol=1e-12)


def test_what_is_no_margin_loss_is_told_so():
    @margin_loss()
    def two_terms(m, u, v, p, q):
        return -u, -q

    @margin_loss()
    def in_numpy(m, u, v, p, q):
        return -np.log(p), -q, p * q

    with pytest.raises(
        TypeError, match="two_terms must return a tuple of value, slope and curvature"
    ):
        Loss("sigmoid", two_terms())([0.0], [1.0])
    with pytest.raises(TypeError, match=r"names of focalis\.vocabulary"):
        Loss("sigmoid", in_numpy())([0.0], [1.0])
