"""What PyTorch says of losses."""

import torch
import torch.nn.functional as F
from registry import INF, NAN, corner, op, tensor

REDUCTION = ("none", "mean", "sum", "batchmean")


def _pair(function, **names):
    """A loss of x and target; names maps our attributes to PyTorch's."""

    def loss(x, target, reduction, **attrs):
        given = {names.get(k, k): v for k, v in attrs.items()}
        return function(x, target, reduction=REDUCTION[reduction], **given)

    return loss


def _reduced(each, reduction):
    return (each, each.mean(), each.sum())[reduction] if reduction else each


def _agreed(ours, official):
    """A formula that has derivatives where PyTorch's function has none, checked against it."""
    torch.testing.assert_close(ours.detach(), official.detach(), equal_nan=True)
    return ours


def _times(each, weight):
    return each if weight is None else each * weight


def _off(weight):
    return None if weight is None else weight.detach()


NONE, MEAN, SUM, BATCHMEAN = ({"reduction": k} for k in range(4))

op("mse_loss", _pair(F.mse_loss))
corner("mse_loss", [1.0, INF, NAN], [1.0, 0.0, 0.0], attrs=NONE, second=True)
op("l1_loss", _pair(F.l1_loss))
corner("l1_loss", [1.0, 2.0, -INF, NAN], [1.0, 3.0, 0.0, 0.0], attrs=NONE)
op("smooth_l1_loss", _pair(F.smooth_l1_loss))
corner("smooth_l1_loss", [-2.0, -1.0, 0.0, 1.0, 2.0], [0.0] * 5, attrs=NONE, second=True)
corner("smooth_l1_loss", [NAN, 0.0], [0.0, 0.0], attrs=NONE)
corner("smooth_l1_loss", [-1.0, 0.0, 1.0], [0.0] * 3, attrs={"beta": 0.0, "reduction": 2})
op("huber_loss", _pair(F.huber_loss))
corner("huber_loss", [-2.0, -1.0, 0.0, 1.0, 2.0], [0.0] * 5, attrs=NONE, second=True)
corner("huber_loss", [NAN, 0.0], [0.0, 0.0], attrs=NONE)
corner("huber_loss", [2.0, 3.0], [0.0, 0.0], attrs={"delta": 2.0, "reduction": 0}, second=True)
op(
    "log_cosh_loss",
    lambda x, target, reduction: _reduced(
        F.softplus(2 * (x - target), threshold=700.0) - (x - target) - 0.6931471805599453, reduction
    ),
    special=False,
)
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
    grads=[
        [1.0, 1.718281828459045, 4.38905609893065],
        [0.0, -1.0, -2.0 + 1.0986122886681098 + 1.0 / 6],
    ],
    why="PyTorch multiplies 0 by the infinite slope of the part of target = 0 that is left out",
)
corner("poisson_nll_loss", [0.0, 1.0], [2.0, 0.5], attrs={"log_input": False, "reduction": 0})
op(
    "gaussian_nll_loss",
    lambda x, target, var, full, eps, reduction: F.gaussian_nll_loss(
        x, target, var, full=full, eps=eps, reduction=REDUCTION[reduction]
    ),
)
corner("gaussian_nll_loss", [1.0, 2.0, 3.0], [0.0, 2.0, 3.0], [0.0, 0.0, 4.0], attrs=NONE)

op(
    "binary_cross_entropy",
    lambda x, target, weight, reduction: _reduced(
        _times(F.binary_cross_entropy(x, target, reduction="none"), weight), reduction
    ),
    special=False,
)
corner(
    "binary_cross_entropy",
    [0.0, 1.0, 1.0, 0.5],
    [0.0, 1.0, 0.0, 0.3],
    None,
    attrs=NONE,
    grads=[[0.0, 0.0, 1e12, 0.8], None, None],
    why="PyTorch holds 1e-12 in f32",
)


