"""The affine component over several frames (nnet3/nnet-tdnn-component.cc)."""

from __future__ import annotations

from collections.abc import Sequence

from houseblend.nnet.components.affine import NaturalGradientAffineComponent


class TdnnComponent(NaturalGradientAffineComponent):
    """y_t = W [x_(t + o_1); x_(t + o_2); ...] + b.

    The network puts the frames side by side (`time_offsets`), so that forward, backward and the update are those of
    an affine component on rows of K * dim numbers for K offsets; nnet3 adds K products of dim columns instead.

    Args:
        name: of the component.
        frame_dim: numbers of one input frame; `input_dim` is K times that.
        output_dim: numbers of an output frame.
        time_offsets: o_1 .. o_K, all different.
        has_bias: False leaves b out.
    """

    kind = "TdnnComponent"

    def __init__(
        self, name: str, frame_dim: int, output_dim: int, time_offsets: Sequence[int], has_bias: bool = True
    ) -> None:
        super().__init__(name, frame_dim * len(time_offsets), output_dim)
        self.time_offsets, self.has_bias = tuple(time_offsets), has_bias
