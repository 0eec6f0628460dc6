"""Arithmetic, comparison and logical operators.

The common operands, a Tensor or a Python float, take the shortest way: one type check and one C
call. A float is of the float category and never widens a tensor; an int keeps an integer tensor
integer; whatever has an array interface is copied into a tensor first.
"""

from __future__ import annotations

from . import _capi as c
from ._dtype import BY_CODE, FLOATS, RANGES
from ._errors import failure
from ._ops import TensorOps
from ._wrap import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional, Protocol, TypeVar, Union

    from ._tensor import Tensor  # at run time _tensor.py puts it here

    class SupportsArray(Protocol):
        """What NumPy arrays and scalars have."""

        @property
        def __array_interface__(self) -> dict[str, Any]: ...

    Operand = Union[Tensor, float, SupportsArray]
    Self = TypeVar("Self", bound="TensorArithmetic")
    TensorOp = Callable[[Any, Any], Optional[int]]
    ScalarOp = Callable[[Any, float], Optional[int]]

new = object.__new__
dtype_of = c.tg_dtype_of


def int_tensor(value: int, code: int) -> Tensor:
    """A 0-d integer tensor of the dtype with this code; OverflowError if it cannot hold value."""
    low, high = RANGES[code]
    if not low <= value <= high:
        raise OverflowError(f"{value} does not fit {BY_CODE[code].name}")
    y = wrap(c.tg_scalar_i64(value))
    return y if code == c.TG_I64 else wrap(c.tg_cast(y._h, code))


def operand(x: TensorOps, other: object) -> Any:
    """The other operand as a Tensor, or as a float for the functions that take a C double;
    NotImplemented for what is neither number nor array."""
    code = dtype_of(x._h)
    if isinstance(other, Tensor):
        return other
    if isinstance(other, bool):
        if code == c.TG_BOOL:
            return wrap(c.tg_scalar(c.TG_BOOL, other))
        return float(other) if code in FLOATS else int_tensor(other, code)
    if isinstance(other, float):
        return float(other)
    if isinstance(other, int):
        if code in FLOATS:
            return float(other)
        return int_tensor(other, c.TG_I64 if code == c.TG_BOOL else code)
    if hasattr(other, "__array_interface__"):
        if other.__array_interface__["shape"] == () and hasattr(other, "item"):
            return operand(x, other.item())  # NumPy's scalars
        from ._create import tensor

        return tensor(other)
    return NotImplemented


def mixed(x: TensorOps, other: object, op: TensorOp, scalar_op: ScalarOp) -> Any:
    """x op other, for operands that are not of the common types."""
    value = operand(x, other)
    if value is NotImplemented:
        return NotImplemented
    if type(value) is float:
        return wrap(scalar_op(x._h, value))
    return wrap(op(x._h, value._h))


def binary(op: TensorOp, scalar_op: ScalarOp, doc: str) -> Callable[[TensorOps, Operand], Tensor]:
    """The method for `self op other`."""

    def method(self: TensorOps, other: Operand) -> Tensor:
        if type(other) is Tensor:
            h = op(self._h, other._h)
        elif type(other) is float:
            h = scalar_op(self._h, other)
        elif type(other) is int and dtype_of(self._h) in FLOATS:
            h = scalar_op(self._h, float(other))
        else:
            return mixed(self, other, op, scalar_op)  # type: ignore[no-any-return]
        if h:
            y = new(Tensor)
            y._h = h
            return y
        raise failure()

    method.__doc__ = doc
    return method


def reflected(
    op: TensorOp, scalar_op: ScalarOp, doc: str
) -> Callable[[TensorOps, Operand], Tensor]:
    """The method for `other op self`."""

    def method(self: TensorOps, other: Operand) -> Tensor:
        if type(other) is int and dtype_of(self._h) in FLOATS:
            other = float(other)
        elif type(other) is not float:
            value = operand(self, other)
            if value is NotImplemented:
                return NotImplemented  # type: ignore[no-any-return]
            if type(value) is not float:
                return wrap(op(value._h, self._h))
            other = value
        h = scalar_op(self._h, other)
        if h:
            y = new(Tensor)
            y._h = h
            return y
        raise failure()

    method.__doc__ = doc
    return method