def _logits(x, target, weight, pos_weight, reduction):
    official = F.binary_cross_entropy_with_logits(
        x, target, _off(weight), pos_weight=_off(pos_weight), reduction=REDUCTION[reduction]
    )
    if weight is None and pos_weight is None:
        return official
    yes = -target * F.logsigmoid(x)
    each = _times(yes, pos_weight) - (1 - target) * F.logsigmoid(-x)
    return _agreed(_reduced(_times(each, weight), reduction), official)


op("binary_cross_entropy_with_logits", _logits, special=False)
corner(
    "binary_cross_entropy_with_logits",
    [-1000.0, 1000.0, -1000.0, 1000.0, 0.0],
    [0.0, 0.0, 1.0, 1.0, 0.5],
    None,
    None,
    attrs=NONE,
)
corner(
    "binary_cross_entropy_with_logits",
    [-1000.0, 1000.0, -1000.0, 1000.0, 0.0],
    [0.0, 0.0, 1.0, 1.0, 0.5],
    None,
    [3.0],
    attrs=NONE,
)


def _focal(x, target, alpha, gamma, reduction):
    p = torch.sigmoid(x)
    each = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    each = each * (1 - (p * target + (1 - p) * (1 - target))) ** gamma
    if alpha >= 0:
        each = each * (alpha * target + (1 - alpha) * (1 - target))
    return _reduced(each, reduction)


op("sigmoid_focal_loss", _focal, special=False, rtol=10.0)
op(
    "soft_margin_loss",
    lambda x, target, reduction: _agreed(
        _reduced(-F.logsigmoid(target * x), reduction),
        F.soft_margin_loss(x, target.detach(), reduction=REDUCTION[reduction]),
    ),
    special=False,
)
corner("soft_margin_loss", [-20.0, 0.0, 20.0], [1.0, -1.0, 1.0], attrs=NONE)
corner(
    "soft_margin_loss",
    [-1000.0],
    [1.0],
    attrs=NONE,
    expect=[[1000.0]],
    grads=[[-1.0], [1000.0]],
    why="PyTorch overflows to infinity",
)


def _cross_entropy(logits, target, weight, reduction, ignore_index, label_smoothing):
    if 0 in logits.shape and logits.shape[0 if logits.dim() == 1 else 1] == 0:
        raise ValueError("no classes")
    official = F.cross_entropy(
        logits,
        target,
        _off(weight),
        ignore_index=ignore_index,
        reduction=REDUCTION[reduction],
        label_smoothing=label_smoothing,
    )
    if weight is None or logits.numel() == 0:
        return official
    dim = 0 if logits.dim() == 1 else 1
    classes = logits.shape[dim]
    along = weight.reshape([-1 if i == dim else 1 for i in range(logits.dim())])
    lost = -torch.log_softmax(logits, dim) * along
    if target.is_floating_point():
        target = target * (1 - label_smoothing) + label_smoothing / classes
        return _agreed(_reduced((lost * target).sum(dim), reduction), official)
    used = target != ignore_index
    safe = torch.where(used, target, 0)
    each = lost.gather(dim, safe.unsqueeze(dim)).squeeze(dim)
    each = (1 - label_smoothing) * each + label_smoothing / classes * lost.sum(dim)
    each = torch.where(used, each, 0)
    if reduction == 1:
        return _agreed(each.sum() / (weight[safe] * used).sum(), official)
    return _agreed(_reduced(each, reduction), official)


