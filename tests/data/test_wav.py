"""WAV files beside the standard library's wave and SciPy, folders of them, and broken ones."""

import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import audio_folder, log_mel, read_wav, resample, spectrogram
from chainrule.errors import DataError
from tests.data.samples import fault_of

scipy_signal = pytest.importorskip("scipy.signal")
scipy_wavfile = pytest.importorskip("scipy.io.wavfile")


def wav_bytes(samples, rate=8000, *, code=1, bits=None, extra=b"", before=b""):
    """A WAV file of samples (frames, or frames by channels), as they lie in the file."""
    samples = np.asarray(samples)
    channels = samples.shape[1] if samples.ndim == 2 else 1
    bits = bits or 8 * samples.itemsize
    frame = channels * bits // 8
    kind = struct.pack("<HHIIHH", code, channels, rate, rate * frame, frame, bits) + extra
    data = samples.tobytes()
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
        for name, body in ((b"fmt ", kind), (b"data", data))
    )
    body = b"WAVE" + before + chunks
    return b"RIFF" + struct.pack("<I", len(body)) + body


def write(folder, data, name="a.wav"):
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_the_standard_library_writes_is_read(tmp_path, width, channels):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (50, channels, width), dtype=np.uint8)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((channels, width, 16000, 0, "NONE", ""))
        file.writeframes(raw.tobytes())
    samples, rate = read_wav(tmp_path / "a.wav")
    place = 256 ** np.arange(width)
    whole = (raw.astype(np.int64) * place).sum(axis=-1).T
    if width == 1:
        expected = (whole - 128) / 128
    else:
        half = 256**width // 2
        expected = (whole - 2 * half * (whole >= half)) / half
    assert rate == 16000
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, expected, rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32", "uint8"])
def test_what_scipy_writes_is_read(tmp_path, dtype):
    x = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    kind = np.dtype(dtype)
    stored = (
        x.astype(kind) if kind.kind == "f" else (x * 100 + 100 * (dtype == "uint8")).astype(kind)
    )
    scipy_wavfile.write(tmp_path / "a.wav", 44100, stored)
    samples, rate = read_wav(tmp_path / "a.wav")
    scale = {"int16": 2**15, "int32": 2**31, "uint8": 2**7}.get(dtype, 1)
    expected = (stored.astype(np.float64) - 128 * (dtype == "uint8")) / scale
    assert rate == 44100
    np.testing.assert_allclose(samples, expected.T, rtol=1e-6)


def test_chunks_that_are_not_known_and_the_extended_format_are_skipped(tmp_path):
    extra = struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    before = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    data = wav_bytes(np.array([1, -2], "<i2"), code=0xFFFE, extra=extra, before=before)
    assert read_wav(write(tmp_path, data))[0].tolist() == [[1 / 2**15, -2 / 2**15]]


GOOD = wav_bytes(np.arange(-8, 8, dtype="<i2"))
FLOATS = wav_bytes(np.linspace(-1, 1, 9, dtype="<f4"), code=3)


def test_every_truncation_is_named(tmp_path):
    for size in range(len(GOOD)):
        with pytest.raises(DataError) as caught:
            read_wav(write(tmp_path, GOOD[:size]))
        assert str(caught.value).startswith("wav: ")


@given(st.data())
def test_flipped_bits_are_read_or_named(tmp_path_factory, data):
    damaged = bytearray(data.draw(st.sampled_from([GOOD, FLOATS])))
    for place in data.draw(st.lists(st.integers(0, 8 * len(damaged) - 1), max_size=5)):
        damaged[place // 8] ^= 1 << place % 8
    damaged += data.draw(st.binary(max_size=4))
    path = write(tmp_path_factory.mktemp("wav"), bytes(damaged))
    fault = fault_of(DataError, lambda: read_wav(path))
    assert np.isfinite(read_wav(path)[0]).all() if fault is None else fault.startswith("wav: ")


def test_a_pitch_gives_the_same_transform_as_scipy():
    x = np.random.default_rng(0).standard_normal(2000)
    ours = cr.data.short_time_fourier(x, window=256, hop=64)
    _, _, theirs = scipy_signal.stft(
        x, window="hann", nperseg=256, noverlap=192, boundary=None, padded=False
    )
    np.testing.assert_allclose(ours, theirs * 128, atol=1e-10)  # SciPy divides by the sum of w
    direct = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(256)) / 256)
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    np.testing.assert_allclose(ours[:, 3], direct @ (x[192:448] * weights), atol=1e-10)


