"""Writes the modules of named functions from the table: ``python -m focalis.named`` in a checkout.

The output is ordinary code, checked in with the rest, with signatures that editors, type checkers and
PyTorch's compiler can see. The results in its examples are computed by the reference engine.
"""

import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from focalis.loss import Loss
from focalis.margin import FAMILIES
from focalis.named.signatures import Argument, Function, functions, keras_classes

_WIDTH = 96
_HEAD = '''"""{about}

Generated from the table in `focalis.named` by ``python -m focalis.named``: edit that, not this file.
"""
'''
# The inputs of the examples: two yes/no questions, or one row of three classes.
_SCORES: dict[str, list[Any]] = {
    "sigmoid": [2.0, -1.0],
    "softmax": [[1.0, 2.0, 3.0]],
    "identity": [0.9, 0.2],
    "simplex": [[0.7, 0.2, 0.1]],
}
_TARGETS: dict[str, list[Any]] = {
    "sigmoid": [1, 0],
    "softmax": [2],
    "identity": [1, 0],
    "simplex": [0],
}
_SEVERAL = [[0, 1, 1]]
_RAISES = "ValueError, TypeError\n    If an argument does not fit."


def _targets(one: Function) -> list[Any]:
    return _SEVERAL if one.row.fixed else _TARGETS[one.link]


def _answer(one: Function) -> str:
    """Return the mean loss of the example with a function's defaults, to four decimals."""
    defaults = {argument.setting: argument.default for argument in one.arguments}
    settings = {argument.setting: argument.default for argument in one.settings}
    settings = {k: v for k, v in settings.items() if k in Loss.__dataclass_fields__}
    settings |= {"reduction": "mean", **one.row.fixed}
    family = FAMILIES[one.row.margin_loss]
    loss = Loss(one.link, family(*(defaults[p] for p in one.parameters)), **settings)
    return f"{float(loss(_SCORES[one.link], _targets(one), engine='numpy')):.4f}"