def in_place(op: TensorOp, scalar_op: ScalarOp, doc: str) -> Callable[[Self, Operand], Self]:
    """The method for `self op= other`."""

    def method(self: Self, other: Operand) -> Self:
        if type(other) is Tensor:
            h = op(self._h, other._h)
        elif type(other) is float:
            h = scalar_op(self._h, other)
        else:
            value = operand(self, other)
            if value is NotImplemented:
                return NotImplemented  # type: ignore[no-any-return]
            if type(value) is float:
                h = scalar_op(self._h, value)
            else:
                h = op(self._h, value._h)
        if h:
            return self
        raise failure()

    method.__doc__ = doc
    return method


def comparison(op: TensorOp, scalar_op: ScalarOp, doc: str) -> Callable[[TensorOps, Any], Tensor]:
    """The method for a comparison; ints are compared exactly with integer tensors."""

    def method(self: TensorOps, other: Any) -> Tensor:
        if type(other) is Tensor:
            return wrap(op(self._h, other._h))
        if type(other) is float:
            return wrap(scalar_op(self._h, other))
        if isinstance(other, int):
            code = dtype_of(self._h)
            low, high = RANGES.get(code, (other, other))
            if (not low <= other <= high) or (code == c.TG_U8 and other < 0):
                if abs(other) >= 2**63:
                    raise OverflowError(f"{other} is beyond 64 bits: compare with a float")
                wide, value = wrap(c.tg_cast(self._h, c.TG_I64)), int_tensor(other, c.TG_I64)
                return wrap(op(wide._h, value._h))
        return mixed(self, other, op, scalar_op)  # type: ignore[no-any-return]

    method.__doc__ = doc
    return method


def logical(op: TensorOp, symbol: str, name: str) -> Callable[[TensorOps, Any], Tensor]:
    """The method for &, | or ^, which this version has for bool tensors."""

    def method(self: TensorOps, other: Any) -> Tensor:
        if not isinstance(other, (Tensor, bool)):
            return NotImplemented  # type: ignore[no-any-return]
        value = operand(self, other)
        handles = (self._h, value._h) if isinstance(value, Tensor) else (self._h,)
        if len(handles) < 2 or any(dtype_of(h) != c.TG_BOOL for h in handles):
            raise TypeError(f"{symbol} takes bool tensors; for truth values of others use {name}")
        return wrap(op(*handles))

    method.__doc__ = f"self {symbol} other, for bool tensors."
    return method