def test_single_precision_stays_single():
    x = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    assert spectrogram(x).dtype == log_mel(x, 16000).dtype == np.float32
    np.testing.assert_allclose(
        spectrogram(x), spectrogram(x.astype(np.float64)), rtol=1e-3, atol=1e-3
    )


def test_a_pure_tone_lies_in_its_band():
    x = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    assert spectrogram(x).mean(axis=1).argmax() == 1000 * 400 / 16000
    filters = cr.data.mel_filters(16000, 400, 40)
    assert log_mel(x, 16000, mels=40).mean(axis=1).argmax() == filters[:, 25].argmax()
    assert (filters >= 0).all()
    assert filters.max() <= 1


def test_resampling_keeps_a_slow_wave():
    seconds = np.arange(800) / 8000
    x = np.sin(2 * np.pi * 50 * seconds)
    up = resample(x, 8000, 16000)
    assert len(up) == 1600
    np.testing.assert_allclose(up[:-2], np.sin(2 * np.pi * 50 * np.arange(1598) / 16000), atol=1e-3)
    np.testing.assert_array_equal(resample(x, 8000, 8000), x)
    assert resample(np.ones(1), 2, 5).tolist() == [1, 1]


def tones(root, rates=(8000, 8000)):
    """Low and high tones, three of each, of different lengths and in two channels."""
    for name, pitch, rate in zip(("high", "low"), (2000, 300), rates, strict=True):
        (root / name).mkdir(parents=True)
        for k in range(8):
            t = np.arange(rate // 10 + 100 * k) / rate
            x = 9000 * np.sin(2 * np.pi * (pitch + 20 * k) * t)
            data = wav_bytes(np.stack([x, 0 * x], axis=1).astype("<i2"), rate)
            write(root / name, data, f"{k}.wav")
    (root / "low" / "notes.txt").write_text("not a sound")
    (root / "low" / ".hidden.wav").write_bytes(b"")
    return root


def test_a_folder_of_sounds_is_a_data_set(tmp_path):
    root = tones(tmp_path / "tones")
    data = audio_folder(root)
    assert data.classes == ("high", "low")
    assert data.shape == (1, 1500)
    inputs, targets = data.gather([8, 0])
    assert targets.tolist() == [1, 0]
    stereo, _ = read_wav(root / "low" / "0.wav")
    np.testing.assert_allclose(inputs[0, 0, :800], stereo.mean(axis=0), atol=1e-6)
    assert (inputs[0, 0, 800:] == 0).all()
    assert audio_folder(root, seconds=0.05).shape == (1, 400)
    assert data.name == "tones"
    assert data.preparation["rate"] == 8000


def test_sounds_of_two_rates_need_one(tmp_path):
    root = tones(tmp_path / "tones", rates=(8000, 16000))
    with pytest.raises(DataError, match="different rates"):
        audio_folder(root)
    data = audio_folder(root, seconds=0.1, rate=8000)
    assert data.shape == (1, 800)
    known = cr.data.SoundPreparation(**{k: v for k, v in data.preparation.items() if k != "kind"})
    assert known.shape == (1, 800)


def test_tones_are_told_apart_by_their_frequencies(tmp_path):
    root, pieces = tones(tmp_path / "tones"), {"window": 128, "hop": 64}
    assert audio_folder(root, 0.1, form="spectrogram", **pieces).shape == (1, 65, 11)
    data = audio_folder(root, 0.1, form="log-mel", mels=20, **pieces)
    assert data.shape == (1, 20, 11)
    train, test = data.flattened().split(0.5, seed=0)
    train = train.standardize(per="all")
    with cr.nn.seed(0):
        model = cr.nn.Linear(20 * 11, 2, weight_init=cr.nn.initialization.zeros())
    fitted = cr.fit(model, train, epochs=20, batch=8)
    assert cr.train.evaluate(fitted.model, test.standardize(by=train)).accuracy == 1
