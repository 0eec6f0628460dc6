"""What PyTorch says of interpolation."""

import torch.nn.functional as F
from registry import corner, op

MODES = ["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"]


def interpolate(
    x,
    size,
    scale_factor,
    scale_factor2,
    scale_factor3,
    mode,
    align_corners,
    recompute_scale_factor,
):
    """F.interpolate, with scale factors one by one."""
    name = MODES[mode]
    dims = x.dim() - 2
    scales = [scale_factor, scale_factor2 or scale_factor, scale_factor3 or scale_factor]
    return F.interpolate(
        x,
        size=(list(size) * (dims if len(size) == 1 else 1)) or None,
        scale_factor=scales[:dims] if scale_factor else None,
        mode=name,
        align_corners=align_corners if "linear" in name or name == "bicubic" else None,
        recompute_scale_factor=recompute_scale_factor or None,
    )


op("interpolate", interpolate, rtol=4.0)  # f32 places there
LINE = [[[0.0, 1.0, 2.0]]]
corner("interpolate", LINE, attrs={"scale_factor": 1.5, "mode": 2})
corner("interpolate", [[[0.0, 1.0, 2.0]]], attrs={"scale_factor": 1.5, "mode": 0})
corner("interpolate", [[[0.0, 1.0, 2.0]]], attrs={"size": [7], "mode": 1})
corner("interpolate", [[[0.0, 2.0]]], attrs={"scale_factor": 1.7, "mode": 2})
corner(
    "interpolate",
    [[[0.0, 1.0, 2.0]]],
    attrs={"scale_factor": 1.6, "mode": 2, "recompute_scale_factor": True},
)
corner("interpolate", [[[1.0, 2.0]]], attrs={"size": [1], "mode": 2, "align_corners": True})
corner("interpolate", [[[[1.0, 2.0], [3.0, 5.0]]]], attrs={"size": [4, 3], "mode": 4})
corner("interpolate", [[[1.0, 2.0, 3.0, 4.0, 5.0]]], attrs={"size": [3], "mode": 6})


GRID_MODES = ["bilinear", "nearest", "bicubic"]
GRID_PADDINGS = ["zeros", "border", "reflection"]


def grid_sample(x, grid, mode, padding_mode, align_corners):
    """F.grid_sample, twice differentiable only where made of other functions."""
    return F.grid_sample(x, grid, GRID_MODES[mode], GRID_PADDINGS[padding_mode], align_corners)


# PyTorch crashes on NaN positions, and has no second derivative. Slopes between equal elements
# cancel, in f32 down to rounding.
op("grid_sample", grid_sample, second=False, special=False, rtol=10.0)
corner("grid_sample", [[[[1.0, 2.0], [3.0, 5.0]]]], [[[[-1.0, 0.0], [2.0, 0.0]]]])
corner(
    "grid_sample",
    [[[[1.0, 2.0], [3.0, 5.0]]]],
    [[[[-1.0, 0.5], [1.0, -0.5], [7.0, 9.0]]]],
    attrs={"padding_mode": 1, "align_corners": True},
)
corner(
    "grid_sample",
    [[[[1.0, 2.0, 4.0], [3.0, 5.0, 7.0]]]],
    [[[[-1.6, 0.5], [2.3, -0.5], [7.0, 9.0]]]],
    attrs={"padding_mode": 2, "mode": 1},
)
op(
    "affine_grid",
    lambda theta, size, align_corners: F.affine_grid(theta, list(size), align_corners),
)
