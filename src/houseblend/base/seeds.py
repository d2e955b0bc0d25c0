"""Random seeds that depend on what they are for, never on host, time or order of work."""

import hashlib
import json


def seed_of(run_seed: int, purpose: str, *where: int | str) -> int:
    """Seed for one use of randomness.

    Args:
        run_seed: the seed of the whole run.
        purpose: the use, for example "dropout" or "order".
        where: round, worker, attempt, position, utterance: whatever distinguishes the uses.

    Returns:
        An integer of 63 bits, the same on every machine.
    """
    text = json.dumps([run_seed, purpose, *where])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
