"""nnet3's model files: `.raw` (a network) and `.mdl` (transition model, network, priors), text and binary."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from houseblend.hmm.transition_model import TransitionModel
from houseblend.io import streams
from houseblend.io.objects import MAX_DIM, KaldiInput, KaldiOutput, open_input, open_output
from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.components.base import Component
from houseblend.nnet.descriptor import parse_config
from houseblend.nnet.formats.nnet3_components import Values, read_component, write_component
from houseblend.nnet.network import Network
from houseblend.nnet.parameters import Layout, Tensors
from houseblend.nnet.topology import Topology, parse_topology


class Parts(NamedTuple):
    """What a network is made of: its graph, its components, and its numbers by tensor."""

    topology: Topology
    components: list[Component]
    values: Values

    def tensors(self) -> Tensors:
        """The numbers in float32, in the shapes of the components' tensors; those not given are zero."""
        layout = Layout(spec for component in self.components for spec in component.specs())
        given = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in self.values.items()}
        return Tensors(
            layout, {s.name: given[s.name] if s.name in given else torch.zeros(s.shape) for s in layout.specs}
        )


def read_network(path: str | Path, device: str | torch.device = "cpu") -> Network:
    """Read the network of a `.raw` or `.mdl` file (extended file name).

    Raises:
        InputError: no nnet3 file, broken, or with parts that are not supported.
        NotFiniteError: NaN or infinity among its numbers.
    """
    with open_input(path) as inp:
        _skip_transition_model(inp)
        network = Network(*_read_parts(inp), device)
    network.parameters.check_finite(path)
    return network


def read_parts(path: str | Path, mapped: bool = False) -> Parts:
    """Read the network of a `.raw` or `.mdl` file, its numbers as they stand there.

    Args:
        path: extended file name.
        mapped: as in `open_input`.

    Raises:
        InputError: as `read_network`.
    """
    with open_input(path, mapped) as inp:
        _skip_transition_model(inp)
        return _read_parts(inp)


def write_network(path: str | Path, network: Network, binary: bool = True) -> None:
    """Write a `.raw` file."""
    with open_output(path, binary) as out:
        _write_network(out, network)


def read_acoustic_model(path: str | Path, device: str | torch.device = "cpu") -> AcousticModel:
    """Read a `.mdl` file.

    Raises:
        InputError, NotFiniteError: as `read_network`.
    """
    with open_input(path) as inp:
        transition_model = TransitionModel.read(inp)
        network = Network(*_read_parts(inp), device)
        for tag, context in (("<LeftContext>", network.left_context), ("<RightContext>", network.right_context)):
            inp.expect(tag)
            if (found := inp.read_int()) != context:
                raise inp.fail(f"{tag} is {found}, the network's nodes need {context}")
        inp.expect("<Priors>")
        priors = inp.read_vector()
    network.parameters.check_finite(path)
    return AcousticModel(transition_model, network, priors, file=path)


def write_acoustic_model(path: str | Path, model: AcousticModel, binary: bool = True) -> None:
    """Write a `.mdl` file."""
    with open_output(path, binary) as out:
        model.transition_model.write(out)
        _write_network(out, model.network)
        out.write_token("<LeftContext>")
        out.write_int(model.network.left_context)
        out.write_token("<RightContext>")
        out.write_int(model.network.right_context)
        out.write_token("<Priors>")
        out.write_vector(model.priors)


def _skip_transition_model(inp: KaldiInput) -> None:
    """What an `.mdl` file has before its network."""
    if inp.peek_token() == "<TransitionModel>":
        TransitionModel.read(inp)


def _read_parts(inp: KaldiInput) -> Parts:
    inp.expect("<Nnet3>")
    inp.stream.readline()
    text = bytearray()
    while (line := inp.stream.readline()).strip():
        text += line
        if len(text) > streams.MAX_TEXT:
            raise inp.fail(f"no empty line within {len(text)} bytes of configuration")
    topology = parse_topology(parse_config(text.decode(errors="replace"), f"config in {inp.name}"))
    inp.expect("<NumComponents>")
    components: list[Component] = []
    values: Values = {}
    for _ in range(inp.read_int()):
        inp.expect("<ComponentName>")
        component, own_values = read_component(inp, inp.read_token())
        components.append(component)
        values.update(own_values)
    inp.expect("</Nnet3>")
    _check_announced(inp, components, values)
    return Parts(topology, components, values)


def _check_announced(inp: KaldiInput, components: list[Component], values: Values) -> None:
    """Statistics that a file leaves out are zeros: only as many as the tensors that are there can have beside them."""
    announced = sum(spec.size for component in components for spec in component.specs())
    there = sum(np.size(value) for value in values.values())
    if announced > 100 * there + MAX_DIM:
        raise inp.fail(f"components of {announced} numbers, of which {there} are there", "dimensions that fit together")


def _write_network(out: KaldiOutput, network: Network) -> None:
    out.write_token("<Nnet3>")
    lines = "\n".join(["", *network.topology.config_lines(), "", ""])
    out.stream.write(lines.encode())
    out.write_token("<NumComponents>")
    out.write_int(len(network.components))
    out.newline()
    for component in network.components:
        out.write_token("<ComponentName>")
        out.write_token(component.name)
        write_component(out, component, network.parameters)
        out.newline()
    out.write_token("</Nnet3>")
