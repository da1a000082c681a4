"""Which names mean the same loss, found by comparing their meanings."""

from typing import Any

from focalis.catalogue.entry import REQUIRED, Entry, Parameter
from focalis.catalogue.meanings import setting
from focalis.catalogue.names import ENTRIES
from focalis.loss import Loss
from focalis.maths.links import Link
from focalis.settings_table import SETTINGS

# What changes which loss it is, beside the parameters of the margin loss.
_WEIGHING = tuple(row.name for row in SETTINGS if row.of_a_row)


def equivalents(entry: Entry) -> tuple[tuple[Entry, dict[str, Any]], ...]:
    """Return the other entries that can be the same loss of the same probabilities.

    Reductions, masks and transforms of inputs may differ; weights and the parameters of the margin loss
    may not.

    Parameters
    ----------
    entry : Entry
        Its defaults determine the loss.

    Returns
    -------
    tuple of (Entry, dict)
        Each with the parameters, under its own names, that make it the same loss.

    Raises
    ------
    TypeError
        If `entry` is not an entry.

    Examples
    --------
    >>> from focalis.catalogue import equivalents, lookup
    >>> (entry,) = lookup("torchvision.ops.sigmoid_focal_loss")
    >>> [(other.name, needed) for other, needed in equivalents(entry) if other.framework == "fvcore"]
    [('fvcore.nn.sigmoid_focal_loss', {'alpha': 0.25})]
    """
    return _same(entry, _checked(entry).link)


def counterparts(entry: Entry) -> tuple[tuple[Entry, dict[str, Any]], ...]:
    """Return the entries of the same loss whose activation is on the other side of the loss.

    Parameters
    ----------
    entry : Entry
        Its defaults determine the loss.

    Returns
    -------
    tuple of (Entry, dict)
        As from `equivalents`: on probabilities for a loss of logits, and vice versa.

    Raises
    ------
    TypeError
        If `entry` is not an entry.

    Examples
    --------
    >>> from focalis.catalogue import counterparts, lookup
    >>> (entry,) = lookup("torch.nn.CrossEntropyLoss")
    >>> [other.name for other, _ in counterparts(entry) if other.framework == "PyTorch"]
    ['torch.nn.NLLLoss']
    """
    link = _checked(entry).link
    return _same(entry, link.of_logits if link.on_probabilities else link.of_probabilities)


def variants(entry: Entry) -> tuple[Entry, ...]:
    """Return the other entries with the same name, distinguished by other settings.

    Examples
    --------
    >>> from focalis.catalogue import lookup
    >>> (entry,) = lookup("monai.losses.FocalLoss(use_softmax=True)")
    >>> [other.name for other in variants(entry)]
    ['monai.losses.FocalLoss']
    """
    base = entry.name.partition("(")[0]
    return tuple(
        other
        for other in ENTRIES
        if other.name != entry.name and other.name.partition("(")[0] == base
    )


def names_of(loss: Loss) -> tuple[tuple[Entry, dict[str, Any]], ...]:
    """Return the entries that can be a `Loss`, each with the parameters that make it that loss.

    The loss's reduction and `ignore_index` do not matter.

    Examples
    --------
    >>> from focalis import parse
    >>> for entry, needed in names_of(parse("simplex_generalized_cross_entropy(kappa=.5)")):
    ...     print(entry.name, needed)
    focalis.categorical_generalized_cross_entropy {'kappa': 0.5}
    keras.losses.CategoricalGeneralizedCrossEntropy {}
    """
    return _meaning_same(loss, loss.link, ())


def _checked(entry: Any) -> Entry:
    if not isinstance(entry, Entry):
        raise TypeError(f"entry must be an Entry, as lookup finds it, got {type(entry).__name__}")
    return entry


def _same(entry: Entry, link: Link) -> tuple[tuple[Entry, dict[str, Any]], ...]:
    found = _meaning_same(entry.default_loss, link, _matrices(entry))
    return tuple((other, needed) for other, needed in found if other.name != entry.name)


def _meaning_same(
    loss: Loss, link: Link, matrices: tuple[str, ...]
) -> tuple[tuple[Entry, dict[str, Any]], ...]:
    """Return the entries with a link that can be a loss, whatever that loss's own link."""
    wanted = _meaning(loss)
    found = []
    for other in ENTRIES:
        if other.link != link or other.margin_loss != loss.margin_loss.name:
            continue
        if _matrices(other) != matrices:
            continue
        needed = _needed(other, wanted)
        if needed is not None:
            found.append((other, needed))
    return tuple(found)


def _matrices(entry: Entry) -> tuple[str, ...]:
    """Return the matrices that mix its targets, which make it another loss."""
    return () if entry.targets is None else entry.targets.parameters


def _meaning(loss: Loss) -> dict[str, Any]:
    """Return the settings that determine which loss it is."""
    weighing = {name: getattr(loss, name) for name in _WEIGHING}
    if weighing["pos_weight"] == 1.0:
        weighing["pos_weight"] = None
    if weighing["alpha"] == 1.0 and not loss.link.elementwise:
        weighing["alpha"] = None
    return {**loss.margin_loss.parameters, **weighing}


def _can_be(parameter: Parameter, value: Any) -> bool:
    """Return whether a parameter can have this value for all classes."""
    if value is None:
        return parameter.off is not REQUIRED
    return parameter.setting != "foreground_alpha"


def _needed(entry: Entry, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters that make an entry the wanted loss, or None if none can."""
    settable = {setting(parameter): parameter for parameter in entry.parameters}
    needed = {}
    for name, value in _meaning(entry.default_loss).items():
        parameter = settable.get(name)
        if wanted[name] == value and (parameter is None or parameter.default is not REQUIRED):
            continue
        if parameter is None or not _can_be(parameter, wanted[name]):
            return None
        needed[parameter.name] = parameter.off if wanted[name] is None else wanted[name]
    return needed
