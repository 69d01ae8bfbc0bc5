"""Texts as characters, byte pairs, and labeled lines of words."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import (
    BytePairs,
    LinePreparation,
    Vocabulary,
    byte_pairs,
    characters,
    load,
    refit,
    text_lines,
    words,
)
from chainrule.data.text_file import text_pieces
from chainrule.errors import DataError
from tests.data.samples import fault_of, real


def write(folder, text, name="t.txt"):
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder / name


def test_windows_are_views_and_targets_are_shifted_by_one(tmp_path):
    text = "".join("abcdefghij"[i % 10] for i in range(100))
    train, test = characters(write(tmp_path, text), context=5)
    assert (len(train), len(test)) == (85, 1)
    assert train.classes == tuple("abcdefghij")
    inputs, targets = next(train.batches(8, seed=0))
    assert inputs.dtype == targets.dtype == np.int64
    np.testing.assert_array_equal((inputs + 1) % 10, targets)
    part = train.take(np.arange(80))
    assert np.lib.array_utils.byte_bounds(np.asarray(train.inputs))[1] > 0
    assert not isinstance(part.inputs, np.ndarray)  # no copy of each window


def test_windows_may_be_further_apart_and_those_to_test_on_do_not_overlap(tmp_path):
    path = write(tmp_path, "0123456789" * 6)
    train, test = characters(path, context=4, fraction=0.5, stride=3)
    assert [row[0] for row in train.inputs.tolist()] == [(3 * k) % 10 for k in range(9)]
    assert np.asarray(test.inputs)[:, 0].tolist() == [0, 4, 8, 2, 6, 0, 4]


def test_line_ends_stay_and_signs_beyond_ascii_count_once(tmp_path):
    text = "\r\n\ufeffé😀x" * 10
    train, _ = characters(write(tmp_path, text.encode()), context=2)
    assert train.classes == ("\n", "\r", "x", "é", "\ufeff", "😀")


@given(text=st.text(max_size=50), size=st.integers(1, 7))
def test_pieces_join_to_the_text_wherever_they_are_cut(tmp_path_factory, text, size):
    path = write(tmp_path_factory.mktemp("pieces"), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainrule.data.text_file._PIECE", size)
        assert "".join(text_pieces("text", path)) == text.removeprefix("\ufeff")


@given(good=st.text(max_size=9), bad=st.binary(min_size=1, max_size=5), size=st.integers(1, 7))
def test_what_is_not_text_is_found_at_its_offset(tmp_path_factory, good, bad, size):
    data = good.encode() + bad
    path = write(tmp_path_factory.mktemp("broken"), data)
    try:
        data.decode()
        expected = None
    except UnicodeDecodeError as error:
        expected = error.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainrule.data.text_file._PIECE", size)
        fault = fault_of(DataError, lambda: "".join(text_pieces("text", path)))
    assert (fault is None) == (expected is None)
    assert fault is None or f"offset    {expected}\n" in fault


def test_tinyshakespeare_has_65_characters():
    train, test = characters(real("text", "tinyshakespeare.txt"))
    assert len(train.classes) == 65
    # 1,115,394 characters: those of nanoGPT's two parts
    assert len(train) == 1_003_854 - 64
    assert len(test) == (111_540 - 1) // 64


def test_byte_pairs_give_back_the_text(tmp_path):
    pytest.importorskip("tokenizers")
    text = "so long lives this, and this gives life to thee\n" * 40
    train, test = byte_pairs(write(tmp_path, text), context=8, size=300)
    assert len(train.classes) <= 300
    pairs = BytePairs(train.preparation["tokenizer"])
    assert (
        pairs.decode(train.inputs[0].tolist())
        == text[: len(pairs.decode(train.inputs[0].tolist()))]
    )
    for line in ("so it goes", "Übermut 😀\r\n", ""):
        assert pairs.decode(pairs.encode(line)) == line
    assert json.loads(json.dumps(train.preparation)) == train.preparation
    assert test.preparation == train.preparation


def reviews(folder):
    write(folder, "a good film\n\na fine , fine film\n", "film.pos")
    write(folder, "a bad film\nDULL\n", "film.neg")
    return folder


def test_lines_of_two_files_become_tokens(tmp_path):
    data = text_lines(reviews(tmp_path))
    assert data.classes == ("neg", "pos")
    assert data.targets.tolist() == [0, 0, 1, 1]
    assert data.name == tmp_path.name
    known = data.preparation["vocabulary"]
    assert known == ["<padding>", "<unknown>", "a", "film", "fine", ",", "bad", "dull", "good"]
    assert data.inputs[:].tolist() == [
        [2, 6, 3, 0, 0], [7, 0, 0, 0, 0], [2, 8, 3, 0, 0], [2, 4, 5, 4, 3]
    ]  # fmt: skip
    inputs, _ = next(data.batches(4))
    assert inputs.dtype == np.int32


def test_a_mapping_and_a_table_give_the_same_lines(tmp_path):
    folder = reviews(tmp_path)
    first = text_lines({"neg": folder / "film.neg", "pos": folder / "film.pos"})
    rows = 'label,text\nneg,a bad film\nneg,DULL\npos,a good film\npos,"a fine , fine film"\n'
    second = text_lines(write(tmp_path, rows, "films.csv"))
    assert first.preparation == second.preparation
    np.testing.assert_array_equal(first.inputs[:], second.inputs[:])
    np.testing.assert_array_equal(first.targets, second.targets)
    assert first.name == "film"


def test_bags_count_words_and_pairs(tmp_path):
    data = text_lines(reviews(tmp_path), form="bag", ngrams=2, min_count=2)
    assert data.preparation["vocabulary"] == ["<padding>", "<unknown>", "a", "film", "fine"]
    bags = data.inputs[:]
    assert bags.dtype == np.float32
    assert bags[3].tolist() == [0, 5, 1, 1, 2]  # "," and four pairs are unknown


def test_the_vocabulary_is_that_of_the_training_part_after_refit(tmp_path):
    whole = text_lines(reviews(tmp_path))
    train, test = refit(whole.take([0, 2]), whole.take([1, 3]))
    assert train.preparation["vocabulary"][2:] == ["a", "film", "bad", "good"]
    assert train.shape == test.shape == (3,)
    assert test.inputs[:].tolist() == [[1, 0, 0], [2, 1, 1]]
    fixed = text_lines(tmp_path, length=2)
    assert refit(fixed.take([0]), fixed)[1].shape == (2,)


def test_a_preparation_survives_json_and_prepares_new_lines(tmp_path):
    data = text_lines(reviews(tmp_path), ngrams=2, length=6)
    known = LinePreparation.from_json(json.loads(json.dumps(data.preparation)))
    new = known(["a good film", "unheard of"])
    np.testing.assert_array_equal(new[0], data.inputs[2])
    assert new[1].tolist() == [1, 1, 1, 0, 0, 0]


def test_words_are_split_at_signs_and_keep_their_apostrophes():
    assert words("It's Über-good: 3.5!") == ["it's", "über", "-", "good", ":", "3", ".", "5", "!"]
    assert words("Ab", lower=False) == ["Ab"]
    assert words("a b c", ngrams=3) == ["a", "b", "c", "a b", "b c", "a b c"]


@given(st.lists(st.text(max_size=5), unique=True, min_size=1), st.data())
def test_a_vocabulary_decodes_what_it_encodes(tokens, data):
    known = Vocabulary(tuple(tokens))
    text = data.draw(st.lists(st.sampled_from(tokens)))
    assert known.decode(known.encode(text)) == text
    assert Vocabulary.from_json(json.loads(json.dumps(known.to_json()))) == known


def test_real_reviews_are_all_read():
    files = {sign: real("text", f"rt-polarity.{sign}") for sign in ("neg", "pos")}
    data = text_lines(files)
    assert len(data) == 10_662
    assert np.bincount(data.targets).tolist() == [5331, 5331]
    assert data.preparation["vocabulary"][2:6] == [".", "the", ",", "a"]


def test_sentences_are_learned_from_embeddings(tmp_path):
    rng = np.random.default_rng(0)
    plain = ["film", "story", "the", "a", "plot", "is"]
    for sign, telling in (("pos", ["good", "fine"]), ("neg", ["bad", "dull"])):
        lines = [" ".join([*rng.permutation(plain)[:3], rng.choice(telling)]) for _ in range(40)]
        write(tmp_path, "\n".join(lines), f"film.{sign}")
    train, test = refit(*text_lines(tmp_path).split(0.5, seed=0))

    class Mean(cr.nn.Module):
        embedding: cr.nn.Embedding
        scores: cr.nn.Linear

        def __call__(self, tokens):
            return self.scores(cr.mean(self.embedding(tokens), axis=1))

    with cr.nn.seed(0):
        size = len(train.preparation["vocabulary"])
        model = Mean(cr.nn.Embedding(size, 4, padding=0), cr.nn.Linear(4, 2))
    fitted = cr.fit(model, train, optimizer=cr.optim.Adam(0.1), epochs=15, batch=8)
    assert cr.train.evaluate(fitted.model, test).accuracy == 1


def test_a_text_is_loaded_by_its_ending(tmp_path):
    train, test = load(write(tmp_path, "to be or not to be " * 50))
    assert train.preparation["kind"] == "characters"
    assert test.shape == (64,)
