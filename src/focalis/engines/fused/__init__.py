"""Source text of the fused kernels: what `focalis.engines.numba` assembles and compiles.

The modules here are read as text, from below their ``# ---`` line, and never imported by the library
itself. A kernel is made of ``primitives32`` or ``primitives64``, the ``primitives`` that are the same in
both, how arrays hold numbers (``halves``, ``storage``), ``elementwise`` or ``softmax`` with its
companions, and the traced terms of one margin loss. All losses share what needs no terms.

What keeps the loops vectorised, each point found by measuring: ``forceinline`` on every primitive (LLVM
stops inlining after four ``exp``); loops ``for i in range(x.size)`` over slices, so that no index can be
negative; ``error_model="numpy"``, so that no division is checked; constants of the kernel's type, so
that nothing widens; both weights loaded before one is chosen, so that no load becomes a gather. Views of
arguments are borrowed: counting references to them took up to half the time of short rows. Optional
arguments reach a loop as an array or as None, never as ``None if … else …``, which stays a mask on every
store. Reassociation is allowed in loops that accumulate a sum, never in a primitive, where it would fold
a rounding constant away.
"""
