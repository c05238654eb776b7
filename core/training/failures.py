"""What goes wrong below training - a full disk, memory that ran out - as sentences a person can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import Unavailable

_FULL = ("No space left on device", "os error 28", "os error 122", "Disk quota exceeded")
_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def plain_failures(batch_size: int, max_tokens: int) -> Iterator[None]:
    """Raises Unavailable (training.disk_full, training.out_of_memory) for what libraries say in their own ways."""
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("training.disk_full") from error
    except MemoryError as error:
        raise Unavailable("training.out_of_memory", batch_size=batch_size, max_tokens=max_tokens) from error
    except (RuntimeError, SafetensorError) as error:
        # torch and safetensors say both only in words.
        if any(sign in str(error) for sign in _FULL):
            raise Unavailable("training.disk_full") from error
        if any(sign in str(error) for sign in _MEMORY):
            raise Unavailable("training.out_of_memory", batch_size=batch_size, max_tokens=max_tokens) from error
        raise
