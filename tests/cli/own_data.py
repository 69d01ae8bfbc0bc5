"""Small data sets of a user's own, one of each kind."""

import wave
from pathlib import Path

import numpy as np
from PIL import Image

COLORS = ("blue", "green", "red")


def write_images(folder: Path, count: int = 12) -> Path:
    """Images in which one color is the brightest."""
    random = np.random.default_rng(0)
    for place, name in enumerate(COLORS):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 100, (9, 12, 3)).astype(np.uint8)
            pixels[..., 2 - place] += 120
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def write_sounds(folder: Path, count: int = 8) -> Path:
    """Tones of two heights."""
    time = np.arange(2000) / 8000
    for name, pitch in (("high", 1760), ("low", 220)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            sound = np.sin(2 * np.pi * pitch * time + number) * 20000
            with wave.open(str(folder / name / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(sound.astype("<i2").tobytes())
    return folder


def write_table(path: Path, rows: int = 80) -> Path:
    """Flowers: two lengths, a color, and what kind it is."""
    random = np.random.default_rng(0)
    lines = ["length,width,color,kind"]
    for _ in range(rows):
        length, width = random.normal(size=2)
        color = random.choice(["red", "white"])
        lines.append(f"{length:.3f},{width:.3f},{color},{'rose' if length > width else 'iris'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_prices(path: Path, rows: int = 80) -> Path:
    """Houses: what they cost follows from their area."""
    random = np.random.default_rng(0)
    areas = random.uniform(1, 3, rows)
    path.write_text("area,price\n" + "".join(f"{a:.4f},{2 * a + 0.5:.4f}\n" for a in areas))
    return path


def write_arrays(path: Path, rows: int = 80) -> Path:
    """Points left and right of zero."""
    points = np.random.default_rng(0).normal(size=(rows, 3))
    labels = (points[:, 0] > 0).astype(int)
    np.savez(path, inputs=points, targets=labels, classes=np.array(["left", "right"]))
    return path


def write_lines(folder: Path, count: int = 40) -> Path:
    """Reviews of films, a file for those that are good and one for the others."""
    folder.mkdir()
    for name, word in (("good", "fine"), ("bad", "dull")):
        lines = (f"a {word} film number {number}\n" for number in range(count))
        (folder / f"{name}.txt").write_text("".join(lines))
    return folder


def write_text(path: Path) -> Path:
    """A text in which every letter has the same one after it."""
    path.write_text("abcd" * 150)
    return path
