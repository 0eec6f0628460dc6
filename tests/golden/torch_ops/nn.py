"""What PyTorch says of normalisation, embedding, attention and recurrent layers."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, tensor, without
from torch.nn.attention import SDPBackend, sdpa_kernel


def dry(p):
    """Refuses a call with dropout: PyTorch draws other numbers."""
    if p > 0:
        raise NotImplementedError


# Normalisation: in the sums of extreme values PyTorch and the library overflow in different places.


def affine(w, b, shape, like):
    """Ones and zeros where absent: PyTorch's second derivatives fail without them."""
    w = torch.ones(shape, dtype=like.dtype) if w is None else w
    return w, torch.zeros(shape, dtype=like.dtype) if b is None else b


def layer_norm(x, w, b, normalized_shape, eps):
    return F.layer_norm(x, normalized_shape, *affine(w, b, normalized_shape, x), eps)


def group_norm(x, w, b, num_groups, eps):
    return F.group_norm(x, num_groups, *affine(w, b, x.shape[1:2], x), eps)


def rms_norm(x, w, normalized_shape, eps):
    return F.rms_norm(x, normalized_shape, w, None if eps < 0 else eps)


def instance_norm(x, w, b, eps):
    return F.instance_norm(x, None, None, w, b, True, 0.1, eps)


op("layer_norm", layer_norm, special=False)
op("rms_norm", rms_norm, special=False)
op("group_norm", group_norm, special=False, resize=False)
op("instance_norm", instance_norm, special=False)
corner(
    "layer_norm",
    [[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]],
    None,
    None,
    attrs={"normalized_shape": [3]},
    second=True,
)
corner("layer_norm", [[NAN, 1.0], [1.0, 3.0]], None, None, attrs={"normalized_shape": [2]})
corner("layer_norm", [[2.0], [3.0]], [2.0], [1.0], attrs={"normalized_shape": [1]})
corner("rms_norm", [[0.0, 0.0], [3.0, 4.0]], [1.0, 2.0], attrs={"normalized_shape": [2]})
corner("rms_norm", [[0.0, 0.0], [3.0, 4.0]], None, attrs={"normalized_shape": [2], "eps": 0.5})
corner("group_norm", [[1.0, 2.0, 3.0, 5.0]], [1.0, 2.0, 3.0, 4.0], None, attrs={"num_groups": 2})
corner("instance_norm", [[[1.0, 2.0, 4.0], [5.0, 5.0, 5.0]]], None, None)


def batch_norm(x, mean, var, w, b, training, eps):
    """In evaluation the formula: PyTorch gives running statistics no gradient."""
    if training:
        return F.batch_norm(x, None, None, *affine(w, b, x.shape[1:2], x), True, 0.1, eps)
    shape = [1, -1] + [1] * (x.ndim - 2)
    y = (x - mean.reshape(shape)) / torch.sqrt(var.reshape(shape) + eps)
    y = y if w is None else y * w.reshape(shape)
    return y if b is None else y + b.reshape(shape)


op("batch_norm", batch_norm, special=False)
corner(
    "batch_norm",
    [[1.0, 2.0], [3.0, 2.0]],
    None,
    None,
    [2.0, 3.0],
    [1.0, 1.0],
    attrs={"training": True},
    second=True,
)
corner("batch_norm", [[1.0, 2.0]], [1.0, 0.0], [0.0, 4.0], None, None, attrs={"eps": 0.25})

# Dropout

for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"):
    without(name, "PyTorch draws other numbers; tested by tests/ops/test_dropout.c")

# Embedding

BAGS = ("sum", "mean", "max")


def rows(index):
    """None for no padding."""
    return None if index == -(2**63) else index


