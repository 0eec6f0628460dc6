"""What PyTorch says of operations of two and three tensors."""

import torch
from registry import op

op("addcmul", lambda x, a, b, value: torch.addcmul(x, a, b, value=value))
