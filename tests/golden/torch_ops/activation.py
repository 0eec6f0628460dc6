"""What PyTorch says of activations."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op

op("relu", torch.relu)
corner("relu", [-2.0, -0.0, 0.0, 3.0, INF, -INF, NAN], second=True)
op("leaky_relu", lambda x, slope: F.leaky_relu(x, slope))
corner("leaky_relu", [-2.0, -0.0, 0.0, 3.0, INF, -INF, NAN], attrs={"slope": 0.25})
op("prelu", lambda x, weight: F.prelu(x, weight.reshape(-1)))
corner("prelu", [[-2.0, 0.0], [3.0, -0.5]], [0.25, -0.5])
corner("prelu", [-1.0, 0.0, 2.0], [0.5])
# Where x is NaN, the slope of these in PyTorch depends on whether it falls into a vector.
op("relu6", F.relu6, special=False)
corner("relu6", [-1.0, 0.0, 3.0, 6.0, 7.0, INF, -INF])
op("hardtanh", lambda x, lo, hi: F.hardtanh(x, lo, hi), special=False)
corner("hardtanh", [-2.0, -1.0, 0.5, 1.0, 2.0, INF, -INF])
op("hardsigmoid", F.hardsigmoid, second=False, rtol=10.0)
corner(
    "hardsigmoid",
    [-4.0, -3.0, 0.0, 3.0, 4.0, NAN],
    grads=[[0.0, 0.0, 1 / 6, 0.0, 0.0, 0.0]],
    why="PyTorch holds 1/6 in f32",
)
op("hardswish", F.hardswish)
corner("hardswish", [-4.0, -3.0, -1.5, 0.0, 1.5, 3.0, 4.0], second=True)
op("hardshrink", lambda x, lambd: F.hardshrink(x, lambd), special=False)
corner("hardshrink", [-1.0, -0.5, 0.0, 0.5, 1.0, INF, -INF])
op("softshrink", lambda x, lambd: F.softshrink(x, lambd), special=False)
corner("softshrink", [-1.0, -0.5, 0.0, 0.5, 1.0, INF, -INF])
op("threshold", lambda x, threshold, value: F.threshold(x, threshold, value))
corner("threshold", [0.5, 1.0, 1.5, INF, -INF, NAN], attrs={"threshold": 1.0, "value": 20.0})

op("elu", lambda x, alpha: F.elu(x, alpha))
corner("elu", [-800.0, -1.0, 0.0, 1.0, INF, -INF, NAN], attrs={"alpha": 0.5}, second=True)
op("selu", F.selu)
corner("selu", [-800.0, -1.0, 0.0, 1.0, INF, -INF, NAN], second=True)
op("celu", lambda x, alpha: F.celu(x, alpha), rtol=10.0)  # 1/alpha is f32 there
corner("celu", [-800.0, -1.0, 0.0, 1.0, INF, -INF, NAN], attrs={"alpha": 0.5}, second=True)
op("gelu", lambda x, approximate: F.gelu(x, approximate="tanh" if approximate else "none"))
corner("gelu", [-30.0, -3.0, -1.0, 0.0, 1.0, 3.0, 30.0, INF, -INF, NAN])
corner("gelu", [-4.0, -1.0, 0.0, 1.0, 3.0, 30.0, INF, -INF, NAN], attrs={"approximate": True})
op("silu", F.silu)
corner("silu", [-800.0, -20.0, -1.0, 0.0, 1.0, 800.0, INF, -INF, NAN], second=True)
op("mish", F.mish)
corner("mish", [-20.0, -1.0, 0.0, 1.0, 40.0, INF, -INF, NAN])
op("softplus", lambda x, beta, threshold: F.softplus(x, beta, threshold))
corner("softplus", [-800.0, -20.0, 0.0, 20.0, 20.5, 800.0, INF, -INF, NAN], second=True)
corner("softplus", [1.9, 2.0, 2.1], attrs={"beta": 2.0, "threshold": 4.0}, second=True)
op("logsigmoid", F.logsigmoid)
corner("logsigmoid", [-800.0, -20.0, 0.0, 20.0, 800.0, INF, -INF, NAN])
op("softsign", F.softsign, special=False)  # ∞/∞ is NaN there, also in the slope
corner("softsign", [-2.0, 0.0, 2.0, 1e300], second=True)
op("tanhshrink", F.tanhshrink)
corner("tanhshrink", [-30.0, -1.0, 0.0, 1.0, 30.0, INF, -INF, NAN], second=True)

op("glu", lambda x, dim: F.glu(x, dim))


def _gated(function):
    def gate(x, dim):
        if x.shape[dim] % 2 == 1:
            raise ValueError("odd")
        a, b = x.chunk(2, dim)
        return function(a) * b

    return gate


op("swiglu", _gated(F.silu))
op("geglu", _gated(F.gelu))
op("reglu", _gated(torch.relu))
op("softmin", lambda x, dim: F.softmin(x, dim))
corner("softmin", [[1.0, INF, 2.0], [1.0, -INF, 2.0]], attrs={"dim": 1})
