"""Principal components: values, invariances, signs, and data of every kind."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.decomposition import PCA, PrincipalComponents, pca
from chainrule.decomposition.leading import leading_eigenpairs
from chainrule.decomposition.rows import Centering, rows_of
from chainrule.decomposition.scatter import ScatterSum, moments
from chainrule.testing import assert_close, check_gradients

METHODS = ["covariance", "svd"]


def drawn(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Data with distinct variances, away from the origin."""
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.standard_normal((d, d)))[0]
    return (generator.standard_normal((n, d)) * np.linspace(3, 0.3, d)) @ turn + 7


def assert_same(left: PrincipalComponents, right: PrincipalComponents, rtol: float = 1e-9) -> None:
    for name in ("mean", "components", "explained_variance", "explained_variance_ratio"):
        assert_close(getattr(left, name), getattr(right, name), rtol=rtol, atol=1e-9)


def test_the_first_component_of_a_line_is_the_line() -> None:
    t = np.linspace(-1, 1, 5)
    found = pca(np.stack([3 * t + 1, 4 * t + 2], 1), 1)
    assert_close(found.components, np.array([[0.6, 0.8]]))
    assert_close(found.mean, np.array([1.0, 2.0]))
    assert_close(found.explained_variance_ratio, np.array([1.0]))
    assert_close(found.explained_variance, np.array([25 * t.var(ddof=1)]))


@pytest.mark.parametrize(("n", "d"), [(50, 7), (400, 300), (9, 30), (300, 500)])
@pytest.mark.parametrize("method", METHODS)
def test_variances_and_components_are_those_of_the_definition(n: int, d: int, method: str) -> None:
    x = drawn(n, d)
    found = pca(x, 4, method=method)  # type: ignore[arg-type]
    values, vectors = np.linalg.eigh(np.cov(x.T))
    assert_close(found.explained_variance, values[::-1][:4], rtol=1e-9)
    assert_close(found.explained_variance_ratio, values[::-1][:4] / values.sum(), rtol=1e-9)
    assert_close(found.singular_values, np.sqrt(values[::-1][:4] * (n - 1)), rtol=1e-9)
    overlap = np.abs(np.sum(found.components.numpy() * vectors[:, ::-1][:, :4].T, axis=1))
    assert_close(overlap, np.ones(4), rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_the_largest_element_of_each_component_is_positive(method: str) -> None:
    components = pca(drawn(40, 6), method=method).components.numpy()  # type: ignore[arg-type]
    assert (components[np.arange(6), np.abs(components).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("size", [(400, 300), (20, 60)])
def test_the_randomized_way_gives_the_same_where_the_spectrum_falls(size: tuple[int, int]) -> None:
    n, d = size
    generator = np.random.default_rng(0)
    left = np.linalg.qr(generator.standard_normal((n, min(n, d))))[0]
    right = np.linalg.qr(generator.standard_normal((d, min(n, d))))[0]
    x = (left * 0.6 ** np.arange(min(n, d))) @ right.T
    assert_same(pca(x, 5, method="randomized"), pca(x, 5, method="svd"), rtol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_more_passes_a_better_result() -> None:
    x = drawn(500, 40)
    first, again = (pca(x, 5, method="randomized", seed=3) for _ in range(2))
    assert first.components.tolist() == again.components.tolist()
    exact = pca(x, 5).explained_variance.numpy().sum()
    lost = [
        exact - pca(x, 5, method="randomized", passes=p).explained_variance.numpy().sum()
        for p in (1, 2, 6)
    ]
    assert lost[0] > lost[1] > lost[2] > -1e-9


@given(st.integers(0, 1000), st.floats(-100, 100), st.floats(0.1, 10))
@settings(max_examples=20)
def test_shifting_turning_scaling_and_reordering_do_what_they_should(
    seed: int, shift: float, scale: float
) -> None:
    x = drawn(30, 5, seed)
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.standard_normal((5, 5)))[0]
    found = pca(x, 3)
    assert_close(pca(x + shift, 3).explained_variance, found.explained_variance, rtol=1e-8)
    assert_close(pca(x @ turn, 3).explained_variance, found.explained_variance, rtol=1e-8)
    assert_close(
        pca(scale * x, 3).explained_variance, scale**2 * found.explained_variance, rtol=1e-8
    )
    mixed = pca(generator.permutation(x), 3)
    assert_close(mixed.components, found.components, rtol=1e-6, atol=1e-6)


@given(st.integers(0, 1000), st.booleans())
@settings(max_examples=20)
def test_coordinates_are_uncorrelated_and_all_of_them_give_the_data_back(
    seed: int, whiten: bool
) -> None:
    x = drawn(30, 5, seed)
    found = pca(x, whiten=whiten)
    z = found.transform(x)
    wanted = np.eye(5) if whiten else np.diag(found.explained_variance.numpy())
    assert_close(np.cov(z.numpy().T), wanted, atol=1e-9)
    assert_close(found.inverse(z), x, rtol=1e-9)
    assert_close(found.components @ found.components.T, np.eye(5), atol=1e-12)


def test_what_fewer_components_lose_is_the_variance_of_the_others() -> None:
    x = drawn(50, 6)
    every, some = pca(x), pca(x, 2)
    rest = x - some.inverse(some.transform(x)).numpy()
    lost = (rest**2).sum() / 49
    assert_close(lost, np.asarray(every.explained_variance.numpy()[2:].sum()))


def test_a_fraction_takes_as_many_components_as_explain_it() -> None:
    x = drawn(2000, 400)
    ratios = pca(x).explained_variance_ratio.numpy().cumsum()
    for fraction in (0.01, 0.5, 0.9, 0.999):
        found = pca(x, fraction).explained_variance_ratio.numpy()
        assert len(found) == np.argmax(ratios >= fraction) + 1


def test_components_without_variance_are_left_out() -> None:
    x = drawn(50, 3) @ np.ones((3, 6)) + drawn(50, 6)[:, :1]
    x = np.stack([x[:, 0], 2 * x[:, 0], x[:, 1] ** 2], 1)
    assert pca(x).components.shape == (2, 3)
    assert pca(drawn(4, 9)).components.shape == (3, 9)


def test_a_repeated_eigenvalue_is_found_as_often_as_it_occurs() -> None:
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.standard_normal((400, 400)))[0]
    spectrum = np.repeat([4.0, 3.0, 2.0, 1.0], [6, 3, 2, 389])
    matrix = np.asfortranarray((turn * spectrum) @ turn.T)
    values, vectors = leading_eigenpairs(matrix, 11)
    assert_close(values, spectrum[:11])
    assert_close(matrix @ vectors, vectors * values, atol=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "int16", "float32", "float16"])
def test_narrow_numbers_give_what_float64_gives(dtype: str) -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 2 if dtype == "bool" else 100, (3000, 130)).astype(dtype)
    x[:, 1] = x[:, 0]
    found, exact = pca(x, 5), pca(x.astype(float), 5, method="covariance")
    floats = dtype.startswith("float")
    assert found.components.dtype.name == ("float32" if floats else "float64")
    assert_close(found.explained_variance, exact.explained_variance, rtol=1e-5 if floats else 1e-11)
    assert_close(found.transform(x)[:9], exact.transform(x.astype(float))[:9], atol=0.1)


