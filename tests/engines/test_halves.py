"""float16 and bfloat16: every conversion, and results that are the float32 results rounded."""

import ml_dtypes
import numpy as np
import pytest
import registry

import focalis
from focalis import Loss, margin
from focalis.engines import halves

HALVES = [np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)]
SINGLE = np.dtype(np.float32)
LARGE = 600_000  # several chunks, and enough memory to be kept

every_half = pytest.mark.parametrize("half", HALVES, ids=str)


def every_number(half):
    return np.arange(1 << 16, dtype=np.uint16).view(half)


def rounded(single, half):
    """Return NumPy's rounding, with every NaN replaced by one, since its digits do not matter."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return single.astype(half)


def assert_same_bits(got, expected):
    nan = np.isnan(expected.astype(np.float32))
    np.testing.assert_array_equal(np.isnan(got.astype(np.float32)), nan)
    np.testing.assert_array_equal(got.view(np.uint16)[~nan], expected.view(np.uint16)[~nan])


@every_half
@pytest.mark.parametrize("wide", registry.DTYPES, ids=registry.name)
def test_every_number_is_read(half, wide):
    numbers = every_number(half)
    got = halves.read(numbers, np.dtype(wide))
    with np.errstate(invalid="ignore"):  # NumPy's warning about signalling NaNs
        expected = numbers.astype(wide)
    assert got.dtype == wide
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


@every_half
def test_every_tie_and_its_neighbours_are_rounded_to_even(half):
    numbers = every_number(half).astype(np.float32)
    finite = np.unique(numbers[np.isfinite(numbers)])
    top = finite[-1:]
    beyond = top + (top - finite[-2:-1]) / 2  # from here on it is infinite
    with np.errstate(over="ignore"):
        ties = np.concatenate([finite[:-1] / 2 + finite[1:] / 2, beyond, -beyond])
    around = [np.nextafter(ties, np.float32(end)) for end in (-np.inf, np.inf)]
    given = np.concatenate([ties, *around, numbers, np.float32([np.finfo(np.float32).max])])
    got = np.empty(given.size, half)
    halves.write(given, got)
    assert_same_bits(got, rounded(given, half))


@every_half
def test_any_bits_are_rounded(half):
    bits = np.random.default_rng(52).integers(1 << 32, size=1 << 20, dtype=np.uint32)
    nan = np.isnan(bits.view(np.float32))
    # NaNs as arithmetic makes them, also from halves: quiet, with zeros at the end.
    bits[nan] = (bits[nan] | 0x400000) & 0xFFFF0000
    given = bits.view(np.float32)
    got = np.empty(given.size, half)
    halves.write(given, got)
    assert_same_bits(got, rounded(given, half))


@every_half
def test_any_layout_is_written_to(half):
    result = np.linspace(-3, 3, 35, dtype=np.float32).reshape(7, 5)
    expected = rounded(result, half)
    for place in (
        np.zeros((5, 7), half).T,
        np.zeros((14, 10), half)[::2, ::2],
        np.zeros((7, 5), half)[::-1],
        np.zeros((7, 5), half.newbyteorder(">")),
    ):
        halves.write(result, place)
        np.testing.assert_array_equal(place.astype(np.float32), expected.astype(np.float32))
        np.testing.assert_array_equal(halves.read(place, SINGLE), expected.astype(np.float32))


def sample(link, half):
    rng = np.random.default_rng(53)
    shape = (LARGE,) if link == "sigmoid" else (LARGE // 10, 10)
    x = (4 * rng.normal(size=shape)).astype(half)
    if link == "sigmoid":
        return x, rng.integers(2, size=shape).astype(half)
    return x, rng.integers(10, size=shape[0])


@pytest.mark.slow
@every_half
@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
def test_large_results_are_the_float32_results_rounded_for_any_number_of_threads(link, half):
    loss = Loss(link, margin.focal(gamma=2.0))
    x, targets = sample(link, half)
    single = targets.astype(np.float32) if link == "sigmoid" else targets
    expected = loss.value_and_grad(x.astype(np.float32), single)
    before = focalis.get_num_threads()
    try:
        for threads in (1, 2, 8):
            focalis.set_num_threads(threads)
            value, gradient = loss.value_and_grad(x, targets)
            assert value == expected[0]
            assert_same_bits(gradient, rounded(expected[1], half))
    finally:
        focalis.set_num_threads(before)


@pytest.mark.slow
@every_half
def test_memory_in_use_is_never_handed_out_again(half):
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, targets = sample("sigmoid", half)
    held = loss.value_and_grad(x, targets)[1]
    part, before = held[3::2], held[3::2].copy()
    del held
    for _ in range(3):
        loss.value_and_grad(-x, targets)
    assert_same_bits(part.copy(), before)


@pytest.mark.slow
@every_half
def test_dropped_memory_is_used_again(half):
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, targets = sample("sigmoid", half)

    def where():
        return loss.value_and_grad(x, targets)[1].__array_interface__["data"][0]

    before = focalis.buffer_cache_limit()
    focalis.set_buffer_cache_limit(0)  # forgets what other tests have dropped
    focalis.set_buffer_cache_limit(before)
    assert where() == where()


def forms(half, classes):
    """Return targets of each form, each of which has its own kernel."""
    rng = np.random.default_rng(54)
    labels = rng.integers(classes, size=150)
    soft = rng.dirichlet([1] * classes, size=150)
    return {
        "index": labels,
        "one-hot": np.eye(classes)[labels].astype(half),
        "soft": soft.astype(half),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "classes"),
    [("index", 5), ("index", 60), ("one-hot", 60), ("soft", 5)],
    ids=["index-lanes", "index-rows", "one-hot-rows", "soft-lanes"],
)
def test_softmax_results_are_the_float32_results_rounded(form, classes):
    half = np.dtype(ml_dtypes.bfloat16)
    x = np.random.default_rng(55).normal(scale=3, size=(150, classes)).astype(half)
    targets = forms(half, classes)[form]
    loss = Loss("softmax", margin.focal(gamma=2.0), reduction="none")
    single = targets if form == "index" else targets.astype(np.float32)

    # What stands for the Hessian has kernels of its own, which read in the same way; Fisher's is that of
    # any number of classes.
    policies = {"index": ("exact",), "one-hot": (), "soft": ("exact",)}[form]
    policies += ("fisher",) * (classes == 60 and form == "index")

    def results(x, targets):
        hessians = (loss.grad_and_hess(x, targets, curvature=c)[1] for c in policies)
        return (*loss.value_and_grad(x, targets), *hessians)

    for got, expected in zip(results(x, targets), results(x.astype(SINGLE), single), strict=True):
        assert got.dtype == half
        if classes == 60:
            assert_same_bits(got, rounded(expected, half))
        # With few classes each type has its own kernel, which may fuse operations differently.
        expected = rounded(expected, half).astype(SINGLE)
        np.testing.assert_allclose(got.astype(SINGLE), expected, rtol=2.0**-7, atol=1e-30)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [60, 70_000])
@pytest.mark.parametrize("top", [-np.inf, -3.0, 0.0, 3e38, np.inf, np.nan])
def test_a_row_is_seen_from_any_class(classes, top):
    half = np.dtype(ml_dtypes.bfloat16)
    # The search for the largest uses 16-bit positions: with 5 at the top, 65541 must not look like it.
    places = [p for p in (0, 5, 65541, 32767, 32768, classes - 1) if p < classes]
    x = np.random.default_rng(58).normal(scale=3, size=(len(places), classes)).astype(half)
    x[np.arange(len(places)), places] = top
    loss = Loss("softmax", margin.focal(gamma=2.0), reduction="none")
    own, other = np.array(places), np.array([*places[1:], places[0]])
    for labels in (own, other):
        value, gradient = loss.value_and_grad(x, labels)
        expected = loss.value_and_grad(x.astype(SINGLE), labels)
        assert_same_bits(value, rounded(expected[0], half))
        assert_same_bits(gradient, rounded(expected[1], half))


@pytest.mark.slow
@every_half
def test_planar_logits_stay_as_they_lie(half):
    x = np.random.default_rng(56).normal(size=(2, 5, 300)).astype(half)
    labels = np.random.default_rng(57).integers(5, size=(2, 300))
    loss = Loss("softmax", margin.focal(gamma=2.0), reduction="sum")
    out = np.empty_like(x)
    value, _ = loss.value_and_grad(np.moveaxis(x, 1, -1), labels, out=np.moveaxis(out, 1, -1))
    expected = loss.value_and_grad(np.moveaxis(x, 1, -1).astype(SINGLE), labels)
    np.testing.assert_allclose(float(value), float(expected[0]), rtol=2.0**-7)
    wanted = np.moveaxis(rounded(expected[1], half), -1, 1).astype(SINGLE)
    np.testing.assert_allclose(out.astype(SINGLE), wanted, rtol=2.0**-7, atol=1e-7)
