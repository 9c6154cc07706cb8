"""Random streams: one per thing that is drawn, named by what it is for, so that nothing else moves it.

A graph has `random.Random(name)` of its own. A question needs a few bits only, and to seed a Mersenne twister for them
takes longer than to draw them: `Stream` takes its bits from BLAKE2b of the name and a counter.
"""

from hashlib import blake2b
from random import Random
from typing import Any

BLOCK = 64  # bytes per digest


class Stream(Random):
    """A `random.Random` whose bits are BLAKE2b(name, 0), BLAKE2b(name, 1), ..; `seed(name)` starts it again under another name.

    Every method of Random works and draws from those bits. Nothing is hashed before the first bit is asked for.

    >>> stream = Stream("42/train/er/edge_existence/0")
    >>> first = stream.sample(range(12), 2)
    >>> stream.seed("42/train/er/edge_existence/1"); other = stream.sample(range(12), 2)
    >>> stream.seed("42/train/er/edge_existence/0"); stream.sample(range(12), 2) == first
    True
    """

    def seed(self, a: Any = "", version: int = 2) -> None:
        """Start the stream called `a`, a string."""
        self._name: str = a
        self._pool = self._left = self._block = 0
        self.gauss_next = None  # where Random.gauss keeps its second value

    def getrandbits(self, k: int, /) -> int:
        while self._left < k:
            digest = blake2b(self._name.encode(), salt=self._block.to_bytes(16, "little")).digest()
            self._pool |= int.from_bytes(digest, "little") << self._left
            self._left += 8 * BLOCK
            self._block += 1
        bits = self._pool & ((1 << k) - 1)
        self._pool >>= k
        self._left -= k
        return bits

    def random(self) -> float:
        return self.getrandbits(53) * 2.0**-53