class TensorArithmetic(TensorOps):
    """Base of Tensor: the operators."""

    __slots__ = ()
    __array_ufunc__ = None  # ndarray + Tensor is Tensor.__radd__

    __add__ = binary(c.tg_add, c.tg_add_scalar, "self + other; broadcasts and promotes.")
    __sub__ = binary(c.tg_sub, c.tg_sub_scalar, "self - other; broadcasts and promotes.")
    __mul__ = binary(c.tg_mul, c.tg_mul_scalar, "self * other, by elements.")
    __truediv__ = binary(c.tg_div, c.tg_div_scalar, "self / other; integers give float32.")
    __pow__ = binary(c.tg_pow, c.tg_pow_scalar, "self ** other, by elements.")
    __radd__ = reflected(c.tg_add, c.tg_add_scalar, "other + self.")
    __rsub__ = reflected(c.tg_sub, c.tg_rsub_scalar, "other - self.")
    __rmul__ = reflected(c.tg_mul, c.tg_mul_scalar, "other * self.")
    __rtruediv__ = reflected(c.tg_div, c.tg_rdiv_scalar, "other / self.")
    __rpow__ = reflected(c.tg_pow, c.tg_rpow_scalar, "other ** self.")
    __iadd__ = in_place(c.tg_add_, c.tg_add_scalar_, "self += other, in the same memory.")
    __isub__ = in_place(c.tg_sub_, c.tg_sub_scalar_, "self -= other, in the same memory.")
    __imul__ = in_place(c.tg_mul_, c.tg_mul_scalar_, "self *= other, in the same memory.")
    __itruediv__ = in_place(c.tg_div_, c.tg_div_scalar_, "self /= other, in the same memory.")
    __ipow__ = in_place(c.tg_pow_, c.tg_pow_scalar_, "self **= other, in the same memory.")

    __eq__ = comparison(c.tg_eq, c.tg_eq_scalar, "self == other, by elements; bool.")  # type: ignore[assignment]
    __ne__ = comparison(c.tg_ne, c.tg_ne_scalar, "self != other, by elements; bool.")  # type: ignore[assignment]
    __lt__ = comparison(c.tg_lt, c.tg_lt_scalar, "self < other, by elements; bool.")
    __le__ = comparison(c.tg_le, c.tg_le_scalar, "self <= other, by elements; bool.")
    __gt__ = comparison(c.tg_gt, c.tg_gt_scalar, "self > other, by elements; bool.")
    __ge__ = comparison(c.tg_ge, c.tg_ge_scalar, "self >= other, by elements; bool.")
    __hash__ = object.__hash__

    __and__ = __rand__ = logical(c.tg_logical_and, "&", "logical_and")
    __or__ = __ror__ = logical(c.tg_logical_or, "|", "logical_or")
    __xor__ = __rxor__ = logical(c.tg_logical_xor, "^", "logical_xor")

    add_, sub_, mul_, div_, pow_ = __iadd__, __isub__, __imul__, __itruediv__, __ipow__

    def __neg__(self) -> Tensor:
        """-self."""
        return self.neg()

    def __pos__(self) -> Tensor:
        """+self: a new header on the same memory."""
        return self.contiguous()

    def __abs__(self) -> Tensor:
        """abs(self)."""
        return self.abs()

    def __invert__(self) -> Tensor:
        """~self, for bool tensors."""
        if dtype_of(self._h) != c.TG_BOOL:
            raise TypeError("~ takes bool tensors; for truth values of others use logical_not")
        return self.logical_not()

    def __matmul__(self, other: Tensor | SupportsArray) -> Tensor:
        """self @ other: see matmul."""
        if type(other) is Tensor:
            h = c.tg_matmul(self._h, other._h)
            if h:
                y = new(Tensor)
                y._h = h
                return y
            raise failure()
        value = NotImplemented if isinstance(other, (int, float)) else operand(self, other)
        return wrap(c.tg_matmul(self._h, value._h)) if isinstance(value, Tensor) else value

    def __rmatmul__(self, other: SupportsArray) -> Tensor:
        """other @ self, for NumPy arrays."""
        value = NotImplemented if isinstance(other, (int, float)) else operand(self, other)
        return wrap(c.tg_matmul(value._h, self._h)) if isinstance(value, Tensor) else value

    def add(self, other: Operand, *, alpha: float = 1) -> Tensor:
        """self + alpha * other; broadcasts and promotes."""
        return self + (other if alpha == 1 else other * alpha)  # type: ignore[operator]

    def sub(self, other: Operand, *, alpha: float = 1) -> Tensor:
        """self - alpha * other; broadcasts and promotes."""
        return self - (other if alpha == 1 else other * alpha)  # type: ignore[operator]

    def mul(self, other: Operand) -> Tensor:
        """self * other, by elements; broadcasts and promotes."""
        return self * other

    def div(self, other: Operand) -> Tensor:
        """self / other, true division: integers give float32."""
        return self / other

    def pow(self, exponent: Operand) -> Tensor:
        """self ** exponent, by elements; broadcasts and promotes."""
        return self**exponent

    def eq(self, other: Operand) -> Tensor:
        """self == other, by elements; bool."""
        return compared(self == other, other)

    def ne(self, other: Operand) -> Tensor:
        """self != other, by elements; bool."""
        return compared(self != other, other)

    def lt(self, other: Operand) -> Tensor:
        """self < other, by elements; bool."""
        return self < other

    def le(self, other: Operand) -> Tensor:
        """self <= other, by elements; bool."""
        return self <= other

    def gt(self, other: Operand) -> Tensor:
        """self > other, by elements; bool."""
        return self > other

    def ge(self, other: Operand) -> Tensor:
        """self >= other, by elements; bool."""
        return self >= other


def compared(result: object, other: object) -> Tensor:
    """The result of == or !=, which Python answers itself for operands that we refuse."""
    if isinstance(result, Tensor):
        return result
    raise TypeError(f"cannot compare a Tensor with {type(other).__name__}")
