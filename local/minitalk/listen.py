"""The listening page: a few calls with sound, waveform, spectrogram and transcript; needs nothing but a browser."""

import html
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from calls import SIDES
from channel import RATE

SECONDS, STEP, WINDOW, RANGE_DB, WAVE_HEIGHT = 20, 80, 256, 60.0, 64
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>minitalk</title>
<style>body {{ font-family: sans-serif; margin: 2em; }} img {{ display: block; height: 12em; width: 100%; }}
td {{ padding: 0 1em 0 0; vertical-align: top; }}</style></head><body>
<h1>minitalk</h1>
<p>The first {seconds} seconds of a few calls; waveform above, spectrogram (0 to 4 kHz) below, side A, then side B.</p>
{calls}</body></html>
"""


def write_page(folder: Path, records: list[dict[str, Any]], paths: list[str]) -> None:
    """Write listen/ below the folder of a corpus.

    Args:
        folder: of the corpus.
        records: of the calls to show, see `ldc.read_record`.
        paths: their audio below `folder`.
    """
    from houseblend.io.audio import encode_wav, read_audio
    from houseblend.io.streams import in_memory

    shutil.rmtree(folder / "listen", ignore_errors=True)
    (folder / "listen").mkdir()
    shown = []
    for record, path in zip(records, paths, strict=True):
        name, data = record["call"], (folder / path).read_bytes()
        samples = read_audio(in_memory(data, path))[1][: SECONDS * RATE]
        (folder / "listen" / f"{name}.wav").write_bytes(encode_wav(RATE, samples))
        pictures = []
        for side, letter in enumerate(SIDES):
            (folder / "listen" / f"{name}-{letter}.png").write_bytes(encode_png(picture(samples[:, side])))
            about = record["sides"][side]
            facts = f"{letter}: {about['sex']}, {about['accent']}, {about['noise']} noise {about['snr_db']} dB under the speech"
            pictures.append(f'<p>{html.escape(facts)}</p><img src="{name}-{letter}.png" alt="side {letter}">')
        rows = [
            f"<tr><td>{start:.2f}</td><td>{SIDES[side]}</td><td>{html.escape(text)}</td></tr>"
            for side, start, _, text in record["segments"]
            if start < SECONDS
        ]
        shown.append(
            f'<h2>{name}</h2><audio controls src="{name}.wav"></audio>{"".join(pictures)}<table>{"".join(rows)}</table>\n'
        )
    (folder / "listen/index.html").write_text(PAGE.format(seconds=SECONDS, calls="".join(shown)))


def picture(samples: np.ndarray) -> np.ndarray:
    """Waveform above spectrogram of samples, shape [num_samples]; grey, shape [rows, frames], uint8."""
    count = (len(samples) - WINDOW) // STEP
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[: count * STEP : STEP]
    power = 20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) + 1.0)
    grey = 255 * (1 - np.clip((power - power.max() + RANGE_DB) / RANGE_DB, 0, 1))
    peak = np.abs(frames).max(axis=1) / (np.abs(samples).max() or 1.0)
    wave = np.where(np.abs(np.linspace(-1, 1, WAVE_HEIGHT))[:, None] <= peak, 0, 255)
    return np.concatenate([wave, grey.T[::-1]]).astype(np.uint8)


def encode_png(grey: np.ndarray) -> bytes:
    """A PNG file (ISO 15948) of a grey picture, shape [rows, columns], uint8."""
    rows, columns = grey.shape
    raw = b"".join(b"\0" + row.tobytes() for row in grey)
    chunks = [
        (b"IHDR", struct.pack(">2I5B", columns, rows, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    ]
    packed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)
