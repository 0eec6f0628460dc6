"""What PyTorch says of activations."""

import torch.nn.functional as F
from registry import INF, NAN, corner, op

op("leaky_relu", lambda x, slope: F.leaky_relu(x, slope))
corner("leaky_relu", [-2.0, -0.0, 0.0, 3.0, INF, -INF, NAN], attrs={"slope": 0.25})
