"""focalis.plots: what is drawn matches the losses."""

import re
import shlex
from pathlib import Path

import matplotlib
import numpy as np
import oracle
import pytest
from oracle import Margin, mp

from focalis import Loss, margin, plots
from focalis.cli.main import main
from focalis.plots.command import KINDS, plot
from focalis.plots.command import _read_logits as read_logits

matplotlib.use("agg")
from matplotlib import pyplot  # after choosing the backend

FOCAL = Margin("focal", (("gamma", 2),))
STAR = Margin("focal_star", (("gamma", 2), ("beta", 1)))
PLOTS = [plots.plot_loss, plots.plot_margin, plots.plot_ratio, plots.plot_posterior]


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    pyplot.close("all")


def curve(ax, name):
    (line,) = (line for line in ax.get_lines() if line.get_label() == name)
    return line.get_data()


def point_of(x):
    return oracle.at_margin(mp.log(mp.mpf(x)) - mp.log1p(-mp.mpf(x)))


def test_the_loss_against_the_probability():
    x, y = curve(plots.plot_loss("focal(gamma=2)"), "focal γ = 2")
    assert x[0] < 0.01
    assert x[-1] > 0.99
    for i in range(0, len(x), 97):
        assert y[i] == pytest.approx(float(oracle.phi(FOCAL, point_of(x[i]))), 1e-12)


def test_a_loss_without_a_bound_leaves_the_axes():
    ax = plots.plot_loss(["focal(gamma=2, alpha=.25)", "generalized_cross_entropy(kappa=.5)"])
    unbounded, bounded = (line.get_ydata() for line in ax.get_lines())
    assert unbounded[0] > ax.get_ylim()[1]
    assert bounded[0] == pytest.approx(2)


def test_loss_slope_and_curvature_against_the_margin():
    axes = plots.plot_margin(["focal(gamma=2)", "focal_star(gamma=2, beta=1)"])
    assert [ax.get_ylabel() for ax in axes] == ["loss", "slope", "curvature"]
    for name, which in (("focal γ = 2", FOCAL), ("FL* γ = 2, β = 1", STAR)):
        for ax, function in zip(axes, (oracle.phi, oracle.slope, oracle.curvature), strict=True):
            x, y = curve(ax, name)
            for i in range(0, len(x), 60):
                true = function(which, oracle.at_margin(mp.mpf(x[i])))
                assert y[i] == pytest.approx(float(getattr(true, "value", true)), 1e-12)


def test_the_ratio_is_the_papers():
    """At p_t = .9 and γ = 2 an easy example costs 100 times less, at .968 about 1000 times."""
    x, y = curve(plots.plot_ratio("focal(gamma=2)"), "focal γ = 2")
    assert y[np.isclose(x, 0.9)] == pytest.approx(100)
    assert y[np.isclose(x, 0.968)] == pytest.approx(1000, rel=0.03)


def test_the_posterior_of_cross_entropy_is_the_diagonal_and_that_of_others_is_not():
    ax = plots.plot_posterior(["cross_entropy", "focal(gamma=2)", "focal(gamma=2, alpha=.25)"])
    x, y = curve(ax, "cross-entropy")
    np.testing.assert_allclose(x, y, rtol=1e-12)
    x, y = curve(ax, "focal γ = 2, α = 0.25")
    loss = Loss("sigmoid", margin.focal(2.0), alpha=0.25)
    np.testing.assert_allclose(y, loss.posterior(np.log(x / (1 - x))), rtol=1e-9)
    assert np.abs(y - x).max() > 0.2


def test_the_easiest_examples_share():
    rng = np.random.default_rng(4)
    y = (rng.uniform(size=3000) < 0.2).astype(float)
    x = 3 * rng.normal(size=3000) + 2 * y
    left, right = plots.plot_cumulative_share(x, y, ["focal(gamma=2)"])
    for ax, positive in ((left, 1), (right, 0)):
        shares, held = curve(ax, "focal γ = 2")
        assert (shares[0], held[0], shares[-1], held[-1]) == (0, 0, 1, 1)
        z = np.where(y == 1, x, -x)[y == positive]
        p = 1 / (1 + np.exp(-z))
        costs = np.sort((1 - p) ** 2 * -np.log(p))
        for i in (100, 300, 500):
            easiest = round(shares[i] * len(costs))
            expected = costs[:easiest].sum() / costs.sum()
            assert held[i] == pytest.approx(expected, 1e-9, abs=1e-12)


def test_the_easiest_examples_of_a_softmax_have_one_panel():
    rng = np.random.default_rng(4)
    ax = plots.plot_cumulative_share(
        rng.normal(size=(50, 3)), rng.integers(3, size=50), "softmax_focal(gamma=2)"
    )
    assert len(curve(ax, "focal γ = 2")[0]) == 51


@pytest.mark.parametrize("function", PLOTS, ids=lambda f: f.__name__)
def test_every_plot_says_what_it_shows(function):
    axes = np.atleast_1d(function())
    for ax in axes:
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        names = [text.get_text() for text in ax.get_legend().get_texts()]
        assert names == ["cross-entropy", *(f"focal γ = {g}" for g in ("0.5", "1", "2", "5"))]


