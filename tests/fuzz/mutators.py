"""Ways to break a file: pure functions of its bytes and a seeded generator."""

import random
import re
import struct
from collections.abc import Callable

Mutator = Callable[[bytes, random.Random], bytes]

TYPES = [
    (b"FM ", b"DM "), (b"FV ", b"DV "), (b"FM ", b"FV "), (b"CM ", b"CM2 "), (b"CM2 ", b"CM3 "), (b"CM ", b"FM "),
    (b"FP ", b"FM "), (b"SM ", b"FM "), (b"CE ", b"TE "), (b"TE ", b"SE "), (b"vector", b"const"), (b"const", b"vector"),
    (b"standard", b"log"), (b"RIFF", b"RIFX"), (b"WAVE", b"AVI "), (b"\0B", b"\0b"), (b"true", b"1"), (b": ", b":: "),
    (b"\4", b"\10"), (b"\10", b"\4"), (b"T", b"F"), (b"\\end\\", b"\\data\\"), (b"{", b"["), (b"[", b"("),
]  # fmt: skip
HUGE = [2**31 - 1, -(2**31), -1, 0, 2**30, 2**16, 1, -4, 2**24 + 1]
WORDS = [
    b"nan", b"inf", b"-inf", b"1e999", b"-1e400", b"99999999999999999999", b"-1", b"0", b"2147483648", b"1_000", b"1e3",
    b"0x10", b"+5", b"\xd9\xa3", b"", b"3.5", b"1e-320", b"9" * 400, b"None", b"true", b"[", b"]", b"<eps>", b"#0",
]  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(\.\d+)?(e-?\d+)?")
_TAG = re.compile(rb"</?\w+>")


def truncate(data: bytes, rng: random.Random) -> bytes:
    """A beginning."""
    return data[: rng.randrange(len(data))]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """One to eight bits turned over."""
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        broken[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(broken)


def set_bytes(data: bytes, rng: random.Random) -> bytes:
    """A few neighbours overwritten."""
    place, size = rng.randrange(len(data)), rng.choice((1, 1, 2, 4, 8, 32))
    piece = rng.choice((b"\0", b"\xff", b" ", b"\n", b"\x80", bytes([rng.randrange(256)]))) * size
    return data[:place] + piece + data[place + size :]


def insert(data: bytes, rng: random.Random) -> bytes:
    """Bytes that do not belong there."""
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice((1, 1, 2, 4, 16, 300))) + data[place:]


def delete(data: bytes, rng: random.Random) -> bytes:
    """A hole."""
    place = rng.randrange(len(data))
    return data[:place] + data[place + rng.choice((1, 1, 2, 4, 16, 300)) :]


def repeat_piece(data: bytes, rng: random.Random) -> bytes:
    """A piece twice, or the whole twice."""
    begin, end = sorted((rng.randrange(len(data)), rng.randrange(len(data) + 1)))
    return data + data if rng.random() < 0.2 else data[:end] + data[begin:]


def swap_types(data: bytes, rng: random.Random) -> bytes:
    """A type token in place of another, or two tags exchanged."""
    tags = sorted(set(_TAG.findall(data)))
    if len(tags) > 1 and rng.random() < 0.5:
        return _replace_one(data, *rng.sample(tags, 2), rng)
    pairs = [pair for pair in TYPES if pair[0] in data]
    return _replace_one(data, *rng.choice(pairs), rng) if pairs else flip_bits(data, rng)


def huge_size(data: bytes, rng: random.Random) -> bytes:
    """A number of items that cannot be: after a size byte where there is one, else anywhere."""
    places = [found.start() + 1 for found in re.finditer(b"\4", data)] if rng.random() < 0.7 else []
    place = rng.choice(places) if places else rng.randrange(max(len(data) - 3, 1))
    value = rng.choice(HUGE)
    packed = struct.pack("<q", value) if rng.random() < 0.2 else struct.pack("<i", value)
    return data[:place] + packed + data[place + len(packed) :]


