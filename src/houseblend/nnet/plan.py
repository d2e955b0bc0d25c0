"""How a network is computed for a given number of output frames: which times, which memory, in which order.

Each node is computed at the times that its readers need, no more. Activations are [N, times, dim] in one piece
of memory per node, so that rows (n, t) of all nodes are matrices for the components.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from houseblend.base.errors import InputError
from houseblend.nnet.components.base import Component, UpdatableComponent
from houseblend.nnet.descriptor import Descriptor
from houseblend.nnet.randomness import Randomness
from houseblend.nnet.topology import Node, Topology

Sink = Callable[[UpdatableComponent, torch.Tensor, torch.Tensor], None]
"""Takes a trained component, its input x [rows, input_dim] and the derivative dy by its output [rows, output_dim]."""


class Workspace:
    """Memory that is used again from minibatch to minibatch while they are of one size."""

    def __init__(self) -> None:
        self._matrices: dict[str, torch.Tensor] = {}

    def take(self, label: str, rows: int, columns: int, like: torch.Tensor) -> torch.Tensor:
        """A matrix [rows, columns] under a label; its content is what was there before."""
        matrix = self._matrices.get(label)
        if matrix is None or matrix.shape != (rows, columns):
            matrix = self._matrices[label] = like.new_empty(rows, columns)
        return matrix


class Source:
    """Where the rows of a node's input come from: parts (node, times) side by side, or one node as it is.

    Args:
        label: names the memory.
        descriptor: what is read.
        times: at which times the reader is computed.
        node_times, node_dims: times and dims of the nodes that are read.
    """

    def __init__(
        self,
        label: str,
        descriptor: Descriptor,
        times: list[int],
        node_times: Mapping[str, list[int]],
        node_dims: Mapping[str, int],
    ) -> None:
        self.label, self.num_times = label, len(times)
        self.dim = sum(node_dims[name] for name, _ in descriptor)
        self.nodes = list(dict.fromkeys(name for name, _ in descriptor))
        self.parts = [
            (name, [node_times[name].index(t + offset) for t in times], node_dims[name]) for name, offset in descriptor
        ]
        indexes = [step[1][i] for i in range(len(times)) for step in self.parts]
        whole = list(range(len(node_times[self.nodes[0]])))
        self.is_view = len(self.nodes) == 1 and indexes == whole
        self._index = torch.tensor(indexes) if len(self.nodes) == 1 and not self.is_view else None

    def gather(self, values: Mapping[str, torch.Tensor], work: Workspace) -> torch.Tensor:
        """Rows [N * times, dim] from the activations [N, node's times, node's dim] of the nodes."""
        first = values[self.nodes[0]]
        if self.is_view:
            return first.view(-1, self.dim)
        rows = len(first) * self.num_times
        out = work.take(f"{self.label}.input", rows, self.dim, first)
        if self._index is not None:
            self._index = self._index.to(first.device)
            shape = (len(first), len(self._index), first.shape[2])
            torch.index_select(first, 1, self._index, out=out.view(shape))
        else:
            pieces = [values[name][:, index].reshape(rows, dim) for name, index, dim in self.parts]
            torch.cat(pieces, dim=1, out=out)
        return out

    def scatter(self, d_rows: torch.Tensor, grads: Mapping[str, torch.Tensor]) -> None:
        """Add derivatives by the rows [N * times, dim] to those by the activations, where these are wanted."""
        column = 0
        d_rows = d_rows.view(-1, self.num_times, self.dim)
        for name, index, dim in self.parts:
            if name in grads:
                piece = d_rows[:, :, column : column + dim]
                if index == list(range(index[0], index[0] + len(index))):
                    grads[name][:, index[0] : index[0] + len(index)] += piece
                else:
                    grads[name][:, index] += piece
            column += dim


class Step:
    """One component node of a plan."""

    def __init__(self, node: Node, component: Component, source: Source, in_place: bool) -> None:
        self.node, self.component, self.source, self.in_place = node, component, source, in_place


class Plan:
    """The computation of one network for `frames` output frames.

    Args:
        topology: the graph.
        components: by name.
        frames: output frames per example.

    Attributes:
        left_context, right_context: frames of input before the first and after the last output frame.
        output_dim: numbers per output frame.

    Raises:
        InputError: a node names no component, or dims do not fit.
    """

    def __init__(self, topology: Topology, components: Mapping[str, Component], frames: int) -> None:
        self._input_name = topology.input_name
        self._reads = {node.name: read_by(node, components) for node in topology.nodes}
        self._reads[topology.output_name] = topology.output
        self._times = _needed_times(topology, self._reads, frames)
        window = self._times[self._input_name]
        self.left_context, self.right_context = -window[0], window[-1] - frames + 1
        self._work = Workspace()
        self._needs_grad: set[str] = set()
        self._steps: list[Step] = []
        dims = {topology.input_name: topology.input_dim}
        readers = _count_readers(self._reads)
        for node in topology.nodes:
            if node.name in self._times:
                self._steps.append(self._make_step(node, components, dims, readers))
        self._output = Source(topology.output_name, topology.output, list(range(frames)), self._times, dims)
        self.output_dim = self._output.dim

    def _make_step(
        self, node: Node, components: Mapping[str, Component], dims: dict[str, int], readers: Mapping[str, int]
    ) -> Step:
        component = components[node.component]
        source = Source(node.name, self._reads[node.name], self._times[node.name], self._times, dims)
        if source.dim != component.input_dim:
            raise InputError(f"the input has dim {source.dim}", key=node.name, expected=f"{component.input_dim}")
        dims[node.name] = component.output_dim
        if isinstance(component, UpdatableComponent) or any(name in self._needs_grad for name in source.nodes):
            self._needs_grad.add(node.name)
        below = next((step.component for step in self._steps if step.node.name == source.nodes[0]), None)
        is_own = source.is_view and below is not None and not below.uses_output and readers[source.nodes[0]] == 1
        return Step(node, component, source, in_place=component.in_place and is_own)

    def forward(self, x_NWD: torch.Tensor, statistics: Randomness | None) -> torch.Tensor:
        """Rows [N * F, output_dim]; statistics are taken, here and in `backward`, if the minibatch's randomness is given."""
        self._statistics = statistics
        values, self._num_examples = {self._input_name: x_NWD}, len(x_NWD)
        self._rows: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        for step in self._steps:
            name, component = step.node.name, step.component
            x = step.source.gather(values, self._work)
            y = x if step.in_place else self._work.take(name, len(x), component.output_dim, x)
            component.forward(x, y)
            if statistics is not None:
                component.update_statistics(y, statistics)
            self._rows[name] = x, y
            values[name] = y.view(self._num_examples, len(self._times[name]), component.output_dim)
        return self._output.gather(values, self._work)

    def backward(self, dy: torch.Tensor, sink: Sink) -> None:
        """Give every trained component with its input and derivative to `sink`; `dy` is overwritten.

        `sink` may change the component's parameters: they are read for the last time before.
        """
        grads: dict[str, torch.Tensor] = {}
        self._pass_down(self._output, dy, grads)
        for step in reversed(self._steps):
            name, component = step.node.name, step.component
            if name not in grads:
                continue
            x, y = self._rows[name]
            dy = grads.pop(name).view(len(y), component.output_dim)
            if self._statistics is not None:
                component.update_derivative_statistics(dy, self._statistics)
            below = any(node in self._needs_grad for node in step.source.nodes)
            if below:
                dx = dy if component.in_place else self._work.take(f"{name}.dx", len(x), component.input_dim, x)
                component.backward(x, y, dy, dx)
                self._pass_down(step.source, dx, grads)
            if isinstance(component, UpdatableComponent):
                sink(component, x, dy)

    def _pass_down(self, source: Source, d_rows: torch.Tensor, grads: dict[str, torch.Tensor]) -> None:
        """Give the derivative by a source's rows to the nodes that the rows came from."""
        wanted = [node for node in source.nodes if node in self._needs_grad]
        if source.is_view and wanted and wanted[0] not in grads:
            grads[wanted[0]] = d_rows.view(self._num_examples, len(self._times[wanted[0]]), -1)
            return
        for node in wanted:
            if node not in grads:
                y = self._rows[node][1]
                grads[node] = (
                    self._work.take(f"{node}.dy", *y.shape, y)
                    .zero_()
                    .view(self._num_examples, len(self._times[node]), -1)
                )
        source.scatter(d_rows, grads)


