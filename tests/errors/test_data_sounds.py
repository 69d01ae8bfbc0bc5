"""The messages about sounds, whole."""

import struct

import numpy as np

from chainrule.data import (
    SoundPreparation,
    audio_folder,
    log_mel,
    read_wav,
    resample,
)
from chainrule.errors import ArgumentError, DataError
from tests.errors.raised import message


def wav(path, code=1, bits=16, data=b"\0\0", rate=8000, frame=2):
    kind = struct.pack("<HHIIHH", code, 1, rate, rate * frame, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + kind + b"data" + struct.pack("<I", len(data))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data)
    return path


def test_broken_sounds(tmp_path):
    path = tmp_path / "a.wav"
    head = f"\n\n    file      {path}\n    offset    "
    path.write_bytes(b"ID3 and more bytes")
    assert message(DataError, read_wav, path) == (
        f'wav: this is not a WAV file{head}0\n    expected  "RIFF", a size, "WAVE"\n'
        '    found     "ID3 and more"'
    )
    assert message(DataError, read_wav, wav(path, code=2, bits=4)) == (
        f"wav: samples of this format cannot be read{head}20\n"
        "    expected  PCM of 8, 16, 24 or 32 bits, or floating-point numbers of 32 or 64\n"
        "    found     format 2 of 4 bits\n\n"
        "  Convert the file to PCM: ffmpeg -i old.wav -c:a pcm_s16le new.wav."
    )
    assert message(DataError, read_wav, wav(path, data=b"\0\0\0")) == (
        f"wav: a frame is incomplete{head}46\n    expected  2 bytes in each frame\n"
        "    found     1 byte in the last, frame 1"
    )
    assert message(DataError, read_wav, wav(path, data=b"")) == (
        f"wav: there are no samples{head}44\n    expected  at least one frame\n    found     none"
    )
    assert message(DataError, read_wav, wav(path, frame=3)) == (
        f"wav: the format contradicts itself{head}20\n"
        "    expected  1 to 64 channels of 2 bytes, and a rate\n"
        "    found     1 channel, 3 bytes a frame, 8,000 frames a second"
    )
    infinite = np.array([0, np.inf], "<f4").tobytes()
    assert message(DataError, read_wav, wav(path, 3, 32, infinite, frame=4)) == (
        f"wav: a sample is not finite{head}48\n    expected  a finite number\n    found     inf"
    )
    whole = wav(path, data=bytes(8)).read_bytes()
    path.write_bytes(whole[:-3])
    assert message(DataError, read_wav, path) == (
        f'wav: the file ends too early{head}49\n    expected  8 bytes in the chunk "data"\n'
        "    found     5 bytes"
    )


def test_folders_of_sounds_that_do_not_fit(tmp_path):
    assert message(DataError, audio_folder, tmp_path / "no") == (
        f"audio_folder: there is no such folder\n\n    folder  {tmp_path / 'no'}"
    )
    assert message(DataError, audio_folder, tmp_path) == (
        f"audio_folder: there are no classes\n\n    folder    {tmp_path}\n"
        "    expected  a folder for each class\n    found     none"
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert message(DataError, audio_folder, tmp_path) == (
        f"audio_folder: a class has no sounds\n\n    folder    {tmp_path / 'a'}\n"
        "    expected  files *.wav\n    found     0 others"
    )
    first = wav(tmp_path / "a" / "1.wav")
    second = wav(tmp_path / "b" / "1.wav", rate=16000)
    assert message(DataError, audio_folder, tmp_path) == (
        "audio_folder: the sounds have different rates\n\n"
        f"    file        {first}\n    rate        8000\n"
        f"    other file  {second}\n    other rate  16000\n\n"
        "  Pass rate=8000 to bring all sounds to one rate."
    )
    assert message(ArgumentError, audio_folder, tmp_path, rate=8000, seconds=0) == (
        "audio_folder: seconds cannot be used\n\n    seconds   0\n"
        "    possible  more than 0, up to a day"
    )
    assert message(ArgumentError, SoundPreparation, 8000, 100, "log-mel") == (
        "audio_folder: the sounds are shorter than a window\n\n    samples  100\n    window   400"
    )
    assert message(ArgumentError, SoundPreparation, 8000, 100, "mp3") == (
        "audio_folder: unknown form\n\n    given     'mp3'\n"
        "    possible  waveform, spectrogram, log-mel"
    )


def test_sounds_that_are_too_short_to_transform():
    assert message(DataError, log_mel, np.ones(10), 8000) == (
        "short_time_fourier: x is shorter than a window\n\n    samples  10\n    window   400"
    )
    assert message(ArgumentError, resample, np.ones(10), 8000, 0) == (
        "resample: rates are at least 1\n\n    rate      8000\n    new_rate  0"
    )