def test_curves_are_told_apart_by_colour_and_by_dashes():
    many = [f"focal(gamma={g})" for g in np.arange(1, 13)]
    lines = plots.plot_loss(["cross_entropy", *many]).get_lines()
    styles = {(line.get_color(), str(line._dash_pattern)) for line in lines}
    assert len(styles) == 13
    near = plots.plot_loss(many[:2]).get_lines()
    assert near[0].get_color() != near[1].get_color()
    assert near[0]._dash_pattern != near[1]._dash_pattern


def test_losses_that_differ_in_weights_or_link_are_told_apart():
    given = ["cross_entropy(alpha=.25)", "cross_entropy", "cross_entropy(pos_weight=2)"]
    again = ["softmax_cross_entropy(alpha=3)", "cross_entropy(reduction=sum)", given[0]]
    lines = plots.plot_margin([*given, *again], quantity="loss").get_lines()
    names = ["α = 0.25", "", "pos weight = 2"]
    expected = [f"sigmoid cross-entropy {name}".strip() for name in names]
    assert [line.get_label() for line in lines] == [*expected, "softmax cross-entropy α = 3"]
    assert len({line.get_color() for line in lines}) == 4
    weights = [line.get_ydata()[0] / lines[1].get_ydata()[0] for line in lines]
    np.testing.assert_allclose(weights, [0.25, 1, 2, 3], rtol=1e-14)
    share = plots.plot_cumulative_share(
        [1.0, 2.0, 0.5], [0, 1, 1], ["cross_entropy", "cross_entropy(label_smoothing=.5)"]
    )
    labels = [line.get_label() for line in share[0].get_lines()]
    assert labels == ["cross-entropy", "cross-entropy label smoothing = 0.5"]


def test_axes_of_ones_own_are_drawn_into():
    _, (ax, *others) = pyplot.subplots(1, 4)
    for function, own in zip(PLOTS[:1] + PLOTS[2:], others, strict=True):
        assert function(ax=own) is own
    assert plots.plot_margin(quantity="slope", ax=ax) is ax
    assert len(pyplot.get_fignums()) == 1
    with pytest.raises(ValueError, match="ax must be 3 axes, got 1"):
        plots.plot_margin(ax=ax)
    with pytest.raises(ValueError, match="ax must be 2 axes, got 1"):
        plots.plot_cumulative_share([1.0, 2.0], [0, 1], ax=ax)


def test_errors_say_what_is_wrong():
    with pytest.raises(TypeError, match=r"losses must be texts .* got int"):
        plots.plot_loss([3])
    with pytest.raises(ValueError, match="at least one loss"):
        plots.plot_loss([])
    with pytest.raises(ValueError, match="did you mean 'focal'"):
        plots.plot_loss("foca")
    with pytest.raises(ValueError, match="quantity must be one of 'loss', 'slope', 'curvature'"):
        plots.plot_margin(quantity="value")
    with pytest.raises(ValueError, match="link='softmax'"):
        plots.plot_posterior("softmax_focal")
    with pytest.raises(ValueError, match="one link, got sigmoid, softmax"):
        plots.plot_cumulative_share([1.0], [1], ["focal", "softmax_focal"])
    with pytest.raises(ValueError, match=r"targets must be 0 or 1, .* got 0\.5"):
        plots.plot_cumulative_share([1.0, 2.0], [0.5, 1])
    with pytest.raises(ValueError, match="some cost something"):
        plots.plot_cumulative_share([1.0, -np.inf], [0, 1])
    with pytest.raises(ValueError, match="got no negatives"):
        plots.plot_cumulative_share([1.0, 2.0], [1, 1])
    with pytest.raises(ValueError, match="logits must be numbers, got nan"):
        plots.plot_cumulative_share([1.0, np.nan], [0, 1])
    with pytest.raises(ValueError, match=r"have the shape of the logits \(5,\), got \(3,\)"):
        plots.plot_cumulative_share(np.ones(5), [1, 1, 1])
    for function in PLOTS:
        with pytest.raises(TypeError, match="ax must be axes of matplotlib, got 3"):
            function("focal", ax=3)
    for setting in ("class_weight=[2,3]", "label_smoothing=.5", "alpha=[.5,.5]"):
        with pytest.raises(ValueError, match=f"cannot show {setting.partition('=')[0]}, got"):
            plots.plot_loss(f"cross_entropy({setting})")


START = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF-"}


@pytest.mark.slow
@pytest.mark.parametrize("ending", START)
def test_a_file_of_each_kind_is_the_same_each_time(tmp_path, ending):
    made = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}{ending}"
        plot("figure-6", [], out, logits=None, overwrite=False)
        made.append(out.read_bytes())
    assert made[0].startswith(START[ending])
    assert made[0] == made[1]
    if ending == ".svg":
        assert "FL* γ = 2, β = 1" in made[0].decode()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_drawn(tmp_path, kind):
    table = tmp_path / "logits.csv"
    table.write_text("logit;target\n2.5;1\n-0.5;1\n-3;0\n1e-1;0\n")
    logits = table if KINDS[kind].of_logits else None
    plot(kind, ["focal(gamma=1.5)"], tmp_path / "out.svg", logits=logits, overwrite=False)
    assert "focal γ = 1.5" in (tmp_path / "out.svg").read_text("utf-8")
    assert (tmp_path / "out.svg").stat().st_size > 5000