def _wrapped(text: str, indent: str) -> str:
    return "\n".join(
        textwrap.wrap(
            text,
            _WIDTH + len(indent),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def _summary(one: Function, verb: str) -> str:
    phrase = one.row.phrase if verb else one.row.phrase.removeprefix("the ")
    sentence = f"{verb}{phrase} of {one.link.words.of}, {one.row.formula}."
    return sentence if verb else sentence[0].upper() + sentence[1:]


def _docstring(summary: str, **sections: str | list[str]) -> str:
    """Return a docstring with numpydoc sections, leaving out empty ones and their empty lines."""
    parts = [summary]
    for name, lines in sections.items():
        text = lines if isinstance(lines, str) else "\n".join(filter(None, lines))
        title = name.replace("_", " ")
        if text:
            parts.append(f"{title}\n{'-' * len(title)}\n{text}")
    body = "\n\n".join(parts)
    return f'"""{body}\n"""'


def _block(head: str, *parts: str) -> str:
    """Return a function or a class: its first lines, and the indented parts of its body."""
    return "\n".join([head, *(textwrap.indent(part, "    ") for part in parts), ""])


def _parameter_lines(one: Function, types: Callable[[Argument], str]) -> list[str]:
    """Return the docstring of the margin loss's parameters, and of a leading α."""
    lines = []
    for argument in one.arguments:
        if argument.setting in one.row.parameters:
            about = one.row.parameters[argument.setting]
        elif argument.setting == "alpha" and argument.default is not None:
            about = (
                "Weights positives by α and negatives by 1 − α; one number or one per class. None, or "
                "a number below 0, turns it off."
            )
        else:
            continue
        default = f", default {argument.default!r}"
        lines.append(f"{argument.name} : {types(argument)}{default}\n{_wrapped(about, '    ')}")
    return lines


def _other_arguments(one: Function, said: str, *, of_the_call: bool | None = None) -> str:
    names = [
        argument.name
        for argument in one.arguments
        if argument.setting not in one.row.parameters
        and not (argument.setting == "alpha" and argument.default is not None)
        and of_the_call in (None, argument.is_of_the_call)
    ]
    return f"{', '.join(names)} : optional\n    {said}" if names else ""


def _notes(one: Function) -> str:
    return _wrapped(one.note, "")


def _references(one: Function) -> str:
    return f"{one.row.source}." if one.row.source else ""


def _signature(one: Function, types: Callable[[Argument], str], scores: str) -> list[str]:
    lines = [f"{name}: {scores}," for name in one.scores if name]
    starred = False
    for argument in one.arguments:
        if argument.keyword and not starred:
            lines.append("*,")
            starred = True
        lines.append(f"{argument.name}: {types(argument)} = {_literal(argument.default)},")
    return lines


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _definition(name: str, lines: list[str], returned: str) -> str:
    return "\n".join([f"def {name}(", *(f"    {line}" for line in lines), f") -> {returned}:"])


def _call(name: str, arguments: Iterable[str]) -> str:
    """Return a call with one argument per line."""
    inner = "\n".join(f"{argument}," for argument in arguments)
    return f"{name}(\n{textwrap.indent(inner, '    ')}\n)"


def _all(names: Iterable[str]) -> str:
    lines = "\n".join(f'    "{name}",' for name in sorted(names))
    return f"__all__ = [\n{lines}\n]\n"


def _dict(pairs: Iterable[tuple[str, str]]) -> str:
    inner = ", ".join(f'"{name}": {value}' for name, value in pairs)
    return "{" + inner + "}"


# NumPy


def _numpy_type(one: Function) -> Callable[[Argument], str]:
    ignored = "float" if one.link.elementwise else "int"
    known = {
        "alpha": "ArrayLike | None",
        "pos_weight": "ArrayLike | None",
        "class_weight": "ArrayLike | None",
        "label_smoothing": "float",
        "ignore_index": f"{ignored} | None",
        "reduction": "Reduction",
        "sample_weight": "ArrayLike | None",
        "where": "ArrayLike | None",
        "normalizer": "float | None",
        "engine": "Engine",
    }
    return lambda argument: known.get(argument.setting, "float")


def _numpy_words(argument: Argument) -> str:
    return "float or sequence of float" if argument.setting == "alpha" else "float"


def _numpy_function(one: Function) -> str:
    scores = {
        "sigmoid": "Logits of any shape; the last of several axes holds the classes.",
        "softmax": "Logits (…, C), the class axis last.",
        "identity": "Probabilities of yes, of any shape; the last of several axes holds the classes.",
        "simplex": "Probabilities (…, C), the class axis last.",
    }[one.link]
    each = "element" if one.link.elementwise else "row"
    targets = "Class indices (…) or non-negative numbers (…, C)."
    if one.link.elementwise:
        targets = f"The same shape as `{one.scores[0]}`, in [0, 1]."
    elif "ignore_index" in one.row.without:
        targets = "Numbers (…, C) ≥ 0; those above 0 are the positives."
    reduced = any(a.setting == "reduction" and a.default == "mean" for a in one.arguments)
    last = "" if reduced else ', reduction="mean"'
    example = f"{one.name}({_SCORES[one.link]}, {_targets(one)}{last})"
    docstring = _docstring(
        _summary(one, "Return "),
        Parameters=[
            f"{one.scores[0]} : array_like\n    {scores}",
            f"{one.scores[1]} : array_like\n    {targets}",
            *_parameter_lines(one, _numpy_words),
            _other_arguments(one, "As for `Loss`.", of_the_call=False),
            _other_arguments(one, "As for calling a `Loss`.", of_the_call=True),
        ],
        Returns=f'float64 or ndarray\n    The reduced loss; for "none", one number per {each}.',
        Raises=_RAISES,
        See_Also="Loss.value_and_grad : Returns the gradient too.",
        Notes=_notes(one),
        References=_references(one),
        Examples=[f">>> loss = {example}", '>>> print(f"{loss:.4f}")', _answer(one)],
    )
    values = "".join(f"{name}, " for name in one.parameters).removesuffix(" ")
    parameters = f"({values})" if len(one.parameters) == 1 else f"({values.removesuffix(',')})"
    settings = [f"{a.setting}={a.name}" for a in one.settings]
    settings += [f"{name}={_literal(value)}" for name, value in one.row.fixed.items()]
    loss = _call(
        "loss_of", [f'"{one.link}"', f"margin.{one.row.margin_loss}", parameters, *sorted(settings)]
    )
    arrays = [*one.scores, "sample_weight", "where", "normalizer=normalizer"]
    renamed = "" if one.scores[0] == "logits" else f', logits="{one.scores[0]}"'
    body = (
        f"loss = {loss}\ngiven = Arguments({', '.join(arrays)})\n"
        f"return call_loss(loss, given, engine{renamed})"
    )
    definition = _definition(one.name, _signature(one, _numpy_type(one), "ArrayLike"), "Value")
    return _block(definition, docstring, body)


def _numpy() -> str:
    made = functions("numpy")
    head = _HEAD.format(about="The named losses of the table, as functions of NumPy arrays.")
    imports = """
from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._call import Engine, Reduction, Value, call_loss, loss_of
from focalis.inputs.arguments import Arguments

"""
    return head + imports + "\n\n".join([_all(f.name for f in made), *map(_numpy_function, made)])


# PyTorch


def _torch_type(one: Function) -> Callable[[Argument], str]:
    known = {
        "alpha": "Alpha",
        "class_weight": "Weight | None",
        "label_smoothing": "float",
        "ignore_index": "float | None" if one.link.elementwise else "int",
        "reduction": "Reduction",
        "sample_weight": "Tensor | None",
        "where": "Tensor | None",
        "normalizer": "Number | None",
    }
    return lambda argument: known.get(argument.setting, "Number")


def _torch_words(argument: Argument) -> str:
    return "float or sequence of float" if argument.setting == "alpha" else "float or Tensor"


def _torch_example(one: Function) -> str:
    targets = _targets(one)
    if one.link.elementwise or one.row.fixed:
        targets = [
            [float(t) for t in row] if isinstance(row, list) else float(row) for row in targets
        ]
    return f"torch.tensor({_SCORES[one.link]}), torch.tensor({targets})"


def _torch_examples(one: Function, value: str) -> list[str]:
    return [
        ">>> import torch",
        ">>> import focalis.torch as F",
        f">>> x, y = {_torch_example(one)}",
        f'>>> print(f"{{{value}:.4f}}")',
        _answer(one),
    ]


def _torch_function(one: Function) -> str:
    softmax = not one.link.elementwise
    inputs = "Logits of any shape, and targets in [0, 1] of the same shape."
    if one.row.fixed:
        inputs = "Logits (N, C, d1, …) or (C,), and as many numbers ≥ 0."
    elif softmax:
        inputs = (
            "Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or one number per class."
        )
    each = "row" if softmax else "element"
    docstring = _docstring(
        _summary(one, "Return "),
        Parameters=[
            f"{', '.join(one.scores)} : Tensor\n    {inputs}",
            *_parameter_lines(one, _torch_words),
            _other_arguments(one, "As throughout `focalis.torch`."),
        ],
        Returns=f"Tensor\n    The reduced loss, or one per {each}.",
        Raises=_RAISES,
        Notes=_notes(one),
        References=_references(one),
        Examples=_torch_examples(one, f"F.{one.name}(x, y).mean()"),
    )
    settings = [(a.setting, a.name) for a in one.settings if a.name != "weight"]
    settings += [(name, _literal(value)) for name, value in one.row.fixed.items()]
    tensors = [*one.scores, "sample_weight", "where", "normalizer=normalizer"]
    if one.parameters:
        tensors.append(f"parameters={_dict((name, name) for name in one.parameters)}")
    arguments = [
        f"margin.{one.row.margin_loss}",
        "{\n" + "".join(f'    "{n}": {v},\n' for n, v in sorted(settings)) + "}",
        _call("Arguments", tensors),
        "weight",
    ]
    if one.scores != ("input", "target"):
        arguments.append(f'names={{"logits": "{one.scores[0]}", "class_weight": "weight"}}')
    function = "softmax_loss" if softmax else "sigmoid_loss"
    definition = _definition(one.name, _signature(one, _torch_type(one), "Tensor"), "Tensor")
    return _block(definition, docstring, f"return {_call(function, arguments)}")


def _torch_module(one: Function) -> str:
    kept = tuple(a for a in one.arguments if not a.is_of_the_call)
    within = one._replace(arguments=kept, scores=("", ""))
    about = _wrapped(", ".join(a.name for a in kept) + " : optional", "")
    docstring = _docstring(
        _summary(one, ""),
        Parameters=f"{about}\n    As for `focalis.torch.{one.name}`.",
        References=_references(one),
        Examples=_torch_examples(one, f"F.{one.module}()(x, y).mean()"),
    )
    head = [
        f"function = {one.name}",
        f'link = "{one.link}"',
        f"family = margin.{one.row.margin_loss}",
    ]
    if one.row.fixed:
        head.append(
            f"fixed: ClassVar = {_dict((k, _literal(v)) for k, v in one.row.fixed.items())}"
        )
    definition = _definition(
        "__init__", ["self,", *_signature(within, _torch_type(one), "")], "None"
    )
    call = _call("super().__init__", [f"{a.name}={a.name}" for a in kept])
    body = "\n".join([*head, "", definition, textwrap.indent(call, "    ")])
    return _block(f"class {one.module}(NamedLoss):", docstring, "", body)


def _torch() -> str:
    made = functions("torch")
    head = _HEAD.format(about="The named losses of the table, as functions and modules of PyTorch.")
    imports = """
from typing import ClassVar

from torch import Tensor

from focalis import margin
from focalis.inputs.arguments import Arguments
from focalis.torch.losses._call import Alpha, Number, Reduction, sigmoid_loss, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

"""
    names = [f.name for f in made] + [f.module for f in made]
    parts = [_all(names), *map(_torch_function, made), *map(_torch_module, made)]
    return head + imports + "\n\n".join(parts)


# JAX


def _jax_type(argument: Argument) -> str:
    known = {
        "alpha": "Weight",
        "class_weight": "Weight",
        "label_smoothing": "float",
        "where": "ArrayLike | None",
        "axis": "Axis",
    }
    return known.get(argument.setting, "ArrayLike")


def _jax_words(argument: Argument) -> str:
    return f"{_numpy_words(argument).replace(' or', ',')} or array"


def _jax_function(one: Function) -> str:
    rows = not one.link.elementwise
    scores, targets = _SCORES[one.link], _targets(one)
    docstring = _docstring(
        _summary(one, "Return "),
        Parameters=[
            "logits, labels : array\n    As throughout `focalis.jax`.",
            *_parameter_lines(one, _jax_words),
            _other_arguments(one, "As throughout `focalis.jax`."),
        ],
        Returns=f"Array\n    One loss per {'row' if rows else 'element'}.",
        Raises=_RAISES,
        Notes=_notes(one),
        References=_references(one),
        Examples=[
            ">>> import jax.numpy as jnp",
            f">>> from focalis.jax import {one.name}",
            f">>> x, y = jnp.array({scores}), jnp.array({targets})",
            f'>>> print(f"{{{one.name}(x, y).mean():.4f}}")',
            _answer(one),
        ],
    )
    options = [a for a in one.arguments if a.setting not in (*one.parameters, "alpha")]
    arguments = [
        f'"{one.link}"',
        f"margin.{one.row.margin_loss}",
        _dict((name, name) for name in one.parameters),
        "logits",
        "labels",
        "{\n" + "".join(f'    "{a.name}": {a.name},\n' for a in options) + "}",
        *(["alpha=alpha"] if any(a.name == "alpha" for a in one.arguments) else []),
        *(f"{name}={_literal(value)}" for name, value in one.row.fixed.items()),
    ]
    definition = _definition(one.name, _signature(one, _jax_type, "ArrayLike"), "Array")
    return _block(
        definition, docstring, f"return {_call('rows' if rows else 'elementwise', arguments)}"
    )


def _jax() -> str:
    made = functions("jax")
    head = _HEAD.format(about="The named losses of the table, as functions of JAX arrays.")
    imports = """
import jax

from focalis import margin
from focalis.jax._named import Axis, Weight, elementwise, rows

"""
    aliases = "Array = jax.Array\nArrayLike = jax.typing.ArrayLike\n"
    names = _all(f.name for f in made)
    return head + imports + "\n\n".join([f"{names}\n{aliases}", *map(_jax_function, made)])


# Keras

_KERAS_KINDS = {
    "Binary": ("yes/no questions", "elementwise", "_yes_no"),
    "Categorical": (
        "one class of C, for targets with one number per class",
        "dense",
        "_one_of_many",
    ),
    "SparseCategorical": ("one class of C, for class indices", "index", "_one_of_many"),
}


def _keras_parts(one: Function) -> tuple[str, str, str, str]:
    """Return the kind of a class, its name as a function, its purpose, and its form."""
    kind = next(k for k in sorted(_KERAS_KINDS, key=len, reverse=True) if one.name.startswith(k))
    words = {"Binary": "binary", "Categorical": "categorical"}.get(kind, "sparse_categorical")
    name = f"{words}_{one.row.function or one.row.margin_loss}"
    return kind, name, _KERAS_KINDS[kind][0], _KERAS_KINDS[kind][1]


def _keras_type(argument: Argument) -> str:
    known = {"alpha": "Factor", "from_logits": "bool", "label_smoothing": "float", "axis": "int"}
    return known.get(argument.setting, "float")


def _keras_example(one: Function, form: str) -> str:
    link = one.link.of_probabilities
    scores, targets = _SCORES[link], _TARGETS[link]
    if form == "elementwise":
        return f"[{targets}], [{scores}]"
    return f"{[[1, 0, 0]] if form == 'dense' else targets}, {scores}"


def _keras_answer(one: Function, form: str) -> str:
    return _answer(one._replace(link=one.link.of_probabilities))


def _keras_class(one: Function) -> str:
    kind, name, about, form = _keras_parts(one)
    phrase = one.row.phrase.removeprefix("the ")
    title = f"{phrase[0].upper()}{phrase[1:]} of {about.partition(',')[0]}, {one.row.formula}."
    taken = about.partition(", ")[2]
    per_class = "A factor per class, or one for all."
    if form == "elementwise":
        per_class = "Weights positives by α and negatives by 1 − α."
    docstring = _docstring(
        title + (f"\n\n{taken[0].upper()}{taken[1:]}." if taken else ""),
        Parameters=[
            *_parameter_lines(one, lambda a: "float"),
            f"alpha : float or sequence of float, optional\n    {per_class}",
            "from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional\n"
            "    As throughout `focalis.keras`.",
            "class_weight, class_where : optional\n    As throughout `focalis.keras`.",
        ],
        References=_references(one),
        Examples=[
            f">>> from focalis.keras import {one.name}",
            f'>>> print(f"{{{one.name}()({_keras_example(one, form)}):.4f}}")',
            _keras_answer(one, form),
        ],
    )
    ignored = "float" if form == "elementwise" else "int"
    lines = [
        "self,",
        *_signature(one._replace(scores=("", "")), _keras_type, ""),
        "reduction: str | None = MEAN,",
        f'name: str | None = "{name}",',
        "dtype: Any = None,",
        "*,",
        f"ignore_class: {ignored} | None = None,",
        "class_weight: Numbers = None,",
        "class_where: Classes = None,",
    ]
    made = f"margin.{one.row.margin_loss}({', '.join(one.parameters)})"
    body = "\n".join(
        [
            _definition("__init__", lines, "None"),
            "    arguments = locals()",
            f"    loss = {_KERAS_KINDS[kind][2]}({made}, arguments, alpha=alpha)",
            f'    super().__init__(loss, "{form}", arguments)',
        ]
    )
    return _block(f"@register\nclass {one.name}(FamilyLoss):", docstring, "", body)


def _keras_function(one: Function) -> str:
    _, name, about, form = _keras_parts(one)
    docstring = _docstring(
        f"Return {one.row.phrase} of {about.partition(',')[0]}, {one.row.formula}.",
        Parameters=[
            "y_true, y_pred : array_like\n    Targets, and probabilities or logits.",
            f"{', '.join(a.name for a in one.arguments)} : optional\n"
            f"    As for `focalis.keras.{one.name}`.",
        ],
        Returns="Tensor\n    The loss of each sample.",
        Examples=[
            f">>> from focalis.keras import {name}",
            f'>>> print(f"{{float({name}({_keras_example(one, form)})[0]):.4f}}")',
            _keras_answer(one, form),
        ],
    )
    lines = ["y_true: Any,", "y_pred: Any,"]
    lines += _signature(one._replace(scores=("", "")), _keras_type, "")
    settings = "{\n" + "".join(f'    "{a.name}": {a.name},\n' for a in one.arguments) + "}"
    body = f"settings = {settings}\nreturn _each({one.name}, y_true, y_pred, **settings)"
    definition = _definition(name, lines, "Any")
    return _block(f"@register  # type: ignore[untyped-decorator]\n{definition}", docstring, body)


def _keras() -> str:
    made = keras_classes()
    head = _HEAD.format(
        about="The named losses of the table that Keras lacks, in the style of Keras's losses."
    )
    imports = """
from typing import Any

from focalis import margin
from focalis.keras._loss import FamilyLoss
from focalis.keras.functions import _each
from focalis.keras.losses import MEAN, Classes, Factor, Numbers, _one_of_many, _yes_no, register

"""
    names = [one.name for one in made] + [_keras_parts(one)[1] for one in made]
    parts = [_all(names), *map(_keras_class, made), *map(_keras_function, made)]
    return head + imports + "\n\n".join(parts)


MODULES: dict[str, Callable[[], str]] = {
    "functional/named.py": _numpy,
    "torch/named.py": _torch,
    "jax/named.py": _jax,
    "keras/named.py": _keras,
}
"""The generated files of the package, and the function that produces the text of each."""


def source(module: str) -> str:
    """Return the text of a generated module, named by its path in the package, one of `MODULES`.

    Examples
    --------
    >>> "def sigmoid_poly1(" in source("functional/named.py")
    True
    """
    return MODULES[module]()