def test_the_scatter_of_bytes_is_exact() -> None:
    generator = np.random.default_rng(0)
    x = np.where(generator.random((9000, 9)) < 0.5, 0, 255).astype(np.uint8)  # the largest products
    wide = x.astype(np.int64)
    rows = rows_of("pca", x)
    centering, total = Centering(rows), ScatterSum(rows)
    for chunk in centering.chunks():
        total.add(chunk)
    shifted = wide - centering.shift.astype(np.int64)
    np.testing.assert_array_equal(np.tril(total.total()), np.tril(shifted.T @ shifted))
    np.testing.assert_allclose(np.diag(moments(rows).scatter), x.var(0) * len(x), rtol=1e-12)


def test_a_mapped_file_is_read_in_chunks_and_gives_the_same(tmp_path: Path) -> None:
    x = drawn(5000, 30)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert_same(pca(mapped, 4), pca(x, 4))
    assert_same(pca(mapped, 4, method="randomized"), pca(x, 4, method="randomized"))
    assert_close(pca(mapped, 4).transform(mapped), pca(x, 4).transform(x))


@pytest.mark.parametrize("method", ["covariance", "randomized"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, method: str) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak memory of a process is read from /proc")
    path = tmp_path / "sparse.bin"
    x = np.memmap(path, np.float32, "w+", shape=(400_000, 256))  # 400 MB of holes on disk
    x[::1000] = np.random.default_rng(0).standard_normal((400, 256))
    x.flush()
    del x
    program = f"""
import numpy as np
from chainrule.decomposition import pca
x = np.memmap({str(path)!r}, np.float32, "r", shape=(400_000, 256))
pca(x[:2000], 1, method={method!r})
def peak():  # a process inherits the ru_maxrss of its parent, but not this
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
before = peak()
pca(x, 3, method={method!r})
print(peak() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 60_000  # kilobytes


def test_whatever_has_slices_of_rows_is_accepted() -> None:
    class Lazy:
        def __init__(self, x: np.ndarray) -> None:
            self.x, self.shape, self.dtype = x, x.shape, x.dtype

        def __getitem__(self, rows: slice) -> np.ndarray:
            return self.x[rows]

    x = drawn(3000, 9)
    assert_same(pca(Lazy(x), 3), pca(x, 3))
    assert_same(pca(cr.tensor(x), 3), pca(x, 3))
    assert_same(pca(x.tolist(), 3), pca(x, 3))


def test_a_dask_array_is_read_block_by_block() -> None:
    dask = pytest.importorskip("dask.array")
    x = drawn(3000, 9)
    lazy = dask.from_array(x, chunks=(1700, 9))
    assert_same(pca(lazy, 3), pca(x, 3))
    assert_close(pca(lazy, 3).transform(lazy), pca(x, 3).transform(x))


def test_coordinates_have_derivatives() -> None:
    found = pca(drawn(20, 4), 2, whiten=True)
    check_gradients(lambda x: found.inverse(found.transform(x)), drawn(3, 4), tolerance=1e-6)
    assert_close(found.transform(drawn(3, 4)), found.transform(cr.tensor(drawn(3, 4))))
    assert found.transform(cr.tensor(drawn(3, 4)[0])).shape == (2,)


def test_the_estimator_gives_what_the_function_gives() -> None:
    x = drawn(50, 6)
    model, found = PCA(3, whiten=True).fit(x), pca(x, 3, whiten=True)
    assert_close(model.components_, found.components)
    assert_close(model.transform(x), found.transform(x))
    assert_close(model.inverse_transform(model.transform(x)), found.inverse(found.transform(x)))
    assert model.get_feature_names_out().tolist() == ["pca0", "pca1", "pca2"]
    assert repr(model) == "PCA(n_components=3, whiten=True)"
    assert PCA(**model.get_params()).set_params(whiten=False).get_params()["n_components"] == 3
