"""Readers of tables, texts and sounds: whatever bytes they meet, they read or raise DataError."""

import io
import warnings
import wave

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chainrule.data import characters, csv, parquet, read_csv, read_wav, text_lines
from chainrule.errors import ChainruleError, DataError
from tests.data.fuzzing import MEBIBYTE, damaged, read_quietly


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


TABLES = [
    b"a,b,kind\n1,x,u\n2.5,y,v\n-3e2,x,u\n",
    b'"a;1";b\r\n"1 ""2""\nx";3\r\n"";4\r\n',
    b"\xef\xbb\xbfn\tm\n1\tnan\n2\t\n",
    "größe|name\n1|ä\n2|∞\n".encode(),
    b"1,2\n3,4\n",
]
PIECES = [b",", b";", b"\t", b'"', b"\n", b"\r", b"\0", b"\xff", b"1", b"1e999", b"nan", b"a", b" "]
tables = st.one_of(
    damaged(TABLES),
    st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join),
    st.binary(max_size=200),
)


@given(tables, st.sampled_from([None, 0, -1, "kind"]))
@example(b'"' + b"a" * 200_000, None)
@example(b"," * 4000, -1)
@example(b"a\n" + b"9" * 5000 + b"\n", None)
@example(b"\n" * 100_000, None)
def test_the_reader_of_tables_raises_only_our_errors(folder, data, label):
    (folder / "a.csv").write_bytes(data)

    def read(path):
        found = csv(path, label, missing="drop")
        assert len(found.inputs[:]) == len(found)

    # A column that is asked for and not there is a mistake in the argument, not in the data.
    read_quietly(read, folder / "a.csv", ChainruleError, 64 * MEBIBYTE)
    if label is None:
        read_quietly(read_csv, folder / "a.csv", DataError, 64 * MEBIBYTE)


@given(tables, st.sampled_from(["utf-8", "latin-1", "utf-16"]))
def test_the_readers_of_texts_raise_only_data_errors(folder, data, encoding):
    (folder / "a.txt").write_bytes(data)
    read_quietly(lambda path: characters(path, 4, encoding=encoding), folder / "a.txt",
                 DataError, 16 * MEBIBYTE)  # fmt: skip
    (folder / "lines.csv").write_bytes(data)
    read_quietly(lambda path: text_lines(path, label="kind", text="a", encoding=encoding),
                 folder / "lines.csv", ChainruleError, 16 * MEBIBYTE)  # fmt: skip


def sound(width, channels):
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((channels, width, 8000, 0, "NONE", ""))
        written.writeframes(bytes(range(12 * width * channels)))
    return file.getvalue()


SOUNDS = [sound(1, 1), sound(2, 2), sound(3, 1), sound(4, 2)]


@given(st.one_of(damaged(SOUNDS), st.binary(max_size=200)))
@example(b"RIFF\xff\xff\xff\xffWAVE" + b"abcd\0\0\0\0" * 20_000)
@example(SOUNDS[0].replace(b"data\x0c\0\0\0", b"data\xf0\xff\xff\x7f"))
def test_the_reader_of_sounds_raises_only_data_errors(folder, data):
    (folder / "a.wav").write_bytes(data)
    with warnings.catch_warnings():  # NumPy warns of floating-point samples that are no numbers
        warnings.simplefilter("ignore", RuntimeWarning)
        read_quietly(read_wav, folder / "a.wav")


@pytest.mark.parametrize("file", SOUNDS, ids=["8 bits", "16 bits", "24 bits", "32 bits"])
def test_the_reader_of_sounds_meets_every_truncation(folder, file):
    for size in range(len(file)):
        (folder / "a.wav").write_bytes(file[:size])
        with pytest.raises(DataError):
            read_wav(folder / "a.wav")


def parquet_bytes(**options):
    arrow, format_ = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"n": [1, 2, None, 4] * 20, "x": np.arange(80.0), "kind": ["a", "b", "a", "c"] * 20}
    file = io.BytesIO()
    format_.write_table(arrow.table(columns), file, **options)
    return file.getvalue()


FORMS = [{}, {"compression": "zstd"}, {"compression": "none", "use_dictionary": False}]


@given(st.data())
def test_the_reader_of_parquet_raises_only_our_errors(folder, data):
    arrow = pytest.importorskip("pyarrow")
    files = [parquet_bytes(**form) for form in FORMS]
    (folder / "a.parquet").write_bytes(data.draw(damaged(files) | st.binary(max_size=200)))
    pool = arrow.proxy_memory_pool(arrow.default_memory_pool())
    before = arrow.default_memory_pool()
    arrow.set_memory_pool(pool)
    try:
        read_quietly(lambda path: parquet(path, "kind", missing="drop"), folder / "a.parquet",
                     ChainruleError, 16 * MEBIBYTE)  # fmt: skip
    finally:
        arrow.set_memory_pool(before)
    assert (pool.max_memory() or 0) < 256 * MEBIBYTE


@pytest.mark.parametrize("form", FORMS, ids=["usual", "zstd", "plain"])
def test_the_reader_of_parquet_meets_truncations(folder, form):
    file = parquet_bytes(**form)
    for size in [*range(0, len(file), 37), *range(len(file) - 12, len(file))]:
        (folder / "a.parquet").write_bytes(file[:size])
        with pytest.raises(DataError):
            parquet(folder / "a.parquet", "kind", missing="drop")