def wrong_magic(data: bytes, rng: random.Random) -> bytes:
    """Another beginning."""
    size = rng.choice((1, 2, 4, 8))
    return rng.choice((rng.randbytes(size), b"\0B" + bytes(size - 1), b"\x1f\x8b", b"PK\3\4", b"\x89PNG", b"\xd6\xfd\xb2\x7e",
                       b"<html>", b"\xef\xbb\xbf" + data[:size])) + data[size:]  # fmt: skip


def change_lines(data: bytes, rng: random.Random) -> bytes:
    """A line twice, gone, exchanged with another, cut short, without its end, or joined to the next."""
    lines = data.split(b"\n")
    place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(6)
    if change == 0:
        lines.insert(other, lines[place])
    elif change == 1:
        del lines[place]
    elif change == 2:
        lines[place], lines[other] = lines[other], lines[place]
    elif change == 3:
        lines[place] = lines[place][: rng.randrange(len(lines[place]) + 1)]
    elif change == 4:
        lines[place] += rng.choice((b" x", b" ", b"\r", b"\t1", b" 1 2", b"#"))
    else:
        lines[place : place + 2] = [b" ".join(lines[place : place + 2])]
    return b"\n".join(lines)


def change_number(data: bytes, rng: random.Random) -> bytes:
    """A number in text becomes another word: NaN, infinite, huge, or none."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return nan_bytes(data, rng)
    span = rng.choice(found).span()
    return data[: span[0]] + rng.choice(WORDS) + data[span[1] :]


def nan_bytes(data: bytes, rng: random.Random) -> bytes:
    """Four or eight bytes become NaN or infinity."""
    piece = struct.pack(rng.choice(["<f", "<d"]), rng.choice((float("nan"), float("inf"), -float("inf"), 1e38)))
    place = rng.randrange(max(len(data) - len(piece) + 1, 1))
    return data[:place] + piece + data[place + len(piece) :]


def wrong_encoding(data: bytes, rng: random.Random) -> bytes:
    """Latin letters that are no UTF-8, UTF-16, carriage returns, marks, strange spaces."""
    place = rng.randrange(len(data))
    letter = rng.choice(
        (b"\xe9", b"\xff\xfe", b"\xc3", b"\xe2\x80\xa8", b"\xc2\xa0", b"\xc2\x85", b"\x0c", b"\x1c", b"\0")
    )
    return rng.choice((
        data[:place] + letter + data[place:], data[:place] + letter + data[place + 1 :], data.replace(b"\n", b"\r\n"),
        data.replace(b"\n", b"\r"), data.decode("latin-1").encode("utf-16"), b"\xef\xbb\xbf" + data,
        data.replace(b" ", b"\t"),
    ))  # fmt: skip


def empty(data: bytes, rng: random.Random) -> bytes:
    """Nothing, zeros or blanks."""
    return rng.choice((b"", b"\0" * len(data), b"\n", b" ", b"\n" * 5000, b"\xff" * len(data)))


def append(data: bytes, rng: random.Random) -> bytes:
    """Something behind the end."""
    return data + rng.choice((b"\0", b"x", b"\n\n", rng.randbytes(40), b" 1", data[: rng.randrange(len(data))]))


MUTATORS: list[Mutator] = [
    truncate, flip_bits, flip_bits, flip_bits, set_bytes, insert, delete, repeat_piece, swap_types, swap_types, huge_size,
    huge_size, wrong_magic, change_lines, change_lines, change_number, change_number, nan_bytes, wrong_encoding, empty, append,
]  # fmt: skip


def mutate(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """The name of a way to break `data`, and the result, which differs; `data` is not empty."""
    while True:
        mutator = rng.choice(MUTATORS)
        broken = mutator(data, rng)
        if rng.random() < 0.15 and broken:
            broken = rng.choice(MUTATORS)(broken, rng)
        if broken != data:
            return mutator.__name__, broken


def endless_piece(rng: random.Random) -> bytes:
    """What a pipe without end repeats: long, so that it comes fast."""
    return rng.choice((b"\0", b"x", b" ", b"\n", b"\xff", b"1 ", b"[ ", rng.randbytes(37))) * 1000


def _replace_one(data: bytes, old: bytes, new: bytes, rng: random.Random) -> bytes:
    place = rng.choice([found.start() for found in re.finditer(re.escape(old), data)])
    return data[:place] + new + data[place + len(old) :]
