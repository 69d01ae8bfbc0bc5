"""Sounds by their frequencies: short-time Fourier transform, spectrogram, mel scale."""

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.order import require_integer
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError, DataError

__all__ = ["log_mel", "mel_filters", "resample", "short_time_fourier", "spectrogram"]

_LEAST = 1e-10  # what a logarithm is taken of at the least: −100 dB


def short_time_fourier(x: Array, window: int = 400, hop: int = 160) -> Array:
    """Transform pieces of a sound, `window` samples long and `hop` apart: frequencies by times.

    X_km = Σₜ x_{m·hop + t} wₜ exp(−2πi k t / window)   with wₜ = ½ (1 − cos(2π t / window))

    k runs from 0 to ⌊window/2⌋; frequency k is k/window of the rate. What does not fill a last
    piece is left out.

    Shapes:  x: ... t   →   ... 3 ⌊(t−4)/2⌋+1   for window=4, hop=2
    Raises:  DataError: x is shorter than a window.  ArgumentError: a length below 1.
    Cost:    2.5·window·log₂(window) operations for each piece, by the fast Fourier transform.
    Source:  allen1977unified, eq. 1

    >>> abs(short_time_fourier(np.ones(8), window=4, hop=4))
    array([[2., 2.],
           [1., 1.],
           [0., 0.]])
    """
    require_integer("short_time_fourier", "window", window, 1)
    require_integer("short_time_fourier", "hop", hop, 1)
    x = np.asarray(x)
    if not x.ndim or x.shape[-1] < window:
        details = {"samples": x.shape[-1] if x.ndim else "none", "window": window}
        raise DataError(explanation("short_time_fourier: x is shorter than a window", details))
    pieces = np.lib.stride_tricks.sliding_window_view(x, window, axis=-1)[..., ::hop, :]
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    found = np.fft.rfft(pieces * weights.astype(x.dtype if x.dtype.kind == "f" else np.float64))
    return np.swapaxes(found, -1, -2)


def spectrogram(x: Array, window: int = 400, hop: int = 160) -> Array:
    """Give the power of each frequency over time.

    P_km = |X_km|²   with X = short_time_fourier(x)

    Shapes:  x: ... t   →   ... 3 ⌊(t−4)/2⌋+1   for window=4, hop=2
    Units:   the square of x's unit.
    Raises:  DataError: x is shorter than a window.

    >>> spectrogram(np.ones(4), window=4, hop=4).tolist()
    [[4.0], [1.0], [0.0]]
    """
    found = short_time_fourier(x, window, hop)
    return np.asarray(found.real**2 + found.imag**2)


def log_mel(x: Array, rate: int, window: int = 400, hop: int = 160, mels: int = 80) -> Array:
    """Give the logarithm of a spectrogram whose frequencies are as far apart as they sound.

    Y = log max(F P, 10⁻¹⁰)   with P = spectrogram(x), F = mel_filters(rate, window, mels)

    Shapes:  x: ... t   →   ... 2 ⌊(t−4)/2⌋+1   for window=4, hop=2, mels=2, rate=8
    Raises:  DataError: x is shorter than a window.
    Source:  davis1980comparison

    >>> log_mel(np.cos(np.arange(16) / 2), rate=16, window=8, hop=4, mels=2).shape
    (2, 3)
    """
    power = spectrogram(x, window, hop)
    filters = mel_filters(rate, window, mels).astype(power.dtype)
    return np.asarray(np.log(np.maximum(filters @ power, power.dtype.type(_LEAST))))


def mel_filters(rate: int, window: int = 400, mels: int = 80) -> Array:
    """Give overlapping triangles on the frequency axis, evenly spaced in mel.

    F_jk = max(0, min((f_k − e_j)/(e_{j+1} − e_j), (e_{j+2} − f_k)/(e_{j+2} − e_{j+1})))

    f_k = k·rate/window; e_0 … e_{mels+1} are evenly spaced from 0 to rate/2 on the scale
    mel(f) = 2595 log₁₀(1 + f/700).

    Raises:  ArgumentError: a length below 1.
    Source:  davis1980comparison

    >>> mel_filters(rate=8, window=8, mels=2).round(2)
    array([[0.  , 0.75, 0.5 , 0.  , 0.  ],
           [0.  , 0.  , 0.5 , 0.75, 0.  ]])
    """
    for name, value in (("rate", rate), ("window", window), ("mels", mels)):
        require_integer("mel_filters", name, value, 1)
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, mels + 2) / 2595) - 1)
    frequencies = np.arange(window // 2 + 1) * rate / window
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def resample(x: Array, rate: int, new_rate: int) -> Array:
    """Give a sound at another rate, by straight lines between its samples.

    yⱼ = x(j·rate/new_rate) between the two samples there

    A lower rate cannot hold frequencies above its half, and this does not remove them first: they
    come back as lower ones. Resample with care what has much above.

    Shapes:  x: ... t   →   ... 2·t   for rate=1, new_rate=2
    Raises:  ArgumentError: a rate below 1.

    >>> resample(np.array([0.0, 2.0, 4.0, 6.0]), rate=2, new_rate=4)
    array([0., 1., 2., 3., 4., 5., 6., 6.])
    """
    for value in (rate, new_rate):
        if value < 1:
            details = {"rate": rate, "new_rate": new_rate}
            raise ArgumentError(explanation("resample: rates are at least 1", details))
    x = np.asarray(x)
    if rate == new_rate:
        return x
    count = max(1, x.shape[-1] * new_rate // rate)
    places = np.minimum(np.arange(count) * (rate / new_rate), x.shape[-1] - 1)
    left = np.minimum(places.astype(np.intp), max(0, x.shape[-1] - 2))
    share = (places - left).astype(x.dtype if x.dtype.kind == "f" else np.float64)
    right = np.minimum(left + 1, x.shape[-1] - 1)
    return np.asarray(x[..., left] * (1 - share) + x[..., right] * share)
