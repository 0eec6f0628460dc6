"""What PyTorch says of losses."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, tensor, without

REDUCTION = ("none", "mean", "sum", "batchmean")


def _pair(function, **names):
    """A loss of x and target; names maps our attributes to PyTorch's."""

    def loss(x, target, reduction, **attrs):
        given = {names.get(k, k): v for k, v in attrs.items()}
        return function(x, target, reduction=REDUCTION[reduction], **given)

    return loss


def _reduced(each, reduction):
    return (each, each.mean(), each.sum())[reduction] if reduction else each


NONE, MEAN, SUM, BATCHMEAN = ({"reduction": k} for k in range(4))

op("mse_loss", _pair(F.mse_loss))
corner("mse_loss", [1.0, INF, NAN], [1.0, 0.0, 0.0], attrs=NONE, second=True)
op("l1_loss", _pair(F.l1_loss))
corner("l1_loss", [1.0, 2.0, -INF, NAN], [1.0, 3.0, 0.0, 0.0], attrs=NONE)
op("smooth_l1_loss", _pair(F.smooth_l1_loss))
corner("smooth_l1_loss", [-2.0, -1.0, 0.0, 1.0, 2.0, NAN], [0.0] * 6, attrs=NONE, second=True)
corner("smooth_l1_loss", [-1.0, 0.0, 1.0], [0.0] * 3, attrs={"beta": 0.0, "reduction": 2})
op("huber_loss", _pair(F.huber_loss))
corner("huber_loss", [-2.0, -1.0, 0.0, 1.0, 2.0, NAN], [0.0] * 6, attrs=NONE, second=True)
corner("huber_loss", [2.0, 3.0], [0.0, 0.0], attrs={"delta": 2.0, "reduction": 0}, second=True)
op("log_cosh_loss", lambda x, target, reduction: _reduced(
    F.softplus(2 * (x - target), threshold=700.0) - (x - target) - 0.6931471805599453, reduction),
   special=False)
op("kl_div", _pair(F.kl_div))
corner(
    "kl_div",
    [-1.0, -2.0, -3.0],
    [0.0, 0.5, 1.0],
    attrs=BATCHMEAN,
    grads=[[0.0, -0.5 / 3, -1.0 / 3], [-INF, (1 - 0.6931471805599453 + 2) / 3, 4.0 / 3]],
    why="PyTorch gives the target a NaN gradient where it is 0",
)
corner("kl_div", [-1.0, -2.0], [-INF, -0.5], attrs={"log_target": True, "reduction": 0})
op("poisson_nll_loss", _pair(F.poisson_nll_loss))
corner(
    "poisson_nll_loss",
    [0.0, 1.0, 2.0],
    [0.0, 1.0, 3.0],
    attrs={"full": True, "reduction": 0},
    grads=[[1.0, 1.718281828459045, 4.38905609893065],
           [0.0, -1.0, -2.0 + 1.0986122886681098 + 1.0 / 6]],
    why="PyTorch multiplies 0 by the infinite slope of the part of target = 0 that is left out",
)
corner("poisson_nll_loss", [0.0, 1.0], [2.0, 0.5], attrs={"log_input": False, "reduction": 0})
op("gaussian_nll_loss", lambda x, target, var, full, eps, reduction: F.gaussian_nll_loss(
    x, target, var, full=full, eps=eps, reduction=REDUCTION[reduction]))
corner("gaussian_nll_loss", [1.0, 2.0, 3.0], [0.0, 2.0, 3.0], [0.0, 0.0, 4.0], attrs=NONE)

op("binary_cross_entropy", lambda x, target, weight, reduction: F.binary_cross_entropy(
    x, target, weight, reduction=REDUCTION[reduction]), special=False)
corner(
    "binary_cross_entropy",
    [0.0, 1.0, 1.0, 0.5],
    [0.0, 1.0, 0.0, 0.3],
    None,
    attrs=NONE,
    grads=[[0.0, 0.0, 1e12, 0.8], None, None],
    why="PyTorch holds 1e-12 in f32",
)
op("binary_cross_entropy_with_logits",
   lambda x, target, weight, pos_weight, reduction: F.binary_cross_entropy_with_logits(
       x, target, weight, pos_weight=pos_weight, reduction=REDUCTION[reduction]), special=False)
corner("binary_cross_entropy_with_logits", [-1000.0, 1000.0, -1000.0, 1000.0, 0.0],
       [0.0, 0.0, 1.0, 1.0, 0.5], None, None, attrs=NONE)
corner("binary_cross_entropy_with_logits", [-1000.0, 1000.0, -1000.0, 1000.0, 0.0],
       [0.0, 0.0, 1.0, 1.0, 0.5], None, [3.0], attrs=NONE)


