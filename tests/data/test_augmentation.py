"""Augmentation: the same as in NumPy, with draws that depend on seed, epoch and row alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import Dataset
from chainrule.data.augmentation import Color, Crop, Cutout, Flip, augment, keys_for, parse
from chainrule.testing import check_gradients

STEPS = (Flip(), Crop(2), Cutout(3), Color(0.3, 0.4, 0.5))
IMAGES = np.random.default_rng(0).normal(size=(40, 3, 7, 6))
ROWS = np.arange(40)


def changed(steps, images=IMAGES, rows=ROWS, seed=3, epoch=5):
    return augment(steps, keys_for(seed, epoch, rows), images).numpy()


def step_keys(count, rows=ROWS, seed=3, epoch=5):
    """The key that each example has in each step."""
    keys = cr.tensor(keys_for(seed, epoch, rows))
    return cr.vmap(lambda key: cr.random.split(key, count))(keys)


# ---------------------------------------------------------------- plain NumPy, given the draws


def flipped(step, key, image):
    width = step.axis == "width"
    mirrored = image[:, :, ::-1] if width else image[:, ::-1]
    return mirrored if float(cr.random.uniform(key)) < step.probability else image


def cropped(step, key, image):
    p, (_, height, width) = step.padding, image.shape
    a, b = cr.random.randint(key, (2,), -p, p + 1).numpy() + p
    mode = {"zeros": "constant"}.get(step.mode, step.mode)
    padded = np.pad(image, ((0, 0), (p, p), (p, p)), mode)
    return padded[:, a : a + height, b : b + width]


def cut(step, key, image):
    _, height, width = image.shape
    u, v = cr.random.uniform(key, (2,)).numpy()
    top, left = int(u * height) - step.size // 2, int(v * width) - step.size // 2
    result = image.copy()
    result[:, max(top, 0) : top + step.size, max(left, 0) : left + step.size] = step.fill
    return result


def colored(step, key, image):
    strengths = np.array([step.brightness, step.contrast, step.saturation])
    f1, f2, f3 = 1 + strengths * cr.random.uniform(key, (3,), -1.0, 1.0).numpy()
    weights = [0.299, 0.587, 0.114] if len(image) == 3 else [1 / len(image)] * len(image)
    black = np.reshape(step.black, (-1, 1, 1))
    y = black + f1 * (image - black)
    m = np.tensordot(weights, y, 1).mean()
    z = m + f2 * (y - m)
    g = np.tensordot(weights, z, 1)
    return g + f3 * (z - g)


TRANSCRIBED = [
    (Flip(), flipped),
    (Flip(0.3, axis="height"), flipped),
    (Crop(1), cropped),
    (Crop(5), cropped),
    (Crop(3, "edge"), cropped),
    (Crop(5, "reflect"), cropped),
    (Cutout(1), cut),
    (Cutout(4, fill=2.5), cut),
    (Cutout(20), cut),
    (Color(), colored),
    (Color(1, 1, 1), colored),
    (Color(0.5, 0, 0.1, black=-1.5), colored),
    (Color(0.2, 0.3, 0.4, black=(-1.0, 0.5, 2.0)), colored),
]


@pytest.mark.parametrize(
    ("step", "transcription"), TRANSCRIBED, ids=lambda x: getattr(x, "__name__", str(x))
)
def test_each_step_is_what_numpy_does_with_the_same_draws(step, transcription):
    keys = step_keys(1)
    expected = [transcription(step, keys[i, 0], image) for i, image in enumerate(IMAGES)]
    np.testing.assert_allclose(changed([step]), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_gray_is_the_mean_of_channels_that_are_not_red_green_and_blue(channels):
    images, step = np.random.default_rng(0).normal(size=(3, channels, 4, 5)), Color()
    keys = step_keys(1, range(3))
    expected = [colored(step, keys[i, 0], image) for i, image in enumerate(images)]
    np.testing.assert_allclose(changed([step], images, range(3)), expected, rtol=1e-12, atol=1e-14)


def test_steps_follow_one_another_each_with_its_own_key():
    keys = step_keys(2)
    first = cr.vmap(STEPS[0])(keys[:, 0], cr.tensor(IMAGES))
    second = cr.vmap(STEPS[1])(keys[:, 1], first)
    np.testing.assert_array_equal(changed(STEPS[:2]), second.numpy())


def test_no_steps_change_nothing():
    np.testing.assert_array_equal(changed([]), IMAGES)


# ---------------------------------------------------------------- what the draws depend on


@settings(max_examples=20)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=8), st.integers(0, 3), st.integers(0, 3))
def test_what_happens_to_an_image_does_not_depend_on_its_batch(rows, seed, epoch):
    whole = changed(STEPS, seed=seed, epoch=epoch)
    np.testing.assert_array_equal(changed(STEPS, IMAGES[rows], rows, seed, epoch), whole[rows])


def test_each_seed_epoch_and_row_has_a_key_of_its_own():
    keys = {
        tuple(key) for seed in range(5) for epoch in range(5) for key in keys_for(seed, epoch, ROWS)
    }
    assert len(keys) == 5 * 5 * 40
    assert (changed(STEPS, epoch=1) != changed(STEPS, epoch=2)).any()


def test_keys_are_the_same_on_every_machine():
    assert keys_for(1, 2, [3]).tolist() == [[17153386023422792189, 3]]


def test_compiled_and_eager_batches_are_equal_to_the_last_bit():
    images, keys = IMAGES.astype(np.float32), keys_for(0, 0, ROWS)
    compiled = cr.jit(lambda keys, images: augment(STEPS, keys, images))(keys, images)
    assert compiled.dtype is cr.float32
    np.testing.assert_array_equal(compiled.numpy(), augment(STEPS, keys, images).numpy())


def test_values_have_a_derivative():
    keys = keys_for(0, 0, range(2))
    check_gradients(lambda images: cr.sum(augment(STEPS, keys, images) ** 2), IMAGES[:2])


# ---------------------------------------------------------------- how the draws are distributed


def test_half_of_the_images_are_flipped():
    images = np.broadcast_to(np.array([0.0, 1.0]), (4000, 1, 1, 2))
    for probability in (0.5, 0.2):
        flips = changed([Flip(probability)], images, range(4000))[:, 0, 0, 0]
        deviation = np.sqrt(probability * (1 - probability) / 4000)
        assert abs(flips.mean() - probability) < 5 * deviation


def test_every_offset_of_a_crop_is_equally_likely():
    images = np.zeros((5000, 1, 5, 5))
    images[:, 0, 2, 2] = 1
    places = np.argmax(changed([Crop(2)], images, range(5000)).reshape(5000, 25), axis=1)
    assert abs(np.bincount(places, minlength=25) - 200).max() < 5 * np.sqrt(200)


def test_every_pixel_is_equally_likely_the_center_of_a_cut():
    images = np.ones((4000, 1, 4, 5))
    places = np.argmin(changed([Cutout(1)], images, range(4000)).reshape(4000, 20), axis=1)
    assert abs(np.bincount(places, minlength=20) - 200).max() < 5 * np.sqrt(200)


def test_the_factors_of_color_are_uniform_around_1():
    images = np.ones((4000, 1, 1, 1))
    factors = changed([Color(0.4, 0, 0)], images, range(4000)).ravel()
    counts, _ = np.histogram(factors, bins=20, range=(0.6, 1.4))
    assert counts.sum() == 4000
    assert abs(counts - 200).max() < 5 * np.sqrt(200)


def test_colors_change_likewise_whether_images_are_standardized_or_not():
    """Brightness pulls towards black, wherever that lies; a scale of its own changes nothing."""
    pixels = np.random.default_rng(0).uniform(size=(9, 3, 4, 4))
    data = Dataset(pixels, np.zeros(9), image_shape=(4, 4, 3), layout="CHW").standardize(per="all")
    scaled, steps = data.standardization, parse("color:0.3", data.black)
    plain = changed(parse("color:0.3"), pixels, range(9))
    standardized = changed(steps, (pixels - scaled.mean) / scaled.std, range(9))
    np.testing.assert_allclose(standardized * scaled.std + scaled.mean, plain, atol=1e-12)


def test_black_is_known_for_each_channel_in_either_layout():
    images = np.random.default_rng(0).uniform(size=(9, 2, 3, 4))
    data = Dataset(images, np.zeros(9), image_shape=(2, 3, 4)).standardize(per="channel")
    expected = -images.mean((0, 1, 2)) / images.std((0, 1, 2))
    np.testing.assert_allclose(data.black, expected)
    np.testing.assert_allclose(data.as_images("CHW").black, expected)
    np.testing.assert_allclose(data.flattened().black, expected)


# ---------------------------------------------------------------- text


def test_text_names_the_steps():
    steps = (Flip(), Crop(4), Cutout(8), Color(0.2, 0.2, 0.2))
    assert parse("flip,crop:4,cutout:8,color:0.2") == steps
    assert parse(" flip , crop,cutout, color ") == steps
    assert parse("") == parse(" , ") == ()
    assert parse("flip:0.25") == (Flip(0.25),)
