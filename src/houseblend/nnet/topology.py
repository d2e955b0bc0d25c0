"""The graph of a network: its nodes, what they read, and nnet3's config lines for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from houseblend.base.errors import InputError
from houseblend.nnet.descriptor import ConfigLine, Descriptor, descriptor_text, parse_descriptor

NODE_KINDS = ("input-node", "component-node", "output-node")


@dataclass(frozen=True)
class Node:
    """A component at its place in the network.

    Attributes:
        name: the node's name.
        component: name of the component.
        input: what it reads.
    """

    name: str
    component: str
    input: Descriptor


@dataclass(frozen=True)
class Topology:
    """The graph of a network with one input and one output.

    Attributes:
        input_name, input_dim: the input node.
        nodes: component nodes, each after all that it reads.
        output_name, output: the output node and what it reads.
        objective: "linear" or "quadratic".
        order: names of all nodes in the order of the file.
    """

    input_name: str
    input_dim: int
    nodes: tuple[Node, ...]
    output_name: str
    output: Descriptor
    objective: str
    order: tuple[str, ...]

    def config_lines(self) -> list[str]:
        """The node lines as nnet3 writes them."""
        lines = {
            node.name: f"component-node name={node.name} component={node.component} input={descriptor_text(node.input)}"
            for node in self.nodes
        }
        lines[self.input_name] = f"input-node name={self.input_name} dim={self.input_dim}"
        lines[self.output_name] = (
            f"output-node name={self.output_name} input={descriptor_text(self.output)} objective={self.objective}"
        )
        return [lines[name] for name in self.order]

    def without_orphans(self) -> Topology:
        """Without the nodes that the output does not depend on."""
        reached = {self.input_name, self.output_name, *(name for name, _ in self.output)}
        for node in reversed(self.nodes):
            if node.name in reached:
                reached.update(name for name, _ in node.input)
        nodes = tuple(node for node in self.nodes if node.name in reached)
        return replace(self, nodes=nodes, order=tuple(name for name in self.order if name in reached))

    def renamed(self, old: str, new: str) -> Topology:
        """With another name for one node."""

        def name(one: str) -> str:
            return new if one == old else one

        def read(what: Descriptor) -> Descriptor:
            return tuple((name(one), offset) for one, offset in what)

        return Topology(
            name(self.input_name),
            self.input_dim,
            tuple(Node(name(node.name), node.component, read(node.input)) for node in self.nodes),
            name(self.output_name),
            read(self.output),
            self.objective,
            tuple(map(name, self.order)),
        )


def parse_topology(lines: Sequence[ConfigLine]) -> Topology:
    """Build the graph from node lines.

    Raises:
        InputError: naming file and line, for a node kind, descriptor or recurrent connection that is not supported.
    """
    by_name: dict[str, ConfigLine] = {}
    for line in lines:
        if line.kind not in NODE_KINDS:
            raise line.fail(f"{line.kind} is not supported", " ".join(NODE_KINDS))
        if line.required("name") in by_name:
            raise line.fail("two nodes of this name")
        by_name[line.values["name"]] = line
    source = _only("input-node", lines)
    sink = _only("output-node", lines)
    source.check_known(("name", "dim"))
    sink.check_known(("name", "input", "objective"))
    objective = sink.values.get("objective", "linear")
    if objective not in ("linear", "quadratic"):
        raise sink.fail(f"objective {objective!r}", "linear or quadratic")
    if not re.fullmatch(r"[1-9][0-9]{0,6}", source.required("dim")):
        raise source.fail(f"dim={source.values['dim'][:60]}", "a whole number above 0")
    descriptors = {
        name: parse_descriptor(line.required("input"), line) for name, line in by_name.items() if line is not source
    }
    for name, descriptor in descriptors.items():
        for read, _ in descriptor:
            if read not in by_name or read == sink.values["name"]:
                raise by_name[name].fail(f"reads {read!r}, which is no node that can be read")
    nodes = []
    for name in _sorted_by_dependence(descriptors, by_name):
        line = by_name[name]
        if line.kind == "component-node":
            line.check_known(("name", "component", "input"))
            if any(node.component == line.required("component") for node in nodes):
                raise line.fail(
                    f"component {line.values['component']!r} serves another node already", "its own component"
                )
            nodes.append(Node(name, line.values["component"], descriptors[name]))
    return Topology(
        source.values["name"],
        int(source.values["dim"]),
        tuple(nodes),
        sink.values["name"],
        descriptors[sink.values["name"]],
        objective,
        tuple(by_name),
    )


def _only(kind: str, lines: Sequence[ConfigLine]) -> ConfigLine:
    found = [line for line in lines if line.kind == kind]
    if not found:
        raise InputError(
            f"the network has no {kind}", file=lines[0].file if lines else None, do=f"add a line: {kind} ..."
        )
    if len(found) > 1:
        raise found[1].fail(f"a second {kind} is not supported", f"one {kind}")
    return found[0]


def _sorted_by_dependence(descriptors: dict[str, Descriptor], by_name: dict[str, ConfigLine]) -> list[str]:
    """Names such that each comes after all that it reads, else in the order given; refuses loops."""
    done: dict[str, bool] = {}

    def visit(name: str) -> None:
        if done.get(name):
            return
        if name in done:
            raise by_name[name].fail("this node depends on itself: recurrent networks are not supported")
        done[name] = False
        for read, _ in descriptors.get(name, ()):
            visit(read)
        del done[name]
        done[name] = True

    for name in descriptors:
        visit(name)
    return list(done)