def test_the_share_of_a_softmax_is_drawn_from_a_file(tmp_path, capsys):
    table, out = tmp_path / "rows.csv", tmp_path / "out.svg"
    table.write_text("a,b,c,class\n2.5,0,1,0\n-0.5,1,2,2\n-3,0,1,1\n")
    command = ["plot", "share", "--logits", str(table), "softmax_focal", "--out", str(out)]
    assert main(command) == 0
    drawn = out.read_text("utf-8")
    assert "of the examples" in drawn
    assert "of the positives" not in drawn
    table.write_text("2.5,0,1,3\n")
    assert main([*command, "--overwrite"]) == 2
    assert "as many logits as there are classes, and a class from 0" in capsys.readouterr().err


def test_a_byte_order_mark_is_no_name_of_a_column(tmp_path):
    table = tmp_path / "marked.csv"
    table.write_text("\ufeff1.0,0\n2,1\n-3,0\n", "utf-8")
    assert read_logits(table, True)[0].tolist() == [1.0, 2.0, -3.0]


def test_an_empty_name_of_a_file_is_refused(capsys):
    for command in (["plot", "loss", "--out", ""], ["explore", "--out", ""]):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 2
        assert "expected the name of a file, got none" in capsys.readouterr().err


def test_the_figures_of_the_paper_have_its_parameters():
    assert plots.GAMMAS[1:] == tuple(f"focal(gamma={g})" for g in ("0.5", "1", "2", "5"))
    assert KINDS["figure-1"].losses == plots.GAMMAS
    assert KINDS["figure-4"].losses == plots.GAMMAS[:4]
    stars = ("focal_star(gamma=2, beta=1)", "focal_star(gamma=4)")
    assert KINDS["figure-5"].losses == KINDS["figure-6"].losses
    assert KINDS["figure-5"].losses == ("cross_entropy", "focal(gamma=2)", *stars)


BAD = {
    "format": (("loss", "a.jpg", None), r"--out must end in \.png, \.svg, \.pdf, got 'a\.jpg'"),
    "no logits": (("share", "a.png", None), "give them with --logits FILE"),
    "logits": (("loss", "a.png", "x.csv"), "--logits belongs to share and figure-4"),
    "no file": (("share", "a.png", "x.csv"), r"cannot read x\.csv"),
    "no rows": (("share", "a.png", "empty.csv"), r"empty\.csv must have .* it has no rows"),
    "words": (("share", "a.png", "words.csv"), r"words\.csv must have .* line 3 is '1 yes'"),
    "targets": (("share", "a.png", "other.csv"), r"other\.csv must have .* line 2 is '2 0\.5'"),
    "mistyped": (("share", "a.png", "typo.csv"), r"typo\.csv must have .* line 1 is '1\.0O 0'"),
    "not a number": (("share", "a.png", "nan.csv"), r"nan\.csv must have .* line 1 is 'nan 1'"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_of_the_command(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    Path("empty.csv").write_text("logit,target\n")
    Path("words.csv").write_text("logit,target\n\n1,yes\n")
    Path("other.csv").write_text("1,1\n2,0.5\n")
    Path("typo.csv").write_text("1.0O,0\n2,1\n-3,0\n")
    Path("nan.csv").write_text("nan,1\n2,0\n")
    (name, out, logits), message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        plot(name, [], Path(out), logits=logits and Path(logits), overwrite=False)
    assert not Path(out).exists()


def test_nothing_is_overwritten_unless_asked(tmp_path):
    out = tmp_path / "a.png"
    out.write_text("mine")
    with pytest.raises(ValueError, match="is there already; --overwrite replaces it"):
        plot("loss", [], out, logits=None, overwrite=False)
    assert out.read_text() == "mine"
    plot("loss", [], out, logits=None, overwrite=True)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_the_command(tmp_path, capsys):
    out = tmp_path / "new" / "posterior.svg"
    assert main(["plot", "posterior", "focal(gamma=3)", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.exists()
    assert main(["plot", "posterior", "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith("focalis plot: error: ")
    with pytest.raises(SystemExit) as ended:
        main(["plot", "figure-7"])
    assert ended.value.code == 2


@pytest.mark.slow
def test_the_commands_of_the_document_draw(tmp_path, monkeypatch):
    document = Path(__file__).parents[2] / "docs" / "plots.md"
    blocks = re.findall(r"^```sh\n(.*?)^```$", document.read_text("utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if not line.startswith("focalis explore")]
    assert len(commands) == 8
    monkeypatch.chdir(tmp_path)
    Path("logits.csv").write_text("logit,target\n2.5,1\n-0.5,1\n-3,0\n1e-1,0\n")
    for command in commands:
        assert command[0] == "focalis"
        assert main(command[1:]) == 0
        assert Path(command[-1]).stat().st_size > 5000
