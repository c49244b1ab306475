"""Vector registers for numba: a few channels at a time, held over a loop.

LLVM vectorises inner loops by itself, but then keeps sums of an outer loop in memory. With these
intrinsics a compiled function names its registers: `a = fma(a, load(u, i), s)` in a loop over i
loads u once and never stores a. A register has 64 bytes where the processor has AVX-512, otherwise
32, which the compiler maps to what there is. Nothing checks bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, models, register_model

_BYTES = 64 if "+avx512f" in get_host_cpu_features().split(",") else 32
_INT32 = ir.IntType(32)
Codegen = tuple[Any, Callable[..., Any]]


class VectorType(types.Type):
    """The numba type of a register with elements of a floating type."""

    def __init__(self, dtype: types.Float) -> None:
        """Takes the type of the elements."""
        self.dtype = dtype
        self.lanes = 8 * _BYTES // dtype.bitwidth
        super().__init__(name=f"vector({dtype}, {self.lanes})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    """How LLVM holds it."""

    def __init__(self, manager: Any, fe_type: VectorType) -> None:
        element = manager.lookup(fe_type.dtype).get_value_type()
        super().__init__(manager, fe_type, ir.VectorType(element, fe_type.lanes))


def _address(context: Any, builder: Any, array: Any, arguments: Any) -> Any:
    """Pointer to array[index] for the first two arguments of a call."""
    data = context.make_array(array)(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


def _vector_address(context: Any, builder: Any, array: Any, arguments: Any) -> Any:
    """The same as a pointer to a register."""
    pointer = _address(context, builder, array, arguments)
    return builder.bitcast(pointer, context.get_value_type(VectorType(array.dtype)).as_pointer())


def _splat(context: Any, builder: Any, vector: VectorType, scalar: Any) -> Any:
    """The scalar in all lanes."""
    undefined = context.get_value_type(vector)(ir.Undefined)
    one = builder.insert_element(undefined, scalar, _INT32(0))
    first = ir.VectorType(_INT32, vector.lanes)([0] * vector.lanes)
    return builder.shuffle_vector(one, undefined, first)


@intrinsic
def lanes(_context: Any, array: Any) -> Codegen:
    """Elements of the array's dtype in a register, a constant."""
    count = VectorType(array.dtype).lanes

    def codegen(context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return context.get_constant(types.intp, count)

    return types.intp(array), codegen


@intrinsic
def zero(_context: Any, array: Any) -> Codegen:
    """A register of zeros of the array's dtype."""
    vector = VectorType(array.dtype)

    def codegen(context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return context.get_value_type(vector)(None)

    return vector(array), codegen


@intrinsic
def load(_context: Any, array: Any, _index: Any) -> Codegen:
    """array[index : index + lanes]; contiguous arrays with one axis."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = _vector_address(context, builder, array, arguments)
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return VectorType(array.dtype)(array, types.intp), codegen


@intrinsic
def store(_context: Any, array: Any, _index: Any, vector: Any) -> Codegen:
    """array[index : index + lanes] = vector."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = _vector_address(context, builder, array, arguments)
        builder.store(arguments[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@intrinsic
def spread(_context: Any, array: Any, _index: Any) -> Codegen:
    """array[index] in all lanes."""
    vector = VectorType(array.dtype)

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        scalar = builder.load(_address(context, builder, array, arguments))
        return _splat(context, builder, vector, scalar)

    return vector(array, types.intp), codegen


@intrinsic
def mul(_context: Any, a: Any, b: Any) -> Codegen:
    """The product a · b, lane by lane."""

    def codegen(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return a(a, b), codegen


@intrinsic
def fma(_context: Any, total: Any, a: Any, b: Any) -> Codegen:
    """The sum total + a · b, lane by lane, rounded once where the processor can."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(total)
        name = f"llvm.fmuladd.v{total.lanes}f{total.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), name
        )
        return builder.call(function, [arguments[1], arguments[2], arguments[0]])

    return total(total, a, b), codegen


@intrinsic
def swapped(_context: Any, vector: Any) -> Codegen:
    """Every pair of lanes (a, b) as (b, a)."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        mask = ir.VectorType(_INT32, vector.lanes)([i ^ 1 for i in range(vector.lanes)])
        undefined = context.get_value_type(vector)(ir.Undefined)
        return builder.shuffle_vector(arguments[0], undefined, mask)

    return vector(vector), codegen


@intrinsic
def alternated(_context: Any, vector: Any) -> Codegen:
    """Every pair of lanes (a, b) as (−a, b)."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        signs = context.get_value_type(vector)([-1.0, 1.0] * (vector.lanes // 2))
        return builder.fmul(arguments[0], signs)

    return vector(vector), codegen
