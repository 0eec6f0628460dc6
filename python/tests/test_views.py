"""Views, indexing, look-ups and joins against NumPy."""

from __future__ import annotations

import random

import pytest

import tensorgrad as tg

np = pytest.importorskip("numpy")

A = np.arange(24.0).reshape(2, 3, 4)


def same(x, expected):
    np.testing.assert_array_equal(x.numpy(), expected)


def test_shapes():
    x = tg.tensor(A)
    same(x.reshape(4, 6), A.reshape(4, 6))
    same(x.reshape((-1, 2)), A.reshape(-1, 2))
    same(tg.reshape(x, (3, 8)), A.reshape(3, 8))
    assert x.view(24).data_ptr() == x.data_ptr()
    same(x.flatten(), A.ravel())
    same(tg.flatten(x, 1), A.reshape(2, 12))
    same(x.permute(2, 0, 1), A.transpose(2, 0, 1))
    same(tg.permute(x, (1, 0, 2)), A.transpose(1, 0, 2))
    same(x.transpose(0, -1), A.swapaxes(0, 2))
    same(tg.transpose(x, 0, 1), A.swapaxes(0, 1))
    same(x.T, A.T)
    same(x.mT, A.swapaxes(1, 2))
    same(x[0].t(), A[0].T)
    same(tg.t(x[0, 0]), A[0, 0])
    same(x[:, :1].expand(2, 3, 4), np.broadcast_to(A[:, :1], (2, 3, 4)))
    same(x.expand(5, -1, -1, -1), np.broadcast_to(A, (5, 2, 3, 4)))
    same(x[:1].expand_as(x), np.broadcast_to(A[:1], A.shape))
    y = x.reshape(2, 1, 3, 1, 4, 1)
    assert y.squeeze().shape == (2, 3, 4)
    assert y.squeeze(1).shape == tg.squeeze(y, 1).shape == (2, 3, 1, 4, 1)
    assert y.squeeze((1, -1, 0)).shape == (2, 3, 1, 4)
    assert y.squeeze(()).shape == y.shape
    assert x.unsqueeze(-1).shape == tg.unsqueeze(x, 3).shape == (2, 3, 4, 1)
    assert x.permute(0, 1, 2).contiguous().data_ptr() == x.data_ptr()
    assert x.t is not None
    with pytest.raises(ValueError, match="at most 2 dims"):
        x.t()
    with pytest.raises(ValueError):
        x.reshape(5, 5)
    with pytest.raises(ValueError):
        x.transpose(0, 1).view(24)


INDEXES = [
    0,
    -1,
    slice(None),
    slice(1, None),
    slice(None, -1),
    slice(-2, None),
    slice(None, None, 2),
    slice(5, 9),
    slice(2, 1),
    slice(-100, 100),
    slice(-(10**30), 10**30, 10**30),
    ...,
    None,
    (0, 1, 2),
    (slice(None), 1),
    (..., 0),
    (0, ..., None),
    (None, 1, slice(0, 2), None, 3),
    (slice(None), slice(1, 3), slice(None, None, 3)),
    (..., slice(1, 2), 0),
    (),
    (np.int64(1), 0),
]


@pytest.mark.parametrize("key", INDEXES, ids=repr)
def test_reading_and_writing_parts(key):
    x = tg.tensor(A)
    part = x[key]
    same(part, A[key])
    if part.numel():
        assert x.data_ptr() <= part.data_ptr() < x.data_ptr() + 24 * 8
    changed = A.copy()
    changed[key] = -1.0
    x[key] = -1
    same(x, changed)
    x, values = tg.tensor(A), A[key] * 2
    changed[key] = values
    x = tg.tensor(changed * 0 + changed)
    x[key] = tg.tensor(values)
    same(x, changed)


def test_random_parts():
    draw = random.Random(3)

    def item(size):
        kind = draw.randrange(4)
        if kind == 0:
            return draw.randrange(-size, size)
        if kind == 1:
            return None

        def bound():
            return draw.choice([None, draw.randrange(-2 * size, 2 * size)])

        return slice(bound(), bound(), draw.choice([None, 1, 2, 5]))

    x = tg.tensor(A)
    for _ in range(500):
        key, dims = [], 0
        while dims < 3 and len(key) < 6 and draw.random() < 0.9:
            key.append(item(A.shape[dims]))
            dims += key[-1] is not None
        key = tuple(key) if dims else (*key, ...)
        same(x[key], A[key])


def test_index_of_a_tensor():
    x = tg.tensor(A)
    same(x[tg.tensor(1)], A[1])
    for key in (tg.tensor([0, 1]), [0, 1], True, 1.0, "a", (0, [1])):
        with pytest.raises(TypeError, match="an index must be an int, a slice"):
            x[key]


