"""The losses under JAX's transformations: maps, remat, export, several devices, scans."""

import os
import subprocess
import sys

import frontends
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import focalis.jax as F
from focalis import Loss, margin
from focalis.jax import apply

pytestmark = pytest.mark.slow

LOSSES = [("sigmoid", "hard"), ("softmax", "index")]


def step(link):
    loss = Loss(link, margin.focal(0.5), alpha=0.25)
    return lambda x, y: apply(loss, x, y)


@pytest.mark.parametrize(("link", "form"), LOSSES)
def test_mapped_it_is_a_loop(link, form):
    x, y = (jnp.asarray(a) for a in frontends.inputs(link, form))
    f = jax.value_and_grad(step(link))
    mapped = jax.jit(jax.vmap(f))(x, y)
    single = jax.jit(f)
    for i in range(len(x)):
        value, gradient = single(x[i], y[i])
        np.testing.assert_allclose(mapped[0][i], value, rtol=1e-6)
        np.testing.assert_allclose(mapped[1][i], gradient, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("link", "form"), LOSSES)
def test_jit_remat_and_scan_change_nothing(link, form):
    x, y = (jnp.asarray(a) for a in frontends.inputs(link, form))
    f = step(link)

    def scanned(x):
        return jax.lax.scan(lambda total, row: (total + f(row[0], row[1]), None), 0.0, (x, y))[0]

    def rows(x):
        return jax.vmap(f)(x, y).sum()

    @jax.jit
    def every(x):
        each = (rows, jax.checkpoint(rows), scanned)
        return [jax.jvp(jax.grad(g), (x,), (x,)) for g in each]

    plain, *others = every(x)
    for other in others:
        for got, expected in zip(other, plain, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("link", "form"), LOSSES)
def test_exported_for_any_number_of_rows(link, form):
    """The program is exported and read back; its number of rows is a symbol."""
    from jax import export

    x, y = (jnp.asarray(a) for a in frontends.inputs(link, form))
    rows = export.symbolic_shape("rows")
    shapes = [jax.ShapeDtypeStruct((*rows, *a.shape[1:]), a.dtype) for a in (x, y)]
    program = export.export(jax.jit(jax.value_and_grad(step(link))))(*shapes)
    again = export.deserialize(program.serialize())
    for n in (5, 2):
        found = again.call(x[:n], y[:n])
        loss = Loss(link, margin.focal(0.5), alpha=0.25)
        true = loss.value_and_grad(np.asarray(x[:n]), np.asarray(y[:n]), engine="numpy")
        for got, expected in zip(found, true, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("form", ["index", "soft"])
def test_exported_for_any_number_of_classes(form):
    """Even where that number determines what is computed."""
    from jax import export

    x, y = (jnp.asarray(a) for a in frontends.inputs("softmax", form))
    loss = Loss("softmax", margin.focal(0.5), label_smoothing=0.1)
    shapes = export.symbolic_args_specs((x, y), ("n, c", "n" if form == "index" else "n, c"))
    program = export.export(jax.jit(jax.grad(lambda x, y: apply(loss, x, y))))(*shapes)
    true = loss.value_and_grad(np.asarray(x), np.asarray(y), engine="numpy")[1]
    np.testing.assert_allclose(program.call(x, y), true, rtol=1e-5, atol=1e-7)


BY_CLASS = [0.2, 0.3, 0.5]
STRICT = [
    (F.sigmoid_focal_loss, "soft", {"alpha": BY_CLASS, "gamma": BY_CLASS, "label_smoothing": 0.1}),
    (F.binary_log_loss, "soft", {"eps": 1e-3, "class_weight": BY_CLASS}),
    (F.softmax_focal_loss, "index", {"alpha": BY_CLASS, "gamma": 0.5}),
    (F.softmax_focal_loss, "index", {"label_smoothing": 0.1, "where": frontends.KEPT}),
    (F.softmax_focal_loss, "soft", {"class_weight": BY_CLASS, "gamma": BY_CLASS}),
    (F.multilabel_softmax_cross_entropy, "soft", {"label_smoothing": 0.1}),
    (F.log_loss, "index", {"eps": 1e-3}),
]


@pytest.mark.parametrize(("named", "form", "options"), STRICT)
def test_nothing_relies_on_promotion(named, form, options):
    """Neither of ranks nor of types, which a program may forbid: half types are converted explicitly."""
    for dtype in (jnp.float32, jnp.bfloat16):
        x, y = frontends.inputs("softmax", form)
        x, y = jnp.asarray(x, dtype), jnp.asarray(y, dtype if form == "soft" else jnp.int8)
        # A sequence is a setting, an array a parameter.
        given = {k: jnp.asarray(v) if k == "gamma" else v for k, v in options.items()}

        def f(x, y=y, given=given):
            return named(x, y, **given).sum().astype(jnp.float32)

        with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
            assert jax.eval_shape(jax.hessian(f), x).dtype == dtype


def test_one_exponential_for_the_value_and_one_for_the_gradient():
    """Anything they could share costs more to keep than to compute; γ = 2 is a multiplication."""
    loss = Loss("sigmoid", margin.focal(2.0), alpha=0.25)
    x = jax.ShapeDtypeStruct((1 << 22,), jnp.float32)
    f = jax.jit(jax.value_and_grad(lambda x, y: apply(loss, x, y)))
    program = f.lower(x, x).compile()
    text = program.as_text()
    found = {name: text.count(f" {name}(") for name in ("exponential", "log-plus-one", "power")}
    assert found == {"exponential": 2, "log-plus-one": 0, "power": 0}
    assert " log(" not in text
    # The gradient is written over the values.
    assert program.memory_analysis().temp_size_in_bytes < 4 * x.size


ON_FOUR_DEVICES = """
import jax, jax.numpy as jnp, numpy as np
from functools import partial
from jax.sharding import PartitionSpec as P
from focalis import Loss, margin
from focalis.jax import apply

assert jax.device_count() == 4
mesh = jax.make_mesh((4,), ("data",))
rng = np.random.default_rng(0)
x = jnp.asarray(rng.normal(size=(8, 3)), jnp.float32)
cases = {"sigmoid": jnp.asarray(rng.uniform(size=(8, 3)) > 0.7, jnp.float32),
         "softmax": jnp.asarray(rng.integers(0, 3, 8))}
for link, y in cases.items():
    loss = Loss(link, margin.focal(0.5), alpha=0.25)
    count = jnp.maximum((y > 0).sum(), 1)

    @jax.jit
    @partial(jax.shard_map, mesh=mesh, in_specs=(P("data"), P("data")), out_specs=P())
    def sharded(x, y):
        positives = jnp.maximum(jax.lax.psum((y > 0).sum(), "data"), 1)
        return jax.lax.psum(apply(loss, x, y, normalizer=positives), "data")

    whole = jax.jit(jax.value_and_grad(lambda x: apply(loss, x, y, normalizer=count)))(x)
    placed = [jax.device_put(a, jax.NamedSharding(mesh, P("data"))) for a in (x, y)]
    for got, true in zip(jax.jit(jax.value_and_grad(sharded))(*placed), whole):
        np.testing.assert_allclose(got, true, rtol=1e-5, atol=1e-7)
    automatic = jax.jit(jax.grad(lambda x, y: apply(loss, x, y, normalizer=count)))
    np.testing.assert_allclose(automatic(*placed), whole[1], rtol=1e-5, atol=1e-7)
    assert "all-gather" not in automatic.lower(*placed).compile().as_text()
print("as one")
"""


def test_several_devices_sum_their_normaliser():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ON_FOUR_DEVICES],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "as one"
