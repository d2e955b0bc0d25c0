"""Matrix products whose factors may be rounded to bfloat16; sums over many products and all that is kept are float32."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

from houseblend.base.log import warn


def multiply(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor, dtype: torch.dtype | None) -> None:
    """out = a b.

    Args:
        a: [N, K].
        b: [K, M].
        out: [N, M], of the same type as both.
        dtype: to which a and b, and the product once, are rounded; None for no rounding.
    """
    if dtype is None:
        torch.mm(a, b, out=out)
    else:
        out.copy_(a.to(dtype) @ b.to(dtype))


def add_product(out: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float, dtype: torch.dtype | None) -> None:
    """out [N, M] += scale a [N, K] b [K, M]; arguments as those of `multiply`."""
    if dtype is None:
        out.addmm_(a, b, alpha=scale)
    else:
        out.add_((a.to(dtype) @ b.to(dtype)).to(out.dtype), alpha=scale)


def core_multiplies_bfloat16() -> bool:
    """Whether this machine's cores have instructions for it, so that it is faster than float32; True if not known."""
    with contextlib.suppress(OSError):
        words = Path("/proc/cpuinfo").read_text().split()
        return not {"amx_bf16", "avx512_bf16", "bf16"}.isdisjoint(words)
    return True


def warn_of_slow_bfloat16(dtype: str, device: str) -> None:
    """Say so where rounding to bfloat16 costs time instead of saving it."""
    if dtype == "bfloat16" and device == "cpu" and not core_multiplies_bfloat16():
        warn("--compute-dtype=bfloat16 is slower than float32 here: the processor has neither AMX nor AVX512_BF16")
