"""Layer lines in the manner of Kaldi's xconfig, expanded to nnet3's config lines.

    input dim=13 name=input
    fixed-affine-layer name=lda input=Append(-4,-3,-2,-1,0,1,2,3,4) affine-transform-file=lda.mat
    relu-renorm-layer name=h1 dim=512
    relu-layer name=h2 dim=512 input=Append(-1,0,1)
    output-layer name=output dim=62 max-change=1.5

A layer reads the line before it unless it has `input=`; there a number means an offset of that line's output,
`[-2]` the layer two lines before, and `h1@-3` the layer h1 three frames earlier. `relu`, `sigmoid`, `tanh` or
`pnorm` (from `pnorm-input-dim`, ten times dim by default) may be followed by `renorm`, `batchnorm` and `dropout`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from houseblend.nnet.descriptor import ConfigLine, descriptor_text, parse_descriptor

_HIDDEN = re.compile(r"(relu|sigmoid|tanh|pnorm)(-renorm|-batchnorm|-dropout)*-layer")
HIDDEN_LAYERS = "relu, sigmoid, tanh or pnorm, then any of -renorm, -batchnorm and -dropout, then -layer"
"""The kinds of hidden layers, in words."""
_TRAINING = ("learning-rate", "learning-rate-factor", "l2-regularize", "param-stddev", "bias-stddev", "bias-mean")
_NATURAL_GRADIENT = ("rank-in", "rank-out", "update-period", "num-samples-history", "alpha", "max-change")
_AFFINE_KEYS = (*_TRAINING, *_NATURAL_GRADIENT)
MAX_CHANGE, OUTPUT_MAX_CHANGE = 0.75, 1.5
"""Of a layer whose line does not say it."""
_TYPES = {"relu": "RectifiedLinearComponent", "sigmoid": "SigmoidComponent", "tanh": "TanhComponent"}


def expand_layers(lines: Sequence[ConfigLine]) -> list[ConfigLine]:
    """Replace layer lines by component and node lines; other lines stay as they are.

    Raises:
        InputError: naming file and line.
    """
    expander = _Expander()
    for line in lines:
        expander.add(line)
    return expander.lines


def is_hidden_layer(kind: str) -> bool:
    """Whether lines of this kind are hidden layers."""
    return _HIDDEN.fullmatch(kind) is not None


class _Expander:
    def __init__(self) -> None:
        self.lines: list[ConfigLine] = []
        self._layers: dict[str, tuple[str, int]] = {}
        """Output node and dim of each layer so far."""

    def add(self, line: ConfigLine) -> None:
        if line.kind == "input":
            line.check_known(("name", "dim"))
            name = line.required("name")
            self._emit(line, "input-node", name=name, dim=line.required("dim"))
            self._layers[name] = name, self._dim(line)
        elif line.kind == "fixed-affine-layer":
            self._add_fixed_affine(line)
        elif line.kind == "affine-layer":
            line.check_known(("name", "input", "dim", *_AFFINE_KEYS))
            name = line.required("name")
            self._layers[name] = (
                self._add_affine(line, name, self._dim(line), {"max-change": str(MAX_CHANGE)}),
                self._dim(line),
            )
        elif line.kind == "output-layer":
            self._add_output(line)
        elif is_hidden_layer(line.kind):
            self._add_hidden(line)
        elif line.kind.endswith("-layer"):
            raise line.fail(
                f"{line.kind} is not supported", f"affine-layer, fixed-affine-layer, output-layer, or {HIDDEN_LAYERS}"
            )
        else:
            self.lines.append(line)

    def _add_fixed_affine(self, line: ConfigLine) -> None:
        from houseblend.io.objects import open_input

        line.check_known(("name", "input", "dim", "affine-transform-file"))
        name, path = line.required("name"), line.required("affine-transform-file")
        with open_input(path) as inp:
            rows, columns = inp.read_matrix().shape
        descriptor, dim = self._input(line)
        if columns != dim + 1 or ("dim" in line.values and self._dim(line) != rows):
            raise line.fail(f"{path} is a matrix of {rows} x {columns}", f"{dim + 1} columns and dim rows")
        self._emit(line, "component", name=name, type="FixedAffineComponent", matrix=path)
        self._emit(line, "component-node", name=name, component=name, input=descriptor)
        self._layers[name] = name, rows

    def _add_hidden(self, line: ConfigLine) -> None:
        line.check_known(("name", "input", "dim", "target-rms", "dropout-proportion", "pnorm-input-dim", *_AFFINE_KEYS))
        name, dim = line.required("name"), self._dim(line)
        first, *others = line.kind.split("-")[:-1]
        width = self._dim(line, "pnorm-input-dim", 10 * dim) if first == "pnorm" else dim
        node = self._add_affine(line, f"{name}.affine", width, {"max-change": str(MAX_CHANGE)})
        if first == "pnorm":
            keys = {"type": "PnormComponent", "input-dim": str(width), "output-dim": str(dim)}
        else:
            keys = {"type": _TYPES[first], "dim": str(dim)}
        node = self._add_simple(line, f"{name}.{first}", node, keys)
        for part in others:
            if part in ("renorm", "batchnorm"):
                kind = "NormalizeComponent" if part == "renorm" else "BatchNormComponent"
                keys = {"type": kind, "dim": str(dim), "target-rms": line.values.get("target-rms", "1.0")}
            else:
                proportion = line.values.get("dropout-proportion", "0.5")
                keys = {"type": "DropoutComponent", "dim": str(dim), "dropout-proportion": proportion}
            node = self._add_simple(line, f"{name}.{part}", node, keys)
        self._layers[name] = node, dim

    def _add_output(self, line: ConfigLine) -> None:
        line.check_known(("name", "input", "dim", "include-log-softmax", *_AFFINE_KEYS))
        name, dim = line.required("name"), self._dim(line)
        start = {"max-change": str(OUTPUT_MAX_CHANGE), "param-stddev": "0.0", "bias-stddev": "0.0"}
        node = self._add_affine(line, f"{name}.affine", dim, start)
        if line.values.get("include-log-softmax", "true").lower() == "true":
            node = self._add_simple(line, f"{name}.log-softmax", node, {"type": "LogSoftmaxComponent", "dim": str(dim)})
        self._emit(line, "output-node", name=name, input=node, objective="linear")

    def _add_affine(self, line: ConfigLine, name: str, dim: int, defaults: dict[str, str]) -> str:
        descriptor, input_dim = self._input(line)
        keys = {**defaults, **{key: line.values[key] for key in _AFFINE_KEYS if key in line.values}}
        dims = {"type": "NaturalGradientAffineComponent", "input-dim": str(input_dim), "output-dim": str(dim)}
        return self._add_simple(line, name, descriptor, {**dims, **keys})

    def _add_simple(self, line: ConfigLine, name: str, descriptor: str, keys: dict[str, str]) -> str:
        self._emit(line, "component", name=name, **keys)
        self._emit(line, "component-node", name=name, component=name, input=descriptor)
        return name

    def _input(self, line: ConfigLine) -> tuple[str, int]:
        """What a layer reads, as nnet3's descriptor, and its dim."""
        if not self._layers:
            raise line.fail("the first line must be the input", "input dim=... name=...")
        names = list(self._layers)
        text = line.values.get("input", "[-1]")
        for back in re.findall(r"\[-(\d+)\]", text):
            if not 1 <= int(back) <= len(names):
                raise line.fail(f"there is no layer [-{back}]")
            text = text.replace(f"[-{back}]", names[-int(back)])
        text = re.sub(r"([\w.\-]+)@(-?\d+)", r"Offset(\1, \2)", text)
        parts = parse_descriptor(text, line, previous=names[-1])
        unknown = [name for name, _ in parts if name not in self._layers]
        if unknown:
            raise line.fail(f"reads {unknown[0]!r}, which is no layer above this line")
        descriptor = tuple((self._layers[name][0], offset) for name, offset in parts)
        return descriptor_text(descriptor), sum(self._layers[name][1] for name, _ in parts)

    def _emit(self, line: ConfigLine, kind: str, **values: str) -> None:
        self.lines.append(ConfigLine(kind, values, line.file, line.number))

    @staticmethod
    def _dim(line: ConfigLine, key: str = "dim", default: int = 0) -> int:
        text = line.values.get(key, str(default) if default else "")
        if not text.isdigit() or int(text) == 0:
            raise line.fail(f"{key}={text}", "a positive whole number")
        return int(text)
