"""What a torch program computes, read so that other weights can be put in.

A saved program holds the weights inside it. To train it anew they must become arguments: an
exported program lets them be replaced; a TorchScript archive is run here, step by step.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from analyzers.core.errors import UnsuitableSubject
from analyzers.privacy.perceptrons import Activation
from analyzers.privacy.refitting import OFF

_ACTIVATIONS: dict[str, Activation] = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}
_FLATTENING = ("flatten", "view", "reshape", "_unsafe_view")
_FINAL = ("softmax", "log_softmax", "_softmax", "_log_softmax", "sigmoid")
# These behave otherwise in training, and a saved program has only the other form.
_UNTRAINABLE = ("batch_norm", "instance_norm", "native_batch_norm")


class Step(NamedTuple):
    """One operation: its name, and the names of what it is given (numbers are left out)."""

    operation: str
    result: str
    given: tuple[str, ...]


class Program(NamedTuple):
    """A network whose weights are arguments.

    Attributes:
        shapes: of every parameter, by name, in order.
        call: from parameters by name and a tensor of rows: what the network says.
        steps: in order.
        rows: the name of the network's argument.
    """

    shapes: Mapping[str, tuple[int, ...]]
    call: Callable[[Mapping[str, Any], Any], Any]
    steps: tuple[Step, ...]
    rows: str


class Chain(NamedTuple):
    """A network of full layers: names of the weights and intercepts, layer by layer."""

    layers: tuple[tuple[str, str], ...]
    activation: Activation


def read_program(module: Any) -> Program:  # noqa: ANN401  a torch module
    """Read a torch program.

    Raises:
        UnsuitableSubject: it has no weights, or steps that cannot be trained from a saved program.
    """
    shapes = {name: tuple(item.shape) for name, item in module.named_parameters()}
    if not shapes:
        raise UnsuitableSubject(
            "Expected a network with weights to train anew, got a program without any.", remedy=OFF
        )
    read = _read_script if hasattr(module, "inlined_graph") else _read_exported
    program = read(module, shapes)
    found = sorted({step.operation for step in program.steps if _is_untrainable(step.operation)})
    if found:
        raise UnsuitableSubject(
            "Expected a network that is trained as it is used, got one with "
            f"{found[0].replace('_', ' ')}, whose form in training is not in the file.",
            remedy=OFF,
        )
    return program


def chain_of(program: Program) -> Chain | None:
    """Return the layers of a plain perceptron, or None for any other network."""
    current, has_ended = program.rows, False
    layers: list[tuple[str, str]] = []
    # How many layers came before each function, and which it is.
    activations: set[tuple[int, Activation]] = set()
    for step in program.steps:
        if not step.given or step.given[0] != current or has_ended:
            return None
        given = step.given
        if step.operation == "linear" and len(given) == 3 and set(given[1:]) <= set(program.shapes):
            layers.append((given[1], given[2]))
        elif step.operation in _ACTIVATIONS and layers and _more_layers(program, step):
            activations.add((len(layers), _ACTIVATIONS[step.operation]))
        elif step.operation in _FINAL and layers:
            has_ended = True
        elif not (step.operation == "dropout" or (step.operation in _FLATTENING and not layers)):
            return None
        current = step.result
    kinds = {kind for _, kind in activations}
    # A function after every layer but the last, the same everywhere, and every weight used once.
    is_plain = len(activations) == len(layers) - 1 and len(kinds) <= 1
    names = [name for layer in layers for name in layer]
    if not layers or not is_plain or sorted(names) != sorted(program.shapes):
        return None
    return Chain(tuple(layers), kinds.pop() if kinds else "identity")


def _more_layers(program: Program, step: Step) -> bool:
    after = program.steps[program.steps.index(step) + 1 :]
    return any(item.operation == "linear" for item in after)


def _is_untrainable(operation: str) -> bool:
    return any(word in operation for word in _UNTRAINABLE)


def _read_exported(module: Any, shapes: Mapping[str, tuple[int, ...]]) -> Program:  # noqa: ANN401
    from torch.fx import Interpreter

    class Weighted(Interpreter):
        """Runs the graph with other weights and leaves the module alone, which threads share."""

        def __init__(self, weights: Mapping[str, Any]) -> None:
            super().__init__(module)
            self._weights = weights

        def fetch_attr(self, target: str) -> Any:  # noqa: ANN401  a torch.Tensor
            return self._weights[target] if target in self._weights else super().fetch_attr(target)

    def call(parameters: Mapping[str, Any], rows: Any) -> Any:  # noqa: ANN401  torch.Tensors
        return _first(Weighted(parameters).run(rows))

    steps, names, rows = [], {}, ""
    for node in module.graph.nodes:
        if node.op == "placeholder":
            rows = rows or node.name
        elif node.op == "get_attr":
            names[node.name] = str(node.target)
        elif node.op == "call_function":
            operation = str(getattr(node.target, "__name__", node.target)).split(".")[0]
            given = tuple(names.get(item.name, item.name) for item in node.all_input_nodes)
            steps.append(Step(operation.rstrip("_"), node.name, given))
    return Program(shapes, call, tuple(steps), rows)


def _read_script(module: Any, shapes: Mapping[str, tuple[int, ...]]) -> Program:  # noqa: ANN401
    graph = module.inlined_graph
    arguments = [item.debugName() for item in graph.inputs()]
    if len(arguments) != 2:
        raise _no_plain_program(f"{len(arguments) - 1} arguments")
    constants = dict(module.named_buffers())
    paths: dict[str, str] = {arguments[0]: ""}
    values: dict[str, Any] = {}
    parameters: dict[str, str] = {}
    steps: list[Step] = []
    work: list[tuple[str, Callable[..., Any] | None, str, list[str]]] = []
    for node in graph.nodes():
        result = node.outputsAt(0).debugName() if node.outputsSize() else ""
        given = [item.debugName() for item in node.inputs()]
        kind = node.kind()
        if kind == "prim::GetAttr":
            path = f"{paths[given[0]]}.{node.s('name')}".lstrip(".")
            paths[result] = path
            if path in shapes:
                parameters[result] = path
            elif path in constants:
                values[result] = constants[path]
        elif kind == "prim::Constant":
            values[result] = node.outputsAt(0).toIValue()
        elif kind in ("prim::ListConstruct", "prim::TupleConstruct", "prim::NumToTensor"):
            work.append((kind, None, result, given))
        elif kind.startswith("aten::"):
            operation = kind.removeprefix("aten::").rstrip("_")
            work.append((kind, _operator(operation, node.schema()), result, given))
            shown = tuple(parameters.get(name, name) for name in given
                          if name not in values)  # fmt: skip
            steps.append(Step(operation.removeprefix("_convolution_mode"), result, shown))
        else:
            raise _no_plain_program(f"the step {kind!r}")
    last = next(iter(graph.outputs())).debugName()

    def call(weights: Mapping[str, Any], rows: Any) -> Any:  # noqa: ANN401  torch.Tensors
        known = values | {at: weights[name] for at, name in parameters.items()}
        known[arguments[1]] = rows
        for kind, operator, result, given in work:
            items = [known[name] for name in given]
            if operator is not None:
                known[result] = operator(*items)
            else:
                known[result] = items[0] if kind == "prim::NumToTensor" else items
        return _first(known[last])

    return Program(shapes, call, tuple(steps), arguments[1])


def _operator(operation: str, schema: str) -> Callable[..., Any]:
    """Return an operation as TorchScript calls it, with every argument by place."""
    import torch

    if operation in ("Int", "ScalarImplicit"):
        return int
    if operation == "_convolution":
        # What comes after nine arguments chooses between implementations.
        return lambda *items: torch.ops.aten.convolution.default(*items[:9])
    declared = torch._C.parse_schema(schema)
    overloads = getattr(torch.ops.aten, operation, None)
    found = getattr(overloads, declared.overload_name or "default", None)
    if found is None:
        raise _no_plain_program(f"the step {operation[:40]!r}")
    by_name = [item.name if item.kwarg_only else "" for item in declared.arguments]
    n_by_place = by_name.count("")

    def call(*items: Any) -> Any:  # noqa: ANN401  tensors and numbers
        named = dict(zip(by_name[n_by_place:], items[n_by_place:], strict=True))
        return found(*items[:n_by_place], **named)

    return call


def _first(output: Any) -> Any:  # noqa: ANN401  whatever the program returns
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if isinstance(output, dict):
        output = output.get("logits", next(iter(output.values()), None))
    return output


def _no_plain_program(found: str) -> UnsuitableSubject:
    return UnsuitableSubject(
        f"Expected a network that is one run of tensor operations, got one with {found}.",
        remedy=f"Save it traced, or with torch.export. {OFF}",
    )
