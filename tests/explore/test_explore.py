"""focalis explore: the file, the traced script and the command; a browser tests the page itself."""

import re

import pytest

from focalis import explore, margin
from focalis.cli.main import main
from focalis.explore import script
from focalis.explore.command import show
from focalis.margin import margin_loss


@margin_loss(tau="(0, 3]", shift="(-inf, inf)")
def tilted(m, u, v, p, q, tau, shift=0.0):
    """Tilted cross-entropy, for a test. </script> & $page."""
    return -tau * u + shift * q, -tau * q - shift * p * q, p * q * (tau + shift)


def test_the_page_is_one_file_without_the_network(tmp_path):
    path = tmp_path / "new" / "page.html"
    explore.write(path)
    page = path.read_text("utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
    assert "default-src 'none'" in page
    without_plotly = page.replace(explore.plotly_script(), "")
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", without_plotly))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not a place


def test_no_formula_is_written_by_hand():
    """Calls of Math come from the vocabulary; the page's own two logarithms are for an axis."""
    own = explore.asset("focalis.explore", "explore.js")
    used = set(re.findall(r"Math\.(\w+)", own))
    assert used <= {"abs", "log", "log1p", "log10", "min", "max"}
    axes = "const logits = probabilities.map((p) => Math.log(p) - Math.log1p(-p));"
    assert axes in own
    assert not re.search(r"Math\.(log|log1p)\(", own.replace(axes, ""))


def test_a_margin_loss_of_ones_own():
    page = explore.render(["tilted"])
    assert "Tilted cross-entropy, for a test. \\u003c/script\\u003e \\u0026 $page." in page
    assert "tilted: {" in page
    tau, shift = (explore._describe_parameter(tilted, name) for name in ("tau", "shift"))
    assert (tau["low"], tau["high"], tau["value"]) == (0.02, 3.0, 1.0)  # no default: 1
    assert (shift["low"], shift["high"], shift["value"]) == (-5.0, 5.0, 0.0)


@pytest.mark.parametrize("name", ["focal", "focal_star", "poly1", "generalized_cross_entropy"])
def test_sliders_stay_in_the_range(name):
    family = margin.FAMILIES[name]
    for parameter in family.ranges:
        made = explore._describe_parameter(family, parameter)
        for end in (made["low"], made["high"], made["value"]):
            assert end in family.ranges[parameter]
        assert 50 <= (made["high"] - made["low"]) / made["step"] <= 300


def test_what_is_no_straight_line_code_raises():
    with pytest.raises(TypeError, match="straight-line"):
        script.function_script(lambda m: (m if m > 0 else -m,), ["m"])


def test_numbers_are_javascripts():
    made = script.function_script(lambda m: (m * float("inf"), m * -1e-300), ["m"])
    assert "[Infinity, -1e-300]" in made
    assert script.vocabulary_script().count("const ") == 9


@pytest.mark.slow
def test_the_command_writes_a_file(tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["explore", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert main(["explore", "--out", str(out)]) == 2
    assert "is there already; --overwrite replaces it" in capsys.readouterr().err
    assert main(["explore", "--out", str(tmp_path / "page.txt")]) == 2
    assert "--out must end in .html, got" in capsys.readouterr().err
    out.write_text("mine")
    assert main(["explore", "--out", str(out), "--overwrite"]) == 0
    assert out.stat().st_size > 1e6
    blocked = tmp_path / "file" / "page.html"
    blocked.parent.write_text("")
    assert main(["explore", "--out", str(blocked)]) == 2
    assert re.fullmatch(r"focalis explore: error: cannot write [^\n]+\n", capsys.readouterr().err)


def test_without_a_file_the_browser_is_asked(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", lambda address: asked.append(address) or len(asked) == 1)
    path, opened = show([], None, overwrite=False)
    assert opened
    assert asked == [path.as_uri()]
    assert path.is_relative_to(tmp_path)
    assert main(["explore"]) == 0
    told = capsys.readouterr()
    assert told.err == "no browser opened; open it yourself:\n"
    assert told.out.strip().endswith("explore.html")


def test_modules_bring_margin_losses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_margins.py").write_text(
        "from focalis.margin import margin_loss\n"
        "@margin_loss()\n"
        "def halved(m, u, v, p, q):\n"
        "    return -0.5 * u, -0.5 * q, 0.5 * p * q\n"
    )
    (tmp_path / "no_margins.py").write_text("x = 1\n")
    assert main(["explore", "my_margins", "--out", "page.html"]) == 0
    assert '"module":"my_margins"' in (tmp_path / "page.html").read_text("utf-8")
    for module, message in (("no_margins", "defines no margin loss"), ("gone", "cannot import")):
        assert main(["explore", module, "--out", "other.html"]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "other.html").exists()
