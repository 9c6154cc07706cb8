"""Random streams: one per thing that is drawn, named by what it is for, so that nothing else moves it.

To seed a Mersenne twister takes longer than to draw a question or a small graph from it: `Stream` takes its
bits from BLAKE2b of the name and a counter. Generators that draw number after number are faster with
`random.Random(name)`.
"""

from hashlib import blake2b
from random import Random
from typing import Any

BLOCK = 64  # bytes per digest


class Stream(Random):
    """A `random.Random` whose bits are BLAKE2b(name, 0), BLAKE2b(name, 1), ..; `seed(name)` starts it again
    under another name.

    Every method of Random works and draws from those bits. Nothing is hashed before the first bit is asked
    for.

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
        if self._left < k:
            self._fill(k)
        pool = self._pool
        self._pool = pool >> k
        self._left -= k
        return pool & ((1 << k) - 1)

    def _fill(self, k: int) -> None:
        name = self._name.encode()
        if not self._block:  # a salt of zero is none
            self._pool, self._left, self._block = (
                int.from_bytes(blake2b(name).digest(), "little"),
                8 * BLOCK,
                1,
            )
        while self._left < k:
            digest = blake2b(name, salt=self._block.to_bytes(16, "little")).digest()
            self._pool |= int.from_bytes(digest, "little") << self._left
            self._left += 8 * BLOCK
            self._block += 1

    def random(self) -> float:
        if self._left < 53:
            self._fill(53)
        pool = self._pool
        self._pool = pool >> 53
        self._left -= 53
        return (pool & (1 << 53) - 1) * 2.0**-53
