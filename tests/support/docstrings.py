"""What a public docstring must say."""

import inspect


def sections(name, thing):
    """Return the sections that a docstring must have."""
    signature = inspect.signature(thing)
    given = [p for p in signature.parameters if p != "self"]
    wanted = ["Examples"]
    wanted += ["Parameters"] if given else []
    wanted += ["Returns"] if not inspect.isclass(thing) and not name.startswith("set_") else []
    return wanted


def check_docstring(name, thing):
    text = inspect.getdoc(thing) or ""
    assert text.splitlines()[0].endswith("."), f"{name}: no summary"
    for section in sections(name, thing):
        assert f"{section}\n{'-' * len(section)}" in text, f"{name}: no {section}"
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.name == "self":
            continue
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
        assert stars.get(parameter.kind, "") + parameter.name in text, f"{name}: {parameter.name}"
    assert ">>> " in text, f"{name}: no example that runs"
