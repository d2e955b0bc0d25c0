"""The network of an experiment: its configuration for any number of hidden layers, and growth by one layer."""

from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError, UsageError
from houseblend.nnet.init import init_network
from houseblend.nnet.network import Network
from houseblend.nnet.xconfig import HIDDEN_LAYERS, is_hidden_layer


def check_layer(layer: str, hidden_dim: int, layer_options: str) -> None:
    """Try what the user says of hidden layers, before there is anything to put them into.

    Raises:
        UsageError: naming the option and its value.
    """
    if not is_hidden_layer(layer):
        raise UsageError(f"--layer={layer}", expected=HIDDEN_LAYERS, do="for example --layer=relu-renorm-layer")
    line = f"{layer} name=hidden dim={hidden_dim} {layer_options}"
    try:
        init_network(f"input dim=1 name=input\n{line}\noutput-layer name=output dim=1\n", 0, "")
    except InputError as failure:
        given = f"--hidden-dim={hidden_dim}, --layer={layer}, --layer-options={layer_options!r}"
        raise UsageError(f"{given}: {failure.what}", expected=failure.expected, do="see train_dnn --help") from None


@dataclass(frozen=True)
class NetworkConfig:
    """A feed-forward network of equal hidden layers.

    Args:
        input_dim: numbers per frame.
        num_pdfs: outputs.
        hidden_dim: width of the hidden layers.
        layer: kind of layer as in layer lines: relu-renorm-layer, sigmoid-layer, tanh-layer, pnorm-renorm-layer, ...
        context: frames before and after.
        transform: matrix of the input layer, offset in the last column.
        layer_options: appended to every hidden layer's line.
    """

    input_dim: int
    num_pdfs: int
    hidden_dim: int
    layer: str
    context: int
    transform: Path
    layer_options: str = ""

    @property
    def splice(self) -> str:
        """The descriptor of the spliced input."""
        return f"Append({','.join(str(offset) for offset in range(-self.context, self.context + 1))})"

    def text(self, num_layers: int) -> str:
        """Layer lines of the network with `num_layers` hidden layers."""
        lines = [
            f"input dim={self.input_dim} name=input",
            f"fixed-affine-layer name=transform input={self.splice} affine-transform-file={self.transform}",
        ]
        lines += [
            f"{self.layer} name=hidden{number} dim={self.hidden_dim} {self.layer_options}".rstrip()
            for number in range(1, num_layers + 1)
        ]
        return "\n".join([*lines, f"output-layer name=output dim={self.num_pdfs} max-change=1.5", ""])

    def initial(self, num_layers: int, seed: int) -> Network:
        """A new network."""
        return init_network(self.text(num_layers), seed, "network.xconfig")

    def grown(self, old: Network, num_layers: int, seed: int) -> Network:
        """The old network with new layers below its output; the output layer starts anew (Povey et al. 2014)."""
        new = self.initial(num_layers, seed)
        for spec, tensor in old.parameters.items():
            if not spec.name.startswith("output."):
                new.parameters[spec.name].copy_(tensor)
        return new
