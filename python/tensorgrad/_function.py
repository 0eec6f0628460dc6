"""Functions of one's own: forward and backward in Python.

A class derived from Function becomes one function of the C library, made at its first call. While
forward runs, the call lies on a stack of its thread; what backward needs stays in a table until the
library lets go of the graph. An exception in a callback is kept for the call around it (_errors).
"""

from __future__ import annotations

import ctypes
import weakref
from functools import wraps
from itertools import count
from struct import Struct
from threading import local

from . import _capi as c
from ._errors import failure, make_error, raised_in_callback
from ._tensor import NONE, Tensor
from ._wrap import check, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from ._dtype import dtype as DType

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["Function", "FunctionContext", "once_differentiable"]

# What calls keep for backward, by the number that the library hands back.
_contexts: dict[int, FunctionContext] = {}
_numbers = count(1)
_running = local()  # .calls: the calls whose forward runs on this thread


class FunctionContext:
    """What a call of a Function keeps: the `ctx` of forward and backward.

    Attributes may be added freely; tensors for backward go through save_for_backward, which checks
    that they do not change. An attribute that holds an output of the call is a cycle that is never
    freed.
    """

    def __init__(self, cls: type[Function], args: tuple[Any, ...]) -> None:
        self._class = cls
        self._args: tuple[Any, ...] = args  # emptied after forward
        self._n_args = len(args)
        places = [i for i, one in enumerate(args) if isinstance(one, Tensor)]
        self._places = places  # of the tensors among the arguments
        self._call: int | None = None  # while a callback runs
        self._backward = False
        self._saved: tuple[Tensor | None, ...] = ()
        self._constants: tuple[Tensor, ...] = ()
        self._dirty: list[Tensor] = []
        self._materialize = True
        self._result: Any = None
        self._outputs: list[tuple[tuple[int, ...], DType] | None] = []  # None: no tensor

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """In forward: the tensors that backward will find in saved_tensors."""
        self._need("save_for_backward", forward=True)
        for one in tensors:
            if one is not None and not isinstance(one, Tensor):
                raise TypeError(
                    f"save_for_backward: tensors or None, got {type(one).__name__}; keep other "
                    "values as attributes of ctx"
                )
        self._saved = tensors

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """In forward: these outputs are constants for gradients."""
        self._need("mark_non_differentiable", forward=True)
        self._constants = outputs

    def mark_dirty(self, *inputs: Tensor) -> None:
        """In forward, before writing: these inputs are written in place, and returned."""
        self._need("mark_dirty", forward=True)
        for one in inputs:
            at = [k for k, place in enumerate(self._places) if self._args[place] is one]
            if not at:
                raise ValueError("mark_dirty: not one of the arguments of forward")
            check(c.tg_call_mark_dirty(self._call, at[0]))
            self._dirty.append(one)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for outputs without a gradient."""
        self._materialize = value

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """For each argument of forward, whether its gradient is wanted."""
        self._need("needs_input_grad")
        wanted = [False] * self._n_args
        for k, place in enumerate(self._places):
            wanted[place] = c.tg_call_needs_grad(self._call, k)
        return tuple(wanted)

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """In backward: what save_for_backward was given."""
        self._need("saved_tensors", forward=False)
        handles = [c.tg_call_saved(self._call, i) for i in range(c.tg_call_saved_count(self._call))]
        return tuple(None if h == NONE else wrap(h) for h in handles)

    def _need(self, what: str, forward: bool | None = None) -> None:
        if self._call is None or (forward is not None and forward is self._backward):
            where = {True: "forward", False: "backward", None: "forward and backward"}[forward]
            raise RuntimeError(f"ctx.{what}: only while {where} runs")

    def _zeros(self, k: int) -> Tensor | None:
        like = self._outputs[k]
        if like is None or not self._materialize:
            return None
        shape, kind = like
        return wrap(c.tg_zeros(kind.code, len(shape), Struct(f"{len(shape)}q").pack(*shape)))


class Function:
    """Base of operations with a forward and a backward of their own.

        class Cube(tg.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x * x

            @staticmethod
            def backward(ctx, grad):
                (x,) = ctx.saved_tensors
                return grad * 3 * x * x

        y = Cube.apply(x)

    forward runs with recording off and gets the arguments of apply after ctx; or, where a class has
    setup_context(ctx, inputs, output), without ctx. backward gets one gradient per output and gives
    one per argument, None for none. Written in tensor operations it can be differentiated again.
    """

    @staticmethod
    def forward(*args: Any) -> Any:
        """Computes the output: a tensor or a tuple."""
        raise NotImplementedError("forward")

    @staticmethod
    def setup_context(ctx: FunctionContext, inputs: tuple[Any, ...], output: Any) -> None:
        """Saves for backward, where forward takes no ctx."""
        raise NotImplementedError("setup_context")

    @staticmethod
    def backward(ctx: FunctionContext, *grads: Any) -> Any:
        """The gradients of the arguments of forward from those of its outputs."""
        raise NotImplementedError("backward")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Calls forward, and records the call if a tensor among args requires gradients."""
        function = cls.__dict__.get("_function") or _make_function(cls)
        ctx = FunctionContext(cls, args)
        inputs = _pack([args[place]._h for place in ctx._places])
        outputs = (ctypes.c_void_p * c.TG_FUNCTION_MAX_OUTPUTS)()
        calls = _calls()
        calls.append(ctx)
        try:
            status = c.tg_function_call(
                function, inputs, len(ctx._places), outputs, c.TG_FUNCTION_MAX_OUTPUTS
            )
        finally:
            calls.pop()
            result, ctx._result, ctx._args = ctx._result, None, ()
            dirty, ctx._dirty = ctx._dirty, []
            ctx._saved = ctx._constants = ()
        if status:
            raise failure()
        listed = result if isinstance(result, (tuple, list)) else (result,)
        out = [
            _result_of(given, outputs[k], dirty) if isinstance(given, Tensor) else given
            for k, given in enumerate(listed)
        ]
        return tuple(out) if isinstance(result, (tuple, list)) else out[0]


def once_differentiable(backward: F) -> F:
    """Marks a backward that is not made of tensor operations: a walk with create_graph=True is
    refused with UnsupportedError, where its result would be silently wrong."""
    if not callable(backward):
        raise TypeError(f"once_differentiable: a function, got {type(backward).__name__}")

    @wraps(backward)
    def once(*args: Any) -> Any:
        return backward(*args)

    once._once_differentiable = True  # type: ignore[attr-defined]
    return once  # type: ignore[return-value]


def _calls() -> list[FunctionContext]:
    try:
        return _running.calls  # type: ignore[no-any-return]
    except AttributeError:
        _running.calls = []
        return _running.calls  # type: ignore[no-any-return]


def _pack(handles: Sequence[int | None]) -> bytes:
    return Struct(f"{len(handles)}P").pack(*handles)


def _result_of(given: Tensor, handle: int | None, dirty: list[Tensor]) -> Tensor:
    """The tensor for an output; an input that was written is itself the output, as in PyTorch."""
    y = wrap(handle)
    return given if any(given is one for one in dirty) else y


# ---- The callbacks: called by the library, with what they hand back retained (TG_CALLBACK_OWNS)


def _retained(tensor: Tensor) -> int:
    return c.tg_retain(tensor._h) or 0


def _forward(_: Any, call: int, _in: Any, _n: int, out: int, n_out: int) -> int:
    ctx = _calls()[-1]
    cls = ctx._class
    ctx._call = call
    try:
        if cls.setup_context is Function.setup_context:
            result = cls.forward(ctx, *ctx._args)
        else:
            result = cls.forward(*ctx._args)
            cls.setup_context(ctx, ctx._args, result)
        ctx._result = result
        _hand_over(ctx, call, out, n_out)
    except BaseException as error:
        return raised_in_callback(error)
    finally:
        ctx._call = None
    return c.TG_OK


def _hand_over(ctx: FunctionContext, call: int, out: int, n_out: int) -> None:
    """What forward gave and saved, to the library."""
    name = ctx._class.__name__
    result = ctx._result
    listed = result if isinstance(result, (tuple, list)) else (result,)
    if not any(isinstance(one, Tensor) for one in listed):
        raise TypeError(f"{name}.forward must give a tensor or a tuple with one, got {result!r}")
    if len(listed) > n_out:
        raise ValueError(f"{name}.forward gave {len(listed)} outputs; at most {n_out}")
    for constant in ctx._constants:
        at = [k for k, given in enumerate(listed) if given is constant]
        if not at:
            raise ValueError(f"{name}: mark_non_differentiable: not one of the outputs")
        check(c.tg_call_mark_non_differentiable(call, at[0]))
    saved = _pack([NONE if one is None else one._h for one in ctx._saved])
    check(c.tg_call_save(call, saved, len(ctx._saved)))
    number = next(_numbers)
    _contexts[number] = ctx
    if c.tg_call_set_data(call, number, _forget):
        del _contexts[number]
        raise failure()
    ctx._outputs = [(one.shape, one.dtype) if isinstance(one, Tensor) else None for one in listed]
    handles = (ctypes.c_void_p * n_out).from_address(out)
    for k in range(n_out):
        one = listed[k] if k < len(listed) else None
        handles[k] = _retained(one) if isinstance(one, Tensor) else NONE


def _backward(_: Any, call: int, grads: int, n_out: int, gin: int, n_in: int) -> int:
    ctx = _contexts[c.tg_call_data(call) or 0]
    ctx._call, ctx._backward = call, True
    try:
        given: list[Tensor | None] = []
        handles = (ctypes.c_void_p * n_out).from_address(grads)
        for k in range(len(ctx._outputs)):
            h = handles[k] if k < n_out else NONE
            given.append(ctx._zeros(k) if h == NONE else wrap(c.tg_retain(h)))
        result = ctx._class.backward(ctx, *given)
        _give_gradients(ctx, result, gin, n_in)
    except BaseException as error:
        return raised_in_callback(error)
    finally:
        ctx._call = None
    return c.TG_OK


def _give_gradients(ctx: FunctionContext, result: Any, gin: int, n_in: int) -> None:
    listed = result if isinstance(result, (tuple, list)) else (result,)
    name = ctx._class.__name__
    while len(listed) > ctx._n_args and listed[-1] is None:
        listed = listed[:-1]
    if len(listed) != ctx._n_args:
        raise make_error(
            c.TG_ERR_SHAPE,
            name,
            f"function '{name}': backward gave {len(listed)} gradients for {ctx._n_args} "
            "arguments of forward; give one for each, None for none",
        )
    for i, one in enumerate(listed):
        if one is None or (isinstance(one, Tensor) and i in ctx._places):
            continue
        what = type(one).__name__
        if i in ctx._places:
            raise TypeError(f"function '{name}': gradient {i} must be a Tensor or None, got {what}")
        raise TypeError(
            f"function '{name}': gradient {i} is {what} for an argument that is no tensor"
        )
    handles = (ctypes.c_void_p * n_in).from_address(gin)
    for k, place in enumerate(ctx._places):
        one = listed[place]
        handles[k] = NONE if one is None else _retained(one)


# Kept for ever: the library may call them until the end. A method of dict runs no Python code.
_FIELDS: dict[str, Any] = {field[0]: field[1] for field in c.tg_function_class._fields_}
_methods = (_FIELDS["forward"](_forward), _FIELDS["backward"](_backward))
_forget = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_contexts.pop)
for _one in (*_methods, _forget):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_one))


def _make_function(cls: type[Function]) -> int:
    """The function of the C library for a class; it goes with the class and its last graph."""
    for name in ("forward", "backward"):
        if getattr(cls, name) is getattr(Function, name):
            raise TypeError(f"{cls.__name__} has no {name}: define it, as a staticmethod")
    once = getattr(cls.backward, "_once_differentiable", False)
    methods = c.tg_function_class(
        size=ctypes.sizeof(c.tg_function_class),
        flags=c.TG_CALLBACK_OWNS | (c.TG_FUNCTION_ONCE if once else 0),
        name=cls.__name__.encode()[:60],
        forward=_methods[0],
        backward=_methods[1],
    )
    function = c.tg_function_new(methods, None)
    if not function:
        raise failure()
    cls._function = function  # type: ignore[attr-defined]
    weakref.finalize(cls, c.tg_function_free, function).atexit = False
    return function
