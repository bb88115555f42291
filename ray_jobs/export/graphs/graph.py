"""A graph that grows: every `add` gives the name of one tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_jobs.problems import Refused
from ray_jobs.spec import ProblemCode

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
ML = "ai.onnx.ml"

Tensor = str  #: its name in the graph


def not_for_onnx(why: str) -> Refused:
    return Refused(
        ProblemCode.NO_EXPORT,
        f"This model can't be written as ONNX: {why}. It can be exported as python.",
        subject="onnx",
    )


class Graph:
    """Nodes, constants and inputs of one ONNX graph.

    taken: names of the table's columns, so that no other tensor is called like one.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        import onnx

        self._taken = set(taken)
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: dict[str, Any] = {}

    def input(self, name: str, *, text: bool = False) -> Tensor:
        """A column of the table, shape (rows, 1): text, or numbers in double precision."""
        kind = self._onnx.TensorProto.STRING if text else self._onnx.TensorProto.DOUBLE
        if name not in self._inputs:
            self._inputs[name] = self._onnx.helper.make_tensor_value_info(name, kind, ["rows", 1])
        return name

    def constant(self, values: Any) -> Tensor:
        """Numbers as they are typed; Python's become doubles."""
        array = np.asarray(values)
        name = self.free_name(f"constant/{len(self._constants)}")
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def numbers(self, *values: int) -> Tensor:
        """Whole numbers: axes, shapes, positions."""
        return self.constant(np.array(values, dtype=np.int64))

    def add(self, operator: str, *inputs: Tensor, domain: str = "", **attributes: Any) -> Tensor:
        name = self.free_name(f"{operator}/{len(self._nodes)}")
        node = self._onnx.helper.make_node(operator, list(inputs), [name], domain=domain, **attributes)
        self._nodes.append(node)
        return name

    def cast(self, tensor: Tensor, dtype: Any = np.float64) -> Tensor:
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", tensor, to=kind)

    def free_name(self, name: str) -> str:
        """The name, with something behind it where a column has it."""
        while name in self._taken:
            name += "_"
        return name

    def columns(self, tensor: Tensor, places: NDArray[Any] | list[int]) -> Tensor:
        """Some of a matrix's columns."""
        return self.add("Gather", tensor, self.numbers(*map(int, places)), axis=1)

    def concatenated(self, tensors: list[Tensor]) -> Tensor:
        """Side by side."""
        return tensors[0] if len(tensors) == 1 else self.add("Concat", *tensors, axis=1)

    def finished(self, outputs: dict[str, tuple[Tensor, bool, int]], facts: dict[str, str]) -> Any:
        """The ONNX model. outputs: name -> (tensor, is it text, columns). facts: put into its metadata."""
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        told = []
        for name, (tensor, text, width) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
            told.append(helper.make_tensor_value_info(name, kinds.STRING if text else kinds.DOUBLE, ["rows", width]))
        graph = helper.make_graph(self._nodes, "model", list(self._inputs.values()), told, self._constants)
        sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=IR_VERSION, producer_name="hayride")
        helper.set_model_props(model, facts)
        return model
