"""Data sets: files to arrays, one file per format, taken in batches.

>>> train, test = load("digits")
>>> inputs, targets = next(train.batches(32, seed=0))
>>> inputs.shape, inputs.dtype, targets.shape
((32, 64), dtype('float32'), (32,))
"""

from chainrule.data import augmentation
from chainrule.data.arrays import from_arrays
from chainrule.data.audio_folder import SoundPreparation, audio_folder
from chainrule.data.byte_pairs import BytePairs, byte_pairs
from chainrule.data.characters import characters
from chainrule.data.cifar import cifar10, cifar100
from chainrule.data.csv import csv, read_csv
from chainrule.data.dataset import Dataset
from chainrule.data.digits import digits
from chainrule.data.idx import fashion_mnist, mnist, read_idx
from chainrule.data.image_folder import image_folder
from chainrule.data.images import read_images
from chainrule.data.npz import npz
from chainrule.data.parquet import parquet, read_parquet
from chainrule.data.prefetch import prefetch
from chainrule.data.refit import refit
from chainrule.data.registry import load
from chainrule.data.spectrogram import (
    log_mel,
    mel_filters,
    resample,
    short_time_fourier,
    spectrogram,
)
from chainrule.data.standardization import Standardization
from chainrule.data.table import Table
from chainrule.data.table_encoding import TableEncoding
from chainrule.data.text_lines import LinePreparation, text_lines
from chainrule.data.vocabulary import Vocabulary
from chainrule.data.wav import read_wav
from chainrule.data.words import words

__all__ = [
    "BytePairs",
    "Dataset",
    "LinePreparation",
    "SoundPreparation",
    "Standardization",
    "Table",
    "TableEncoding",
    "Vocabulary",
    "audio_folder",
    "augmentation",
    "byte_pairs",
    "characters",
    "cifar10",
    "cifar100",
    "csv",
    "digits",
    "fashion_mnist",
    "from_arrays",
    "image_folder",
    "load",
    "log_mel",
    "mel_filters",
    "mnist",
    "npz",
    "parquet",
    "prefetch",
    "read_csv",
    "read_idx",
    "read_images",
    "read_parquet",
    "read_wav",
    "refit",
    "resample",
    "short_time_fourier",
    "spectrogram",
    "text_lines",
    "words",
]
