"""What PyTorch says of convolution, and of windows as columns."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op

PADDINGS = [None, "same", "valid"]


def many(values, absent):
    """A list attribute as PyTorch takes it."""
    return (values[0] if len(values) == 1 else tuple(values)) if values else absent


def convolution(function):
    """A conv1d, conv2d or conv3d."""

    def call(x, w, b, stride, padding, dilation, groups, auto_pad):
        pad = PADDINGS[auto_pad] or many(padding, 0)
        return function(x, w, b, many(stride, 1), pad, many(dilation, 1), groups)

    return call


def transposed(function):
    """A conv_transpose1d, 2d or 3d."""

    def call(x, w, b, stride, padding, output_padding, dilation, groups):
        return function(
            x,
            w,
            b,
            many(stride, 1),
            many(padding, 0),
            many(output_padding, 0),
            groups,
            many(dilation, 1),
        )

    return call


# Infinities meet other ones in an order of their own: inf - inf is NaN, or not. PyTorch's second
# derivatives of empty inputs raise an error.
op("conv1d", convolution(F.conv1d), special=False, resize=False)
op("conv2d", convolution(F.conv2d), special=False, resize=False)
op("conv3d", convolution(F.conv3d), special=False, resize=False)
op("conv_transpose1d", transposed(F.conv_transpose1d), special=False, resize=False)
op("conv_transpose2d", transposed(F.conv_transpose2d), special=False, resize=False)
op("conv_transpose3d", transposed(F.conv_transpose3d), special=False, resize=False)

corner("conv1d", [[[1.0, 2.0, 3.0]]], [[[1.0, 10.0]]], None)
corner("conv1d", [[[1.0, 2.0, 3.0]]], [[[1.0, 10.0]]], [0.5], attrs={"auto_pad": 1})
corner("conv1d", [[[1.0, 2.0, 3.0, 4.0]]], [[[1.0, 1.0, 1.0, 1.0]]], None, attrs={"auto_pad": 1})
corner("conv1d", [[[1.0, 2.0, 3.0, 4.0]]], [[[1.0, -1.0]]], None, attrs={"dilation": [3]})
corner("conv1d", [[[1.0, INF, 3.0, NAN]]], [[[1.0, 2.0]]], None, attrs={"stride": [2]})
corner("conv_transpose1d", [[[1.0, 2.0]]], [[[1.0, 10.0, 100.0]]], [0.5], attrs={"stride": [2]})
corner(
    "conv_transpose1d",
    [[[1.0, 2.0]]],
    [[[1.0, 10.0, 100.0]]],
    None,
    attrs={"stride": [3], "padding": [1], "output_padding": [2]},
)


def unfold2d(x, kernel_size, dilation, padding, stride):
    """F.unfold wants numbers or pairs."""
    return F.unfold(x, many(kernel_size, 1), many(dilation, 1), many(padding, 0), many(stride, 1))


def fold(x, output_size, kernel_size, dilation, padding, stride):
    """F.fold, too."""
    return F.fold(
        x,
        many(output_size, 1),
        many(kernel_size, 1),
        many(dilation, 1),
        many(padding, 0),
        many(stride, 1),
    )


op("unfold2d", unfold2d)
op("fold", fold)
corner(
    "fold",
    torch.ones(1, 4, 4).tolist(),
    attrs={"output_size": [3, 3], "kernel_size": [2]},
)
# PyTorch's gradients of empty inputs have wrong shapes.
op(
    "pixel_shuffle",
    lambda x, upscale_factor: F.pixel_shuffle(x, upscale_factor),
    resize=False,
)
op(
    "pixel_unshuffle",
    lambda x, downscale_factor: F.pixel_unshuffle(x, downscale_factor),
    resize=False,
)
op("channel_shuffle", lambda x, groups: F.channel_shuffle(x, groups), resize=False)
