"""A folder of sounds: a sub-folder of WAV files for each class."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, final

import numpy as np

from chainrule.data.computed import Computed
from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.files import is_folder, list_folder
from chainrule.data.order import require_integer
from chainrule.data.rows import Array, Rows
from chainrule.data.spectrogram import log_mel, resample, spectrogram
from chainrule.data.wav import WavHeader, read_frames, wav_header
from chainrule.errors import ArgumentError, DataError

__all__ = ["SoundForm", "SoundPreparation", "audio_folder"]

SoundForm: TypeAlias = Literal["waveform", "spectrogram", "log-mel"]

_FORMS = ("waveform", "spectrogram", "log-mel")


@final
@dataclass(frozen=True)
class SoundPreparation:
    """What is done to each sound: one channel, one rate, one length, one form.

    The channels are averaged; the sound is brought to `rate`, and cut or filled with silence at
    its end to `samples`.

    Raises:  ArgumentError: a setting that cannot be meant.

    >>> SoundPreparation(rate=8000, samples=8000, form="log-mel", mels=40).shape
    (1, 40, 48)
    """

    rate: int
    samples: int
    form: SoundForm = "waveform"
    window: int = 400
    hop: int = 160
    mels: int = 80

    def __post_init__(self) -> None:
        if self.form not in _FORMS:
            details = {"given": repr(self.form), "possible": ", ".join(_FORMS)}
            raise ArgumentError(explanation("audio_folder: unknown form", details))
        for name in ("rate", "samples", "window", "hop", "mels"):
            require_integer("audio_folder", name, getattr(self, name), 1)
        if self.form != "waveform" and self.samples < self.window:
            details = {"samples": str(self.samples), "window": str(self.window)}
            fact = "audio_folder: the sounds are shorter than a window"
            raise ArgumentError(explanation(fact, details))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example: 1 samples, or 1 frequencies times."""
        if self.form == "waveform":
            return (1, self.samples)
        bins = self.mels if self.form == "log-mel" else self.window // 2 + 1
        return (1, bins, (self.samples - self.window) // self.hop + 1)

    def __call__(self, header: WavHeader) -> Array:
        """Read a file and prepare it."""
        wanted = -(-self.samples * header.rate // self.rate) + 1  # one more to draw a line to
        sound = read_frames(header, 0, wanted).mean(axis=0, dtype=np.float32)
        sound = resample(sound, header.rate, self.rate)[: self.samples]
        sound = np.pad(sound, (0, self.samples - len(sound)))
        if self.form == "spectrogram":
            sound = spectrogram(sound, self.window, self.hop)
        elif self.form == "log-mel":
            sound = log_mel(sound, self.rate, self.window, self.hop, self.mels)
        return np.asarray(sound, np.float32)[None]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as JSON can hold them: `SoundPreparation(**data)` without "kind"."""
        return {"kind": "sound", **vars(self)}


def audio_folder(
    path: str | PathLike[str],
    seconds: float | None = None,
    rate: int | None = None,
    form: SoundForm = "waveform",
    *,
    window: int = 400,
    hop: int = 160,
    mels: int = 80,
) -> Dataset:
    """A folder of WAV files as a data set: the names of its sub-folders are the classes.

    seconds       the length that every sound is cut or filled to; None: that of the longest
    rate          the frames in a second that sounds are brought to, by straight lines between
                  samples; None: their own, which must then be the same everywhere
    form          "waveform": 1 t;  "spectrogram" or "log-mel": 1 frequencies times, as a
                  convolution takes an image of one channel
    window, hop   the samples of each piece that is transformed, and from one to the next
    mels          the number of frequencies of "log-mel"

    Files whose names begin with a dot, and those of other kinds, are left out.

    Raises:  DataError: no folder, no classes, a class without sounds, a broken file, or different
             rates.  ArgumentError: a setting that cannot be meant.
    Cost:    the headers of all files are read at once, the sounds when a batch is taken.
    """
    root = Path(path)
    if not is_folder(root):
        details: dict[str, object] = {"folder": root}
        raise DataError(explanation("audio_folder: there is no such folder", details))
    classes = _visible_folders(root)
    if not classes:
        details = {"folder": root, "expected": "a folder for each class", "found": "none"}
        raise DataError(explanation("audio_folder: there are no classes", details))
    headers, labels = [], []
    for label, folder in enumerate(classes):
        found = _sounds(folder)
        headers += found
        labels += [label] * len(found)
    rate = _one_rate(headers) if rate is None else rate
    require_integer("audio_folder", "rate", rate, 1)
    samples = _samples(headers, seconds, rate)
    preparation = SoundPreparation(rate, samples, form, window, hop, mels)
    targets = np.array(labels, np.int64)
    targets.flags.writeable = False
    return Dataset(
        Rows((_Sounds(tuple(headers), preparation),)),
        targets,
        tuple(folder.name for folder in classes),
        root.resolve().name,
        preparation=preparation.to_json(),
    )


@final
@dataclass(frozen=True, eq=False, repr=False)
class _Sounds(Computed):
    headers: tuple[WavHeader, ...]
    preparation: SoundPreparation

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.headers), *self.preparation.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def compute(self, rows: Array) -> Array:
        result = np.empty((len(rows), *self.preparation.shape), np.float32)
        for place, row in enumerate(rows):
            result[place] = self.preparation(self.headers[row])
        return result


def _visible_folders(root: Path) -> list[Path]:
    entries = list_folder("audio_folder", root)
    return sorted(e for e in entries if is_folder(e) and not e.name.startswith("."))


def _sounds(folder: Path) -> list[WavHeader]:
    entries = sorted(list_folder("audio_folder", folder))
    files = [e for e in entries if e.suffix.lower() == ".wav" and not e.name.startswith(".")]
    if not files:
        details = {"folder": folder, "expected": "files *.wav", "found": f"{len(entries)} others"}
        raise DataError(explanation("audio_folder: a class has no sounds", details))
    return [wav_header(file) for file in files]


def _one_rate(headers: list[WavHeader]) -> int:
    first = headers[0]
    other = next((h for h in headers if h.rate != first.rate), None)
    if other is None:
        return first.rate
    details = {"file": first.path, "rate": first.rate}
    details |= {"other file": other.path, "other rate": other.rate}
    rule = f"Pass rate={min(first.rate, other.rate)} to bring all sounds to one rate."
    raise DataError(explanation("audio_folder: the sounds have different rates", details, rule))


def _samples(headers: list[WavHeader], seconds: float | None, rate: int) -> int:
    if seconds is None:
        return max(max(1, header.frames * rate // header.rate) for header in headers)
    if not 0 < seconds < 86_400 or round(seconds * rate) < 1:
        details = {"seconds": seconds, "possible": "more than 0, up to a day"}
        raise ArgumentError(explanation("audio_folder: seconds cannot be used", details))
    return round(seconds * rate)
