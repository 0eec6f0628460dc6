"""What PyTorch says of pooling."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, tensor


def many(values, absent):
    """A list attribute as PyTorch takes it."""
    return (values[0] if len(values) == 1 else tuple(values)) if values else absent


def maximum(function):
    """A max_pool1d, 2d or 3d."""

    def call(x, kernel_size, stride, padding, dilation, ceil_mode):
        return function(
            x,
            many(kernel_size, 1),
            many(stride, None),
            many(padding, 0),
            many(dilation, 1),
            ceil_mode,
            return_indices=True,
        )

    return call


def mean(function, with_divisor):
    """An avg_pool1d, 2d or 3d."""

    def call(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
        more = [divisor_override or None] if with_divisor else []
        y = function(
            x,
            many(kernel_size, 1),
            many(stride, None),
            many(padding, 0),
            ceil_mode,
            count_include_pad,
            *more,
        )
        if divisor_override and not with_divisor:  # PyTorch's 1d has none: a sum over all
            sums = F.avg_pool2d(
                x.unsqueeze(-2),
                (1, many(kernel_size, 1)),
                (1, many(stride, many(kernel_size, 1))),
                (0, many(padding, 0)),
                ceil_mode,
                True,
                1,
            )
            return sums.squeeze(-2) / divisor_override
        return y

    return call


def norm(function):
    """An lp_pool1d, 2d or 3d."""

    def call(x, p, kernel_size, stride, ceil_mode):
        kernel = kernel_size
        if function is not F.lp_pool1d and len(kernel) == 1:
            kernel = kernel * (2 if function is F.lp_pool2d else 3)
        return function(x, p, many(kernel, 1), many(stride, None), ceil_mode)

    return call


def sizes(output_size):
    """-1 keeps a size."""
    return many([None if n == -1 else n for n in output_size], 1)


def unpool(function):
    """A max_unpool1d, 2d or 3d."""

    def call(x, indices, kernel_size, stride, padding, output_size):
        return function(
            x,
            indices,
            many(kernel_size, 1),
            many(stride, None),
            many(padding, 0),
            output_size or None,
        )

    return call


op("max_pool1d", maximum(F.max_pool1d))
op("max_pool2d", maximum(F.max_pool2d))
op("max_pool3d", maximum(F.max_pool3d))
corner("max_pool1d", [[[1.0, 1.0, 0.0, 1.0]]], attrs={"kernel_size": [2], "stride": [1]})
corner("max_pool1d", [[[1.0, NAN, 3.0, NAN, 2.0]]], attrs={"kernel_size": [3], "stride": [1]})
corner("max_pool2d", [[[[-INF, -INF], [-INF, -INF]]]], attrs={"kernel_size": [2]})
corner(
    "max_pool1d",
    [[[1.0, 2.0, 3.0, 4.0]]],
    attrs={"kernel_size": [2], "stride": [3], "padding": [1], "ceil_mode": True},
)

op("avg_pool1d", mean(F.avg_pool1d, False))
op("avg_pool2d", mean(F.avg_pool2d, True))
op("avg_pool3d", mean(F.avg_pool3d, True))
corner("avg_pool1d", [[[1.0, 2.0, 3.0]]], attrs={"kernel_size": [2], "ceil_mode": True})
corner(
    "avg_pool1d",
    [[[1.0, 2.0, 3.0, 4.0, 5.0]]],
    attrs={"kernel_size": [3], "stride": [2], "padding": [1]},
)
corner(
    "avg_pool1d",
    [[[1.0, 2.0, 3.0, 4.0, 5.0]]],
    attrs={"kernel_size": [3], "stride": [2], "padding": [1], "count_include_pad": False},
)
corner("avg_pool2d", [[[[1.0, INF], [NAN, -INF]]]], attrs={"kernel_size": [1, 2]})

op("adaptive_avg_pool1d", lambda x, output_size: F.adaptive_avg_pool1d(x, sizes(output_size)))
op("adaptive_avg_pool2d", lambda x, output_size: F.adaptive_avg_pool2d(x, sizes(output_size)))
op("adaptive_avg_pool3d", lambda x, output_size: F.adaptive_avg_pool3d(x, sizes(output_size)))
corner("adaptive_avg_pool1d", [[[1.0, 2.0, 3.0, 4.0, 5.0]]], attrs={"output_size": [3]})
op(
    "adaptive_max_pool1d",
    lambda x, output_size: F.adaptive_max_pool1d(x, sizes(output_size), return_indices=True),
)
op(
    "adaptive_max_pool2d",
    lambda x, output_size: F.adaptive_max_pool2d(x, sizes(output_size), return_indices=True),
)
op(
    "adaptive_max_pool3d",
    lambda x, output_size: F.adaptive_max_pool3d(x, sizes(output_size), return_indices=True),
)

op("max_unpool1d", unpool(F.max_unpool1d))
op("max_unpool2d", unpool(F.max_unpool2d))
op("max_unpool3d", unpool(F.max_unpool3d))
corner(
    "max_unpool1d",
    [[[5.0, 7.0]]],
    tensor([[[1, 2]]], "i64"),
    attrs={"kernel_size": [2], "output_size": [5]},
)

op("lp_pool1d", norm(F.lp_pool1d))
op("lp_pool2d", norm(F.lp_pool2d))
op("lp_pool3d", norm(F.lp_pool3d))
corner("lp_pool1d", [[[0.0, 0.0, 3.0, 4.0]]], attrs={"p": 2.0, "kernel_size": [2]})
corner("lp_pool1d", [[[-1.0, -2.0, 1.0, -1.0]]], attrs={"p": 3.0, "kernel_size": [2]})

op(
    "local_response_norm",
    lambda x, size, alpha, beta, k: F.local_response_norm(x, size, alpha, beta, k),
)


def fractional(function):
    """A fractional_max_pool2d or 3d with given samples."""

    def call(x, samples, kernel_size, output_size):
        dims = samples.shape[-1]
        kernel = list(kernel_size) * (dims if len(kernel_size) == 1 else 1)
        size = list(output_size) * (dims if len(output_size) == 1 else 1)
        return function(x, kernel, size, samples.detach().to(x.dtype))

    return call


# In three dims PyTorch wants one position more than the windows need.
op("fractional_max_pool2d", fractional(torch._C._nn.fractional_max_pool2d), resize=False)
op("fractional_max_pool3d", fractional(torch._C._nn.fractional_max_pool3d), resize=False)