op(
    "embedding",
    lambda w, i, padding_idx, scale_grad_by_freq: F.embedding(
        i, w, rows(padding_idx), scale_grad_by_freq=scale_grad_by_freq
    ),
)
corner("embedding", [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], tensor([2, 0, 2, 1], "i64"))
corner(
    "embedding",
    [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    tensor([2, 0, 2, 1], "i32"),
    attrs={"padding_idx": 2},
)
corner(
    "embedding",
    [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    tensor([[2, 0], [2, 2]], "i64"),
    attrs={"padding_idx": -3, "scale_grad_by_freq": True},
)


def embedding_bag(
    w, i, offsets=None, factors=None, *, mode, padding_idx, scale_grad_by_freq, include_last_offset
):
    return F.embedding_bag(
        i,
        w,
        offsets,
        scale_grad_by_freq=scale_grad_by_freq,
        mode=BAGS[mode],
        per_sample_weights=factors,
        include_last_offset=include_last_offset,
        padding_idx=rows(padding_idx),
    )


# Of NaN in a bag PyTorch's maximum depends on where it stands; here NaN wins.
op("embedding_bag", embedding_bag, second=False, special=False, resize=False)
TABLE = [[1.0, 2.0], [3.0, -4.0], [5.0, 6.0], [0.5, 7.0]]
for mode in range(3):
    corner(
        "embedding_bag",
        TABLE,
        tensor([2, 0, 2, 1, 3], "i64"),
        tensor([0, 2, 2], "i64"),
        None,
        attrs={"mode": mode, "padding_idx": 2},
    )
    corner(
        "embedding_bag",
        TABLE,
        tensor([[2, 0], [2, 2], [1, 1]], "i64"),
        None,
        None,
        attrs={"mode": mode},
    )
for mode, g in ((0, 1.0), (1, 0.5)):  # each row's gradients over how often it occurs
    corner(
        "embedding_bag",
        TABLE,
        tensor([[2, 0], [2, 2], [1, 1]], "i64"),
        None,
        None,
        attrs={"mode": mode, "scale_grad_by_freq": True},
        grads=[[[g, g], [g, g], [g, g], [0.0, 0.0]]],
        why="PyTorch divides by the frequency of another row",
    )
corner(
    "embedding_bag",
    TABLE,
    tensor([2, 0, 2], "i64"),
    tensor([0, 1, 3], "i64"),
    [0.5, -1.0, 2.0],
    attrs={"mode": 0, "include_last_offset": True},
)

# Attention


def attention(
    q, k, v, mask=None, *, dropout_p, is_causal, scale, enable_gqa, seed, stream, position
):
    dry(dropout_p)
    if enable_gqa and (0 in (q.shape[-3], k.shape[-3]) or q.shape[-3] % k.shape[-3]):
        raise ValueError("PyTorch takes such heads where there are no keys")
    with sdpa_kernel(SDPBackend.MATH):  # the only one with second derivatives
        return F.scaled_dot_product_attention(
            q, k, v, mask, 0.0, is_causal, scale=scale or None, enable_gqa=enable_gqa
        )


op("scaled_dot_product_attention", attention, special=False)
corner(
    "scaled_dot_product_attention",
    [[1.0, 2.0], [0.0, 1.0]],
    [[1.0, 0.0], [2.0, 1.0]],
    [[1.0], [2.0]],
    [[True, False], [False, False]],
)
corner(
    "scaled_dot_product_attention",
    [[1.0, 2.0], [0.0, 1.0]],
    [[1.0, 0.0], [2.0, 1.0]],
    [[1.0], [2.0]],
    None,
    attrs={"is_causal": True},
)
corner(
    "scaled_dot_product_attention",
    [[1.0, 2.0], [0.0, 1.0]],
    [[1.0, 0.0], [2.0, 1.0]],
    [[1.0], [2.0]],
    [[0.0, -INF], [-INF, -INF]],
)


def multi_head(
    q,
    k,
    v,
    in_w,
    out_w,
    in_b=None,
    out_b=None,
    mask=None,
    padding=None,
    *,
    num_heads,
    batch_first,
    is_causal,
    average_weights,
    dropout_p,
    seed,
    stream,
    position,
):
    dry(dropout_p)
    single = q.ndim == 2
    if batch_first and not single:
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    if is_causal:
        if mask is not None:
            raise ValueError("both masks")
        mask = torch.ones(q.shape[0], k.shape[0], dtype=torch.bool).triu(1)
    if mask is not None and padding is not None and mask.dtype != padding.dtype:
        numbers = [
            torch.zeros(x.shape, dtype=q.dtype).masked_fill(x, -INF) if x.dtype == torch.bool else x
            for x in (mask, padding)
        ]
        mask, padding = numbers
    if single and padding is not None and padding.ndim == 2:
        padding = padding[0]
    y, w = F.multi_head_attention_forward(
        q,
        k,
        v,
        q.shape[-1],
        num_heads,
        in_w,
        in_b,
        None,
        None,
        False,
        0.0,
        out_w,
        out_b,
        training=False,
        key_padding_mask=padding,
        need_weights=True,
        attn_mask=mask,
        average_attn_weights=average_weights,
    )
    return (y.transpose(0, 1) if batch_first and not single else y), w


op(
    "multi_head_attention",
    lambda *x, **a: multi_head(*x, **a)[0],
    special=False,
    resize=False,
    rtol=50.0,  # equal keys: gradients of f32 are rounding
)
op("multi_head_attention_weights", multi_head, special=False, resize=False, rtol=50.0)


def rope(x, cos, sin, interleaved):
    if interleaved:
        p, q = x[..., 0::2], x[..., 1::2]
        return torch.stack((p * cos - q * sin, q * cos + p * sin), -1).flatten(-2)
    p, q = x.chunk(2, -1)
    return torch.cat((p * cos - q * sin, q * cos + p * sin), -1)


op("rope", rope, resize=False)

# Recurrent layers


def cell(fn):
    """A cell whose weights come behind its states."""

    def call(*x):
        return fn(x[0], x[1], *x[2:])

    return call


op(
    "rnn_cell",
    lambda x, h, *w, relu: (torch.rnn_relu_cell if relu else torch.rnn_tanh_cell)(x, h, *w),
    special=False,
)
op("gru_cell", cell(torch.gru_cell), special=False)
op("lstm_cell", lambda x, h, c, *w: torch.lstm_cell(x, (h, c), *w), special=False)


def layers(fn, states):
    """A layer of PyTorch; it does not know hidden states and weights that are absent."""

    def call(
        *x,
        num_layers,
        bidirectional,
        batch_first,
        no_biases,
        dropout_p,
        seed,
        stream,
        position,
        relu=False,
        projection=False,
    ):
        dry(dropout_p)
        state, weights = x[1 : 1 + states], list(x[1 + states :])
        single = x[0].ndim == 2
        xs = x[0].unsqueeze(0 if batch_first else 1) if single else x[0]
        if single:
            state = [s.unsqueeze(1) for s in state]
        out = fn(relu)(
            xs,
            state[0] if states == 1 else tuple(state),
            weights,
            not no_biases,
            num_layers,
            0.0,
            False,
            bidirectional,
            batch_first,
        )
        if single:
            return (out[0].squeeze(0 if batch_first else 1), *(s.squeeze(1) for s in out[1:]))
        return out

    return call


VF = torch._VF
op("rnn", layers(lambda relu: VF.rnn_relu if relu else VF.rnn_tanh, 1), special=False)
# With sizes of 0 PyTorch crashes.
op("gru", layers(lambda relu: VF.gru, 1), special=False, resize=False)
op("lstm", layers(lambda relu: VF.lstm, 2), special=False, resize=False)