def _focal(x, target, alpha, gamma, reduction):
    p = torch.sigmoid(x)
    each = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    each = each * (1 - (p * target + (1 - p) * (1 - target))) ** gamma
    if alpha >= 0:
        each = each * (alpha * target + (1 - alpha) * (1 - target))
    return _reduced(each, reduction)


op("sigmoid_focal_loss", _focal, special=False, rtol=10.0)
op("soft_margin_loss", _pair(F.soft_margin_loss), special=False)
corner("soft_margin_loss", [-20.0, 0.0, 20.0], [1.0, -1.0, 1.0], attrs=NONE)
corner("soft_margin_loss", [-1000.0], [1.0], attrs=NONE, expect=[[1000.0]], grads=[[-1.0], [1000.0]],
       why="PyTorch overflows to infinity")

op("cross_entropy",
   lambda logits, target, weight, reduction, ignore_index, label_smoothing: F.cross_entropy(
       logits, target, weight, ignore_index=ignore_index, reduction=REDUCTION[reduction],
       label_smoothing=label_smoothing))
corner("cross_entropy", [[1.0, 2.0], [3.0, 5.0]], tensor([-100, -100], "i64"), None, attrs=MEAN)
corner("cross_entropy", [[1.0, 2.0], [3.0, 5.0]], tensor([-100, -100], "i64"), None, attrs=SUM)
corner("cross_entropy", [[INF, 2.0], [3.0, 5.0]], tensor([-100, 1], "i64"), None, second=True)
corner("cross_entropy", [1.0, 2.0, -1.0], tensor(2, "i64"), None, second=True)
corner("cross_entropy", [[1.0, -INF, 0.0], [1.0, -INF, 0.0]], tensor([0, 1], "i64"), None,
       attrs=NONE)
corner("cross_entropy", [[1.0, 2.0], [3.0, 5.0]], tensor([0, 0], "i64"), [0.0, 1.0], attrs=SUM)
op("nll_loss", lambda x, target, weight, ignore_index, reduction: F.nll_loss(
    x, target, weight, ignore_index=ignore_index, reduction=REDUCTION[reduction]))
corner("nll_loss", [[-1.0, -2.0], [-3.0, -5.0]], tensor([0, 0], "i64"), [0.0, 1.0])
corner("nll_loss", [[-1.0, -2.0], [-INF, -5.0]], tensor([1, -100], "i64"), None, second=True)
corner("nll_loss", [[-1.0, -2.0], [-3.0, -5.0]], tensor([-100, -100], "i64"), None)

op("hinge_embedding_loss", _pair(F.hinge_embedding_loss))
corner("hinge_embedding_loss", [0.5, 1.0, 2.0, 0.5], tensor([-1, -1, -1, 1], "i64"), attrs=NONE)
op("margin_ranking_loss", lambda x1, x2, target, margin, reduction: F.margin_ranking_loss(
    x1, x2, target, margin=margin, reduction=REDUCTION[reduction]))
corner("margin_ranking_loss", [1.0, 2.0, 3.0], [1.0, 1.0, 5.0], [1.0, 1.0, -1.0], attrs=NONE)
op("cosine_embedding_loss", lambda x1, x2, target, margin, reduction: F.cosine_embedding_loss(
    x1, x2, target, margin=margin, reduction=REDUCTION[reduction]), special=False)
corner("cosine_embedding_loss", [[1.0, 2.0], [1.0, 0.0]], [[2.0, 1.0], [0.0, 1.0]],
       tensor([1, -1], "i64"), attrs=NONE)
op("triplet_margin_loss",
   lambda anchor, positive, negative, margin, p, eps, swap, reduction: F.triplet_margin_loss(
       anchor, positive, negative, margin=margin, p=p, eps=eps, swap=swap,
       reduction=REDUCTION[reduction]), special=False)
corner("triplet_margin_loss", [[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]], attrs=NONE)
op("multi_margin_loss", lambda x, target, weight, p, margin, reduction: F.multi_margin_loss(
    x, target, p=p, margin=margin, weight=weight, reduction=REDUCTION[reduction]))
corner("multi_margin_loss", [[1.0, 0.0, 2.0]], tensor([0], "i64"), None)
op("multilabel_margin_loss", _pair(F.multilabel_margin_loss), second=False)
corner("multilabel_margin_loss", [[0.1, 0.2, 0.4, 0.8]], tensor([[3, 0, -1, 1]], "i64"))
corner("multilabel_margin_loss", [[1.0, 0.0, 2.0]], tensor([[0, -1, -1]], "i64"))
op("multilabel_soft_margin_loss",
   lambda x, target, weight, reduction: F.multilabel_soft_margin_loss(
       x, target, weight, reduction=REDUCTION[reduction]), special=False)
