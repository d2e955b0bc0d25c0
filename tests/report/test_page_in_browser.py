"""The page of hb report in a real browser, on a telephone and on a desk, light and dark. Skipped where there is no Chromium."""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from houseblend.report.page import write_page
from houseblend.report.style import SURFACE

sys.path.insert(0, str(Path(__file__).resolve().parent))
from some_work import some_work

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed (apt-get install chromium)")
TELEPHONE, DESK = (390, 844), (1280, 900)
LIGHT, DARK = 1, 0


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """A page with all its parts."""
    folder = tmp_path_factory.mktemp("page")
    write_page(some_work(folder / "work"), folder / "page.html")
    return folder / "page.html"


def browse(page: Path, size: tuple[int, int], scheme: int, *words: str) -> tuple[str, str]:
    """Standard output and log of the browser."""
    assert BROWSER is not None
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
        f"--user-data-dir={page.parent / 'profile'}", f"--blink-settings=preferredColorScheme={scheme}",
        f"--window-size={size[0]},{size[1]}", *words, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout, done.stderr


def rows_of(path: Path) -> np.ndarray:
    """The rows of a PNG of 8 bits as they are coded, [height, channels * width]: differences to the pixels to the left or above.

    Before the first row and column stand zeros, so that the first pixel is itself (specification of PNG, section 9).
    """
    data, at, header, packed = path.read_bytes(), 8, b"", b""
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        header, packed = (body, packed) if kind == b"IHDR" else (header, packed + body * (kind == b"IDAT"))
        at += size + 12
    height = int.from_bytes(header[4:8], "big")
    return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, -1)[:, 1:]


@pytest.mark.parametrize(("size", "scheme"), [(TELEPHONE, LIGHT), (DESK, DARK)], ids=["telephone, light", "desk, dark"])
def test_a_picture_of_it_is_not_empty_and_the_console_is(page, size, scheme):
    picture = page.with_name(f"{size[0]}.png")
    _, log = browse(page, size, scheme, f"--screenshot={picture}")
    assert "CONSOLE" not in log
    rows = rows_of(picture)
    assert len(rows) == size[1]
    assert bytes(rows[0, :3]) == bytes.fromhex(SURFACE["paper"][1 - scheme][1:])
    assert (rows[1:] != 0).any(axis=1).mean() > 0.25  # many rows have something written or drawn in them


def test_an_error_of_the_console_would_be_seen(page):
    broken = page.with_name("broken.html")
    broken.write_text(page.read_text().replace("</body>", "<script>throw Error('oh')</script></body>"))
    assert "CONSOLE" in browse(broken, TELEPHONE, LIGHT, "--dump-dom")[1]


def test_on_a_telephone_nothing_is_wider_than_the_screen(page):
    asking = page.with_name("asking.html")
    script = "<script>document.title = [document.documentElement.scrollWidth, innerWidth].join(' of ')</script></body>"
    asking.write_text(page.read_text().replace("</body>", script))
    found, _ = browse(asking, TELEPHONE, LIGHT, "--dump-dom")
    wide, screen = map(int, found.partition("<title>")[2].partition("</title>")[0].split(" of "))
    assert wide <= screen <= 500