op("cross_entropy", _cross_entropy, special=False)
corner("cross_entropy", [[1.0, 2.0], [3.0, 5.0]], tensor([-100, -100], "i64"), None, attrs=MEAN)
corner("cross_entropy", [[1.0, 2.0], [3.0, 5.0]], tensor([-100, -100], "i64"), None, attrs=SUM)
corner(
    "cross_entropy",
    [[INF, 2.0], [3.0, 5.0]],
    tensor([-100, 1], "i64"),
    None,
    grads=[[[0.0, 0.0], [0.11920292202211755, -0.11920292202211755]], None, None],
    why="PyTorch gives NaN to a row that is ignored and infinite",
)
corner("cross_entropy", [1.0, 2.0, -1.0], tensor(2, "i64"), None, second=True)
corner(
    "cross_entropy", [[1.0, -INF, 0.0], [1.0, -INF, 0.0]], tensor([0, 1], "i64"), None, attrs=NONE
)
corner("cross_entropy", [[1.0, 2.0], [3.0, 5.0]], tensor([0, 0], "i64"), [0.0, 1.0], attrs=SUM)


def _nll(x, target, weight, ignore_index, reduction):
    official = F.nll_loss(
        x, target, _off(weight), ignore_index=ignore_index, reduction=REDUCTION[reduction]
    )
    if weight is None or x.numel() == 0:
        return official
    dim = 0 if x.dim() == 1 else 1
    used = target != ignore_index
    safe = torch.where(used, target, 0)
    weights = weight[safe] * used
    each = torch.where(used, -x.gather(dim, safe.unsqueeze(dim)).squeeze(dim), 0) * weights
    if reduction == 1:
        return _agreed(each.sum() / weights.sum(), official)
    return _agreed(_reduced(each, reduction), official)


op("nll_loss", _nll, rtol=10.0)
corner("nll_loss", [[-1.0, -2.0], [-3.0, -5.0]], tensor([0, 0], "i64"), [0.0, 1.0])
corner("nll_loss", [[-1.0, -2.0], [-INF, -5.0]], tensor([1, -100], "i64"), None, second=True)
corner("nll_loss", [[-1.0, -2.0], [-3.0, -5.0]], tensor([-100, -100], "i64"), None)

op("hinge_embedding_loss", _pair(F.hinge_embedding_loss))
corner("hinge_embedding_loss", [0.5, 1.0, 2.0, 0.5], tensor([-1, -1, -1, 1], "i64"), attrs=NONE)
op(
    "margin_ranking_loss",
    lambda x1, x2, target, margin, reduction: F.margin_ranking_loss(
        x1, x2, target, margin=margin, reduction=REDUCTION[reduction]
    ),
)
corner("margin_ranking_loss", [1.0, 2.0, 3.0], [1.0, 1.0, 5.0], [1.0, 1.0, -1.0], attrs=NONE)
op(
    "cosine_embedding_loss",
    lambda x1, x2, target, margin, reduction: F.cosine_embedding_loss(
        x1, x2, target, margin=margin, reduction=REDUCTION[reduction]
    ),
    special=False,
    rtol=10.0,
)
corner(
    "cosine_embedding_loss",
    [[1.0, 2.0], [1.0, 0.0]],
    [[2.0, 1.0], [0.0, 1.0]],
    tensor([1, -1], "i64"),
    attrs=NONE,
)
op(
    "triplet_margin_loss",
    lambda anchor, positive, negative, margin, p, eps, swap, reduction: F.triplet_margin_loss(
        anchor,
        positive,
        negative,
        margin=margin,
        p=p,
        eps=eps,
        swap=swap,
        reduction=REDUCTION[reduction],
    ),
    special=False,
)
corner("triplet_margin_loss", [[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]], attrs=NONE)


def _multi_margin(x, target, weight, p, margin, reduction):
    official = F.multi_margin_loss(
        x, target, p=p, margin=margin, weight=_off(weight), reduction=REDUCTION[reduction]
    )
    if x.numel() == 0:  # memory that nobody wrote to
        official = _reduced(x.sum(-1), reduction)
    at = target.unsqueeze(-1)
    each = torch.relu(margin - x.gather(-1, at) + x) ** p
    each = torch.where(torch.arange(x.shape[-1]) == at, 0, each)
    each = _times(each, None if weight is None else weight[at])
    return _agreed(_reduced(each.sum(-1) / x.shape[-1], reduction), official)