@pytest.mark.parametrize("key", [2, -3, (0, 3), (0, 0, 0, 0), (..., ...), 2**70])
def test_index_out_of_range(key):
    x = tg.tensor(A)
    with pytest.raises((IndexError, ValueError)):
        x[key]
    with pytest.raises((IndexError, ValueError)):
        x[key] = 0.0
    same(x, A)


def test_slices_that_are_refused():
    x = tg.arange(4)
    for step in (0, -1):
        with pytest.raises(ValueError, match="step"):
            x[::step]
    with pytest.raises(TypeError, match="bound must be an integer"):
        x[1.0:]


def test_assignment_converts_and_broadcasts():
    x = tg.zeros(2, 2, dtype=tg.int64)
    x[0] = 2**60 + 1
    x[1, 0] = 2.9
    x[1, 1] = True
    assert x.tolist() == [[2**60 + 1] * 2, [2, 1]]
    x[:] = tg.tensor([7.5, 8.5])
    assert x.tolist() == [[7, 8], [7, 8]]
    x[:, 1] = np.array([1, 2])
    x[0, 0] = np.int32(5)
    x[1] = [9, 2]
    assert x.tolist() == [[5, 1], [9, 2]]
    u = tg.zeros(1, dtype=tg.uint8)
    with pytest.raises(OverflowError):
        u[0] = 256
    with pytest.raises(TypeError):
        x[0] = "a"
    with pytest.raises(ValueError):
        x[0] = tg.ones(3)
    x[0] += 1
    assert x.tolist() == [[6, 2], [9, 2]]


def test_look_ups():
    x = tg.tensor(A)
    same(x.select(1, -1), A[:, -1])
    same(tg.select(x, 0, 1), A[1])
    same(x.narrow(2, 1, 2), A[:, :, 1:3])
    same(tg.narrow(x, 0, 0, 1), A[:1])
    i = tg.tensor([2, 0, 2])
    same(x.index_select(1, i), A[:, [2, 0, 2]])
    same(tg.index_select(x, -1, i), A[..., [2, 0, 2]])
    where = np.random.default_rng(1).integers(0, 3, (2, 2, 4))
    same(x.gather(1, tg.tensor(where)), np.take_along_axis(A, where, 1))
    same(tg.gather(x, 1, tg.tensor(where)), np.take_along_axis(A, where, 1))
    target, src = np.zeros((2, 3)), np.array([[1.0, 2.0], [3.0, 4.0]])
    np.add.at(target, ([0, 0, 1, 1], [2, 2, 0, 1]), src.ravel())
    index = tg.tensor([[2, 2], [0, 1]])
    y = tg.zeros(2, 3, dtype=tg.float64)
    same(y.scatter_add(1, index, tg.tensor(src)), target)
    same(tg.scatter_add(y, 1, index, tg.tensor(src)), target)
    assert y.scatter_add_(1, index, tg.tensor(src)) is y
    same(y, target)
    with pytest.raises(IndexError):
        x.index_select(0, tg.tensor([2]))
    with pytest.raises(TypeError, match="index must be a Tensor"):
        x.index_select(0, [0])


def test_masks():
    x = tg.tensor([1.0, -2.0, 3.0])
    assert x.masked_fill(x < 0, 0).tolist() == [1.0, 0.0, 3.0]
    assert tg.masked_fill(x, x > 0, tg.tensor(9.0)).tolist() == [9.0, -2.0, 9.0]
    assert tg.where(x > 0, x, 0.0).tolist() == [1.0, 0.0, 3.0]
    assert x.where(x > 0, tg.tensor([5.0])).tolist() == [1.0, 5.0, 3.0]
    assert tg.where(x > 0, 1, 2).tolist() == [1, 2, 1]
    assert x.masked_fill_(x < 0, 7) is x
    assert x.tolist() == [1.0, 7.0, 3.0]
    with pytest.raises(ValueError, match="use where"):
        x.masked_fill(x > 0, tg.tensor(1.0, requires_grad=True))
    with pytest.raises(OverflowError, match="not exact"):
        tg.tensor([1]).masked_fill(tg.tensor([True]), 2**53 + 1)


def test_joins():
    a, b = np.arange(6).reshape(2, 3), np.arange(3).reshape(1, 3) + 0.5
    x, y = tg.tensor(a), tg.tensor(b)
    same(tg.cat([x, y]), np.concatenate([a, b]))
    same(tg.cat((y, y), dim=-1), np.concatenate([b, b], -1))
    same(tg.stack([y, y, y], 1), np.stack([b, b, b], 1))
    same(tg.cat(t for t in (x, x)), np.concatenate([a, a]))
    with pytest.raises(ValueError):
        tg.cat([])
    with pytest.raises(ValueError):
        tg.stack([x, y])
    with pytest.raises(TypeError, match=r"cat: tensors\[1\] must be a Tensor, got int"):
        tg.cat([x, 3])
    with pytest.raises(TypeError, match="got one Tensor"):
        tg.cat(x)
    with pytest.raises(TypeError, match="got int"):
        tg.stack(3)