def read_by(node: Node, components: Mapping[str, Component]) -> Descriptor:
    """What a node's component gets side by side: the node's input at each of the component's times."""
    component = components.get(node.component)
    if component is None:
        raise InputError(f"the node reads component {node.component!r}, which does not exist", key=node.name)
    return tuple((name, offset + time) for time in component.time_offsets for name, offset in node.input)


def _needed_times(topology: Topology, reads: Mapping[str, Descriptor], frames: int) -> dict[str, list[int]]:
    """At which times each node is computed, for output at 0 .. frames - 1; the input's have no gaps."""
    needed: dict[str, set[int]] = {topology.output_name: set(range(frames))}
    for name in (topology.output_name, *(node.name for node in reversed(topology.nodes))):
        for read, offset in reads[name] if name in needed else ():
            needed.setdefault(read, set()).update(time + offset for time in needed[name])
    window = needed.get(topology.input_name, {0})
    needed[topology.input_name] = set(range(min(0, *window), max(frames, *(time + 1 for time in window))))
    return {name: sorted(times) for name, times in needed.items()}


def _count_readers(reads: Mapping[str, Descriptor]) -> dict[str, int]:
    names = [name for descriptor in reads.values() for name in {part for part, _ in descriptor}]
    return {name: names.count(name) for name in names}