op("multi_margin_loss", _multi_margin, special=False)
corner("multi_margin_loss", [[1.0, 0.0, 2.0]], tensor([0], "i64"), None)


def _multilabel_margin(x, target, reduction):
    if x.numel() == 0:
        raise ValueError("memory that nobody wrote to")
    return F.multilabel_margin_loss(x, target, reduction=REDUCTION[reduction])


# A NaN among the scores is left out there, and makes the loss NaN here.
op("multilabel_margin_loss", _multilabel_margin, second=False, special=False)
corner("multilabel_margin_loss", [[0.1, 0.2, 0.4, 0.8]], tensor([[3, 0, -1, 1]], "i64"))
corner("multilabel_margin_loss", [[1.0, 0.0, 2.0]], tensor([[0, -1, -1]], "i64"))
op(
    "multilabel_soft_margin_loss",
    lambda x, target, weight, reduction: F.multilabel_soft_margin_loss(
        x, target, weight, reduction=REDUCTION[reduction]
    ),
    special=False,
)


def _ctc(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity):
    """PyTorch's value with the gradient of the formula: its own adds e^log_probs."""
    single = log_probs.dim() == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    frames, batch = x.shape[:2]
    if input_lengths is None:
        input_lengths = torch.full((batch,), frames)
    if target_lengths is None:
        target_lengths = torch.full((batch,), targets.shape[-1])
    given = targets.unsqueeze(0) if single else targets
    each = F.ctc_loss(
        x,
        given,
        input_lengths.reshape(-1),
        target_lengths.reshape(-1),
        blank=blank,
        reduction="none",
        zero_infinity=zero_infinity,
    )
    runs = torch.arange(frames).unsqueeze(1) < input_lengths.reshape(1, -1)
    extra = torch.where(runs.unsqueeze(2), x.exp(), 0).sum((0, 2))
    if zero_infinity:
        extra = torch.where(each == 0, 0, extra)
    each = each - (extra - extra.detach())
    if reduction == 1:
        each = each / target_lengths.reshape(-1).clamp(min=1)
    elif reduction == 0 and single:
        each = each.squeeze(0)
    return _reduced(each, reduction)


op("ctc_loss", _ctc, second=False, special=False, resize=False)
_FRAMES = [[[-1.0, -2.0, -0.5]], [[-0.7, -0.9, -1.5]], [[-2.0, -0.3, -2.5]], [[-0.4, -1.6, -2.0]]]
corner("ctc_loss", _FRAMES, tensor([[1, 2]], "i64"), tensor([4], "i64"), tensor([2], "i64"))
corner("ctc_loss", _FRAMES, tensor([[1, 1]], "i64"), tensor([3], "i64"), tensor([2], "i64"))
corner("ctc_loss", _FRAMES, tensor([[1, 1]], "i64"), tensor([4], "i64"), tensor([0], "i64"))
corner("ctc_loss", _FRAMES, tensor([[1, 1]], "i64"), tensor([2], "i64"), tensor([2], "i64"))
corner(
    "ctc_loss",
    _FRAMES,
    tensor([[1, 1]], "i64"),
    tensor([2], "i64"),
    tensor([2], "i64"),
    attrs={"zero_infinity": True},
)


def _dice(x, target, smooth, reduction):
    if x.dim() < 2:
        raise ValueError("no samples")
    x, target = x.flatten(1), target.flatten(1)
    share = (2 * (x * target).sum(1) + smooth) / (x.sum(1) + target.sum(1) + smooth)
    return _reduced(1 - share, reduction)


op("dice_loss", _dice, special=False)


def _info_nce(query, key, temperature, reduction):
    logits = F.normalize(query, dim=1) @ F.normalize(key, dim=1).T / temperature
    target = torch.arange(query.shape[0])
    return F.cross_entropy(logits, target, reduction=REDUCTION[reduction])


op("info_nce_loss", _info_nce, special=False, rtol=10.0)
