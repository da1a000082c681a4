"""How the primitives of the fused kernels are compiled. See the package's docstring."""

# --- below this line the text is part of every kernel
PRIMITIVE = {
    "fastmath": {"contract"},
    "error_model": "numpy",
    "forceinline": True,
    # Only kernels call these: entry points for Python would take a tenth of the compile time.
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
